/**
 * Journals: each entry is a key of its own, numbered; the numbers in use are known from the key's position (position.ts), so that nothing is searched.
 * Entries and position are written in the same group, so they agree after a crash.
 */
import type { Codec } from './codec.ts';
import { StoreCorrupt } from './errors.ts';
import type { Groups } from './groups.ts';
import { type Key, decodeKey, encodeKey, encodeSeq } from './keys.ts';
import { afterAppend, afterRemove, afterTrim, fromRecord, isLiving, lastLiving, livingFrom } from './position.ts';
import { Positions } from './positions.ts';
import type { Space } from './space.ts';
import type { Journal, JournalEntry } from './store.ts';

/** Names of the two spaces of a journal; no table name contains '#'. */
export const entriesOf = (name: string): string => `${name}#e`;
export const positionsOf = (name: string): string => `${name}#p`;

export class GroupedJournal<V> implements Journal<V> {
  readonly name: string;
  readonly #codec: Codec<V>;
  readonly #groups: Groups;
  readonly #entries: Space;
  readonly #records: Space;
  readonly #positions: Positions;

  constructor(name: string, codec: Codec<V>, groups: Groups) {
    this.name = name;
    this.#codec = codec;
    this.#groups = groups;
    this.#entries = groups.space(entriesOf(name));
    this.#records = groups.space(positionsOf(name));
    this.#positions = new Positions(groups, this.#records);
  }

  append(key: Key, value: V): number {
    const place = encodeKey('', key);
    const position = this.#positions.get(place);
    const seq = position.next;
    this.#entries.put(this.#entry(place, seq), this.#codec.encode(value), true);
    this.#positions.set(place, afterAppend(position));
    return seq;
  }

  read(key: Key, from = 1, limit = Number.POSITIVE_INFINITY): readonly JournalEntry<V>[] {
    const place = encodeKey('', key);
    const position = this.#positions.get(place);
    const found: JournalEntry<V>[] = [];
    for (
      let seq = livingFrom(position, from);
      seq < position.next && found.length < limit;
      seq = livingFrom(position, seq + 1)
    ) {
      const bytes = this.#entries.get(this.#entry(place, seq));
      // Only a repair of a damaged store can have dropped an entry: the rest of the queue is still worth reading.
      if (bytes !== undefined) found.push({ seq, value: this.#decode(key, seq, bytes) });
    }
    return found;
  }

  trim(key: Key, through: number): void {
    const place = encodeKey('', key);
    const position = this.#positions.get(place);
    const last = Math.min(through, position.next - 1);
    let removed = 0;
    for (let seq = position.first; seq <= last; seq = livingFrom(position, seq + 1)) {
      this.#entries.remove(this.#entry(place, seq));
      removed++;
    }
    if (removed > 0) this.#positions.set(place, afterTrim(position, last, removed));
  }

  remove(key: Key, seq: number): void {
    const place = encodeKey('', key);
    const position = this.#positions.get(place);
    if (!isLiving(position, seq)) return;
    this.#entries.remove(this.#entry(place, seq));
    this.#positions.set(place, afterRemove(position, seq));
  }

  drop(key: Key): void {
    this.trim(key, Number.POSITIVE_INFINITY);
    this.#positions.delete(encodeKey('', key));
  }

  length(key: Key): number {
    return this.#positions.get(encodeKey('', key)).live;
  }

  bounds(key: Key): { readonly first: number; readonly last: number } | undefined {
    const position = this.#positions.get(encodeKey('', key));
    const last = lastLiving(position);
    return last === undefined ? undefined : { first: position.first, last };
  }

  async *keys(prefix: Key): AsyncGenerator<readonly string[], void, undefined> {
    this.#groups.assertOpen();
    this.#positions.flush();
    for await (const [place, record] of this.#records.entries(this.#records.encode(prefix))) {
      if (fromRecord(record).live > 0) yield decodeKey(place, this.#records.prefix.length);
    }
  }

  /** The content of the store has been replaced. */
  reset(): void {
    this.#positions.reset();
  }

  /** `place` is the key, encoded. */
  #entry(place: string, seq: number): string {
    return `${this.#entries.prefix}${place}${encodeSeq(seq)}\0`;
  }

  #decode(key: Key, seq: number, bytes: Uint8Array): V {
    try {
      return this.#codec.decode(bytes);
    } catch (error) {
      throw new StoreCorrupt(`journal ${this.name} ${JSON.stringify(key)} entry ${seq} cannot be read`, error);
    }
  }
}
