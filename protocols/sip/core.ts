import type { Blocking } from '#src/im/blocking.ts';
import type { Jid } from '#src/address/jid.ts';
import type { Addressee } from './addresses.ts';
import type { AsksAs, Authenticator } from './authenticate.ts';
import { type Capabilities, capabilityFields, SUPPORTED } from './capabilities.ts';
import { type Goal, goalOf, type GoalsParts } from './goals.ts';
import type { Incoming } from './incoming.ts';
import { SipResponse, type FieldList, type SipRequest } from './message/message.ts';
import { METHODS } from './message/methods.ts';
import { validateRequest } from './message/validate.ts';
import type { MethodHandler, Received, Sender } from './received.ts';
import type { Registrar } from './registrar.ts';
import type { Senders } from './senders.ts';
import type { SipHostOptions } from './settings.ts';
import type { Flow } from './transport/flow.ts';
import type { ServerTransaction } from './transaction/server.ts';
import type { Preprocessed } from './proxy/preprocess.ts';
import type { ProxyRefusal } from './proxy/validate.ts';

type AccountAddressee = Addressee & { readonly jid: Jid };

/** Where requests go that the server does not answer itself. */
export interface Forwarding {
  /** RFC 3261 section 16.4. */
  preprocess(request: SipRequest): Preprocessed;
  /** Inside a dialog that this server let begin. */
  inDialog(tx: ServerTransaction, pre: Preprocessed): void;
  /** To the devices of an account. */
  toAccount(received: Received, request: SipRequest, to: Addressee & { readonly jid: Jid }): void;
  /** To a number, by the provider for it. False when there is none that the sender may use. */
  toNumber(received: Received, request: SipRequest, number: string): boolean;
  /** To another domain. */
  elsewhere(received: Received, request: SipRequest): void;
}

export interface CoreParts extends GoalsParts {
  readonly authenticator: Authenticator;
  readonly blocking: Blocking;
  readonly forwarding: Forwarding;
  readonly registrar: Registrar;
  readonly senders: Senders;
  options(host: string): SipHostOptions;
  /** Without a transaction. */
  answer(response: SipResponse, flow: Flow): void;
  isMerged(tx: ServerTransaction): boolean;
  /** Section 16.3: what a request must pass to be forwarded. */
  unfit(request: SipRequest): ProxyRefusal | undefined;
  /** What bodies the server takes. */
  accepts(): readonly string[];
}

/** What becomes of a request: reads top to bottom. Transactions hand requests in; ACK and CANCEL have their own ways. */
export class SipCore {
  readonly #parts: CoreParts;
  readonly #handlers = new Map<string, MethodHandler>();
  /** Requests by method, answers by status: plain numbers, read by the metrics. */
  readonly counters = { requests: new Map<string, number>() };

  constructor(parts: CoreParts) {
    this.#parts = parts;
  }

