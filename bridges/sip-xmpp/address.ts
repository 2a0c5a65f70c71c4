/** RFC 7247 section 6: addresses of one world in the other. The mapping itself is in #src/address/uri.ts, where other parts need it, too. */
import type { Jid } from '#src/address/jid.ts';
import { sipUriFromJid } from '#src/address/uri.ts';

export { jidFromSipUri, sipUriFromJid } from '#src/address/uri.ts';

/** RFC 3859: the presentity of a PIDF document, whatever device tells of it. */
export const presUriFromJid = (jid: Jid): string => sipUriFromJid(jid.asBare()).replace('sip:', 'pres:');

/** RFC 3860: the address that CPIM headers and IMDNs carry. */
export const imUriFromJid = (jid: Jid): string => sipUriFromJid(jid.asBare()).replace('sip:', 'im:');
