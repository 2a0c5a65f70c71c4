import type { Buffer } from 'node:buffer';
import { type Attribute, COMPREHENSION_OPTIONAL, MAGIC_COOKIE } from './attribute.ts';
import { fingerprint } from './attributes/fingerprint.ts';
import { messageIntegritySha256 } from './attributes/message-integrity-sha256.ts';
import { messageIntegrity } from './attributes/message-integrity.ts';
import { type Class, classOf, methodOf } from './methods.ts';

/** RFC 8489 section 5. */
export const HEADER = 20;
/** Attributes that are looked at; a message with more is malformed. */
const MOST_ATTRIBUTES = 64;

/** Whether bytes begin like a STUN message: two zero bits, the magic cookie, and a length that is sensible (RFC 8489 section 6.3). */
export function isStun(bytes: Buffer): boolean {
  return (
    bytes.length >= HEADER &&
    bytes.readUInt8(0) < 0x40 &&
    bytes.readUInt32BE(4) === MAGIC_COOKIE &&
    (bytes.readUInt8(3) & 0b11) === 0
  );
}

/**
 * A STUN message, read where it lies: attributes are places in the bytes, and their values are made when they are asked for. The
 * bytes belong to the message as long as it is used.
 */
export class Message {
  readonly bytes: Buffer;
  readonly type: number;
  /** An attribute goes beyond the message, or there are too many. */
  readonly malformed: boolean;
  /** Type, start and end of each attribute's value, three numbers an attribute. */
  readonly #places: readonly number[];

  private constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.type = bytes.readUInt16BE(0);
    const places: number[] = [];
    this.malformed = !locate(bytes, places);
    this.#places = places;
  }

  /** Undefined when the bytes are not one STUN message, exactly. */
  static decode(bytes: Buffer): Message | undefined {
    return isStun(bytes) && bytes.readUInt16BE(2) === bytes.length - HEADER ? new Message(bytes) : undefined;
  }

  get method(): number {
    return methodOf(this.type);
  }

  get class(): Class {
    return classOf(this.type);
  }

  /** 12 bytes. */
  get transactionId(): Buffer {
    return this.bytes.subarray(8, HEADER);
  }

  has({ type }: Attribute<unknown>): boolean {
    return this.#find(type) >= 0;
  }

  /** The value of the first attribute of this type (RFC 8489 section 14); undefined when it is absent or malformed. */
  get<T>(attribute: Attribute<T>): T | undefined {
    const at = this.#find(attribute.type);
    return at < 0 ? undefined : attribute.read(this.bytes, this.#places[at + 1] ?? 0, this.#places[at + 2] ?? 0);
  }

  /** Is the attribute there, and not what it should be? */
  broken(attribute: Attribute<unknown>): boolean {
    return this.has(attribute) && this.get(attribute) === undefined;
  }

  /** All values of a type in order; undefined when one is malformed. */
  all<T>(attribute: Attribute<T>): readonly T[] | undefined {
    const values: T[] = [];
    for (let at = 0; at < this.#places.length; at += 3) {
      if (this.#places[at] !== attribute.type) continue;
      const value = attribute.read(this.bytes, this.#places[at + 1] ?? 0, this.#places[at + 2] ?? 0);
      if (value === undefined) return undefined;
      values.push(value);
    }
    return values;
  }

  /** Where the value of the first attribute of a type starts and ends, from the message's first byte; undefined when it is absent. */
  place({ type }: Attribute<unknown>): { readonly start: number; readonly end: number } | undefined {
    const at = this.#find(type);
    return at < 0 ? undefined : { start: this.#places[at + 1] ?? 0, end: this.#places[at + 2] ?? 0 };
  }

  /** Types of the attributes in order. */
  get types(): readonly number[] {
    return this.#places.filter((_, index) => index % 3 === 0);
  }

  /** The comprehension-required types that are not among the known ones, each once (RFC 8489 section 6.3.1). */
  unknown(known: ReadonlySet<number>): readonly number[] {
    return [...new Set(this.types.filter((type) => type < COMPREHENSION_OPTIONAL && !known.has(type)))];
  }

  #find(type: number): number {
    for (let at = 0; at < this.#places.length; at += 3) if (this.#places[at] === type) return at;
    return -1;
  }
}

/**
 * RFC 8489 sections 14.5 to 14.7: what follows MESSAGE-INTEGRITY is ignored but for MESSAGE-INTEGRITY-SHA256 and FINGERPRINT, what
 * follows MESSAGE-INTEGRITY-SHA256 but for FINGERPRINT, and FINGERPRINT is the last.
 */
function locate(bytes: Buffer, places: number[]): boolean {
  let after = 0;
  let at = HEADER;
  while (at < bytes.length) {
    if (at + 4 > bytes.length || places.length >= 3 * MOST_ATTRIBUTES) return false;
    const type = bytes.readUInt16BE(at);
    const end = at + 4 + bytes.readUInt16BE(at + 2);
    if (end > bytes.length) return false;
    const rank = rankOf(type);
    if (rank === 0 ? after === 0 : rank > after) {
      places.push(type, at + 4, end);
      after = rank;
    }
    at = (end + 3) & ~3;
  }
  return at === bytes.length;
}

function rankOf(type: number): number {
  if (type === messageIntegrity.type) return 1;
  if (type === messageIntegritySha256.type) return 2;
  return type === fingerprint.type ? 3 : 0;
}
