/** RFC 3326: why a branch is cancelled. */
import { quote } from '#protocols/sip/message/grammar.ts';
import { reasonPhrase } from '#protocols/sip/message/status.ts';

/** A value of Reason: `SIP;cause=200;text="Call completed elsewhere"`. */
export const sipReason = (status: number, text: string = reasonPhrase(status)): string =>
  `SIP;cause=${status};text=${quote(text)}`;

/** RFC 3326 section 3.1: another phone took the call. */
export const COMPLETED_ELSEWHERE = sipReason(200, 'Call completed elsewhere');
