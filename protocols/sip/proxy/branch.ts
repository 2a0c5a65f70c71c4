/** RFC 3261 sections 16.6 to 16.10 for one target: its client transactions one after the other, timer C, its CANCEL. */
import type { Timed, Timers } from '#src/net/timers.ts';
import { withoutIdentity } from '#protocols/sip/identity.ts';
import type { MessageEdit } from '#protocols/sip/message/edit.ts';
import { type SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import type { SipUri } from '#protocols/sip/message/uri.ts';
import type { ClientHandler, ClientTransaction } from '#protocols/sip/transaction/client.ts';
import type { Transactions } from '#protocols/sip/transaction/transactions.ts';
import type { Destination } from '#protocols/sip/transport/destination.ts';
import { sipReason } from './reason.ts';
import type { ForwardTarget } from './target.ts';

/** What a branch is given: the request after steps 1 to 3 and 6, and where step 7 looks. */
export interface BranchParts {
  readonly target: ForwardTarget;
  readonly request: SipRequest;
  /** From as the caller wrote it, where the request says something else. */
  readonly caller: string | undefined;
  /** Undefined for a target that has no SIP URI. */
  readonly hop: SipUri | undefined;
  /** Max-Breadth that it uses while it is pending. */
  readonly breadth: number;
  readonly transactions: Pick<Transactions, 'request'>;
  readonly timers: Timers;
  /** Milliseconds. */
  readonly timerC: number;
  readonly locate: (uri: SipUri) => Promise<readonly Destination[]>;
  /** Step 4, which depends on where step 7 leads; for INVITE and others that create dialogs. */
  readonly recordRoute: (request: SipRequest, destination: Destination) => SipRequest;
  /** Step 8: a branch parameter of two parts. */
  readonly newBranch: () => string;
}

export interface BranchOwner {
  /** 101 to 199, and every 2xx. */
  onForwardable(branch: Branch, response: SipResponse): void;
  /** The branch is no longer pending; `response` is its final one, also where that stands for a failure of ours. Once. */
  onFinal(branch: Branch, response: SipResponse): void;
}

/** Milliseconds that a branch which has answered nothing holds up the end of a cancelled request. */
const CANCEL_GRACE = 2000;

export class Branch implements ClientHandler {
  readonly #parts: BranchParts;
  readonly #owner: BranchOwner;
  #ways: readonly Destination[] = [];
  #next = 0;
  #transaction: ClientTransaction | undefined;
  /** What was sent last. */
  #sent: SipRequest | undefined;
  #authorized = false;
  #provisional = false;
  #rang = false;
  #over = false;
  /** Undefined while nobody asked for it; the Reason, '' for none. */
  #cancelled: string | undefined;
  #timedOut = false;
  #failure = 408;
  /** Timer C, and the grace of a cancelled branch. */
  readonly #clock: Timed = { onTimeout: () => this.#elapsed() };

  constructor(parts: BranchParts, owner: BranchOwner) {
    this.#parts = parts;
    this.#owner = owner;
  }

  get target(): ForwardTarget {
    return this.#parts.target;
  }

  get breadth(): number {
    return this.#parts.breadth;
  }

  /** The target itself has answered, and be it provisionally. */
  get rang(): boolean {
    return this.#rang;
  }

  /** Step 7: "a policy to send the request to a specific IP address, port, and transport", else RFC 3263. */
  start(): void {
    const { hop, target } = this.#parts;
    if (target.destination !== undefined) return this.#go([target.destination]);
    if (hop === undefined) return this.#finish(416);
    const found = this.#parts.locate(hop).then((ways) => this.#go(ways));
    found.catch(() => this.#finish(503));
  }

  /** 16.10 and 16.7 step 10. @param reason value of the Reason field (RFC 3326) */
  cancel(reason: string | undefined): void {
    if (this.#over || this.#cancelled !== undefined) return;
    this.#cancelled = reason ?? '';
    if (this.#transaction === undefined) return this.#finish(487);
    this.#transaction.cancel(reason);
    if (!this.#provisional) this.#parts.timers.add(this.#clock, CANCEL_GRACE);
  }

  #go(ways: readonly Destination[]): void {
    if (this.#over) return;
    this.#ways = ways;
    if (ways.length === 0) this.#failure = 404;
    this.#try();
  }

  /** "The proxy MUST attempt to deliver the message to the first tuple in that set, and proceed through the set in order." */
  #try(): void {
    const destination = this.#ways[this.#next];
    const attempt = ++this.#next;
    if (destination === undefined || this.#cancelled !== undefined) return this.#finish(this.#failure);
    this.#send(this.#parts.recordRoute(this.#parts.request, destination), destination, attempt);
  }

  #send(request: SipRequest, destination: Destination, attempt: number): void {
    const { newBranch, transactions } = this.#parts;
    this.#provisional = false;
    // 11. "Timer C MUST be set for each client transaction when an INVITE request is proxied."
    this.#setTimerC();
    this.#sent = request;
    const made = transactions.request(request, destination, this, { branch: newBranch() });
    // Its failure may have begun the next attempt already.
    if (attempt === this.#next) this.#transaction = made;
  }

  #setTimerC(): void {
    if (this.#parts.request.method === 'INVITE') this.#parts.timers.add(this.#clock, this.#parts.timerC);
  }

  onResponse(arrived: SipResponse): void {
    const { status } = arrived;
    if (status === 100) return void (this.#provisional = true);
    // 16.7 step 3: "The proxy removes the topmost Via header field value from the response."
    const response = withoutIdentity(this.#forCaller(arrived).removeFirst('Via').done(), this.target.asserts === true);
    if (status < 200) {
      this.#provisional = true;
      this.#rang = true;
      // 16.7 step 2.
      if (!this.#over && this.#cancelled === undefined) this.#setTimerC();
      return this.#owner.onForwardable(this, response);
    }
    if (status < 300) {
      this.#owner.onForwardable(this, response);
      return this.#end(response);
    }
    // RFC 3263 section 4.3: a 503 counts as a failure of this server; there may be others.
    if (status === 503 && this.#next < this.#ways.length) return this.#fail(503);
    if (this.#timedOut && status === 487) return this.#finish(408);
    if (!this.#authorizes(response)) this.#end(response);
  }

  /** What the target was told of the caller is not what the caller wrote. */
  #forCaller(response: SipResponse): MessageEdit<SipResponse> {
    const { caller } = this.#parts;
    return caller === undefined ? response.edit() : response.edit().set('From', caller);
  }

  /** Answers the challenge of a target with credentials that the caller does not have, once; the request goes where it went. */
  #authorizes(response: SipResponse): boolean {
    const destination = this.#ways[this.#next - 1];
    if ((response.status !== 401 && response.status !== 407) || this.#over || this.#cancelled !== undefined)
      return false;
    if (this.#authorized || this.#sent === undefined || destination === undefined) return false;
    const request = this.target.authorize?.(this.#sent, response);
    if (request === undefined) return false;
    this.#authorized = true;
    this.#send(request, destination, this.#next);
    return true;
  }

  onTimeout(): void {
    this.#fail(408);
  }

  onTransportError(): void {
    const destination = this.#ways[this.#next - 1];
    const flow = destination !== undefined && 'flow' in destination ? destination.flow : undefined;
    // 16.9: "behave as if the forwarded request received a 503 (Service Unavailable) response"; a flow that no longer exists is told by 430 (RFC 5626
    // section 5.3.1).
    this.#fail(flow?.reliable === true ? 430 : 503);
  }

  #fail(status: number): void {
    if (this.#over) return;
    this.#failure = status;
    this.#try();
  }

  /** 16.8: "If the client transaction has received a provisional response, the proxy MUST generate a CANCEL"; else it is "as if … 408". */
  #elapsed(): void {
    if (this.#over) return;
    if (this.#cancelled !== undefined || !this.#provisional) return this.#finish(408);
    this.#timedOut = true;
    this.cancel(sipReason(408));
  }

  /** Ends without a final response from the target: what was cancelled counts as such, unless it was timer C that did it. */
  #finish(failure: number): void {
    const status = this.#cancelled === undefined || this.#timedOut ? failure : 487;
    this.#end(this.#forCaller(SipResponse.to(this.#parts.request, status)).done());
  }

  #end(response: SipResponse): void {
    if (this.#over) return;
    this.#over = true;
    this.#parts.timers.remove(this.#clock);
    this.#owner.onFinal(this, response);
  }
}
