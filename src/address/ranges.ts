/** A sorted list of code point ranges, each with a value: the form of the tables in unicode-data.ts. */
export class RangeTable {
  readonly #starts: Uint32Array;
  readonly #ends: Uint32Array;
  readonly #values: readonly string[];

  /** @param text `first-last value first-last value …`, hexadecimal, ascending */
  constructor(text: string) {
    const fields = text.split(' ');
    const bounds = fields.filter((_, i) => i % 2 === 0).map((field) => field.split('-'));
    this.#starts = Uint32Array.from(bounds, ([start = '']) => Number.parseInt(start, 16));
    this.#ends = Uint32Array.from(bounds, ([, end = '']) => Number.parseInt(end, 16));
    this.#values = fields.filter((_, i) => i % 2 === 1);
  }

  /** The value of the range that holds `cp`, undefined when none does. */
  get(cp: number): string | undefined {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      if (cp < (this.#starts[middle] as number)) high = middle - 1;
      else if (cp > (this.#ends[middle] as number)) low = middle + 1;
      else return this.#values[middle];
    }
    return undefined;
  }
}
