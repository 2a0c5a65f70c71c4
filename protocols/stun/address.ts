import type { Buffer } from 'node:buffer';
import { parseIp } from '#src/address/ip.ts';

export type Family = 4 | 6;

/** An IP address in its canonical text form and a port. */
export interface TransportAddress {
  readonly family: Family;
  readonly address: string;
  readonly port: number;
}

/** RFC 8489 section 14.1: how a family is written. */
export const FAMILY_V4 = 0x01;
export const FAMILY_V6 = 0x02;

export const familyOf = (address: string): Family => (address.includes(':') ? 6 : 4);

/** Undefined for text that is no IP address. */
export function transportAddress(address: string, port: number): TransportAddress | undefined {
  return parseIp(address) === undefined ? undefined : { family: familyOf(address), address, port };
}

/** The four bytes at an offset, as text. */
export function textOfV4(bytes: Buffer, at: number): string {
  return wordToText(bytes.readUInt32BE(at));
}

export function wordToText(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
}

/** The sixteen bytes at an offset, in the text form of RFC 5952, which is that of the system's own functions. */
export function textOfV6(bytes: Buffer, at: number): string {
  const groups: number[] = [];
  for (let index = 0; index < 8; index++) groups.push(bytes.readUInt16BE(at + 2 * index));
  return groupsToText(groups);
}

/** Section 4.2.2 and 4.2.3: the longest run of two or more zeros, the first of several, is shortened. */
export function groupsToText(groups: readonly number[]): string {
  let best = -1;
  let length = 1;
  for (let from = 0; from < 8; from++) {
    let to = from;
    while (to < 8 && groups[to] === 0) to++;
    if (to - from > length) {
      best = from;
      length = to - from;
    }
    if (to > from) from = to;
  }
  // Section 5: addresses that carry one of IPv4.
  if (best === 0 && ((length === 5 && groups[5] === 0xffff) || length === 6)) {
    const word = (((groups[6] ?? 0) << 16) | (groups[7] ?? 0)) >>> 0;
    return `${length === 6 ? '::' : '::ffff:'}${wordToText(word)}`;
  }
  const hex = groups.map((group) => group.toString(16));
  return best < 0 ? hex.join(':') : `${hex.slice(0, best).join(':')}::${hex.slice(best + length).join(':')}`;
}

/** Writes 4 or 16 bytes. @throws Error for text that is no address of the family */
export function writeIp(bytes: Buffer, at: number, { address, family }: Omit<TransportAddress, 'port'>): void {
  const parsed = parseIp(address);
  if (parsed === undefined || (family === 4 && parsed.family === 6))
    throw new Error(`${address} is no IPv${family} address`);
  let words = parsed.words;
  if (family === 6 && parsed.family === 4) words = [0, 0, 0xffff, words[0] ?? 0];
  for (const [index, word] of words.entries()) bytes.writeUInt32BE(word, at + 4 * index);
}
