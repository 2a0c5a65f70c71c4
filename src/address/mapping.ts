/** Character mappings shared by the PRECIS profiles (RFC 8265) and by domain names (RFC 5895). */

/**
 * Width mapping (RFC 8264 section 5.2.1): fullwidth and halfwidth code points become their decomposition mapping.
 * Halfwidth Hangul letters, fullwidth signs and U+3000 are left alone: mapped or not, no profile that uses this rule allows them.
 */
export function mapWidth(text: string): string {
  return text.replace(/[\uff01-\uff9f]/g, (char) => char.normalize('NFKC'));
}

/**
 * Case mapping (RFC 8264 section 5.2.3) by Unicode toLowerCase, code point by code point: "the PRECIS mapping rules do not
 * account for the special status of GREEK SMALL LETTER FINAL SIGMA" (RFC 7622 section 3.5).
 */
export function mapCase(text: string): string {
  return text.replaceAll('\u03a3', '\u03c3').toLowerCase();
}

/**
 * In UTF-16 units. NFC shrinks three units to two bytes at best (U+0390 of three), so a longer part cannot come out with
 * 1023 bytes or fewer.
 */
export const MAX_RAW_PART = 1535;
// UAX #15 section 13, Stream-Safe Text Format: no writing system needs more than 30 marks in a row, and sorting them by their
// combining class takes quadratic time. The two voicing marks become combining marks by width mapping.
const TOO_MANY_MARKS = /[\p{M}\uff9e\uff9f]{31}/u;

/** Whether a part may be mapped and normalised, which then takes linear time; one that may not is malformed. */
export function isMappable(text: string): boolean {
  return text.length <= MAX_RAW_PART && !TOO_MANY_MARKS.test(text);
}
