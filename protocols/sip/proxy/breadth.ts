/** RFC 5393 section 5: Max-Breadth. */
import { decimal } from '#protocols/sip/message/grammar.ts';
import type { SipRequest } from '#protocols/sip/message/message.ts';

/** "With a value that is RECOMMENDED to be 60", which is the greatest allowed too. */
const MOST = 60;

/** Incoming Max-Breadth; 0 when the field is not a number. "If this maximum is exceeded … the proxy MUST overwrite it." */
export function incomingBreadth(request: SipRequest): number {
  const value = request.get('Max-Breadth');
  return value === undefined ? MOST : Math.min(decimal(value) ?? 0, MOST);
}

/**
 * What is left of the incoming breadth for `wanted` further branches while the `outgoing` ones of others have got no final response.
 * "SIP proxies MUST NOT allow the Outgoing Max-Breadth to exceed the Incoming Max-Breadth in a given response context."
 * @returns one value a branch that can begin now: fewer than `wanted` when the breadth does not suffice
 */
export function shares(incoming: number, outgoing: number, wanted: number): readonly number[] {
  const free = Math.max(incoming - outgoing, 0);
  const count = Math.min(free, wanted);
  return Array.from({ length: count }, (_, at) => Math.floor((free + at) / count));
}
