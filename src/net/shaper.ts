import type { Timed, Timers } from './timers.ts';

/** A token bucket: `rate` bytes a second, `burst` bytes at once. Connections may share one. */
export class Shaper {
  readonly #rate: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  /**
   * @param rate bytes a second
   * @param burst bytes
   * @param now milliseconds, of the clock that `take` gets
   * @throws RangeError for a rate or a burst that lets nothing through
   */
  constructor(rate: number, burst: number, now: number) {
    if (!(rate > 0) || !(burst > 0)) throw new RangeError('a shaper needs a rate and a burst above 0');
    this.#rate = rate;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = now;
  }

  /** Takes bytes that have come in; they cannot be refused any more, so the debt is paid by waiting. @returns milliseconds to read nothing, 0 for none */
  take(bytes: number, now: number): number {
    const elapsed = Math.max(0, now - this.#at);
    this.#at = now;
    this.#tokens = Math.min(this.#burst, this.#tokens + (elapsed * this.#rate) / 1000) - bytes;
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens * 1000) / this.#rate);
  }
}

/** What can be kept from reading: a connection. */
export interface Gate {
  pause(): void;
  resume(): void;
}

/** Holds one reader to a shaper: pauses it when it is over the rate and resumes it when the debt is paid. */
export class Throttle implements Timed, Disposable {
  readonly #gate: Gate;
  readonly #timers: Timers;
  /** Another takes its place when the peer has authenticated; undefined for no limit. */
  shaper: Shaper | undefined;

  constructor(gate: Gate, timers: Timers, shaper: Shaper | undefined) {
    this.#gate = gate;
    this.#timers = timers;
    this.shaper = shaper;
  }

  received(bytes: number): void {
    const delay = this.shaper?.take(bytes, this.#timers.now) ?? 0;
    if (delay === 0) return;
    this.#gate.pause();
    this.#timers.add(this, delay);
  }

  onTimeout(): void {
    this.#gate.resume();
  }

  [Symbol.dispose](): void {
    this.#timers.remove(this);
  }
}
