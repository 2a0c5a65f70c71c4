/** RFC 3986 section 2.1: percent-encoding of UTF-8. */

/** RFC 3986 section 2.3 "unreserved". */
export const UNRESERVED = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~';

/** An encoder that leaves the ASCII characters of `allowed` as they are and writes every other byte as `%XX`. */
export function percentEncoder(allowed: string): (text: string) => string {
  const isAllowed = new Set(Buffer.from(allowed, 'latin1'));
  return (text) => {
    let out = '';
    for (const byte of Buffer.from(text)) {
      out += isAllowed.has(byte) ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    }
    return out;
  };
}

/**
 * The text that `encoded` stands for, undefined when its bytes are not UTF-8. A `%` that begins no escape stands for itself,
 * as XEP-0106 section 5.3 has it in its examples.
 */
export function percentDecode(encoded: string): string | undefined {
  if (!encoded.includes('%')) return encoded;
  try {
    return decodeURIComponent(encoded.replace(/%(?![0-9A-Fa-f]{2})/g, '%25'));
  } catch {
    return undefined;
  }
}

/** `text` up to the first `separator`, and what follows it (undefined when there is none). */
export function cut(text: string, separator: string): readonly [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}