  /** A part that answers the requests of a method. Throws when one does already. */
  handle(method: string, handler: MethodHandler): Disposable {
    if (this.#handlers.has(method)) throw new Error(`two parts answer ${method}`);
    this.#handlers.set(method, handler);
    return { [Symbol.dispose]: () => void this.#handlers.delete(method) };
  }

  /**
   * "The stateless UAS role is needed primarily to handle unauthenticated requests for which a challenge response is issued. If unauthenticated
   * requests were handled statefully, then malicious floods of unauthenticated requests could create massive amounts of transaction state"
   * (section 8.2.7). Half of all that registrars hear is of this kind.
   */
  answersAtOnce(request: SipRequest, flow: Flow): boolean {
    const { headers, method, to } = request;
    if (method !== 'REGISTER' || to?.tag !== undefined || headers.has('Route')) return false;
    if (headers.has('Authorization') || headers.has('Proxy-Authorization')) return false;
    // What is malformed is answered like any other request.
    if (validateRequest(request) !== undefined) return false;
    const goal = goalOf(request, this.#parts);
    if (goal === undefined) return false;
    this.#count(method);
    this.#register({ request, flow, respond: (response) => this.#parts.answer(response, flow) }, goal);
    return true;
  }

  onRequest(tx: ServerTransaction): void {
    const { request } = tx;
    this.#count(request.method);
    const fault = validateRequest(request);
    if (fault !== undefined) return this.#answer(tx, fault.status, { reason: fault.reason });
    const known = this.#handlers.get(request.method);
    if (request.to?.tag !== undefined && known?.handleInDialog !== undefined && known.knows?.(request) === true) {
      return known.handleInDialog(tx);
    }
    const pre = this.#parts.forwarding.preprocess(request);
    // RFC 3261 section 22 challenges what begins something: who is in a dialog has passed.
    if (pre.dialog !== undefined) return this.#parts.forwarding.inDialog(tx, pre);
    const goal = goalOf(pre.request, this.#parts);
    if (goal === undefined) return this.#answer(tx, 416);
    if (request.method === 'REGISTER') return this.#register(tx, goal);
    if (goal.kind === 'host') return this.#toHost(tx, goal.domain);
    this.#toPerson(tx, pre.request, goal);
  }

  /** Section 10.3. */
  #register(tx: Incoming, goal: Goal): void {
    const { authenticator, registrar } = this.#parts;
    // "If not … the server SHOULD forward the request to the addressed domain": for a stranger that would be an open relay.
    if (goal.kind === 'elsewhere') return this.#answer(tx, 403, { reason: 'Request-URI Or Route Leads Elsewhere' });
    if (goal.kind !== 'host') return this.#answer(tx, 404);
    const account = registrar.addressee(tx.request, goal.domain);
    if ('status' in account) return this.#answer(tx, account.status, account);
    const proven = authenticator.authenticate(tx, goal.domain, 'server');
    if (proven === undefined) return;
    // Step 4: "If the authenticated user is not authorized to modify bindings, the registrar MUST return a 403 (Forbidden)".
    if (proven.bare !== account.bare) return this.#answer(tx, 403);
    registrar.handle(tx, account);
  }

  /** The server itself is meant (section 8.2). */
  #toHost(tx: ServerTransaction, domain: string): void {
    const { method, to } = tx.request;
    // Section 12.2.2: "the UAS … does not … match an existing dialog … a 481".
    if (to?.tag !== undefined) return this.#answer(tx, 481);
    if (method === 'OPTIONS') return this.#options(tx);
    const handler = this.#handlers.get(method);
    if (handler === undefined) return this.#notAllowed(tx);
    this.#handled(tx, handler, { kind: 'host', domain }, domain);
  }

  #toPerson(tx: ServerTransaction, request: SipRequest, goal: Exclude<Goal, { kind: 'host' }>): void {
    const found = this.#handlers.get(request.method);
    const handler = found?.leaves?.(request) === true ? undefined : found;
    const to = goal.kind === 'account' ? goal.to : this.#claimed(request, goal, handler);
    if (to !== undefined && handler !== undefined) return this.#handled(tx, handler, to, to.jid.domain, request);
    const refusal = this.#parts.unfit(tx.request);
    if (refusal !== undefined) return this.#answer(tx, refusal.status, refusal);
    // Who is not there is asked for as one who is.
    const as = handler === undefined || goal.kind === 'elsewhere' ? 'proxy' : 'server';
    const sender = this.#sender(tx, as, domainOf(goal));
    if (sender === undefined) return;
    const received = receivedOf(tx, sender, goal.kind === 'account' ? goal.to : { kind: 'host', domain: '' });
    this.#forward(received, request, goal);
  }

  /** Nobody's name, which stands for something that an account keeps. */
  #claimed(request: SipRequest, { kind }: Goal, handler: MethodHandler | undefined): AccountAddressee | undefined {
    const { requestUri: uri } = request;
    if (kind !== 'nobody' || uri?.kind !== 'sip' || handler?.claims === undefined) return undefined;
    const found = this.#parts.addresses.resolve(uri);
    const jid = typeof found === 'object' && found.kind === 'account' ? handler.claims(found.jid) : undefined;
    return jid === undefined || !this.#parts.accounts.exists(jid.domain, jid.local)
      ? undefined
      : { kind: 'account', jid };
  }

  /** A part of the server answers; what it leaves goes to the devices of the account. */
  #handled(tx: ServerTransaction, handler: MethodHandler, to: Addressee, domain: string, request = tx.request): void {
    const sender = this.#sender(tx, 'server', domain);
    if (sender === undefined) return;
    const received = receivedOf(tx, sender, to);
    const fault = uasFault(request);
    if (fault !== undefined) return this.#answer(tx, fault.status, fault);
    if (this.#parts.isMerged(tx)) return this.#answer(tx, 482);
    if (handler.handle(received) !== 'pass') return;
    if (to.kind === 'host') return this.#notAllowed(tx);
    this.#forward(received, request, { kind: 'account', to });
  }

