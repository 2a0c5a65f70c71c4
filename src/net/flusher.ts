import { Buffer } from 'node:buffer';

/** What an outbox writes to. */
export interface Sink {
  write(bytes: Buffer): void;
  /** Bytes written that the kernel has not taken yet. */
  readonly buffered: number;
}

/** Buffers that are being read and that are to be used again. */
export interface Lending {
  readonly buffers: readonly ArrayBufferLike[];
  /** Some of their bytes wait to be written: they must be let alone. */
  taken: boolean;
}

/** Up to this many bytes space is taken for the worst case (three bytes a character) rather than counted beforehand. */
const GENEROUS = 16_384;

/**
 * What waits to be written to one socket in this turn of the event loop. However many stanzas come, they are one write at its end;
 * together with what the kernel has not taken they have a bound in bytes.
 */
export class Outbox {
  readonly #flusher: Flusher;
  readonly #sink: Sink;
  readonly #limit: number;
  #overflow: (() => void) | undefined;
  /** What came before `#text`. */
  #parts: (Buffer | string)[] | undefined = undefined;
  /** Texts in a row are one: joining strings is cheaper than encoding each of them. */
  #text = '';
  #size = 0;
  #dirty = false;

  constructor(flusher: Flusher, sink: Sink, limit: number, overflow: () => void) {
    this.#flusher = flusher;
    this.#sink = sink;
    this.#limit = limit;
    this.#overflow = overflow;
  }

  /** Bytes that wait here, at least: text counts a byte a character. */
  get size(): number {
    return this.#size;
  }

  /** Takes bytes, or text that is written as UTF-8. Beyond the limit the owner is told once, and nothing more is taken. */
  push(bytes: Buffer | string): void {
    if (this.#overflow === undefined) return;
    const size = this.#size + bytes.length;
    if (size + this.#sink.buffered > this.#limit) return this.#overflowed();
    this.#size = size;
    if (typeof bytes === 'string') this.#text += bytes;
    else this.#pushBytes(bytes);
    if (this.#dirty) return;
    this.#dirty = true;
    this.#flusher.schedule(this);
  }

  #pushBytes(bytes: Buffer): void {
    const { lending } = this.#flusher;
    if (lending !== undefined && lending.buffers.includes(bytes.buffer)) lending.taken = true;
    this.#parts ??= [];
    if (this.#text !== '') {
      this.#parts.push(this.#text);
      this.#text = '';
    }
    this.#parts.push(bytes);
  }

  #overflowed(): void {
    const overflow = this.#overflow;
    this.#overflow = undefined;
    this.#take();
    overflow?.();
  }

  /** Writes everything now. */
  flush(): void {
    if (this.#size > 0) this.#sink.write(this.#take());
  }

  /** Called by the flusher at the end of the turn. */
  turnEnded(): void {
    this.#dirty = false;
    this.flush();
  }

  /** Everything that waits as one buffer; nothing waits then. */
  #take(): Buffer {
    const parts = this.#parts;
    const text = this.#text;
    this.#parts = undefined;
    this.#text = '';
    this.#size = 0;
    if (parts === undefined) return Buffer.from(text);
    const [first] = parts;
    if (parts.length === 1 && text === '' && typeof first === 'object') return first;
    if (text !== '') parts.push(text);
    return this.#flusher.joined(parts);
  }
}

function joined(parts: readonly (Buffer | string)[]): Buffer {
  let room = 0;
  for (const part of parts) room += typeof part === 'string' ? part.length * 3 : part.length;
  if (room > GENEROUS) {
    room = 0;
    for (const part of parts) room += typeof part === 'string' ? Buffer.byteLength(part) : part.length;
  }
  const whole = Buffer.allocUnsafe(room);
  let at = 0;
  for (const part of parts) {
    if (typeof part === 'string') at += whole.write(part, at);
    else {
      whole.set(part, at);
      at += part.length;
    }
  }
  return at === room ? whole : whole.subarray(0, at);
}

function same(some: readonly (Buffer | string)[], others: readonly (Buffer | string)[]): boolean {
  if (some.length !== others.length) return false;
  for (let n = 0; n < some.length; n++) if (some[n] !== others[n]) return false;
  return true;
}

/** Writes all outboxes that took something in this turn, once, in the check phase that follows the reads of the turn. */
export class Flusher {
  /** What is being read, where that is used again. */
  lending: Lending | undefined = undefined;
  readonly #flush = (): void => this.#turnEnded();
  #dirty: Outbox[] = [];
  /** What was joined last in this turn. */
  #parts: readonly (Buffer | string)[] | undefined = undefined;
  #whole: Buffer | undefined = undefined;

  /** @param limit bytes, those in the sink included @param overflow called once, when more is pushed than the limit */
  outbox(sink: Sink, limit: number, overflow: () => void): Outbox {
    return new Outbox(this, sink, limit, overflow);
  }

  schedule(outbox: Outbox): void {
    if (this.#dirty.push(outbox) === 1) setImmediate(this.#flush);
  }

  /** @internal Parts as one buffer; peers that are told the very same, such as the subscribers of a topic, share it. */
  joined(parts: readonly (Buffer | string)[]): Buffer {
    if (this.#whole !== undefined && this.#parts !== undefined && same(parts, this.#parts)) return this.#whole;
    this.#parts = parts;
    return (this.#whole = joined(parts));
  }

  #turnEnded(): void {
    const dirty = this.#dirty;
    this.#dirty = [];
    let at = 0;
    try {
      for (; at < dirty.length; at++) dirty[at]?.turnEnded();
    } finally {
      this.#parts = undefined;
      this.#whole = undefined;
      // A sink that throws is a bug; the others' bytes go out in the next turn.
      for (const rest of dirty.slice(at + 1)) this.schedule(rest);
    }
  }
}
