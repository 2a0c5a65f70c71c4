/** Tables: a codec over a space. */
import type { Codec } from './codec.ts';
import { StoreCorrupt } from './errors.ts';
import type { Groups } from './groups.ts';
import { type Key, decodeKey } from './keys.ts';
import type { Space } from './space.ts';
import type { ScanOptions, Table, Ticket } from './store.ts';

export class GroupedTable<V> implements Table<V> {
  readonly name: string;
  readonly #codec: Codec<V>;
  readonly #space: Space;

  constructor(name: string, codec: Codec<V>, groups: Groups) {
    this.name = name;
    this.#codec = codec;
    this.#space = groups.space(name);
  }

  get(key: Key): V | undefined {
    const encoded = this.#space.encode(key);
    const bytes = this.#space.get(encoded);
    return bytes === undefined ? undefined : this.#decode(encoded, bytes);
  }

  has(key: Key): boolean {
    return this.#space.get(this.#space.encode(key)) !== undefined;
  }

  put(key: Key, value: V): Ticket {
    return this.#space.put(this.#space.encode(key), this.#codec.encode(value));
  }

  delete(key: Key): Ticket {
    return this.#space.delete(this.#space.encode(key));
  }

  async *scan(prefix: Key, options?: ScanOptions): AsyncGenerator<readonly [readonly string[], V], void, undefined> {
    for await (const [key, bytes] of this.#space.entries(this.#space.encode(prefix), options)) {
      yield [decodeKey(key, this.#space.prefix.length), this.#decode(key, bytes)];
    }
  }

  async count(prefix: Key, limit = Number.POSITIVE_INFINITY): Promise<number> {
    const cursor = this.#space.cursor(this.#space.encode(prefix));
    let found = 0;
    try {
      while (found < limit) {
        const page = await cursor.next(Math.min(limit - found, 1000));
        if (page.length === 0) break;
        found += page.length;
      }
    } finally {
      await cursor.close();
    }
    return found;
  }

  #decode(key: string, bytes: Uint8Array): V {
    try {
      return this.#codec.decode(bytes);
    } catch (error) {
      const parts = JSON.stringify(decodeKey(key, this.#space.prefix.length));
      throw new StoreCorrupt(`table ${this.name} ${parts} cannot be read`, error);
    }
  }
}
