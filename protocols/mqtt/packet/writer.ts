import { Buffer } from 'node:buffer';
import { MAX_VARINT } from './reader.ts';

/** Bytes of a Variable Byte Integer (MQTT 5 section 1.5.5). @throws RangeError for what it cannot hold */
export function bytesOfVarint(value: number): number {
  if (value < 128) return 1;
  if (value < 16_384) return 2;
  if (value < 2_097_152) return 3;
  if (value <= MAX_VARINT) return 4;
  throw new RangeError(`${value} is more than a Variable Byte Integer holds`);
}

/** Writes a Variable Byte Integer. @returns where the next byte goes */
export function putVarint(buf: Buffer, from: number, value: number): number {
  let at = from;
  let rest = value;
  while (rest > 127) {
    buf[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  buf[at++] = rest;
  return at;
}

/** Bytes of a string with its length. @throws RangeError for one of more than 65,535 */
export function bytesOfText(text: string): number {
  return 2 + checked(Buffer.byteLength(text));
}

const checked = (length: number): number => {
  if (length > 65_535) throw new RangeError('a field of more than 65,535 bytes');
  return length;
};

/** Room for the longest fixed header: the packet is written behind it, and the header then put right before. */
const HEADER = 5;

/** Writes the fields of one packet in order. */
export class PacketWriter {
  private buf: Buffer;
  private at = HEADER;

  /** @param room bytes that the packet is expected to need, the fixed header excluded; more are taken when it needs them */
  constructor(room = 59) {
    this.buf = Buffer.allocUnsafe(HEADER + room);
  }

  byte(value: number): void {
    this.need(1);
    this.buf[this.at++] = value;
  }

  uint16(value: number): void {
    this.need(2);
    this.at = this.buf.writeUInt16BE(value, this.at);
  }

  uint32(value: number): void {
    this.need(4);
    this.at = this.buf.writeUInt32BE(value, this.at);
  }

  varint(value: number): void {
    this.need(bytesOfVarint(value));
    this.at = putVarint(this.buf, this.at, value);
  }

  text(text: string): void {
    const bytes = bytesOfText(text);
    this.need(bytes);
    this.buf.writeUInt16BE(bytes - 2, this.at);
    this.buf.write(text, this.at + 2);
    this.at += bytes;
  }

  binary(bytes: Buffer): void {
    this.uint16(checked(bytes.length));
    this.raw(bytes);
  }

  raw(bytes: Buffer): void {
    this.need(bytes.length);
    this.buf.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** What was written, without a fixed header. */
  bare(): Buffer {
    return this.buf.subarray(HEADER, this.at);
  }

  /** The packet. @param first the first byte of its fixed header (MQTT 5 section 2.1.1) */
  packet(first: number): Buffer {
    const length = this.at - HEADER;
    const from = HEADER - 1 - bytesOfVarint(length);
    this.buf[from] = first;
    putVarint(this.buf, from + 1, length);
    return this.buf.subarray(from, this.at);
  }

  private need(bytes: number): void {
    if (this.at + bytes <= this.buf.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.buf.length * 2, this.at + bytes));
    this.buf.copy(grown, 0, 0, this.at);
    this.buf = grown;
  }
}
