/**
 * Bytes and characters of XML 1.0 (fifth edition): the classes that the scanner's inner loops test, one table read a byte, and
 * the productions Char (2.2), NameStartChar and NameChar (2.3) for what lies beyond ASCII.
 *
 * Reads of a typed array are cast to `number` in these files: every index is below the length by the loop's own bound.
 */
import type { Buffer } from 'node:buffer';

export const TAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
export const BANG = 0x21;
export const QUOT = 0x22;
export const HASH = 0x23;
export const AMP = 0x26;
export const APOS = 0x27;
export const DASH = 0x2d;
export const SLASH = 0x2f;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;
export const LT = 0x3c;
export const EQUALS = 0x3d;
export const GT = 0x3e;
export const QUESTION = 0x3f;
export const BRACKET_OPEN = 0x5b;
export const BRACKET_CLOSE = 0x5d;

/** Class of a byte that needs no attention where it stands. */
export const PLAIN = 0;
/** A control character that Char (XML 2.2) leaves out. */
export const ILLEGAL = 1;
/** A byte of a character beyond ASCII. */
export const WIDE = 2;
/** A byte that ends the run or needs a look. */
export const MARK = 3;

const classes = (marks: string): Uint8Array => {
  const table = new Uint8Array(256);
  table.fill(ILLEGAL, 0, SPACE);
  for (const legal of [TAB, LF, CR]) table[legal] = PLAIN;
  table.fill(WIDE, 0x80);
  for (const mark of marks) table[mark.charCodeAt(0)] = MARK;
  return table;
};

/** Character data (XML 2.4): `>` is looked at because `]]>` may not occur. */
export const TEXT_BYTES = classes('<&>');
/** A CDATA section (XML 2.7). */
export const CDATA_BYTES = classes('>');
/** An attribute value in either quote (XML 2.3 AttValue); TAB, LF and CR are looked at because they are normalised (XML 3.3.3). */
export const VALUE_BYTES = classes('<&"\'\t\n\r');

/** The first offset in `[from, end)` whose byte is not PLAIN in the table, or `end`. Four bytes a step: half the time of one. */
export const skipPlain = (table: Uint8Array, buf: Buffer, from: number, end: number): number => {
  // PLAIN is written as 0 here: the engine does not fold a constant that its module exports.
  const last = end - 3;
  let at = from;
  while (
    at < last &&
    ((table[buf[at] as number] as number) |
      (table[buf[at + 1] as number] as number) |
      (table[buf[at + 2] as number] as number) |
      (table[buf[at + 3] as number] as number)) ===
      0
  ) {
    at += 4;
  }
  while (at < end && table[buf[at] as number] === 0) at++;
  return at;
};

/** Bit: the byte may stand in a name after its first character. */
export const NAME_CHAR = 1;
/** Bit: the byte may begin a name. */
export const NAME_START = 2;
/** Bit: the byte is white space. */
export const BLANK = 4;

/** Names (XML 2.3) within ASCII, the colon left out: Namespaces in XML gives it its own place. */
export const NAME_BYTES: Uint8Array = new Uint8Array(256);
for (const char of '-.0123456789') NAME_BYTES[char.charCodeAt(0)] = NAME_CHAR;
for (const char of '_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz') {
  NAME_BYTES[char.charCodeAt(0)] = NAME_CHAR | NAME_START;
}

for (const char of ' \t\r\n') NAME_BYTES[char.charCodeAt(0)] = BLANK;

/** Production S (XML 2.3). */
export const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x09 || byte === 0x0d;

/** Production Char (XML 2.2) for a code point. */
export const isXmlChar = (code: number): boolean =>
  code >= 0x20
    ? code <= 0xd7ff || (code >= 0xe000 && code <= 0xfffd) || (code >= 0x10000 && code <= 0x10ffff)
    : code === TAB || code === LF || code === CR;

