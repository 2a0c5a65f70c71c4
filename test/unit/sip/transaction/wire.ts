/** Transports without sockets: flows that keep what is sent on them, and a wheel whose timers fire when a test says so. */
import type { SentResponse } from '#protocols/sip/transport/sent-response.ts';
import type { Buffer } from 'node:buffer';
import { SipRequest, type SipResponse } from '#protocols/sip/message/message.ts';
import { parseMessage } from '#protocols/sip/message/parse.ts';
import type { Destination, SentBy } from '#protocols/sip/transport/destination.ts';
import { Flow, type TransportName } from '#protocols/sip/transport/flow.ts';
import { Timers, type Timed } from '#src/net/timers.ts';

/** Where the server stands. */
export const SERVER = { host: '192.0.2.1', port: 5060 } as const;

export type Message = SipRequest | SipResponse;

/** One peer, at the other end of a flow. */
export class TestFlow extends Flow {
  readonly sent: Message[] = [];
  #open = true;

  constructor(transport: TransportName, remoteAddress: string, remotePort = 5060) {
    super(`${transport} ${remoteAddress} ${remotePort}`, transport, {
      remoteAddress,
      remotePort,
      localAddress: SERVER.host,
      localPort: SERVER.port,
      listener: transport,
      loopback: false,
    });
  }

  get open(): boolean {
    return this.#open;
  }

  send(bytes: Buffer): boolean {
    if (!this.#open) return false;
    const message = parseMessage(bytes);
    if (message.kind === 'malformed') throw new Error(`malformed: ${message.reason}\n${bytes.toString()}`);
    this.sent.push(message);
    return true;
  }

  close(): void {
    this.#open = false;
    this.closed();
  }

  authenticated(): void {
    // Nothing limits the flows of tests.
  }

  /** What was sent since the last call. */
  take(): readonly Message[] {
    return this.sent.splice(0);
  }
}

export class TestTransports {
  readonly flows = new Map<string, TestFlow>();
  /** Destinations that cannot be reached. */
  readonly dead = new Set<string>();

  flow(id: string): Flow | undefined {
    return this.flows.get(id);
  }

  /** The flow to a place, which begins when it is first asked for. */
  at(transport: TransportName, address: string, port = 5060): TestFlow {
    const id = `${transport} ${address} ${port}`;
    const known = this.flows.get(id);
    if (known !== undefined) return known;
    const flow = new TestFlow(transport, address, port);
    this.flows.set(id, flow);
    return flow;
  }

  send(message: SipRequest, destination: Destination): Promise<Flow> | Flow {
    const flow =
      'flow' in destination ? destination.flow : this.at(destination.transport, destination.address, destination.port);
    if (this.dead.has(flow.remoteAddress) || !flow.send(message.toBytes())) {
      return Promise.reject(new Error(`${flow.remoteAddress} is not there`));
    }
    return flow;
  }

  repeat({ bytes }: SentResponse, flow: Flow): void {
    flow.send(bytes);
  }

  respond(response: SipResponse, flow: Flow): void {
    flow.send(response.toBytes());
  }

  answer(response: SipResponse, flow: Flow): void {
    flow.send(response.toBytes());
  }

  sentBy(over: Flow | TransportName): SentBy {
    const transport = typeof over === 'string' ? over : over.transport;
    return { host: SERVER.host, port: transport === 'tls' ? 5061 : SERVER.port };
  }

  isOwn(host: string, port: number | undefined): boolean {
    if (host === 'example.org') return true;
    return host === SERVER.host && (port === undefined || port === SERVER.port || port === 5061);
  }
}

/** A wheel that a test turns: it sees what waits, for how long, and has it fire. */
export class HandTimers extends Timers {
  readonly waiting = new Map<Timed, number>();

  constructor() {
    super(
      (error) => {
        throw error;
      },
      { wall: () => 0, elapsed: () => 0, every: () => () => undefined },
    );
  }

  override get size(): number {
    return this.waiting.size;
  }

  override add(item: Timed, delay: number): void {
    this.waiting.set(item, delay);
  }

  override remove(item: Timed): void {
    this.waiting.delete(item);
  }

  fire(item: Timed): void {
    this.waiting.delete(item);
    item.onTimeout();
  }
}

export interface RequestText {
  readonly branch?: string;
  readonly callId?: string;
  readonly via?: string;
  readonly toTag?: string;
  readonly fields?: readonly (readonly [string, string])[];
}

/** A request of a client, as its transport hands it up. */
export function request(method: string, uri = 'sip:bob@example.org', text: RequestText = {}): SipRequest {
  const { branch = 'z9hG4bKclient1', callId = 'call-1', fields = [], toTag } = text;
  return SipRequest.make(method, uri, [
    ['Via', text.via ?? `SIP/2.0/UDP 198.51.100.7:5060;branch=${branch}`],
    ['Max-Forwards', 70],
    ['From', '<sip:alice@example.org>;tag=a1'],
    ['To', `<sip:bob@example.org>${toTag === undefined ? '' : `;tag=${toTag}`}`],
    ['Call-ID', callId],
    ['CSeq', `1 ${method}`],
    ...fields,
  ]);
}