  #sender(tx: ServerTransaction, as: AsksAs, domain: string | undefined): Sender | undefined {
    return this.#parts.senders.identify(tx, as, domain);
  }

  #forward(received: Received, request: SipRequest, goal: Exclude<Goal, { kind: 'host' }>): void {
    const { blocking, forwarding } = this.#parts;
    const { sender } = received;
    const tx = received.transaction;
    if (goal.kind === 'account') {
      const from = sender.kind === 'local' ? sender.account : sender.kind === 'foreign' ? sender.jid : undefined;
      const { jid } = goal.to;
      // As if nobody was there (XEP-0191 section 3.3).
      if (from !== undefined && from.bare !== jid.bare && blocking.blocks(jid, from)) return this.#answer(tx, 480);
      if (sender.kind === 'local' && blocking.blocks(sender.account, jid)) return this.#answer(tx, 403);
      return forwarding.toAccount(received, request, goal.to);
    }
    if (goal.kind === 'nobody') return this.#answer(tx, 404);
    // Nobody but users of this server is taken elsewhere.
    if (sender.kind !== 'local') return this.#answer(tx, goal.kind === 'number' ? 404 : 403);
    if (goal.kind === 'number') {
      if (!forwarding.toNumber(received, request, goal.number)) this.#answer(tx, 404);
      return;
    }
    if (!this.#parts.options(sender.account.domain).foreignDomains) return this.#answer(tx, 403);
    forwarding.elsewhere(received, request);
  }

  /** Section 11.2. */
  #options(tx: ServerTransaction): void {
    const fault = uasFault(tx.request);
    if (fault !== undefined) return this.#answer(tx, fault.status, fault);
    this.#answer(tx, 200, { fields: capabilityFields(this.capabilities) });
  }

  /** Section 8.2.1: "the UAS MUST also add an Allow header field to the 405 (Method Not Allowed) response". */
  #notAllowed(tx: ServerTransaction): void {
    const known = METHODS.some((method) => method === tx.request.method);
    const [allow] = capabilityFields(this.capabilities);
    this.#answer(tx, known ? 405 : 501, { fields: allow === undefined ? [] : [allow] });
  }

  get capabilities(): Capabilities {
    const handlers = [...this.#handlers];
    return {
      methods: [...PASSED, ...handlers.map(([method]) => method)],
      accepts: this.#parts.accepts(),
      events: handlers.flatMap(([, { events = [] }]) => events),
    };
  }

  #answer(tx: Incoming, status: number, options: { readonly reason?: string; readonly fields?: FieldList } = {}): void {
    tx.respond(SipResponse.to(tx.request, status, options));
  }

  #count(method: string): void {
    const { requests } = this.counters;
    const name = KNOWN.has(method) ? method : 'other';
    requests.set(name, (requests.get(name) ?? 0) + 1);
  }
}

const KNOWN: ReadonlySet<string> = new Set(METHODS);

/** Methods that pass through to phones, and those of every server. */
const PASSED = [
  'INVITE',
  'ACK',
  'CANCEL',
  'BYE',
  'OPTIONS',
  'REGISTER',
  'INFO',
  'UPDATE',
  'PRACK',
  'REFER',
  'NOTIFY',
  'SUBSCRIBE',
];

function receivedOf(transaction: ServerTransaction, sender: Sender, to: Addressee): Received {
  const { flow, request } = transaction;
  return { transaction, request, flow, sender, to, respond: (response) => transaction.respond(response) };
}

function domainOf(goal: Exclude<Goal, { kind: 'host' }>): string | undefined {
  if (goal.kind === 'account') return goal.to.jid.domain;
  return goal.kind === 'elsewhere' ? undefined : goal.domain;
}

/** Sections 8.2.2.3 and 8.2.3: extensions that a client needs, and bodies that cannot be read. */
function uasFault(request: SipRequest): { readonly status: number; readonly fields: FieldList } | undefined {
  const unknown = request.tokens('Require').filter((tag) => !SUPPORTED.includes(tag));
  if (unknown.length > 0) return { status: 420, fields: [['Unsupported', unknown.join(', ')]] };
  const encodings = request.tokens('Content-Encoding').filter((encoding) => encoding !== 'identity');
  return encodings.length === 0 ? undefined : { status: 415, fields: [['Accept-Encoding', 'identity']] };
}
