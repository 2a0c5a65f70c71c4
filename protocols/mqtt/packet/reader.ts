import { Buffer, isUtf8 } from 'node:buffer';
import { Fault, malformed, protocolError } from './fault.ts';
import type { ReasonCode } from './reason-codes.ts';

export const NO_BYTES = Buffer.alloc(0);

/** MQTT 5 section 1.5.5: four bytes of seven bits. */
export const MAX_VARINT = 268_435_455;

/**
 * A UTF-8 Encoded String (MQTT 5 section 1.5.4); undefined when it is ill-formed [MQTT-1.5.4-1] or has U+0000 [MQTT-1.5.4-2].
 * Control characters and non-characters are taken: the document only advises against them. U+FEFF stays [MQTT-1.5.4-3].
 */
export function readText(buf: Buffer, from: number, end: number): string | undefined {
  let at = from;
  while (at < end) {
    const byte = buf[at] as number;
    if (byte === 0) return undefined;
    if (byte > 0x7f) break;
    at++;
  }
  if (at === end) return buf.toString('latin1', from, end);
  const rest = buf.subarray(at, end);
  return isUtf8(rest) && !rest.includes(0) ? buf.toString('utf8', from, end) : undefined;
}

/**
 * Reads the fields of one packet in order. The first fault is kept and what is read after it is empty, so that a packet is read in
 * plain steps and judged once.
 */
export class PacketReader {
  readonly buf: Buffer;
  at: number;
  /** Where the packet ends, or for a while its properties. */
  end: number;
  fault: Fault | undefined = undefined;

  constructor(buf: Buffer, from: number, end: number) {
    this.buf = buf;
    this.at = from;
    this.end = end;
  }

  /** Fields may follow; false after a fault. */
  get more(): boolean {
    return this.at < this.end && this.fault === undefined;
  }

  refuse(fault: Fault): void {
    this.fault ??= fault;
    this.at = this.end;
  }

  fail(reason: ReasonCode, text: string): void {
    this.refuse(new Fault(reason, text));
  }

  byte(): number {
    return this.has(1) ? (this.buf[this.at++] as number) : 0;
  }

  uint16(): number {
    if (!this.has(2)) return 0;
    this.at += 2;
    return this.buf.readUInt16BE(this.at - 2);
  }

  uint32(): number {
    if (!this.has(4)) return 0;
    this.at += 4;
    return this.buf.readUInt32BE(this.at - 4);
  }

  /** A Variable Byte Integer (MQTT 5 section 1.5.5). */
  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (byte === 0 && shift > 0) this.refuse(malformed('an integer that is longer than it needs to be'));
        return value;
      }
    }
    this.refuse(malformed('an integer of more than four bytes'));
    return 0;
  }

  text(): string {
    const from = this.field();
    if (this.fault !== undefined) return '';
    const text = readText(this.buf, from, this.at);
    if (text === undefined) this.refuse(malformed('a string that is not UTF-8 or has U+0000'));
    return text ?? '';
  }

  /** A view of the packet: who keeps it longer than the call copies it. */
  binary(): Buffer {
    const from = this.field();
    return from === this.at ? NO_BYTES : this.buf.subarray(from, this.at);
  }

  packetId(): number {
    const id = this.uint16();
    // [MQTT-2.2.1-3]; 3.1.1 [MQTT-2.3.1-1]
    if (id === 0 && this.fault === undefined) this.refuse(protocolError('a packet identifier of 0'));
    return id;
  }

  finish(): void {
    if (this.at < this.end) this.refuse(malformed('bytes behind the last field'));
  }

  /** Passes over a length and its bytes; answers where they begin. */
  private field(): number {
    const length = this.uint16();
    const from = this.at;
    if (this.has(length)) this.at = from + length;
    return from;
  }

  private has(bytes: number): boolean {
    if (this.end - this.at >= bytes) return true;
    this.refuse(malformed('a field goes over the end'));
    return false;
  }
}
