/** The calls that pass through the proxy, seen from outside: who talks to whom, since when. It takes no part in them until an operator asks. */
import { randomBytes } from 'node:crypto';
import type { Timed, Timers } from '#src/net/timers.ts';
import { decimal } from '#protocols/sip/message/grammar.ts';
import type { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import type { ServerTransaction } from '#protocols/sip/transaction/server.ts';
import { Call, type CallEnd, type CallSide } from './call.ts';
import { CallCounts, type Charge } from './call-counts.ts';
import type { ProxyWatcher, ResponseContext } from './context.ts';
import type { Proxy } from './proxy.ts';
import { sipReason } from './reason.ts';

export interface CallsParts {
  readonly timers: Timers;
  readonly proxy: () => Pick<Proxy, 'originate' | 'isOwnRoute'>;
  /** A call is over. */
  readonly ended: (call: Call) => void;
  /** Calls that are followed at once; further ones pass unseen. */
  readonly limit?: number;
}

const LIMIT = 50_000;
/** Milliseconds after which an answered call that nobody refreshes (RFC 4028) is not followed any more. */
const LONGEST = 24 * 3_600_000;
/** Milliseconds after the end of a session interval until it counts as ended. */
const GRACE = 60_000;

const keyOf = (callId: string | undefined, callerTag: string | undefined): string => `${callId} ${callerTag}`;
const opposite = (side: CallSide): CallSide => (side === 'callee' ? 'caller' : 'callee');
const silent = { onResponse() {}, onTimeout() {}, onTransportError() {} };

export class Calls implements ProxyWatcher, Iterable<Call> {
  /** Since the start. */
  readonly counters = { begun: 0, answered: 0, unseen: 0 };
  /** How many calls each payer has now. */
  readonly counts = new CallCounts();
  /** Told when a call rings, is answered, and is over; a bridge may set it. */
  changed: (call: Call) => void = () => undefined;
  readonly #parts: CallsParts;
  /** By Call-ID and the caller's tag; several only where somebody pays for each. */
  readonly #calls = new Map<string, readonly Call[]>();
  readonly #ids = new Map<string, Call>();
  readonly #expiries = new Map<Call, Timed>();

  constructor(parts: CallsParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#ids.size;
  }

  [Symbol.iterator](): IterableIterator<Call> {
    return this.#ids.values();
  }

  get(id: string): Call | undefined {
    return this.#ids.get(id);
  }

  /**
   * May the call of an INVITE begin, which is to be forwarded now? Asked before that.
   * @returns whose bound does not let it; 'table' when there are too many calls for any further one to be counted
   */
  refused(transaction: ServerTransaction, charges: readonly Charge[]): Charge | 'table' | undefined {
    if (!charges.every(({ limit }) => limit === Infinity) && this.#isFull) return 'table';
    return this.counts.refused(transaction, charges);
  }

  get #isFull(): boolean {
    return this.size >= (this.#parts.limit ?? LIMIT);
  }

  /** The Contact of a side of a call, as INVITE and UPDATE have told it last, and the proxy before a callee. */
  placesOf(request: SipRequest, side: CallSide): readonly string[] {
    const call = this.#within(request, side);
    if (call === undefined) return [];
    const route = side === 'callee' ? call.routeToCallee((one) => this.#parts.proxy().isOwnRoute(one)) : undefined;
    return [call.target(side), route ?? ''].filter((place) => place !== '');
  }

  /** The trunk by which the call of a request goes, that a side is at. */
  trunkOf(request: SipRequest, side: CallSide): string | undefined {
    return this.#within(request, side)?.parties.find(({ kind }) => kind === 'trunk')?.name;
  }

  onForwarded(context: ResponseContext): void {
    const { dialog, request } = context;
    if (dialog === undefined) return request.method === 'INVITE' ? this.#begin(context) : undefined;
    const call = this.#within(request, dialog.toward);
    if (call === undefined) return;
    call.requested(opposite(dialog.toward), request);
  }

  onResponse(context: ResponseContext, response: SipResponse): void {
    const { dialog, request } = context;
    if (dialog !== undefined) return this.#told(request, dialog.toward, response);
    const call = request.method === 'INVITE' ? this.#of(context) : undefined;
    if (call === undefined || call.state === 'answered') return;
    if (response.status < 200) {
      if (response.status > 100 && call.state !== 'ringing') {
        call.state = 'ringing';
        this.changed(call);
      }
    } else if (response.status < 300) this.#answered(call, request, response);
    else {
      call.status = response.status;
      this.#end(call, response.status === 487 ? 'caller' : 'callee');
    }
  }

  onEnded(context: ResponseContext): void {
    const call = this.#of(context);
    if (call === undefined) return;
    if (call.state === 'answered') call.context = undefined;
    else this.#end(call, 'expired');
  }

  /**
   * Ends a call: while it rings by CANCEL, later by a BYE to both sides.
   * @param text why, for people
   * @returns false when it is over already, or neither side can be reached
   */
  hangUp(call: Call, text: string): boolean {
    if (call.state === 'ended') return false;
    if (call.state !== 'answered') {
      call.context?.abort(480);
      return true;
    }
    const proxy = this.#parts.proxy();
    const sent = (['caller', 'callee'] as const).map((side) => {
      const bye = call.bye(side, (route) => proxy.isOwnRoute(route), sipReason(200, text));
      return bye !== undefined && proxy.originate(bye, silent);
    });
    this.#end(call, 'server');
    return sent.includes(true);
  }

  /** Its media has stopped: a phone has gone without a word. */
  silent(callId: string, callerTag: string, calleeTag: string): void {
    const calls = this.#calls.get(keyOf(callId, callerTag));
    const call = calls?.find((one) => one.calleeTag === calleeTag);
    if (call !== undefined) this.hangUp(call, 'No media');
  }

  #begin(context: ResponseContext): void {
    const { request, transaction } = context;
    const key = keyOf(request.callId, request.from?.tag);
    const same = this.#calls.get(key) ?? [];
    const charges = this.counts.chargesOf(transaction);
    // A request that spirals is one call. Whoever pays for it does so each time, or one Call-ID would do for any number of calls.
    if (request.to?.tag !== undefined || (same.length > 0 && charges.length === 0)) return;
    if (this.#isFull) return void this.counters.unseen++;
    const parties = this.counts.partiesOf(transaction);
    const call = new Call(randomBytes(6).toString('hex'), context, this.#parts.timers.now, charges, parties);
    this.#calls.set(key, [...same, call]);
    this.#ids.set(call.id, call);
    this.counts.add(charges);
    this.counters.begun++;
  }

  #of(context: ResponseContext): Call | undefined {
    const { request } = context;
    const calls = this.#calls.get(keyOf(request.callId, request.from?.tag));
    return calls?.find((call) => call.context === context);
  }

  /** The call that a request inside a dialog belongs to. One of a further 2xx, which forking brought, is none. */
  #within(request: SipRequest, toward: CallSide): Call | undefined {
    const { callId, from, to } = request;
    const [caller, callee] = toward === 'callee' ? [from, to] : [to, from];
    const calls = this.#calls.get(keyOf(callId, caller?.tag)) ?? [];
    return calls.find((call) => call.calleeTag === callee?.tag) ?? calls.find((call) => call.calleeTag === undefined);
  }

  #told(request: SipRequest, toward: CallSide, response: SipResponse): void {
    const call = response.status < 200 ? undefined : this.#within(request, toward);
    if (call === undefined) return;
    if (request.method === 'BYE') {
      if (call.isOver(request, toward, response)) this.#end(call, opposite(toward));
    } else if (response.status < 300) this.#refreshed(call, request, toward, response);
  }

  #answered(call: Call, invite: SipRequest, response: SipResponse): void {
    call.state = 'answered';
    call.status = response.status;
    call.answered = this.#parts.timers.now;
    call.answer(invite, response);
    this.counters.answered++;
    this.changed(call);
    this.#expires(call, response);
  }

  #refreshed(call: Call, { method }: SipRequest, by: CallSide, response: SipResponse): void {
    call.responded(by, response);
    if (method === 'INVITE' || method === 'UPDATE') this.#expires(call, response);
  }

  /** RFC 4028 section 8.2: what is not refreshed in its session interval is over, though no BYE came. */
  #expires(call: Call, response: SipResponse): void {
    const [seconds = ''] = (response.get('Session-Expires') ?? '').split(';');
    const interval = decimal(seconds.trim());
    const timed = this.#expiries.get(call) ?? { onTimeout: () => this.#end(call, 'expired') };
    this.#expiries.set(call, timed);
    this.#parts.timers.add(timed, interval === undefined ? LONGEST : Math.min(interval * 1000 + GRACE, LONGEST));
  }

  #end(call: Call, by: CallEnd): void {
    if (call.state === 'ended') return;
    call.state = 'ended';
    call.endedBy = by;
    call.ended = this.#parts.timers.now;
    call.context = undefined;
    const key = keyOf(call.callId, call.callerTag);
    const others = this.#calls.get(key)?.filter((other) => other !== call) ?? [];
    if (others.length === 0) this.#calls.delete(key);
    else this.#calls.set(key, others);
    this.#ids.delete(call.id);
    this.counts.remove(call.charges);
    const timed = this.#expiries.get(call);
    if (timed !== undefined) this.#parts.timers.remove(timed);
    this.#expiries.delete(call);
    this.changed(call);
    this.#parts.ended(call);
  }
}
