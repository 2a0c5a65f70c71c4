/** RFC 3261 section 17: the transaction layer, between the transports and the transaction user. */
import type { Timers } from '#src/net/timers.ts';
import { type SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import { Via } from '#protocols/sip/message/via.ts';
import type { Destination } from '#protocols/sip/transport/destination.ts';
import type { Flow } from '#protocols/sip/transport/flow.ts';
import type { Transports } from '#protocols/sip/transport/transports.ts';
import { Branches } from './branch.ts';
import type { ClientHandler, ClientParts, ClientTransaction } from './client.ts';
import { TransactionCounters } from './counters.ts';
import { InviteClient } from './invite-client.ts';
import { InviteServer } from './invite-server.ts';
import { clientKey, mergeKey, responseKey, serverKey } from './keys.ts';
import { NonInviteClient } from './non-invite-client.ts';
import { NonInviteServer } from './non-invite-server.ts';
import type { ServerOwner, ServerTransaction } from './server.ts';
import { DEFAULT_TIMING, type Timing } from './timing.ts';

/** What the layer above is asked. */
export interface TransactionUser {
  /** A new request, other than ACK and CANCEL. Whoever will answer it sets itself as `transaction.user`. */
  onRequest(transaction: ServerTransaction): void;
  /** A new request other than INVITE, ACK and CANCEL, before a transaction is made for it. @returns true when it was answered without one (section 8.2.7) */
  answersAtOnce?(request: SipRequest, flow: Flow): boolean;
  /** An ACK for a 2xx, which belongs to no transaction. */
  onAck(ack: SipRequest, flow: Flow): void;
}

export interface TransactionOptions {
  readonly transports: Pick<Transports, 'send' | 'repeat' | 'respond' | 'answer' | 'sentBy'>;
  /** Best a wheel of fine ticks: T1 is retransmitted after. */
  readonly timers: Timers;
  readonly user: TransactionUser;
  readonly timing?: Timing;
  /** Transactions at once, of both sides; a request beyond it is answered 503. */
  readonly limit?: number;
}

export interface RequestOptions {
  /** Branch of the Via that is added, in place of one made here. Must be unique. */
  readonly branch?: string;
}

const LIMIT = 200_000;
/** Seconds after which a refused client may try again (RFC 3261 section 21.5.4): transactions end within 32 s. */
const RETRY_AFTER = 10;
/** Names of transports in Via (RFC 3261 section 20.42, RFC 7118 section 5.2). */
const viaTransport = (destination: Destination): string =>
  ('flow' in destination ? destination.flow.transport : destination.transport).toUpperCase();

const ignored: ClientHandler = { onResponse() {}, onTimeout() {}, onTransportError() {} };

export class Transactions implements ServerOwner {
  readonly counters = new TransactionCounters();
  readonly transports: TransactionOptions['transports'];
  readonly timers: Timers;
  readonly timing: Timing;
  readonly #options: TransactionOptions;
  readonly #limit: number;
  readonly #branches = new Branches();
  readonly #clients = new Map<string, ClientTransaction>();
  readonly #servers = new Map<string, ServerTransaction>();
  readonly #merges = new Map<string, ServerTransaction>();

  constructor(options: TransactionOptions) {
    this.#options = options;
    this.transports = options.transports;
    this.timers = options.timers;
    this.timing = options.timing ?? DEFAULT_TIMING;
    this.#limit = options.limit ?? LIMIT;
  }

  /** Transactions that live. */
  get size(): number {
    return this.#clients.size + this.#servers.size;
  }

  newBranch(): string {
    return this.#branches.next();
  }

  /** Section 17.2.3. What `Transports` hands up. */
  onRequest(request: SipRequest, flow: Flow): void {
    if (request.method === 'ACK') return this.#acknowledge(request, flow);
    const key = serverKey(request, request.method);
    if (key === undefined) return;
    const known = this.#servers.get(key);
    if (known !== undefined) {
      this.counters.repeatedRequests++;
      return known.repeated();
    }
    if (request.method === 'CANCEL') return this.#cancel(request, flow, key);
    if (request.method !== 'INVITE' && this.#options.user.answersAtOnce?.(request, flow) === true) return;
    if (this.size >= this.#limit) return this.#refuse(request, flow);
    this.#serve(key, request, flow);
  }

  /** Section 17.1.3. A response that matches nothing is dropped: it "MUST NOT" be forwarded (RFC 6026 section 7.3). */
  onResponse(response: SipResponse): void {
    const key = responseKey(response);
    const transaction = key === undefined ? undefined : this.#clients.get(key);
    if (transaction === undefined) this.counters.strayResponses++;
    else transaction.receive(response);
  }

  /** Sends `request` with a Via of ours on top, in a transaction of its own; `handler` hears what becomes of it, perhaps before this returns. */
  request(
    request: SipRequest,
    destination: Destination,
    handler: ClientHandler,
    options: RequestOptions = {},
  ): ClientTransaction {
    const branch = options.branch ?? this.newBranch();
    return this.#client(this.withVia(request, destination, branch), branch, destination, handler);
  }

  /** `request` with our Via on top: for what is sent without a transaction, too. */
  withVia(request: SipRequest, destination: Destination, branch: string): SipRequest {
    const transport = viaTransport(destination);
    const sentBy = this.transports.sentBy('flow' in destination ? destination.flow : destination.transport);
    return request
      .edit()
      .prepend('Via', Via.make({ transport, ...sentBy, branch, rport: true }))
      .done();
  }

  /**
   * A copy of a request that came by another way (section 8.2.2.2): a UAS answers it 482. "A proxy MUST NOT treat merged requests as an error"
   * (section 16.3).
   */
  isMerged(transaction: ServerTransaction): boolean {
    const { mergeKey: key } = transaction;
    const first = key === undefined ? undefined : this.#merges.get(key);
    return first !== undefined && first !== transaction;
  }

  #serve(key: string, request: SipRequest, flow: Flow): void {
    // A registrar answers copies alike, whatever way they came.
    const merge = request.method === 'REGISTER' ? undefined : mergeKey(request);
    const parts = { owner: this, request, flow, key, mergeKey: merge };
    const isInvite = request.method === 'INVITE';
    const transaction = isInvite ? new InviteServer(parts) : new NonInviteServer(parts);
    if (isInvite) this.counters.inviteServer++;
    else this.counters.nonInviteServer++;
    this.#servers.set(key, transaction);
    if (parts.mergeKey !== undefined && !this.#merges.has(parts.mergeKey)) {
      this.#merges.set(parts.mergeKey, transaction);
    }
    transaction.start();
  }

  /** @internal */
  deliver(transaction: ServerTransaction): void {
    const { request } = transaction;
    if (request.method === 'CANCEL') transaction.respond(SipResponse.to(request, 200));
    else this.#options.user.onRequest(transaction);
  }

  /** @internal */
  ended(transaction: ServerTransaction): void {
    const { key, mergeKey: merge } = transaction;
    this.#servers.delete(key);
    if (merge !== undefined && this.#merges.get(merge) === transaction) this.#merges.delete(merge);
  }

  #client(request: SipRequest, branch: string, destination: Destination, handler: ClientHandler): ClientTransaction {
    const { timers, transports } = this;
    const key = clientKey(branch, request.method);
    const parts: ClientParts = {
      request,
      destination,
      handler: this.#counted(handler),
      transports,
      timers,
      timing: this.timing,
      // A CANCEL has the Via of its INVITE, branch and all (section 9.1).
      dispatch: (cancel, to) => void this.#client(cancel, branch, to, ignored),
      ended: () => this.#clients.delete(key),
    };
    const isInvite = request.method === 'INVITE';
    const transaction = isInvite ? new InviteClient(parts) : new NonInviteClient(parts);
    if (isInvite) this.counters.inviteClient++;
    else this.counters.nonInviteClient++;
    this.#clients.set(key, transaction);
    transaction.start();
    return transaction;
  }

  #counted(handler: ClientHandler): ClientHandler {
    const { counters } = this;
    return {
      onResponse: (response) => handler.onResponse(response),
      onTimeout: () => {
        counters.timeouts++;
        handler.onTimeout();
      },
      onTransportError: (error) => {
        counters.transportErrors++;
        handler.onTransportError(error);
      },
      onTerminated: () => handler.onTerminated?.(),
    };
  }

  #acknowledge(ack: SipRequest, flow: Flow): void {
    const key = serverKey(ack, 'INVITE');
    const transaction = key === undefined ? undefined : this.#servers.get(key);
    if (!(transaction instanceof InviteServer)) return this.#options.user.onAck(ack, flow);
    // RFC 6026 section 6: one for a 2xx can match only when it is a client of RFC 2543 that sent it.
    if (transaction.state === 'accepted') this.#options.user.onAck(ack, flow);
    else transaction.acknowledge();
  }

  /** Section 9.2: a CANCEL that matches an INVITE is answered 200 at once, one that matches none 481. */
  #cancel(cancel: SipRequest, flow: Flow, key: string): void {
    const inviteKey = serverKey(cancel, 'INVITE');
    const invite = inviteKey === undefined ? undefined : this.#servers.get(inviteKey);
    if (invite === undefined) return this.transports.answer(SipResponse.to(cancel, 481), flow);
    this.#serve(key, cancel, flow);
    if (invite.answered) return;
    if (invite.user?.onCancel !== undefined) invite.user.onCancel(cancel);
    else invite.respond(SipResponse.to(invite.request, 487));
  }

  #refuse(request: SipRequest, flow: Flow): void {
    this.counters.refused++;
    const response = SipResponse.to(request, 503, { fields: [['Retry-After', RETRY_AFTER]] });
    this.transports.answer(response, flow);
  }
}
