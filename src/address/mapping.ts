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
 * Longest part worth normalising, in UTF-16 units. NFC shrinks three units to two bytes at best (U+0390 of three),
 * so a longer one cannot come out with 1023 bytes or fewer; the bound keeps hostile input cheap.
 */
export const MAX_RAW_PART = 1535;
