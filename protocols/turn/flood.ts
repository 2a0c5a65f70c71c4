import { originOf, parseIp } from '#src/address/ip.ts';
import type { Timers } from '#src/net/timers.ts';

/** Sources that are counted at a time; when there are more, all others share one count. */
const SOURCES = 50_000;
const WINDOW = 1000;

/**
 * How many refusals a source gets in a second. An answer to whoever asks is also an answer to whoever's address was written on the
 * request, so strangers get only so many.
 */
export class FloodLimit {
  readonly #timers: Timers;
  readonly #counts = new Map<string, number>();
  #until = 0;
  #others = 0;
  /** Requests that got no answer, since the start. */
  dropped = 0;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** May it have an answer? */
  admits(address: string, most: number): boolean {
    if (this.#timers.now >= this.#until || this.#until - this.#timers.now > WINDOW) {
      this.#until = this.#timers.now + WINDOW;
      this.#counts.clear();
      this.#others = 0;
    }
    const count = this.#count(address);
    if (count <= most) return true;
    this.dropped += 1;
    return false;
  }

  #count(address: string): number {
    const ip = parseIp(address);
    const origin = ip === undefined ? address : originOf(ip);
    const count = this.#counts.get(origin);
    if (count === undefined && this.#counts.size >= SOURCES) return ++this.#others;
    this.#counts.set(origin, (count ?? 0) + 1);
    return (count ?? 0) + 1;
  }
}
