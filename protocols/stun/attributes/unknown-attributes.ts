import type { Attribute } from '../attribute.ts';

/** RFC 8489 section 14.13: the types that were not understood. */
export const unknownAttributes: Attribute<readonly number[]> = {
  type: 0x000a,
  name: 'UNKNOWN-ATTRIBUTES',
  size: (types) => 2 * types.length,
  write(bytes, at, types) {
    for (const [index, type] of types.entries()) bytes.writeUInt16BE(type, at + 2 * index);
  },
  read(bytes, start, end) {
    if ((end - start) % 2 !== 0) return undefined;
    const types: number[] = [];
    for (let at = start; at < end; at += 2) types.push(bytes.readUInt16BE(at));
    return types;
  },
};
