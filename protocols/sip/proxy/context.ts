/** RFC 3261 sections 16.6 and 16.7: the response context, which ties the branches of a request to its server transaction. */
import { type SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import type { ServerTransaction, ServerUser } from '#protocols/sip/transaction/server.ts';
import { aggregateChallenges, bestResponse } from './best-response.ts';
import { Branch, type BranchOwner, type BranchParts } from './branch.ts';
import { shares } from './breadth.ts';
import { COMPLETED_ELSEWHERE, sipReason } from './reason.ts';
import type { TokenMatch } from './route-token.ts';
import { byPreference, type ForwardTarget } from './target.ts';

/** What somebody may see of requests that are forwarded: it changes nothing. */
export interface ProxyWatcher {
  onForwarded?(context: ResponseContext): void;
  /** A response on its way to the client, without our Via. */
  onResponse?(context: ResponseContext, response: SipResponse): void;
  onEnded?(context: ResponseContext): void;
}

export interface ContextParts {
  readonly transaction: ServerTransaction;
  /** As section 16.4 left it. */
  readonly request: SipRequest;
  /** Set when the request is inside a dialog. */
  readonly dialog: TokenMatch | undefined;
  /** Incoming Max-Breadth (RFC 5393 section 5.3.2). */
  readonly breadth: number;
  readonly watcher: ProxyWatcher;
  readonly branch: (target: ForwardTarget, breadth: number) => BranchParts;
}

export class ResponseContext implements ServerUser, BranchOwner {
  readonly #parts: ContextParts;
  /** Pending branches. */
  readonly #branches = new Set<Branch>();
  readonly #finals: SipResponse[] = [];
  /** The target set that is left: groups of equal q. */
  #groups: readonly (readonly ForwardTarget[])[] = [];
  #waiting: readonly ForwardTarget[] = [];
  /** No new branches: somebody answered for all, or the client cancelled. */
  #closed = false;
  #starting = false;

  constructor(parts: ContextParts) {
    this.#parts = parts;
    parts.transaction.user = this;
  }

  get transaction(): ServerTransaction {
    return this.#parts.transaction;
  }

  /** As it arrived, after section 16.4. */
  get request(): SipRequest {
    return this.#parts.request;
  }

  get dialog(): TokenMatch | undefined {
    return this.#parts.dialog;
  }

  get #isInvite(): boolean {
    return this.request.method === 'INVITE';
  }

  /** Forwards to `targets`. Non-INVITE requests go to all at once: they have no time for one after the other (RFC 4320 section 1). */
  start(targets: readonly ForwardTarget[]): void {
    const { breadth, watcher } = this.#parts;
    const groups = this.#isInvite ? byPreference(targets) : [targets];
    // "Unwilling … to compensate by forking serially … MUST return a 440 (Max-Breadth Exceeded) response" (RFC 5393 section 5.3.3).
    if (breadth < 1 || (!this.#isInvite && breadth < targets.length)) return this.#reply(440);
    this.#groups = groups;
    watcher.onForwarded?.(this);
    // Section 16.5: "If the target set remains empty … the proxy MUST return an error response, which SHOULD be the 480".
    if (targets.length === 0) return this.#reply(480);
    // Section 16.2: "an immediate provisional … such as 100 Trying", and none "to non-INVITE requests".
    if (this.#isInvite) this.transaction.respond(SipResponse.to(this.transaction.request, 100));
    this.#proceed();
  }

  /** Ends what is pending as the client's own CANCEL would: for operators, and calls that may last no longer. */
  abort(status: number): void {
    this.#closed = true;
    this.#cancelAll(sipReason(status));
    if (this.#branches.size === 0) this.#reply(status);
  }

  /** Section 16.10: "MUST generate CANCEL requests for all pending client transactions in the context". */
  onCancel(cancel: SipRequest): void {
    this.#closed = true;
    const reasons = cancel.all('Reason');
    this.#cancelAll(reasons.length === 0 ? undefined : reasons.join(', '));
    this.#proceed();
  }

  onTerminated(): void {
    this.#parts.watcher.onEnded?.(this);
  }

  /** Section 16.7 step 5. */
  onForwardable(_branch: Branch, response: SipResponse): void {
    const { answered } = this.transaction;
    if (response.status < 200) {
      // RFC 4320 section 4.1: to a non-INVITE request nothing but 100, which is not forwarded.
      if (!answered && this.#isInvite) this.#forward(response);
      return;
    }
    // "After a final response has been sent … Any 2xx response to an INVITE request"
    if (answered && !this.#isInvite) return;
    this.#forward(response);
  }

  onFinal(branch: Branch, response: SipResponse): void {
    this.#branches.delete(branch);
    const instead = this.#instead(branch, response);
    if (instead !== undefined) return this.#replace(branch, instead);
    if (response.status < 300) {
      this.#closed = true;
      this.#cancelAll(COMPLETED_ELSEWHERE);
    } else {
      // Step 4: "Final responses received are stored in the response context".
      this.#finals.push(response);
      if (response.status >= 600) {
        this.#closed = true;
        this.#cancelAll(sipReason(response.status, response.reason));
      }
    }
    this.#proceed();
  }

  /**
   * RFC 5626 section 7: another flow of the same instance. "If the proxy receives a final response from a branch other than a 408 (Request Timeout)
   * or a 430 (Flow Failed) response, the proxy MUST NOT forward the same request to another target representing the same AOR and instance-id."
   */
  #instead({ rang, target }: Branch, { status }: SipResponse): ForwardTarget | undefined {
    if (this.#closed || target.instead === undefined) return undefined;
    // A phone that rang is there; and who sent something else than an INVITE does not wait any longer (RFC 4320 section 1).
    if (status !== 430 && (status !== 408 || rang || !this.#isInvite)) return undefined;
    return target.instead(status);
  }

  #replace({ breadth }: Branch, target: ForwardTarget): void {
    const branch = new Branch(this.#parts.branch(target, breadth), this);
    this.#branches.add(branch);
    branch.start();
  }

  /** Begins what may begin; answers when nothing is left to wait for. */
  #proceed(): void {
    if (this.#starting) return;
    this.#starting = true;
    while (!this.#closed && this.#begin());
    this.#starting = false;
    if (this.#branches.size === 0 && !this.transaction.answered) this.#sendBest();
  }

  /** @returns whether branches were begun that have ended already, so that more may begin */
  #begin(): boolean {
    if (this.#waiting.length === 0) {
      if (this.#branches.size > 0) return false;
      const [group, ...rest] = this.#groups;
      if (group === undefined) return false;
      [this.#waiting, this.#groups] = [group, rest];
    }
    const outgoing = this.#branches.values().reduce((sum, { breadth }) => sum + breadth, 0);
    const parts = shares(this.#parts.breadth, outgoing, this.#waiting.length);
    const targets = this.#waiting.slice(0, parts.length);
    this.#waiting = this.#waiting.slice(parts.length);
    const branches = targets.map((target, at) => new Branch(this.#parts.branch(target, parts[at] ?? 1), this));
    for (const branch of branches) this.#branches.add(branch);
    for (const branch of branches) if (this.#branches.has(branch)) branch.start();
    return targets.length > 0;
  }

  /** Step 10. */
  #cancelAll(reason: string | undefined): void {
    for (const branch of [...this.#branches]) branch.cancel(reason);
  }

  /** Step 6. "If there are no final responses in the context, the proxy MUST send a 408." */
  #sendBest(): void {
    const best = bestResponse(this.#finals);
    if (best === undefined) return this.#reply(this.#closed ? 487 : 408);
    // "If the only response that was received is a 503, the proxy SHOULD generate a 500"; 430 tells of a flow what a client cannot mend.
    if (best.status === 503) return this.#reply(500);
    if (best.status === 430 && this.dialog === undefined) return this.#reply(480);
    this.#forward(aggregateChallenges(best, this.#finals));
  }

  #reply(status: number): void {
    this.#forward(SipResponse.to(this.transaction.request, status));
  }

  /** Step 9: "The proxy MUST pass the response to the server transaction associated with the response context." */
  #forward(response: SipResponse): void {
    this.#parts.watcher.onResponse?.(this, response);
    this.transaction.respond(response);
  }
}
