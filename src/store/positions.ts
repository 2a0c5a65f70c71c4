/**
 * Positions of a journal in memory: those changed since the last cut, then a bounded cache of two generations (the younger fills, becomes the older,
 * and what nobody asked for meanwhile is forgotten).
 */
import { StoreCorrupt } from './errors.ts';
import type { Groups } from './groups.ts';
import { type Position, START, fromRecord, toRecord } from './position.ts';
import type { Space } from './space.ts';

/** Keys per generation. */
const GENERATION = 5000;

export class Positions {
  readonly #groups: Groups;
  readonly #space: Space;
  readonly #changed = new Map<string, Position>();
  #young = new Map<string, Position>();
  #old = new Map<string, Position>();

  /** `space` holds the records. */
  constructor(groups: Groups, space: Space) {
    this.#groups = groups;
    this.#space = space;
    groups.beforeCut(() => this.flush());
  }

  /** `key` is encoded without a prefix. */
  get(key: string): Position {
    this.#groups.assertOpen();
    const known = this.#changed.get(key) ?? this.#young.get(key);
    if (known !== undefined) return known;
    const position = this.#old.get(key) ?? this.#load(key);
    this.#keep(key, position);
    return position;
  }

  /** Joins the open group; the record is written when it is cut. */
  set(key: string, position: Position): void {
    this.#groups.join();
    if (this.#groups.batching) {
      const before = this.#changed.get(key);
      this.#groups.remember(() => {
        if (before === undefined) this.#changed.delete(key);
        else this.#changed.set(key, before);
      });
    }
    this.#changed.set(key, position);
  }

  /** Forgets key and record. */
  delete(key: string): void {
    this.#groups.join();
    const before = this.#changed.get(key);
    this.#changed.delete(key);
    this.#young.delete(key);
    this.#old.delete(key);
    if (before !== undefined && this.#groups.batching) this.#groups.remember(() => this.#changed.set(key, before));
    this.#space.delete(this.#space.prefix + key);
  }

  /** Writes the records of all that has changed into the open group. */
  flush(): void {
    for (const [key, position] of this.#changed) {
      const stored = toRecord(position);
      if (stored !== undefined) this.#space.put(this.#space.prefix + key, stored.record);
      this.#keep(key, stored?.position ?? position);
    }
    this.#changed.clear();
  }

  /** The content of the store has been replaced. */
  reset(): void {
    this.#changed.clear();
    this.#young.clear();
    this.#old.clear();
  }

  #load(key: string): Position {
    const record = this.#space.get(this.#space.prefix + key);
    if (record === undefined) return START;
    try {
      return fromRecord(record);
    } catch (error) {
      throw new StoreCorrupt(`journal position ${JSON.stringify(key)} cannot be read`, error);
    }
  }

  #keep(key: string, position: Position): void {
    this.#young.set(key, position);
    if (this.#young.size < GENERATION) return;
    this.#old = this.#young;
    this.#young = new Map();
  }
}
