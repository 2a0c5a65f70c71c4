import type { Attribute } from '../attribute.ts';

export interface Icmp {
  /** Seven bits, of ICMPv4 or ICMPv6 as the peer's address says. */
  readonly type: number;
  /** Nine bits. */
  readonly code: number;
  /** The MTU of the next hop where a packet was too big, else 0. */
  readonly errorData: number;
}

/** RFC 8656 section 18.13: why a datagram was dropped on its way. */
export const icmp: Attribute<Icmp> = {
  type: 0x8004,
  name: 'ICMP',
  size: () => 8,
  write(bytes, at, { code, errorData, type }) {
    bytes.writeUInt32BE((type << 9) | code, at);
    bytes.writeUInt32BE(errorData, at + 4);
  },
  read(bytes, start, end) {
    if (end - start !== 8) return undefined;
    const word = bytes.readUInt16BE(start + 2);
    return { type: word >>> 9, code: word & 0x1ff, errorData: bytes.readUInt32BE(start + 4) };
  },
};
