/** RFC 3261 section 18.3 on a stream: messages by Content-Length, with the keep-alives of RFC 5626 section 4.4.1 between them. */
import { Buffer } from 'node:buffer';
import { MESSAGE_LIMITS, type MessageLimits } from '#protocols/sip/message/limits.ts';
import type { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import { assemble, type Head, type Malformed, malformed, readHead } from '#protocols/sip/message/parse.ts';

/**
 * What a stream brings. The first CRLF between messages is a `pong`, a second one right after it makes both a `ping` ("double-CRLF"),
 * whatever chunks they come in: a ping is so preceded by a pong, which whoever waits for none ignores.
 */
export type Framed = SipRequest | SipResponse | Malformed | { readonly kind: 'ping' } | { readonly kind: 'pong' };

const CR = 0x0d;
const LF = 0x0a;
const EMPTY = Buffer.alloc(0);

/** A message of which the head has arrived. */
interface Pending {
  readonly head: Head;
  readonly bodyAt: number;
  readonly size: number;
}

/** Work and memory are linear in what is pushed, however it is cut; never more is kept than one message may have. */
export class Framer {
  readonly #limits: MessageLimits;
  // What has arrived of the message that is not complete: #store[0, #length), with room to grow.
  #store: Buffer = EMPTY;
  #length = 0;
  /** Up to where no empty line begins. */
  #scanned = 0;
  #pending: Pending | undefined;
  #wasPong = false;
  #ended = false;

  constructor(limits: MessageLimits = MESSAGE_LIMITS) {
    this.#limits = limits;
  }

  /** A fatal Malformed was found: what comes after it means nothing. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Bytes kept of a message that is not complete. */
  get buffered(): number {
    return this.#length;
  }

  push(chunk: Buffer): readonly Framed[] {
    const found: Framed[] = [];
    if (this.#ended) return found;
    const bytes = this.#join(chunk);
    let at = 0;
    for (;;) {
      const from = this.#pending === undefined ? this.#skipKeepAlives(bytes, at, found) : at;
      if (from !== at) this.#scanned = 0;
      at = from;
      const size = this.#messageAt(bytes.subarray(at), found);
      if (size === undefined) break;
      at += size;
    }
    if (this.#ended) this.#keep(EMPTY);
    else if (at > 0 || this.#length === 0) this.#keep(bytes.subarray(at));
    return found;
  }

  // Everything that has arrived and is not consumed. A copy is made only when something was left before.
  #join(chunk: Buffer): Buffer {
    if (this.#length === 0) return chunk;
    const length = this.#length + chunk.length;
    if (length > this.#store.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, this.#store.length * 2));
      this.#store.copy(larger, 0, 0, this.#length);
      this.#store = larger;
    }
    chunk.copy(this.#store, this.#length);
    this.#length = length;
    return this.#store.subarray(0, length);
  }

  // Copied, for messages that were handed out share the bytes, and a small rest should not hold a large chunk.
  #keep(rest: Buffer): void {
    this.#store = rest.length === 0 ? EMPTY : Buffer.from(rest);
    this.#length = rest.length;
  }

  #skipKeepAlives(bytes: Buffer, from: number, found: Framed[]): number {
    let at = from;
    for (; bytes[at] === CR && bytes[at + 1] === LF; at += 2) {
      found.push({ kind: this.#wasPong ? 'ping' : 'pong' });
      this.#wasPong = !this.#wasPong;
    }
    return at;
  }

  // The size of the message at the beginning of `bytes`, which is put into `found`; undefined when it is not complete.
  #messageAt(bytes: Buffer, found: Framed[]): number | undefined {
    const pending = (this.#pending ??= this.#headAt(bytes, found));
    if (pending === undefined || bytes.length < pending.size) return undefined;
    const { head, bodyAt, size } = pending;
    this.#pending = undefined;
    this.#scanned = 0;
    this.#wasPong = false;
    const message = assemble(head, bytes.subarray(0, size), bodyAt);
    found.push(message);
    this.#ended = message.kind === 'malformed' && message.fatal;
    return this.#ended ? undefined : size;
  }

  #headAt(bytes: Buffer, found: Framed[]): Pending | undefined {
    const end = bytes.indexOf('\r\n\r\n', this.#scanned);
    if (end < 0) {
      this.#scanned = Math.max(bytes.length - 3, 0);
      if (bytes.length > this.#limits.head + 4)
        this.#refuse(readHead(bytes, this.#limits), 513, 'Message Too Large', found);
      return undefined;
    }
    const head = readHead(bytes.subarray(0, end), this.#limits);
    const { fault, length = 0 } = head;
    // "The Content-Length header field MUST be used with stream oriented transports" (RFC 3261 section 18.3).
    if (fault !== undefined) this.#refuse(head, fault.status, fault.reason, found);
    else if (head.length === undefined) this.#refuse(head, 400, 'Missing Content-Length', found);
    else if (end + 4 + length > this.#limits.message) this.#refuse(head, 513, 'Message Too Large', found);
    else return { head, bodyAt: end + 4, size: end + 4 + length };
    return undefined;
  }

  #refuse(head: Head, status: number, reason: string, found: Framed[]): void {
    found.push(malformed(head, { status, reason }));
    this.#ended = true;
  }
}
