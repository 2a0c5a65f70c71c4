/** Generators of hostile and of plausible address text. */
import fc from 'fast-check';

/** Characters at which addresses go wrong: separators, controls, marks, joiners, right-to-left, wide, Jamo, lone surrogates. */
const TRICKY = [
  '', ' ', '@', '/', '.', '-', '--', 'xn--', '\\', '\\20', '\\27', '\\5c', '%', '%C3', ':', '[', ']', '\0', '\x7f', 'a', 'Z', '0',
  'ß', 'ς', 'Σ', 'İ', 'K', 'é', 'e\u0301', '\u0301', '\u0338', '\u00a0', '\u3000', '\u200c', '\u200d', '\u00b7', '\u30fb', '\u0375',
  '\u05d0', '\u05f3', '\u0627', '\u0661', '\u06f1', '\u094d', '\u0915', '＠', '／', '．', '。', '｡', 'Ａ', 'ｱ', 'ﾞ', '\u1100',
  '\u1161', '\u11a8', '한', '漢', 'カ', '♚', '😀', '\ufe0f', '\ufeff', '\ufffe', '\ud800', '\udc00', '\u{10ffff}', '\u{e0001}',
]; // prettier-ignore

/** One of the code points of `text`. */
export const oneOf = (text: string): fc.Arbitrary<string> => fc.constantFrom(...Array.from(text));

/** Any sequence of UTF-16 units, lone surrogates included. */
export const anyText = fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units));

/** Short pieces that interact, glued together. */
export const trickyText = fc.array(fc.constantFrom(...TRICKY), { maxLength: 24 }).map((parts) => parts.join(''));

/** A localpart of printable characters, before its profile. */
export const localText = fc.oneof(
  fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 20 }),
  fc.string({ unit: oneOf('abcü漢жç\\2570cfae!#$%*+='), minLength: 1, maxLength: 12 }),
);

/** A domain that is valid. */
export const domainText = fc.constantFrom(
  'example.com',
  'localhost',
  'bücher.example',
  '192.0.2.1',
  '[2001:db8::1]',
  'אבג.example',
);

/** A resourcepart before its profile. */
export const resourceText = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  trickyText,
);
