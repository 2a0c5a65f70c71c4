import { Buffer } from 'node:buffer';
import { putVarint } from '#protocols/mqtt/packet/writer.ts';

/**
 * Bytes of a packet as a protocol person writes them: hexadecimal digits, `'text'` as it is, `"text"` with its length of two bytes
 * before it, `[ … ]` with its Remaining Length before it, `( … )` with its Property Length before it.
 */
export function bytes(notation: string): Buffer {
  const open: Buffer[][] = [[]];
  for (const [token] of notation.matchAll(/"[^"]*"|'[^']*'|[[\](]|\)|[\da-f]+|\S/gi)) {
    const parts = open.at(-1) as Buffer[];
    const [mark] = token;
    if (mark === '"') parts.push(length(2, Buffer.byteLength(token) - 2), Buffer.from(token.slice(1, -1)));
    else if (mark === "'") parts.push(Buffer.from(token.slice(1, -1)));
    else if (mark === '[' || mark === '(') open.push([]);
    else if (mark === ']' || mark === ')') {
      const inner = Buffer.concat(open.pop() as Buffer[]);
      open.at(-1)?.push(varint(inner.length), inner);
    } else {
      const digits = Buffer.from(token, 'hex');
      if (digits.length * 2 !== token.length) throw new Error(`"${token}" in ${notation}`);
      parts.push(digits);
    }
  }
  if (open.length !== 1) throw new Error(`unbalanced: ${notation}`);
  return Buffer.concat(open[0] as Buffer[]);
}

const length = (size: number, value: number): Buffer => {
  const buf = Buffer.alloc(size);
  buf.writeUIntBE(value, 0, size);
  return buf;
};

const varint = (value: number): Buffer => {
  const buf = Buffer.alloc(4);
  return buf.subarray(0, putVarint(buf, 0, value));
};
