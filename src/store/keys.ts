/**
 * Keys are lists of text parts. Encoded, each part ends with NUL, so a prefix matches whole parts only and a shorter part sorts before a longer
 * one that begins with it; NUL and SOH inside a part are escaped with SOH, which keeps their order.
 */

/** `'a'` is the same key as `['a']`. Parts must be well-formed Unicode. */
export type Key = string | readonly string[];

const END = '\0';
const ESCAPE = '\x01';

const encodePart = (part: string): string => {
  if (!part.isWellFormed()) throw new TypeError('a key must be well-formed Unicode');
  if (!part.includes(END) && !part.includes(ESCAPE)) return part + END;
  return part.replaceAll(ESCAPE, '\x01\x02').replaceAll(END, '\x01\x01') + END;
};

/** The text of `key` in the space whose keys begin with `prefix`. */
export const encodeKey = (prefix: string, key: Key): string => {
  if (typeof key === 'string') return prefix + encodePart(key);
  let text = prefix;
  for (const part of key) text += encodePart(part);
  return text;
};

/** The parts of an encoded key after its first `skip` characters. */
export const decodeKey = (text: string, skip: number): string[] => {
  const parts = text.slice(skip).split(END);
  parts.pop();
  if (!text.includes(ESCAPE, skip)) return parts;
  return parts.map((part) => part.replaceAll('\x01\x01', END).replaceAll('\x01\x02', ESCAPE));
};

/** The first text after all that begin with `prefix`, which must be an encoded key: as its last character is NUL, SOH takes its place. */
export const endOf = (prefix: string): string => prefix.slice(0, -1) + ESCAPE;

/** Surrogates sort after the rest of the basic plane in UTF-8, before it in UTF-16. */
const utf8Rank = (unit: number): number => {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
};

/** Orders encoded keys by their UTF-8 bytes, as LevelDB does. */
export const compareKeys = (a: string, b: string): number => {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left !== right) return utf8Rank(left) - utf8Rank(right);
  }
  return a.length - b.length;
};

/** A sequence number as text that sorts like the number: the count of digits in base 36, then the digits. */
export const encodeSeq = (seq: number): string => {
  const digits = seq.toString(36);
  return digits.length.toString(36) + digits;
};
