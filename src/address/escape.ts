/** XEP-0106: JID Escaping, version 1.1.1 (Draft). For localparts only; nothing on the wire is unescaped, only what leaves XMPP. */

// "All transformations are exactly as specified below. CASE IS SIGNIFICANT."
const ESCAPES = new Map([
  [' ', '\\20'],
  ['"', '\\22'],
  ['&', '\\26'],
  ["'", '\\27'],
  ['/', '\\2f'],
  [':', '\\3a'],
  ['<', '\\3c'],
  ['>', '\\3e'],
  ['@', '\\40'],
]);
const DISALLOWED = /[ "&'/:<>@]/g;
const SEQUENCE = /\\(?:20|22|26|27|2f|3a|3c|3e|40|5c)/g;

/**
 * Escapes the characters that a localpart must not hold, leaving backslashes alone: the gateway mapping of RFC 7247 section 6.4.
 * Undefined when `text` begins or ends with a space: `\20` "MUST NOT be the first or last character of an escaped localpart".
 */
export function escapeDisallowed(text: string): string | undefined {
  if (text.startsWith(' ') || text.endsWith(' ')) return undefined;
  return text.replace(DISALLOWED, (char) => ESCAPES.get(char) ?? char);
}

/**
 * The localpart for an address typed or received in unescaped form (section 4.2): a backslash is escaped where it begins what
 * looks like an escape, then the disallowed characters are. The result still has to pass the localpart's profile.
 * Undefined when `text` begins or ends with a space.
 */
export function escapeLocal(text: string): string | undefined {
  return escapeDisallowed(text.replace(SEQUENCE, (sequence) => `\\5c${sequence.slice(1)}`));
}

function unescape(local: string, isKept: (sequence: string) => boolean): string {
  return local.replace(SEQUENCE, (sequence, offset: number) => {
    const isOuter = offset === 0 || offset + sequence.length === local.length;
    // A leading or trailing \20 is not an escape, as no escaped localpart has one.
    if (isKept(sequence) || (sequence === '\\20' && isOuter)) return sequence;
    return String.fromCharCode(Number.parseInt(sequence.slice(1), 16));
  });
}

/** What a localpart stands for, to show to a human or to give to a system outside XMPP (sections 3.3 and 4.1). */
export function unescapeLocal(local: string): string {
  return unescape(local, () => false);
}

/** The inverse of `escapeDisallowed`: `\5c` stays, so that the way out and back yields the same localpart. RFC 7247 section 6.5. */
export function unescapeDisallowed(local: string): string {
  return unescape(local, (sequence) => sequence === '\\5c');
}
