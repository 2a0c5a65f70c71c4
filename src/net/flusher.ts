import { Buffer } from 'node:buffer';

/** What an outbox writes to. */
export interface Sink {
  write(bytes: Buffer): void;
  /** Bytes written that the kernel has not taken yet. */
  readonly buffered: number;
}

const EMPTY: readonly (Buffer | string)[] = [];

/**
 * What waits to be written to one socket in this turn of the event loop. However many stanzas come, they are one write at its end;
 * together with what the kernel has not taken they have a bound in bytes.
 */
export class Outbox {
  readonly #flusher: Flusher;
  readonly #sink: Sink;
  readonly #limit: number;
  #overflow: (() => void) | undefined;
  #pending: (Buffer | string)[] | undefined = undefined;
  #size = 0;

  constructor(flusher: Flusher, sink: Sink, limit: number, overflow: () => void) {
    this.#flusher = flusher;
    this.#sink = sink;
    this.#limit = limit;
    this.#overflow = overflow;
  }

  /** Bytes that wait here. Text counts three bytes a character at most, so its length is a lower bound. */
  get size(): number {
    return this.#size;
  }

  /** Takes bytes, or text that is written as UTF-8. Beyond the limit the owner is told once, and nothing more is taken. */
  push(bytes: Buffer | string): void {
    if (this.#overflow === undefined) return;
    this.#size += bytes.length;
    if (this.#size > this.#limit || this.#size + this.#sink.buffered > this.#limit) {
      const overflow = this.#overflow;
      this.#overflow = undefined;
      this.#drop();
      return overflow();
    }
    if (this.#pending === undefined) {
      this.#pending = [bytes];
      this.#flusher.schedule(this);
    } else this.#pending.push(bytes);
  }

  /** Writes everything now. */
  flush(): void {
    const pending = this.#pending ?? EMPTY;
    this.#drop();
    if (pending.length === 0) return;
    const [first] = pending;
    if (pending.length === 1 && first !== undefined) this.#sink.write(typeof first === 'string' ? Buffer.from(first) : first);
    else this.#sink.write(joined(pending));
  }

  #drop(): void {
    this.#pending = undefined;
    this.#size = 0;
  }
}

function joined(parts: readonly (Buffer | string)[]): Buffer {
  let length = 0;
  for (const part of parts) length += typeof part === 'string' ? Buffer.byteLength(part) : part.length;
  const whole = Buffer.allocUnsafe(length);
  let at = 0;
  for (const part of parts) {
    if (typeof part === 'string') at += whole.write(part, at);
    else {
      whole.set(part, at);
      at += part.length;
    }
  }
  return whole;
}

/** Writes all outboxes that took something in this turn, once, in the check phase that follows the reads of the turn. */
export class Flusher {
  #dirty: Outbox[] = [];
  #scheduled = false;

  outbox(sink: Sink, limit: number, overflow: () => void): Outbox {
    return new Outbox(this, sink, limit, overflow);
  }

  schedule(outbox: Outbox): void {
    this.#dirty.push(outbox);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#scheduled = false;
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const outbox of dirty) outbox.flush();
  }
}
