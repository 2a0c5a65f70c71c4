/** RFC 3261 section 16.7, steps 6 and 7: the one final response that answers for all branches. */
import type { SipResponse } from '#protocols/sip/message/message.ts';

/** "The proxy SHOULD give preference to responses that provide information affecting resubmission of this request." */
const RESUBMISSION: readonly number[] = [401, 407, 415, 420, 484];
/** Those that say least of the callee: a branch was cancelled, did not answer, could not be reached, or is at the wrong place. */
const UNINFORMATIVE: ReadonlySet<number> = new Set([404, 408, 430, 440, 480, 482, 483, 487, 503]);

function rank({ status }: SipResponse): number {
  if (RESUBMISSION.includes(status)) return RESUBMISSION.indexOf(status);
  return RESUBMISSION.length + (UNINFORMATIVE.has(status) ? 1 : 0);
}

/** "It MUST choose from the 6xx class responses if any exist in the context"; else "from the lowest response class". */
function classOf({ status }: SipResponse): number {
  return status >= 600 ? 0 : Math.floor(status / 100);
}

/** Step 6. The first that came among equals; undefined when there is none. */
export function bestResponse(responses: readonly SipResponse[]): SipResponse | undefined {
  const [best] = responses.toSorted((a, b) => classOf(a) - classOf(b) || rank(a) - rank(b));
  return best;
}

/**
 * Step 7. "The proxy MUST collect any WWW-Authenticate and Proxy-Authenticate header field values from all other 401 (Unauthorized) and 407
 * (Proxy Authentication Required) responses received so far in this response context and add them to this response without modification."
 */
export function aggregateChallenges(best: SipResponse, responses: readonly SipResponse[]): SipResponse {
  const others = responses.filter((each) => each !== best && (each.status === 401 || each.status === 407));
  if ((best.status !== 401 && best.status !== 407) || others.length === 0) return best;
  const edit = best.edit();
  for (const other of others) {
    for (const name of ['WWW-Authenticate', 'Proxy-Authenticate']) {
      for (const value of other.all(name)) edit.append(name, value);
    }
  }
  return edit.done();
}
