/**
 * The fast path: addresses of printable ASCII are checked, mapped and copied in one pass over their character codes.
 * A scanner reads `text` from `start` to `end`, writes the canonical form into `out` at `offset` and returns the offset after it,
 * or MALFORMED, or NOT_ASCII when only the full profile can tell.
 */

export const MALFORMED = -1;
export const NOT_ASCII = -2;

/** RFC 7622 section 3.1: "1 to 1023 octets in length". */
export const MAX_PART = 1023;
/** RFC 1034 section 3.1, in the form without the trailing dot. */
export const MAX_DOMAIN = 253;
const MAX_LABEL = 63;

const code = (char: string): number => char.charCodeAt(0);
const DOT = code('.');
const HYPHEN = code('-');

// What each ASCII code is mapped to, 0 where it is not allowed.
function table(isAllowed: (char: string) => boolean, map: (char: string) => string): Uint8Array {
  return Uint8Array.from({ length: 128 }, (_, i) => {
    const char = String.fromCharCode(i);
    return isAllowed(char) ? code(map(char)) : 0;
  });
}
const lower = (char: string): string => char.toLowerCase();

// PRECIS ASCII7 (RFC 8264 section 9.11) without the characters of RFC 7622 section 3.3.1, case-mapped.
const LOCAL = table((char) => char > ' ' && char < '\x7f' && !`"&'/:<>@`.includes(char), lower);
// FreeformClass: ASCII7 and space.
const RESOURCE = table(
  (char) => char >= ' ' && char < '\x7f',
  (char) => char,
);
const LDH = table((char) => /[0-9A-Za-z-]/.test(char), lower);

function scan(map: Uint8Array, text: string, start: number, end: number, out: Uint8Array, offset: number): number {
  if (start === end) return MALFORMED;
  if (end - start > MAX_PART) return NOT_ASCII; // which may shrink when normalised
  for (let i = start; i < end; i++) {
    const c = text.charCodeAt(i);
    if (c > 127) return NOT_ASCII;
    const mapped = map[c] as number; // 128 entries
    if (mapped === 0) return MALFORMED;
    out[offset++] = mapped;
  }
  return offset;
}

/** Localpart: UsernameCaseMapped for ASCII. */
export function scanLocal(text: string, start: number, end: number, out: Uint8Array, offset: number): number {
  return scan(LOCAL, text, start, end, out, offset);
}

/** Resourcepart: OpaqueString for ASCII; RFC 7622 table 2, example 18: no leading space. */
export function scanResource(text: string, start: number, end: number, out: Uint8Array, offset: number): number {
  return text.charCodeAt(start) === 0x20 ? MALFORMED : scan(RESOURCE, text, start, end, out, offset);
}

/**
 * Domainpart of NR-LDH labels (RFC 5890 section 2.3.1) joined by dots; one trailing dot is stripped (RFC 7622 section 3.2).
 * An A-label or an IP literal yields NOT_ASCII.
 */
export function scanDomain(text: string, start: number, end: number, out: Uint8Array, offset: number): number {
  if (end > start && text.charCodeAt(end - 1) === DOT) end--;
  if (start === end) return MALFORMED;
  if (text[start] === '[') return NOT_ASCII;
  const origin = offset;
  let label = offset;
  for (let i = start; i < end; i++) {
    const c = text.charCodeAt(i);
    if (c > 127) return NOT_ASCII;
    const mapped = LDH[c] as number; // 128 entries
    if (mapped !== 0) {
      if (offset - origin === MAX_DOMAIN) return MALFORMED;
      out[offset++] = mapped;
      // "--" in the third and fourth place marks a reserved LDH label, of which only A-labels have a meaning.
      if (mapped === HYPHEN && offset - label === 4 && out[offset - 2] === HYPHEN) {
        return out[label] === code('x') && out[label + 1] === code('n') ? NOT_ASCII : MALFORMED;
      }
    } else if (c === DOT && endsLabel(out, label, offset) && offset - origin < MAX_DOMAIN) {
      out[offset++] = DOT;
      label = offset;
    } else return MALFORMED;
  }
  return endsLabel(out, label, offset) ? offset : MALFORMED;
}

function endsLabel(out: Uint8Array, label: number, offset: number): boolean {
  const length = offset - label;
  return length > 0 && length <= MAX_LABEL && out[label] !== HYPHEN && out[offset - 1] !== HYPHEN;
}
