import { Buffer } from 'node:buffer';
import type { Attribute } from '../attribute.ts';

export interface ErrorReason {
  /** 300 to 699. */
  readonly code: number;
  readonly phrase: string;
}

/** RFC 8489 section 14.8: the hundreds digit apart from the rest, and a reason phrase of 763 bytes at most. */
export const errorCode: Attribute<ErrorReason> = {
  type: 0x0009,
  name: 'ERROR-CODE',
  size: ({ phrase }) => 4 + Buffer.byteLength(phrase),
  write(bytes, at, { code, phrase }) {
    bytes.writeUInt32BE((Math.floor(code / 100) << 8) | (code % 100), at);
    bytes.write(phrase, at + 4);
  },
  read(bytes, start, end) {
    if (end - start < 4 || end - start > 767) return undefined;
    const kind = bytes.readUInt8(start + 2) & 0b111;
    const number = bytes.readUInt8(start + 3);
    if (kind < 3 || kind > 6 || number > 99) return undefined;
    return { code: kind * 100 + number, phrase: bytes.toString('utf8', start + 4, end) };
  },
};
