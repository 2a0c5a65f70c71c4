/** RFC 3261 section 20.10: Contact, and what its parameters say to a registrar and a proxy. */
import { decimal } from '#protocols/sip/message/grammar.ts';
import type { NameAddr } from '#protocols/sip/message/name-addr.ts';

/** qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] ), in thousandths: 0 to 1000. */
export function parseQ(text: string): number | undefined {
  const matched = /^(?:0(?:\.([0-9]{0,3}))?|1(?:\.0{0,3})?)$/.exec(text);
  if (matched === null) return undefined;
  return text.startsWith('1') ? 1000 : Number((matched[1] ?? '').padEnd(3, '0'));
}

/** `q` in thousandths, 1000 when it is absent or malformed (RFC 3261 section 16.6: "as if it were 1.0"). */
export const contactQ = ({ params }: NameAddr): number => parseQ(params.get('q') ?? '1') ?? 1000;

/**
 * `expires` in seconds; undefined when it is absent. "Malformed values SHOULD be treated as equivalent to 3600" (RFC 3261 section
 * 20.10); one of more than 2^32-1 is that number (RFC 4475 section 3.1.2.4 leaves both).
 */
export function contactExpires({ params }: NameAddr): number | undefined {
  const text = params.get('expires');
  if (text === undefined) return undefined;
  return decimal(text) ?? (/^[0-9]+$/.test(text) ? 0xffff_ffff : 3600);
}
