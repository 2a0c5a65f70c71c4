/** A bound on bytes a second over what one or many send: a bucket that holds a second's worth. What does not fit is dropped. */
export class Meter {
  readonly #rate: number;
  #left: number;
  #at: number;

  /** @param rate bytes a second @param now milliseconds, of the clock that `take` gets */
  constructor(rate: number, now: number) {
    this.#rate = rate;
    this.#left = rate;
    this.#at = now;
  }

  take(bytes: number, now: number): boolean {
    if (now !== this.#at) {
      const elapsed = Math.max(0, now - this.#at);
      this.#at = now;
      this.#left = Math.min(this.#rate, this.#left + (elapsed * this.#rate) / 1000);
    }
    if (this.#left < bytes) return false;
    this.#left -= bytes;
    return true;
  }
}
