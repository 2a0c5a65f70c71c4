/** A store in memory, for tests and for what need not outlive the process. */
import { openStore, type StoreOptions } from './core.ts';
import type { Change, Cursor, Driver, Entry, Range } from './driver.ts';
import { compareKeys } from './keys.ts';
import type { Store, Supports } from './store.ts';

/** The content, so that a store can be closed and opened again. */
export class MemoryData {
  entries = new Map<string, Uint8Array>();
}

export class MemoryDriver implements Driver {
  readonly supports: Supports = { persistent: false, durability: 'none' };
  readonly location = 'memory';
  readonly #data: MemoryData;
  /** All keys in order; undefined when they have changed since. Never changed in place: cursors hold it. */
  #sorted: readonly string[] | undefined;

  constructor(data: MemoryData = new MemoryData()) {
    this.#data = data;
  }

  get(key: string): Uint8Array | undefined {
    return this.#data.entries.get(key);
  }

  async write(changes: readonly Change[]): Promise<void> {
    const { entries } = this.#data;
    for (const { key, value } of changes) {
      if (value === null ? entries.delete(key) : !entries.has(key)) this.#sorted = undefined;
      if (value !== null) entries.set(key, Buffer.from(value));
    }
  }

  async recover(): Promise<void> {}

  cursor(range: Range): Cursor {
    const entries = this.#range(range);
    let at = 0;
    return {
      next: async (size) => entries.slice(at, (at += size)),
      close: async () => {
        at = entries.length;
      },
    };
  }

  async replace(blocks: AsyncIterable<readonly Change[]>): Promise<void> {
    const data = new MemoryData();
    const fresh = new MemoryDriver(data);
    for await (const block of blocks) await fresh.write(block);
    this.#data.entries = data.entries;
    this.#sorted = undefined;
  }

  async close(): Promise<void> {}

  #range({ from, to, reverse = false }: Range): readonly Entry[] {
    this.#sorted ??= [...this.#data.entries.keys()].toSorted(compareKeys);
    const start = from === undefined ? 0 : lowerBound(this.#sorted, from);
    const end = to === undefined ? this.#sorted.length : lowerBound(this.#sorted, to);
    const found: Entry[] = [];
    for (const key of this.#sorted.slice(start, end)) {
      const value = this.#data.entries.get(key);
      if (value !== undefined) found.push([key, value]);
    }
    return reverse ? found.toReversed() : found;
  }
}

/** Index of the first of the sorted `keys` that is not below `bound`. */
const lowerBound = (keys: readonly string[], bound: string): number => {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareKeys(keys[middle] ?? '', bound) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
};

export const openMemoryStore = (options: StoreOptions = {}, data?: MemoryData): Promise<Store> =>
  openStore(new MemoryDriver(data), options);
