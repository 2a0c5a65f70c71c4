/** Phones around a proxy, without sockets: a test reads as the flow of messages between them. */
import type { ProxyWatcher } from '#protocols/sip/proxy/context.ts';
import { Proxy, type ProxyOptions } from '#protocols/sip/proxy/proxy.ts';
import { RouteTokens } from '#protocols/sip/proxy/route-token.ts';
import type { ForwardTarget } from '#protocols/sip/proxy/target.ts';
import { type FieldList, SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import type { SipUri } from '#protocols/sip/message/uri.ts';
import type { ServerTransaction } from '#protocols/sip/transaction/server.ts';
import { Transactions } from '#protocols/sip/transaction/transactions.ts';
import type { Destination } from '#protocols/sip/transport/destination.ts';
import type { Flow, TransportName } from '#protocols/sip/transport/flow.ts';
import { NodeKey } from '#src/accounts/node-key.ts';
import { Timers } from '#src/net/timers.ts';
import { HandClock } from '#test/unit/net/hand-clock.ts';
import { type Message, type TestFlow, TestTransports } from '#test/unit/sip/transaction/wire.ts';

const TICK = 50;

export class Network implements Disposable {
  readonly clock = new HandClock();
  readonly timers: Timers;
  readonly transports = new TestTransports();
  readonly transactions: Transactions;
  readonly proxy: Proxy;
  /** Where requests outside of dialogs go. */
  targets: readonly ForwardTarget[] = [];
  /** What DNS knows: places by host. */
  readonly places = new Map<string, readonly Destination[]>();
  /** Devices that came back by another flow, by their Contact: where, and whose they are. */
  readonly moved = new Map<string, { readonly destination: Destination; readonly account: string }>();
  /** Accounts that registered by flows. */
  readonly owners = new Map<Flow, string>();
  /** Sees what is forwarded. */
  watcher: ProxyWatcher = {};
  readonly faults: unknown[] = [];

  constructor(options: Partial<ProxyOptions> = {}) {
    const { transports } = this;
    this.timers = new Timers((error) => this.faults.push(error), this.clock, TICK);
    this.transactions = new Transactions({
      transports,
      timers: this.timers,
      user: {
        onRequest: (transaction) => {
          const preprocessed = this.proxy.preprocess(transaction.request);
          if (preprocessed.dialog !== undefined) this.proxy.inDialog(transaction, preprocessed);
          else if (this.accepts(transaction)) this.proxy.forward(transaction, preprocessed.request, this.targets);
        },
        onAck: (ack) => void this.proxy.forwardAck(ack),
      },
    });
    this.proxy = new Proxy({
      transactions: this.transactions,
      // Only what the proxy uses of it is there.
      transports: transports as unknown as ProxyOptions['transports'],
      timers: this.timers,
      tokens: new RouteTokens(new NodeKey(Buffer.alloc(32, 7))),
      locate: (uri) => this.#locate(uri),
      isOwn: ({ host, port }) => transports.isOwn(host, port),
      relocate: (contact, isOwner) => {
        const found = this.moved.get(contact);
        return found !== undefined && isOwner(found.account) ? found.destination : undefined;
      },
      ownerOf: (flow) => this.owners.get(flow),
      watcher: {
        onForwarded: (context) => this.watcher.onForwarded?.(context),
        onResponse: (context, response) => this.watcher.onResponse?.(context, response),
        onEnded: (context) => this.watcher.onEnded?.(context),
      },
      ...options,
    });
  }

  /** What stands before the proxy lets a request outside of dialogs through, or answers it. */
  accepts(_transaction: ServerTransaction): boolean {
    return true;
  }

  phone(name: string, address: string, transport: TransportName = 'udp', port = 5060): Phone {
    return new Phone(this, name, this.transports.at(transport, address, port));
  }

  /** Several, each at an address of its own. */
  phones<const Names extends readonly string[]>(...names: Names): { readonly [At in keyof Names]: Phone } {
    return names.map((name, at) => this.phone(name, `198.51.100.1${at}`)) as { readonly [At in keyof Names]: Phone };
  }

  /** Time passes. */
  pass(milliseconds: number): void {
    this.clock.pass(milliseconds, TICK);
  }

  /** What waits for a look-up or a connection is done. */
  async settle(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  #locate({ address, host, port = 5060, transport }: SipUri): Promise<readonly Destination[]> {
    const found = this.places.get(host);
    if (found !== undefined) return Promise.resolve(found);
    if (address === undefined) return Promise.reject(new Error(`${host} is unknown`));
    return Promise.resolve([{ transport: transport === 'tcp' ? 'tcp' : 'udp', address, port }]);
  }

  [Symbol.dispose](): void {
    this.timers[Symbol.dispose]();
    if (this.faults.length > 0) throw this.faults[0];
  }
}

export interface Extra {
  readonly to?: string;
  readonly fields?: FieldList;
  readonly body?: string;
  /** Another Via than its own. */
  readonly via?: string;
}

/** One user agent, by hand. */
export class Phone {
  readonly name: string;
  readonly flow: TestFlow;
  readonly #network: Network;
  #branch = 0;
  #cseq = 0;

  constructor(network: Network, name: string, flow: TestFlow) {
    this.#network = network;
    this.name = name;
    this.flow = flow;
  }

  get contact(): string {
    const { remoteAddress, remotePort, transport } = this.flow;
    return `sip:${this.name}@${remoteAddress}:${remotePort}${transport === 'udp' ? '' : `;transport=${transport}`}`;
  }

  /** How a target set names it. */
  target(rest: Partial<ForwardTarget> = {}): ForwardTarget {
    return { uri: this.contact, destination: { flow: this.flow }, ...rest };
  }

  get via(): string {
    const { remoteAddress, remotePort, transport } = this.flow;
    this.#branch += 1;
    return `SIP/2.0/${transport.toUpperCase()} ${remoteAddress}:${remotePort};branch=z9hG4bK${this.name}${this.#branch}`;
  }

  request(method: string, uri: string, { body, fields = [], to = `<${uri}>`, via = this.via }: Extra = {}): SipRequest {
    this.#cseq += 1;
    return SipRequest.make(
      method,
      uri,
      [
        ['Via', via],
        ...(fields.some(([name]) => name === 'Max-Forwards') ? [] : [['Max-Forwards', 70] as const]),
        ['From', `<sip:${this.name}@example.org>;tag=${this.name}`],
        ['To', to],
        ['Call-ID', 'call'],
        ['CSeq', `${this.#cseq} ${method}`],
        ['Contact', `<${this.contact}>`],
        ...fields,
      ],
      body === undefined ? undefined : { type: 'application/sdp', bytes: Buffer.from(body) },
    );
  }

  sends(message: Message): void {
    if (message.kind === 'request') this.#network.transactions.onRequest(message, this.flow);
    else this.#network.transactions.onResponse(message);
  }

  invites(uri = 'sip:bob@example.org', extra: Extra = {}): SipRequest {
    const invite = this.request('INVITE', uri, extra);
    this.sends(invite);
    return invite;
  }

  cancels(invite: SipRequest, fields: FieldList = []): SipRequest {
    const copied = ['Via', 'From', 'To', 'Call-ID'].map((name) => [name, invite.get(name) ?? ''] as const);
    const cancel = SipRequest.make('CANCEL', invite.uri, [
      ...copied,
      ['CSeq', `${invite.cseq?.number} CANCEL`],
      ...fields,
    ]);
    this.sends(cancel);
    return cancel;
  }

  answers(
    request: SipRequest,
    status: number,
    extra: { readonly tag?: string; readonly fields?: FieldList } = {},
  ): SipResponse {
    const { fields = [], tag = this.name } = extra;
    const response = SipResponse.to(request, status, {
      tag,
      recordRoute: true,
      fields: status < 300 ? [['Contact', `<${this.contact}>`], ...fields] : fields,
    });
    this.sends(response);
    return response;
  }

  /** A request inside the dialog that the caller has by `response`, or the callee by the INVITE it `got`. */
  within(method: string, dialog: SipResponse | SipRequest, extra: Extra = {}): SipRequest {
    const isCaller = dialog.kind === 'response';
    const routes = (dialog.recordRoutes ?? []).map(String);
    const peer = isCaller ? dialog.to : dialog.from;
    const request = this.request(method, dialog.contacts?.[0]?.uri ?? '', {
      ...extra,
      to: String(peer),
      fields: [
        ...(isCaller ? routes.toReversed() : routes).map((route) => ['Route', route] as const),
        ...(extra.fields ?? []),
      ],
    });
    const own = (isCaller ? dialog.from : dialog.to) ?? '';
    const from = isCaller ? String(own) : `<sip:${this.name}@example.org>;tag=${this.name}`;
    return request.edit().set('From', from).done();
  }

  /** The next message that it got: a method, or a status. */
  gets(what: string): SipRequest;
  gets(what: number): SipResponse;
  gets(what: string | number): Message {
    const message = this.flow.sent.shift();
    const got = message === undefined ? 'nothing' : message.kind === 'request' ? message.method : message.status;
    if (message === undefined || got !== what) throw new Error(`${this.name} got ${got} instead of ${what}`);
    return message;
  }

  getsNothing(): void {
    const [message] = this.flow.sent;
    if (message !== undefined) throw new Error(`${this.name} got ${message.startLine}`);
  }
}

/** One of a list that must be there. */
export function nth<T>(list: readonly T[], at: number): T {
  const item = list[at];
  if (item === undefined) throw new Error(`there is no ${at}`);
  return item;
}
