import { Buffer } from 'node:buffer';
import { MAGIC_COOKIE } from '#protocols/stun/attribute.ts';
import { CHANNEL_HEADER } from '../channel-data.ts';

const STUN_HEADER = 20;
const EMPTY = Buffer.alloc(0);

export interface FrameHandler {
  /** A STUN message. */
  onMessage(bytes: Buffer): void;
  /** @param bytes without header and padding */
  onChannelData(channel: number, bytes: Buffer): void;
  /** What comes is neither, or longer than may come: there is no way back into step. */
  onGarbage(): void;
}

/**
 * Finds the messages of a stream, however it is cut (RFC 8489 section 6.2.2, RFC 8656 section 12.5). A message within a chunk is given
 * where it lies; one that is spread over several is gathered once.
 */
export class Framing {
  readonly #handler: FrameHandler;
  /** Bytes of a message, header included, that may come. */
  most: number;
  #gathered: Buffer | undefined = undefined;
  #filled = 0;
  #stopped = false;
  /** Where what follows the message begins that is being told. */
  #chunk: Buffer = EMPTY;
  #next = 0;

  constructor(handler: FrameHandler, most: number) {
    this.#handler = handler;
    this.most = most;
  }

  /** Takes nothing more apart: what follows is somebody else's. */
  stop(): void {
    this.#stopped = true;
  }

  /** What came after the message that is being told. */
  get rest(): Buffer {
    return this.#chunk.subarray(this.#next);
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.#stopped) {
      const taken = this.#gathered === undefined ? this.#whole(chunk, at) : this.#gather(chunk, at, this.#gathered);
      if (taken === 0) break;
      at += taken;
    }
    this.#chunk = EMPTY;
    this.#next = 0;
  }

  /** A message that begins in the chunk. @returns bytes taken */
  #whole(chunk: Buffer, at: number): number {
    const left = chunk.length - at;
    const length = left < CHANNEL_HEADER ? -1 : this.#lengthAt(chunk, at);
    if (length === 0) return this.#garbage();
    if (length > 0 && length <= left) {
      this.#chunk = chunk;
      this.#next = at + length;
      this.#deliver(chunk, at, length);
      return length;
    }
    // The first bytes say how much has to be gathered.
    this.#gathered = Buffer.allocUnsafe(length < 0 ? CHANNEL_HEADER : length);
    this.#filled = chunk.copy(this.#gathered, 0, at);
    return left;
  }

  /** A message that began before. */
  #gather(chunk: Buffer, at: number, gathered: Buffer): number {
    const taken = chunk.copy(gathered, this.#filled, at, at + gathered.length - this.#filled);
    this.#filled += taken;
    if (this.#filled < gathered.length) return taken;
    const length = this.#lengthAt(gathered, 0);
    if (length === 0) return this.#garbage();
    if (length > gathered.length) {
      this.#gathered = Buffer.allocUnsafe(length);
      gathered.copy(this.#gathered);
      return taken;
    }
    this.#gathered = undefined;
    this.#chunk = chunk;
    this.#next = at + taken;
    this.#deliver(gathered, 0, length);
    return taken;
  }

  #deliver(bytes: Buffer, at: number, length: number): void {
    if (((bytes[at] ?? 0) & 0xc0) === 0) return this.#handler.onMessage(bytes.subarray(at, at + length));
    const from = at + CHANNEL_HEADER;
    this.#handler.onChannelData(bytes.readUInt16BE(at), bytes.subarray(from, from + bytes.readUInt16BE(at + 2)));
  }

  /** Of the message whose first four bytes are at `at`, padding included; 0 for what is no message. */
  #lengthAt(bytes: Buffer, at: number): number {
    const kind = (bytes[at] ?? 0) & 0xc0;
    const told = bytes.readUInt16BE(at + 2);
    if (kind === 0x40) return CHANNEL_HEADER + told > this.most ? 0 : (CHANNEL_HEADER + told + 3) & ~3;
    if (kind !== 0 || (told & 0b11) !== 0 || STUN_HEADER + told > this.most) return 0;
    // Another protocol that begins with a small number is found out before all of it has come.
    if (bytes.length >= at + 8 && bytes.readUInt32BE(at + 4) !== MAGIC_COOKIE) return 0;
    return STUN_HEADER + told;
  }

  #garbage(): number {
    this.#stopped = true;
    this.#handler.onGarbage();
    return 0;
  }
}
