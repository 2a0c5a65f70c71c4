/** The calls that pass through the proxy, seen from outside: who talks to whom, since when. It takes no part in them until an operator asks. */
import { randomBytes } from 'node:crypto';
import type { Timed, Timers } from '#src/net/timers.ts';
import { decimal } from '#protocols/sip/message/grammar.ts';
import type { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import { Call, type CallEnd, type CallSide } from './call.ts';
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
const silent = { onResponse() {}, onTimeout() {}, onTransportError() {} };

export class Calls implements ProxyWatcher, Iterable<Call> {
  /** Since the start. */
  readonly counters = { begun: 0, answered: 0, unseen: 0 };
  /** Told when a call rings, is answered, and is over; a bridge may set it. */
  changed: (call: Call) => void = () => undefined;
  readonly #parts: CallsParts;
  readonly #calls = new Map<string, Call>();
  readonly #ids = new Map<string, Call>();
  readonly #expiries = new Map<Call, Timed>();

  constructor(parts: CallsParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#calls.size;
  }

  [Symbol.iterator](): IterableIterator<Call> {
    return this.#calls.values();
  }

  get(id: string): Call | undefined {
    return this.#ids.get(id);
  }

  onForwarded(context: ResponseContext): void {
    const { dialog, request } = context;
    if (dialog === undefined) return request.method === 'INVITE' ? this.#begin(context) : undefined;
    const call = this.#within(request, dialog.toward);
    if (call === undefined) return;
    const by: CallSide = dialog.toward === 'callee' ? 'caller' : 'callee';
    if (request.method === 'BYE') this.#end(call, by);
    else call.requested(by, request);
  }

  onResponse(context: ResponseContext, response: SipResponse): void {
    const { dialog, request } = context;
    if (dialog !== undefined) return this.#within(request, dialog.toward) && this.#refreshed(context, response);
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

  #begin(context: ResponseContext): void {
    const { request } = context;
    const key = keyOf(request.callId, request.from?.tag);
    // A request that spirals is one call.
    if (request.to?.tag !== undefined || this.#calls.has(key)) return;
    if (this.#calls.size >= (this.#parts.limit ?? LIMIT)) return void this.counters.unseen++;
    const call = new Call(randomBytes(6).toString('hex'), context, this.#parts.timers.now);
    this.#calls.set(key, call);
    this.#ids.set(call.id, call);
    this.counters.begun++;
  }

  #of(context: ResponseContext): Call | undefined {
    const { request } = context;
    const call = this.#calls.get(keyOf(request.callId, request.from?.tag));
    return call?.context === context ? call : undefined;
  }

  /** The call that a request inside a dialog belongs to. One of a further 2xx, which forking brought, is none. */
  #within(request: SipRequest, toward: CallSide): Call | undefined {
    const { callId, from, to } = request;
    const [caller, callee] = toward === 'callee' ? [from, to] : [to, from];
    const call = this.#calls.get(keyOf(callId, caller?.tag));
    return call?.calleeTag !== undefined && call.calleeTag !== callee?.tag ? undefined : call;
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

  #refreshed({ dialog, request }: ResponseContext, response: SipResponse): void {
    const call = dialog && this.#within(request, dialog.toward);
    if (dialog === undefined || call === undefined || response.status < 200 || response.status > 299) return;
    call.responded(dialog.toward, response);
    if (request.method === 'INVITE' || request.method === 'UPDATE') this.#expires(call, response);
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
    this.#calls.delete(keyOf(call.callId, call.callerTag));
    this.#ids.delete(call.id);
    const timed = this.#expiries.get(call);
    if (timed !== undefined) this.#parts.timers.remove(timed);
    this.#expiries.delete(call);
    this.changed(call);
    this.#parts.ended(call);
  }
}