/** First and last code points, in pairs, of NameStartChar (XML 2.3) beyond ASCII. */
const NAME_START_RANGES: readonly number[] = [
  0xc0, 0xd6, 0xd8, 0xf6, 0xf8, 0x2ff, 0x370, 0x37d, 0x37f, 0x1fff, 0x200c, 0x200d, 0x2070, 0x218f, 0x2c00, 0x2fef,
  0x3001, 0xd7ff, 0xf900, 0xfdcf, 0xfdf0, 0xfffd, 0x10000, 0xeffff,
];

/** First and last code points, in pairs, that NameChar (XML 2.3) adds beyond ASCII. */
const NAME_CHAR_RANGES: readonly number[] = [0xb7, 0xb7, 0x300, 0x36f, 0x203f, 0x2040];

const within = (ranges: readonly number[], code: number): boolean => {
  for (let index = 0; index < ranges.length; index += 2) {
    if (code >= (ranges[index] as number) && code <= (ranges[index + 1] as number)) return true;
  }
  return false;
};

/** Whether a code point may begin a name (`start`) or go on in one. */
export const isNameCode = (code: number, start: boolean): boolean => {
  if (code < 0x80) return ((NAME_BYTES[code] as number) & (start ? NAME_START : NAME_CHAR)) !== 0;
  return within(NAME_START_RANGES, code) || (!start && within(NAME_CHAR_RANGES, code));
};

/** What `readWide` answers for bytes that are not UTF-8 (RFC 3629): overlong forms, surrogates and cut sequences too. */
export const BAD_UTF8 = -1;

/**
 * The character beyond ASCII that begins at `at`, as `code << 3 | bytes`, or BAD_UTF8.
 * A sequence that runs over `end` is bad: callers cut `end` back with `wholeCharacters` first.
 */
export const readWide = (buf: Uint8Array, at: number, end: number): number => {
  const lead = buf[at] as number;
  if (lead >= 0xc2 && lead < 0xe0 && at + 1 < end && ((buf[at + 1] as number) & 0xc0) === 0x80) {
    return ((lead & 0x1f) << 9) | (((buf[at + 1] as number) & 0x3f) << 3) | 2;
  }
  const bytes = lead < 0xc2 || lead > 0xf4 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (bytes === 0 || at + bytes > end) return BAD_UTF8;
  let code = lead & (0xff >> (bytes + 1));
  for (let index = at + 1; index < at + bytes; index++) {
    const byte = buf[index] as number;
    if ((byte & 0xc0) !== 0x80) return BAD_UTF8;
    code = (code << 6) | (byte & 0x3f);
  }
  if (bytes === 3 && (code < 0x800 || (code >= 0xd800 && code <= 0xdfff))) return BAD_UTF8;
  if (bytes === 4 && (code < 0x10000 || code > 0x10ffff)) return BAD_UTF8;
  return (code << 3) | bytes;
};

/** The end of the last whole character in `[from, end)`: what follows it is the start of one that the next chunk completes. */
export const wholeCharacters = (buf: Uint8Array, from: number, end: number): number => {
  let at = end - 1;
  const stop = Math.max(from, end - 3);
  while (at > stop && ((buf[at] as number) & 0xc0) === 0x80) at--;
  if (at < from) return end;
  const lead = buf[at] as number;
  const bytes = lead < 0xc2 || lead > 0xf4 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  return end - at < bytes ? at : end;
};

/** The same numbers with as much room again. */
export const doubled = (numbers: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> => {
  const larger = new Int32Array(numbers.length * 2);
  larger.set(numbers);
  return larger;
};

/** The methods that `Buffer.toString` ends in: without its look at the arguments, which a stanza's head would pay each time. */
interface Slices {
  latin1Slice(from: number, to: number): string;
  utf8Slice(from: number, to: number): string;
}

/** Bytes as text, each byte one character: for ASCII. */
export const latin1 = (buf: Buffer, from: number, to: number): string =>
  (buf as unknown as Slices).latin1Slice(from, to);

/** Bytes as text, read as UTF-8. */
export const utf8 = (buf: Buffer, from: number, to: number): string => (buf as unknown as Slices).utf8Slice(from, to);
