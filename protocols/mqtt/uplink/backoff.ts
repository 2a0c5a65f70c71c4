/** How long to wait before another attempt: pauses that grow at random between two bounds, so that many clients do not come back at once. */
export class Backoff {
  readonly #min: number;
  readonly #max: number;
  readonly #random: () => number;
  #last = 0;

  /** @param min @param max milliseconds @param random from 0 to below 1 */
  constructor(min: number, max: number, random: () => number = Math.random) {
    this.#min = min;
    this.#max = max;
    this.#random = random;
  }

  /** The next pause, in milliseconds: at random from the shortest to three times the one before. */
  next(): number {
    const top = Math.min(this.#max, Math.max(this.#last, this.#min) * 3);
    this.#last = Math.round(this.#min + this.#random() * (top - this.#min));
    return this.#last;
  }

  /** A connection ended. One that held longer than the pause before it begins anew; one that was cut off at once does not. */
  ended(lasted: number): void {
    if (lasted > this.#last) this.#last = 0;
  }
}
