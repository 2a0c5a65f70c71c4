/** A growing list of numbers that answers quantiles; it holds at most `limit` of them and counts the rest. */
export class Samples {
  #values = new Float64Array(4096);
  #length = 0;
  #dropped = 0;
  readonly #limit: number;

  constructor(limit = 4_000_000) {
    this.#limit = limit;
  }

  get length(): number {
    return this.#length;
  }

  /** How many values came after the limit was reached; quantiles are of the values before them. */
  get dropped(): number {
    return this.#dropped;
  }

  add(value: number): void {
    if (this.#length === this.#limit) {
      this.#dropped++;
      return;
    }
    if (this.#length === this.#values.length) {
      const larger = new Float64Array(Math.min(this.#limit, this.#length * 2));
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length++] = value;
  }

  /** The nearest-rank quantile (0 < q <= 1), or NaN when there is no value. */
  quantile(q: number): number {
    if (this.#length === 0) return Number.NaN;
    const sorted = this.#values.subarray(0, this.#length).toSorted();
    return sorted[Math.max(0, Math.ceil(q * this.#length) - 1)] ?? Number.NaN;
  }
}

/** The middle value; the mean of the two middle ones when their number is even; undefined for none. */
export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  if (upper === undefined || sorted.length % 2 === 1) return upper;
  return (upper + (sorted[middle - 1] ?? upper)) / 2;
}
