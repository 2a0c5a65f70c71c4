import { Buffer } from 'node:buffer';
import { type Attribute, MAGIC_COOKIE } from './attribute.ts';
import { fingerprint } from './attributes/fingerprint.ts';
import { messageIntegritySha256 } from './attributes/message-integrity-sha256.ts';
import { messageIntegrity } from './attributes/message-integrity.ts';
import { crcOf, hmacOf, type IntegrityKey } from './integrity.ts';
import { HEADER } from './message.ts';
import { type Class, messageType } from './methods.ts';

/** Room that nearly every message fits in. */
const ROOM = 256;

/** Writes one message, attribute after attribute. */
export class Writer {
  #bytes: Buffer;
  #length = HEADER;

  /** @param transactionId 12 bytes */
  constructor(method: number, kind: Class, transactionId: Buffer) {
    this.#bytes = Buffer.allocUnsafe(ROOM);
    this.#bytes.writeUInt16BE(messageType(method, kind), 0);
    this.#bytes.writeUInt32BE(MAGIC_COOKIE, 4);
    this.#bytes.set(transactionId, 8);
    this.#seal();
  }

  add<T>(attribute: Attribute<T>, value: T): this {
    // The room is made before: it may be other bytes then.
    const at = this.#open(attribute.type, attribute.size(value));
    attribute.write(this.#bytes, at, value);
    this.#seal();
    return this;
  }

  /** Bytes of whatever type, known to nobody: for tests and probes. */
  raw(type: number, value: Buffer): this {
    const at = this.#open(type, value.length);
    this.#bytes.set(value, at);
    this.#seal();
    return this;
  }

  /** MESSAGE-INTEGRITY (RFC 8489 section 14.5). */
  integrity(key: IntegrityKey): this {
    return this.#integrity(messageIntegrity, 'sha1', key, 20);
  }

  /** MESSAGE-INTEGRITY-SHA256 (section 14.6). @param length bytes of the code that are written: 16 to 32, a multiple of 4 */
  integritySha256(key: IntegrityKey, length = 32): this {
    return this.#integrity(messageIntegritySha256, 'sha256', key, length);
  }

  /** FINGERPRINT (section 14.7), which is the last attribute. */
  fingerprint(): this {
    const at = this.#open(fingerprint.type, 4);
    this.#seal();
    this.#bytes.writeUInt32BE(crcOf(this.#bytes, at - 4), at);
    return this;
  }

  /** The message. Nothing may be added afterwards. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #integrity({ type }: Attribute<unknown>, algorithm: 'sha1' | 'sha256', key: IntegrityKey, length: number): this {
    const at = this.#open(type, length);
    this.#seal();
    this.#bytes.set(hmacOf(this.#bytes, at - 4, length, algorithm, key), at);
    return this;
  }

  /** Makes room for an attribute. @returns where its value begins */
  #open(type: number, size: number): number {
    const at = this.#length + 4;
    const end = (at + size + 3) & ~3;
    if (end > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(end, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    this.#bytes.writeUInt16BE(type, at - 4);
    this.#bytes.writeUInt16BE(size, at - 2);
    // Section 14: padding is zero.
    if (end > at + size) this.#bytes.fill(0, at + size, end);
    this.#length = end;
    return at;
  }

  #seal(): void {
    this.#bytes.writeUInt16BE(this.#length - HEADER, 2);
  }
}
