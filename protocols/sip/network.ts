import { Timers } from '#src/net/timers.ts';
import type { Log } from '#src/observe/log.ts';
import type { Runtime } from '#src/plugin/front-end.ts';
import type { Guard } from './guard.ts';
import { MESSAGE_LIMITS } from './message/limits.ts';
import { SipResponse, type SipRequest } from './message/message.ts';
import type { Malformed } from './message/parse.ts';
import type { SipUri } from './message/uri.ts';
import { validateResponse } from './message/validate.ts';
import { SipTrace } from './trace.ts';
import type { ClientHandler } from './transaction/client.ts';
import { tryEach } from './transaction/failover.ts';
import { Transactions, type TransactionUser } from './transaction/transactions.ts';
import type { AddressDestination } from './transport/destination.ts';
import type { Flow } from './transport/flow.ts';
import { Locator } from './transport/locate.ts';
import { listeningPorts } from './transport/own-ports.ts';
import { systemResolver } from './transport/resolver.ts';
import { Transports } from './transport/transports.ts';

/** Milliseconds: retransmissions are timed by it. */
const FINE_TICK = 50;

export interface NetworkParts {
  readonly runtime: Runtime;
  readonly log: Log;
  readonly guard: Guard;
  readonly user: TransactionUser;
  /** Bytes. */
  readonly maxMessageSize: number;
  /** What peers are told to reach the server at, where it is behind a NAT. */
  readonly externalAddress: () => string | undefined;
  /** Names that stand for this server beside its hosts, in lower case. */
  readonly otherNames: () => readonly string[];
}

/** Transports and transactions, and what comes between them: what gets no answer is dropped here. */
export class SipNetwork {
  readonly transports: Transports;
  readonly transactions: Transactions;
  readonly trace: SipTrace;
  /** Plain numbers since the start: read by the metrics. */
  readonly counters = { malformed: 0, badResponses: 0 };
  readonly #guard: Guard;
  readonly #log: Log;
  readonly #locator: Locator;
  readonly #timers: Timers;

  constructor({ externalAddress, guard, log, maxMessageSize, otherNames, runtime, user }: NetworkParts) {
    const { flusher, hosts, timers } = runtime;
    const domains = new Set(hosts.map(({ domain }) => domain));
    this.trace = new SipTrace(log);
    this.#guard = guard;
    this.#log = log;
    this.#timers = new Timers((error) => log.error('a part failed', { error: String(error) }), undefined, FINE_TICK);
    this.transports = new Transports({
      handler: {
        onRequest: (request, flow) => this.#arrived(request, flow),
        onResponse: (response) => this.#answered(response),
        onMalformed: (malformed, flow) => this.#malformed(malformed, flow),
      },
      limits: { ...MESSAGE_LIMITS, message: maxMessageSize },
      flusher,
      timers,
      isName: (name) => domains.has(name) || otherNames().includes(name),
      listening: () => listeningPorts(runtime.listeners.bound),
      advertised: externalAddress,
      watch: (direction, message, place) => this.trace.see(direction, message, place),
    });
    const { local } = this.transports;
    this.#locator = new Locator({ resolver: systemResolver(), reaches: (address) => local.reaches(address) });
    this.transactions = new Transactions({ transports: this.transports, timers: this.#timers, user });
  }

  /** RFC 3263: where a URI leads. */
  locate(uri: SipUri): Promise<readonly AddressDestination[]> {
    return this.#locator.locate(uri);
  }

  /** Sends a request of our own to where a URI leads: to one place after the other until one answers. */
  send(request: SipRequest, uri: SipUri, handler: ClientHandler): void {
    void this.#sendLocated(request, uri, handler);
  }

  close(): void {
    this.transports.close();
    this.#timers[Symbol.dispose]();
  }

  async #sendLocated(request: SipRequest, uri: SipUri, handler: ClientHandler): Promise<void> {
    const places = await this.locate(uri);
    if (places.length === 0) return handler.onTransportError(new Error(`${uri.host} has no address`));
    tryEach((place, told) => void this.transactions.request(request, place, told), places, handler);
  }

  #arrived(request: SipRequest, flow: Flow): void {
    const admission = this.#guard.judge(request, flow.remoteAddress, performance.now());
    if (admission === 'admitted') return this.transactions.onRequest(request, flow);
    if (this.#log.debugEnabled) this.#log.debug('request dropped', { reason: admission, ip: flow.remoteAddress });
  }

  #answered(response: SipResponse): void {
    if (validateResponse(response) === undefined) this.transactions.onResponse(response);
    else this.counters.badResponses += 1;
  }

  /** RFC 3261 section 16.3 step 1, RFC 4475: answered without a transaction. */
  #malformed({ reason, request, status }: Malformed, flow: Flow): void {
    this.counters.malformed += 1;
    if (request === undefined) return;
    if (this.#guard.judge(request, flow.remoteAddress, performance.now()) !== 'admitted') return;
    this.transports.answer(SipResponse.to(request, status, { reason }), flow);
  }
}
