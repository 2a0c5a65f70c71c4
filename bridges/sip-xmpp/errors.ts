/** RFC 7247 section 7: error conditions of XMPP and response codes of SIP. */
import type { Jid } from '#src/address/jid.ts';
import { conditionOf, statusOf } from '#protocols/sip/edge.ts';
import { jidFromSipUri, parseXmppUri, sipUriFromJid, xmppUriFromJid } from '#src/address/uri.ts';
import type { Condition, Refusal } from '#src/stanza/conditions.ts';

/** Table 2, notes 1 and 2: what is answered about a device, and what about an account, where that is not what `statusOf` says. */
const ABOUT: ReadonlyMap<Condition, { readonly full: number; readonly bare: number }> = new Map([
  ['feature-not-implemented', { full: 405, bare: 501 }],
  ['forbidden', { full: 403, bare: 603 }],
  ['item-not-found', { full: 404, bare: 604 }],
  ['not-acceptable', { full: 406, bare: 606 }],
  ['recipient-unavailable', { full: 480, bare: 600 }],
] as const);

export interface SipFailure {
  readonly status: number;
  /** For the Reason-Phrase; the code's own phrase when absent. */
  readonly reason?: string;
  /** The address to try instead, for Contact: a URI of whatever scheme. */
  readonly contact?: string;
}

/**
 * The response code for a refusal (table 2).
 * @param about the address that the error is about: a device or an account
 */
export function failureOf(refusal: Refusal, about: Jid | undefined): SipFailure {
  const { address, condition, text } = refusal;
  const status = ABOUT.get(condition)?.[about?.isBare === false ? 'full' : 'bare'] ?? statusOf(refusal);
  const reason = text === undefined ? {} : { reason: text };
  if (address === undefined || (condition !== 'gone' && condition !== 'redirect')) return { status, ...reason };
  const moved = parseXmppUri(address)?.jid;
  const contact = moved === undefined ? address : sipUriFromJid(moved);
  return { status: condition === 'gone' ? 301 : status, ...reason, contact };
}

/**
 * The refusal for a final response that is no success (table 3).
 * @param contact the URI of the first Contact of a redirection
 */
export function refusalOf(status: number, reason?: string, contact?: string): Refusal {
  const text = reason === undefined || reason === '' ? {} : { text: reason };
  const to = contact === undefined ? undefined : jidFromSipUri(contact);
  const address = to === undefined ? contact : xmppUriFromJid(to);
  // Note 1: what 301 becomes has to tell the new address, what 410 becomes must not.
  if (status === 301 && address === undefined) return { condition: 'redirect', ...text };
  const condition = conditionOf(status);
  const told =
    address !== undefined && status >= 300 && status < 400 && (condition === 'gone' || condition === 'redirect');
  return { condition, ...text, ...(told ? { address } : {}) };
}
