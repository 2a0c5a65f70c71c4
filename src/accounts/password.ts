/** The forms of a password under which a client may have hashed it. */
import { enforceOpaqueString } from '#src/address/precis.ts';

/** In bytes of UTF-8: the bound of RFC 7622's parts, for RFC 8265 has none. */
const maxBytes = 1023;

/**
 * The OpaqueString form (RFC 8265 section 4.2) first, then the SASLprep form (RFC 4013) where it differs: RFC 5802 tells
 * clients to use SASLprep, newer ones use the profile that replaced it. Empty when the password is not allowed at
 * all: it has 1 to 1023 bytes of UTF-8 and no control characters.
 */
export function passwordForms(password: string): readonly string[] {
  if (Buffer.byteLength(password) > maxBytes) return [];
  const opaque = enforceOpaqueString(password);
  if (opaque === undefined || Buffer.byteLength(opaque) > maxBytes) return [];
  const prepared = saslPrepare(password);
  return prepared === '' || prepared === opaque ? [opaque] : [opaque, prepared];
}

/**
 * RFC 4013 section 2.1 and 2.2: map, then NFKC. Its prohibitions and its bidi rule need no check here: a client that
 * obeys them never sends such a password, so the form just stays unused.
 */
function saslPrepare(password: string): string {
  let mapped = '';
  for (const char of password) {
    const code = char.codePointAt(0) ?? 0;
    if (isMappedToNothing(code)) continue;
    mapped += isNonAsciiSpace(code) ? ' ' : char;
  }
  return mapped.normalize('NFKC');
}

/** RFC 3454 table C.1.2. U+200B is in B.1 as well; RFC 4013 maps it to a space. */
function isNonAsciiSpace(code: number): boolean {
  if (code === 0xa0 || code === 0x1680) return true;
  return (code >= 0x2000 && code <= 0x200b) || code === 0x202f || code === 0x205f || code === 0x3000;
}

/** RFC 3454 table B.1. */
function isMappedToNothing(code: number): boolean {
  if (code === 0xad || code === 0x34f || code === 0x1806 || code === 0x2060 || code === 0xfeff) return true;
  return (code >= 0x180b && code <= 0x180d) || (code >= 0x200c && code <= 0x200d) || (code >= 0xfe00 && code <= 0xfe0f);
}
