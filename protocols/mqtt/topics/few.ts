/** Up to so many entries are walked rather than looked up. */
const FEW = 8;

/**
 * A map that mostly has one entry or a few: they stand in a plain list, which takes a fraction of the memory; from more on it is a
 * Map. Entries keep the order in which they came.
 */
export class FewOrMany<K, V> implements Iterable<readonly [K, V]> {
  /** Keys and values in turn. */
  #few: (K | V)[] | undefined = undefined;
  #many: Map<K, V> | undefined = undefined;

  get size(): number {
    return this.#many?.size ?? (this.#few?.length ?? 0) / 2;
  }

  get(key: K): V | undefined {
    if (this.#many !== undefined) return this.#many.get(key);
    const at = this.#find(key);
    return at < 0 ? undefined : (this.#few?.[at + 1] as V);
  }

  has(key: K): boolean {
    return this.#many === undefined ? this.#find(key) >= 0 : this.#many.has(key);
  }

  set(key: K, value: V): void {
    if (this.#many !== undefined) return void this.#many.set(key, value);
    const at = this.#find(key);
    if (this.#few === undefined) this.#few = [key, value];
    else if (at >= 0) this.#few[at + 1] = value;
    else if (this.#few.length < FEW * 2) this.#few.push(key, value);
    else {
      this.#many = new Map(this);
      this.#many.set(key, value);
      this.#few = undefined;
    }
  }

  delete(key: K): boolean {
    if (this.#many !== undefined) return this.#many.delete(key);
    const at = this.#find(key);
    if (at < 0) return false;
    this.#few?.splice(at, 2);
    return true;
  }

  #find(key: K): number {
    const few = this.#few;
    if (few === undefined) return -1;
    for (let at = 0; at < few.length; at += 2) if (few[at] === key) return at;
    return -1;
  }

  *keys(): IterableIterator<K> {
    for (const [key] of this) yield key;
  }

  *values(): IterableIterator<V> {
    for (const [, value] of this) yield value;
  }

  *[Symbol.iterator](): IterableIterator<readonly [K, V]> {
    if (this.#many !== undefined) return yield* this.#many;
    const few = this.#few ?? [];
    for (let at = 0; at < few.length; at += 2) yield [few[at] as K, few[at + 1] as V];
  }
}
