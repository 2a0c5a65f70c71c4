/** One id follows a message through every protocol; the latest hops are kept in a ring for an operator who asks where it went. */
import { randomFillSync } from 'node:crypto';

const idBytes = 8;

/** Makes ids from the system's random source, many with one call. */
export class TraceIds {
  readonly #pool = Buffer.allocUnsafe(idBytes * 512);
  #used = this.#pool.length;

  /** 64 random bits as 16 hexadecimal digits; they tell messages apart and are no secret. */
  next(): string {
    if (this.#used === this.#pool.length) {
      randomFillSync(this.#pool);
      this.#used = 0;
    }
    this.#used += idBytes;
    return this.#pool.toString('hex', this.#used - idBytes, this.#used);
  }
}

export interface Hop {
  readonly trace: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** The part that had the message: `c2s`, `router`, `offline`. */
  readonly part: string;
  /** What it did, without contents: `delivered to juliet@example.org/balcony`. */
  readonly event: string;
}

export class TraceRing {
  readonly #hops: (Hop | undefined)[];
  #next = 0;

  /** Keeps the latest `size` hops. */
  constructor(size: number) {
    if (!Number.isSafeInteger(size) || size < 1) throw new RangeError('a ring needs at least one place');
    this.#hops = Array.from({ length: size }, () => undefined);
  }

  add(trace: string, part: string, event: string, time = Date.now()): void {
    this.#hops[this.#next] = { trace, time, part, event };
    this.#next = (this.#next + 1) % this.#hops.length;
  }

  /** The kept hops of a trace, oldest first. */
  of(trace: string): readonly Hop[] {
    return [...this.#hops.slice(this.#next), ...this.#hops.slice(0, this.#next)].filter(
      (hop) => hop?.trace === trace,
    ) as readonly Hop[];
  }
}
