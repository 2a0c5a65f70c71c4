/** RFC 3261 section 18 over TCP and TLS: accepted and dialled connections, with the keep-alives of RFC 5626 section 4.4.1. */
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import type { Connection, ConnectionHandler } from '#src/net/connection.ts';
import type { Outbox } from '#src/net/flusher.ts';
import type { Timed } from '#src/net/timers.ts';
import { type Framed, Framer } from '#protocols/sip/message/framer.ts';
import { IDLE, IDLE_STRANGER, OUTBOX, type TransportCore } from './core.ts';
import { placeTo } from './place.ts';
import { Flow, type FlowEnds, type TransportName } from './flow.ts';

const PONG = Buffer.from('\r\n');
/** "The server MUST wait for an amount of time larger than the Flow-Timer" (RFC 5626 section 5.4). */
const GRACE = 2;

/** What all flows over connections share: an id that cannot be guessed, an idle limit, and what came in. */
export abstract class StreamFlow extends Flow implements Timed {
  /** Where requests may go by it: where it was dialled to, or came from. */
  readonly place: string;
  protected readonly core: TransportCore;
  #state: 'open' | 'closed' = 'open';
  /** Milliseconds it may be silent. */
  #patience = IDLE_STRANGER;
  #heard = 0;

  constructor(core: TransportCore, transport: TransportName, ends: FlowEnds, place?: string) {
    super(randomBytes(12).toString('base64url'), transport, ends);
    this.core = core;
    this.place = place ?? placeTo({ transport, address: ends.remoteAddress, port: ends.remotePort });
    this.#heard = core.timers.steady;
    core.timers.add(this, IDLE_STRANGER);
  }

  get open(): boolean {
    return this.#state === 'open';
  }

  authenticated(): void {
    if (this.#patience === IDLE_STRANGER) this.#patience = IDLE;
  }

  onTimeout(): void {
    const quiet = this.core.timers.steady - this.#heard;
    if (quiet >= this.#patience) this.close();
    else this.core.timers.add(this, this.#patience - quiet);
  }

  protected beSilentFor(milliseconds: number): void {
    this.#patience = milliseconds;
    this.core.timers.add(this, milliseconds);
  }

  protected hear(framed: Framed): void {
    this.#heard = this.core.timers.steady;
    if (framed.kind === 'pong') this.core.counters.keepAlives += 1;
    else if (framed.kind === 'ping') this.answerPing();
    else this.core.received(framed, this);
  }

  protected abstract answerPing(): void;

  protected lost(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.core.timers.remove(this);
    this.core.streamClosed(this);
    this.closed();
  }
}

/** One TCP or TLS connection. */
export class ConnectionFlow extends StreamFlow implements ConnectionHandler {
  readonly #connection: Connection;
  readonly #framer: Framer;
  readonly #outbox: Outbox;

  /** @param place where it was dialled to; absent for one that came */
  constructor(core: TransportCore, connection: Connection, place?: string) {
    const ends = {
      remoteAddress: connection.remoteAddress,
      remotePort: connection.remotePort,
      localAddress: connection.localAddress.replace(/^::ffff:(?=\d)/, ''),
      localPort: connection.localPort,
      listener: connection.listener.name,
      loopback: connection.loopback,
    };
    super(core, connection.secured ? 'tls' : 'tcp', ends, place);
    this.#connection = connection;
    this.#framer = new Framer(core.limits);
    this.#outbox = core.flusher.outbox(connection, OUTBOX, () => connection.destroy());
    connection.handler = this;
    core.streamOpened(this);
  }

  send(bytes: Buffer): boolean {
    if (!this.open) return false;
    this.#outbox.push(bytes);
    return this.open;
  }

  close(): void {
    if (!this.open) return;
    this.#outbox.flush();
    this.#connection.end();
    this.lost();
  }

  override authenticated(): void {
    super.authenticated();
    this.#connection.authenticated();
  }

  /** Not so for WebSockets: the clients of browsers do without, whatever they are told. */
  override keptAlive(seconds: number): void {
    this.beSilentFor(seconds * 1000 * GRACE);
  }

  onData(chunk: Buffer): void {
    for (const framed of this.#framer.push(chunk)) {
      if (!this.open) return;
      this.hear(framed);
    }
    // Where the next message begins is not known: the answer to this one goes out, and no more is read.
    if (this.#framer.ended) this.close();
  }

  onPeerEnd(): void {
    this.close();
  }

  onClose(): void {
    this.lost();
  }

  protected answerPing(): void {
    this.send(PONG);
  }
}
