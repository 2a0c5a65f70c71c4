import { Buffer } from 'node:buffer';

/** Sees each whole packet in place: its first byte, and where its body begins and ends in `bytes`. */
export type OnPacket = (first: number, bytes: Buffer, start: number, end: number) => void;

/** Cuts a stream of packets (MQTT 3.1.1 section 2.2); only a packet that two chunks share is copied. */
export class Scanner {
  #rest: Buffer | undefined;
  readonly #onPacket: OnPacket;

  constructor(onPacket: OnPacket) {
    this.#onPacket = onPacket;
  }

  push(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    let offset = 0;
    while (offset < bytes.length) {
      let at = offset + 1;
      let length = 0;
      let shift = 0;
      let byte = 0x80;
      while (byte > 0x7f && at < bytes.length) {
        byte = bytes[at++] ?? 0;
        length += (byte & 0x7f) * 2 ** shift;
        shift += 7;
      }
      const end = at + length;
      if (byte > 0x7f || end > bytes.length) break;
      this.#onPacket(bytes[offset] ?? 0, bytes, at, end);
      offset = end;
    }
    this.#rest = offset === bytes.length ? undefined : Buffer.from(bytes.subarray(offset));
  }
}
