/** IP addresses and CIDR blocks: parsed once, compared as numbers. A v4-mapped v6 address (RFC 4291 section 2.5.5.2) is its v4 address. */

export interface IpAddress {
  readonly family: 4 | 6;
  /** One 32-bit word for v4, four for v6, most significant first. */
  readonly words: readonly number[];
}

export interface IpBlock extends IpAddress {
  readonly prefix: number;
}

/** 45 characters at most, and a zone. */
const maxText = 64;

/** Undefined for anything that is no address. A zone (`fe80::1%eth0`) is left out. */
export function parseIp(text: string): IpAddress | undefined {
  if (text.length > maxText) return undefined;
  if (!text.includes(':')) {
    const word = parseV4(text);
    return word === undefined ? undefined : { family: 4, words: [word] };
  }
  const zone = text.indexOf('%');
  const words = parseV6(zone < 0 ? text : text.slice(0, zone));
  if (words === undefined) return undefined;
  const [a, b, c, d] = words;
  return a === 0 && b === 0 && c === 0xffff && d !== undefined ? { family: 4, words: [d] } : { family: 6, words };
}

/** `192.0.2.0/24`, `2001:db8::/32`, or an address alone. A block written over `::ffff:0:0/96` is its v4 block. */
export function parseBlock(text: string): IpBlock | undefined {
  const slash = text.indexOf('/');
  const address = parseIp(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const bits = address.family === 4 ? 32 : 128;
  if (slash < 0) return { ...address, prefix: bits };
  const length = parseDecimal(text.slice(slash + 1));
  if (length === undefined) return undefined;
  const mapped = address.family === 4 && text.includes(':');
  const prefix = mapped ? length - 96 : length;
  return prefix >= 0 && prefix <= bits ? { ...address, prefix } : undefined;
}

export function inBlock(address: IpAddress, block: IpBlock): boolean {
  if (address.family !== block.family) return false;
  let left = block.prefix;
  for (let at = 0; left > 0; at++, left -= 32) {
    const mask = left >= 32 ? -1 : -1 << (32 - left);
    if ((((address.words[at] ?? 0) ^ (block.words[at] ?? 0)) & mask) !== 0) return false;
  }
  return true;
}

/** 127.0.0.0/8 (RFC 1122) and ::1 (RFC 4291). */
export function isLoopback({ family, words }: IpAddress): boolean {
  if (family === 4) return (words[0] ?? 0) >>> 24 === 127;
  return words[0] === 0 && words[1] === 0 && words[2] === 0 && words[3] === 1;
}

/**
 * Who is counted as one: a v4 address, or a v6 /64, which is what one customer gets and can fill with addresses at will.
 * `192.0.2.1`, `2001:db8:0:1::/64`.
 */
export function originOf({ family, words }: IpAddress): string {
  const [a = 0, b = 0] = words;
  if (family === 4) return `${a >>> 24}.${(a >>> 16) & 255}.${(a >>> 8) & 255}.${a & 255}`;
  return `${(a >>> 16).toString(16)}:${(a & 0xffff).toString(16)}:${(b >>> 16).toString(16)}:${(b & 0xffff).toString(16)}::/64`;
}

/** Four decimal numbers without leading zeros (RFC 6943 section 3.1.1). */
function parseV4(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let word = 0;
  for (const part of parts) {
    const value = parseDecimal(part);
    if (value === undefined || value > 255) return undefined;
    word = (word << 8) | value;
  }
  return word >>> 0;
}

/** RFC 4291 section 2.2: eight groups, one run of zeros as `::`, the last two perhaps in the notation of v4. */
function parseV6(text: string): readonly number[] | undefined {
  const lastColon = text.lastIndexOf(':');
  const tail = text.slice(lastColon + 1);
  let hex = text;
  if (tail.includes('.')) {
    const word = parseV4(tail);
    if (word === undefined) return undefined;
    hex = `${text.slice(0, lastColon + 1)}${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`;
  }
  const gap = hex.indexOf('::');
  const head = parseGroups(gap < 0 ? hex : hex.slice(0, gap));
  const rest = gap < 0 ? [] : parseGroups(hex.slice(gap + 2));
  if (head === undefined || rest === undefined) return undefined;
  const missing = 8 - head.length - rest.length;
  if (gap < 0 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array<number>(missing).fill(0), ...rest];
  const words: number[] = [];
  for (let at = 0; at < 8; at += 2) words.push((((groups[at] ?? 0) << 16) | (groups[at + 1] ?? 0)) >>> 0);
  return words;
}

function parseGroups(text: string): readonly number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  for (const group of text.split(':')) {
    if (group.length === 0 || group.length > 4) return undefined;
    let value = 0;
    for (const char of group) {
      const digit = '0123456789abcdef'.indexOf(char.toLowerCase());
      if (digit < 0) return undefined;
      value = value * 16 + digit;
    }
    groups.push(value);
  }
  return groups;
}

function parseDecimal(text: string): number | undefined {
  if (text.length === 0 || text.length > 3 || (text.length > 1 && text.startsWith('0'))) return undefined;
  for (const digit of text) if (digit < '0' || digit > '9') return undefined;
  return Number(text);
}
