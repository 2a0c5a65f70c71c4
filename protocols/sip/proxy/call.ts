/** RFC 3261 section 12 as a proxy sees it: one call between two phones, and the state of its dialog on both sides. */
import { SipRequest, type SipResponse } from '#protocols/sip/message/message.ts';
import type { NameAddr } from '#protocols/sip/message/name-addr.ts';
import { SipUri } from '#protocols/sip/message/uri.ts';
import type { Charge } from './call-counts.ts';
import type { ResponseContext } from './context.ts';

export type CallState = 'trying' | 'ringing' | 'answered' | 'ended';
/** Who ended it; `expired` when nobody was heard of it for too long. */
export type CallEnd = 'caller' | 'callee' | 'server' | 'expired';
export type CallSide = 'caller' | 'callee';

/** What one side needs to be sent a request inside the dialog. */
interface Leg {
  /** From or To with its tag. */
  readonly address: string;
  /** Remote target: the URI of its last Contact. */
  readonly target: string;
}

/** 430: the connection of the phone is gone. */
const ENDS: ReadonlySet<number> = new Set([408, 430, 481]);

export class Call {
  /** For operators. */
  readonly id: string;
  readonly callId: string;
  /** The URIs of From and To. */
  readonly from: string;
  readonly to: string;
  readonly callerTag: string;
  /** Address of the peer that the INVITE came from. */
  readonly ip: string;
  readonly userAgent: string;
  readonly charges: readonly Charge[];
  /** Account and trunk, whether a bound counts them or not. */
  readonly parties: readonly Charge[];
  /** Milliseconds since 1970. */
  readonly started: number;
  answered: number | undefined;
  ended: number | undefined;
  state: CallState = 'trying';
  /** The final status of the INVITE; 0 while there is none. */
  status = 0;
  endedBy: CallEnd | undefined;
  /** While it rings: what can be cancelled. */
  context: ResponseContext | undefined;
  calleeTag: string | undefined;
  /** CSeq of the last request of each side: some come before the answer. */
  readonly #cseq: Record<CallSide, number>;
  #legs: Readonly<Record<CallSide, Leg>> | undefined;
  /** Record-Route of the 2xx: nearest to the callee first (section 12.1.1). */
  #routes: readonly NameAddr[] = [];

  /** @param charges who pays for it */
  constructor(
    id: string,
    context: ResponseContext,
    now: number,
    charges: readonly Charge[],
    parties: readonly Charge[] = charges,
  ) {
    const { flow, request } = context.transaction;
    this.id = id;
    this.charges = charges;
    this.parties = parties;
    this.callId = request.callId ?? '';
    this.from = request.from?.uri ?? '';
    this.to = request.to?.uri ?? '';
    this.callerTag = request.from?.tag ?? '';
    this.ip = flow.remoteAddress;
    this.userAgent = request.get('User-Agent') ?? '';
    this.started = now;
    this.context = context;
    this.#cseq = { caller: request.cseq?.number ?? 0, callee: 0 };
  }

  /** Seconds since it was answered. */
  duration(now: number): number {
    return this.answered === undefined ? 0 : Math.round(((this.ended ?? now) - this.answered) / 1000);
  }

  /** The remote target of a side. */
  target(side: CallSide): string {
    return this.#legs?.[side].target ?? '';
  }

  /** The Record-Route of the proxy between this server and the callee: what the caller's side wrote there is not asked. */
  routeToCallee(isOwn: (route: NameAddr) => boolean): string | undefined {
    return this.#routes[this.#routes.findIndex(isOwn) - 1]?.uri;
  }

  /** The first 2xx of the INVITE makes the dialog. */
  answer(invite: SipRequest, response: SipResponse): void {
    this.calleeTag = response.to?.tag;
    this.#routes = response.recordRoutes ?? [];
    this.#legs = {
      caller: { address: invite.get('From') ?? '', target: invite.contacts?.[0]?.uri ?? this.from },
      callee: { address: response.get('To') ?? '', target: response.contacts?.[0]?.uri ?? this.to },
    };
  }

  /** A request of a side inside the dialog. INVITE and UPDATE refresh its target (section 12.2, RFC 3311 section 5.1). */
  requested(by: CallSide, request: SipRequest): void {
    this.#cseq[by] = Math.max(this.#cseq[by], request.cseq?.number ?? 0);
    this.#refresh(by, request, request.method);
  }

  /** A 2xx of a side to a request of the other. */
  responded(by: CallSide, response: SipResponse): void {
    this.#refresh(by, response, response.cseq?.method);
  }

  /**
   * Is the call over by what was answered to a BYE? "If the response for the BYE is a 481 or a 408 or no response at all is received for the BYE
   * (that is, a timeout is returned by the client transaction), the UAC MUST consider the session and the dialog terminated" (RFC 3261 section
   * 15.1.1). A BYE that was refused, or that went elsewhere than to the other phone, ends nothing: else it would give place for further calls.
   */
  isOver(bye: SipRequest, toward: CallSide, { status }: SipResponse): boolean {
    const target = this.#legs?.[toward].target;
    if (target === undefined || !(status < 300 || ENDS.has(status))) return false;
    if (target === bye.uri) return true;
    const [meant, sent] = [SipUri.parse(target), SipUri.parse(bye.uri)];
    return meant !== undefined && sent !== undefined && meant.equals(sent);
  }

  #refresh(side: CallSide, message: SipRequest | SipResponse, method: string | undefined): void {
    const target = method === 'INVITE' || method === 'UPDATE' ? message.contacts?.[0]?.uri : undefined;
    if (this.#legs === undefined || target === undefined) return;
    this.#legs = { ...this.#legs, [side]: { ...this.#legs[side], target } };
  }

  /**
   * A BYE to one side, as the other would send it (section 15.1.1).
   * @param isOwn whether a Route is ours: those of proxies before us are not for a request that begins here
   * @param reason value of the Reason field (RFC 3326)
   */
  bye(to: CallSide, isOwn: (route: NameAddr) => boolean, reason: string): SipRequest | undefined {
    const legs = this.#legs;
    if (legs === undefined) return undefined;
    const by = to === 'caller' ? 'callee' : 'caller';
    const routes = to === 'caller' ? this.#routes : this.#routes.toReversed();
    const first = routes.findIndex(isOwn);
    if (first < 0) return undefined;
    return SipRequest.make('BYE', legs[to].target, [
      ...routes.slice(first).map((route) => ['Route', String(route)] as const),
      ['Max-Forwards', 70],
      ['From', legs[by].address],
      ['To', legs[to].address],
      ['Call-ID', this.callId],
      ['CSeq', `${this.#cseq[by] + 1} BYE`],
      ['Reason', reason],
    ]);
  }
}
