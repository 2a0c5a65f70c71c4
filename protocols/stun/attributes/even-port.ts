import type { Attribute } from '../attribute.ts';

/** RFC 8656 section 18.7: true for the R bit, which asks to reserve the next port too. */
export const evenPort: Attribute<boolean> = {
  type: 0x0018,
  name: 'EVEN-PORT',
  size: () => 1,
  write: (bytes, at, reserve) => void bytes.writeUInt8(reserve ? 0x80 : 0, at),
  read: (bytes, start, end) => (end - start === 1 ? bytes.readUInt8(start) >= 0x80 : undefined),
};
