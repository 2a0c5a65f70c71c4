/** RFC 3261 section 16.5: where a request may go. */
import type { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import type { Destination } from '#protocols/sip/transport/destination.ts';

export interface ForwardTarget {
  /** The Request-URI that it gets. */
  readonly uri: string;
  /** 0 to 1000: thousandths (RFC 3261 section 20.10). Greater ones first; equal ones at once. 1000 when absent. */
  readonly q?: number;
  /** Values for Route, ahead of what is there: the Path of a binding (RFC 3327 section 5.3). */
  readonly routes?: readonly string[];
  /** A flow or an address; without it the first Route, or the URI, is located (RFC 3263). */
  readonly destination?: Destination;
  /** The URI that From gets, for those who know a caller by no other; its responses get back what the caller wrote. Nothing changes it when absent. */
  readonly from?: string;
  /** It is at no place of this server's accounts. */
  readonly elsewhere?: boolean;
  /** The caller is from elsewhere, and reaches inside the dialog the places of this target only. */
  readonly fixed?: boolean;
  /** Whether it is believed what it says of who answers (RFC 3325). */
  readonly asserts?: boolean;
  /**
   * The request again with credentials for a 401 or 407, where this server has an account at the target and the caller none; undefined when it has
   * none either. Asked once.
   */
  readonly authorize?: (request: SipRequest, challenged: SipResponse) => SipRequest | undefined;
  /**
   * RFC 5626 section 7: "If a request for a particular AOR and instance-id fails with a 430 (Flow Failed) response, the proxy SHOULD replace the
   * failed branch with another target (if one is available) with the same AOR and instance-id, but a different reg-id". Asked once, with 430 or 408.
   */
  readonly instead?: (status: number) => ForwardTarget | undefined;
}

const Q = 1000;

/** "Targets are processed from highest qvalue to lowest. Targets with equal qvalues may be processed in parallel" (section 16.6). */
export function byPreference(targets: readonly ForwardTarget[]): readonly (readonly ForwardTarget[])[] {
  const groups = Map.groupBy(targets, ({ q = Q }) => q);
  return [...groups].toSorted(([a], [b]) => b - a).map(([, group]) => group);
}
