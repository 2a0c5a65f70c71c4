/** One named range of keys with the writes that wait to be committed: what tables and journals stand on. */
import type { Change, Cursor, Driver, Entry } from './driver.ts';
import type { Groups } from './groups.ts';
import { compareKeys, encodeKey, endOf } from './keys.ts';
import { mergeCursor } from './merge.ts';
import { DURABLE, type ScanOptions, type Ticket } from './store.ts';
import type { Key } from './keys.ts';

/** `fresh`: the key is neither in flight nor on the disk, so a deletion leaves no trace. */
interface Pending extends Change {
  readonly fresh: boolean;
}

type PendingMap = Map<string, Pending>;

const NOTHING: PendingMap = new Map();

const weightOf = (change: Change | undefined): number =>
  change === undefined ? 0 : change.key.length + (change.value?.length ?? 0);

export class Space {
  /** Every encoded key of this space begins with it. */
  readonly prefix: string;
  readonly #groups: Groups;
  readonly #driver: Driver;
  #open: PendingMap = new Map();
  #flight: PendingMap = NOTHING;

  constructor(name: string, groups: Groups, driver: Driver) {
    this.prefix = encodeKey('', name);
    this.#groups = groups;
    this.#driver = driver;
  }

  get openSize(): number {
    return this.#open.size;
  }

  get(key: string): Uint8Array | undefined {
    if (this.#open.size > 0) {
      const open = this.#open.get(key);
      if (open !== undefined) {
        this.#groups.assertOpen();
        return open.value ?? undefined;
      }
    }
    return this.#below(key);
  }

  /** What a read finds when the open group is left out. */
  #below(key: string): Uint8Array | undefined {
    this.#groups.assertOpen();
    if (this.#flight.size > 0) {
      const flying = this.#flight.get(key);
      if (flying !== undefined) return flying.value ?? undefined;
    }
    return this.#driver.get(key);
  }

  /** `fresh`: the caller knows that the key has never been written. */
  put(key: string, value: Uint8Array, fresh = false): Ticket {
    this.#groups.admit(key.length + value.length);
    const ticket = this.#groups.join();
    const before = this.#open.get(key);
    this.#set(key, before, { key, value, fresh: before === undefined ? fresh : before.fresh });
    return ticket;
  }

  delete(key: string): Ticket {
    this.#groups.assertOpen();
    const before = this.#open.get(key);
    if (before?.value === null) return this.#groups.open;
    const below = before?.fresh !== true && this.#below(key) !== undefined;
    if (below) return this.remove(key);
    if (before === undefined) return this.#flight.has(key) ? (this.#groups.inFlight ?? DURABLE) : DURABLE;
    this.#groups.cancelled();
    this.#set(key, before, undefined);
    return this.#groups.open;
  }

  /** Deletes what the caller knows to be there: saves the look-up of `delete`. */
  remove(key: string): Ticket {
    const ticket = this.#groups.join();
    const before = this.#open.get(key);
    if (before?.fresh === true) {
      this.#groups.cancelled();
      this.#set(key, before, undefined);
    } else this.#set(key, before, { key, value: null, fresh: false });
    return ticket;
  }

  #set(key: string, before: Pending | undefined, after: Pending | undefined): void {
    this.#groups.weigh(weightOf(after) - weightOf(before));
    if (after === undefined) this.#open.delete(key);
    else this.#open.set(key, after);
    if (this.#groups.batching) this.#groups.remember(() => this.#set(key, after, before));
  }

  /** Moves the open group's writes to `changes` and into flight. */
  cut(changes: Change[]): void {
    if (this.#open.size === 0) return;
    for (const pending of this.#open.values()) changes.push(pending);
    this.#flight = this.#open;
    this.#open = new Map();
  }

  /** The flight is on the disk. */
  landed(): void {
    this.#flight = NOTHING;
  }

  /** Entries below `prefix`, an encoded key of this space, with all waiting writes; reads a snapshot taken now. */
  cursor(prefix: string, options: ScanOptions = {}): Cursor {
    this.#groups.assertOpen();
    const { after, reverse = false } = options;
    const until = endOf(prefix);
    const bound = after === undefined ? undefined : encodeKey(this.prefix, after);
    let from = prefix;
    let to = until;
    // No encoded key continues another with anything below its terminator, so `bound + NUL` is the first text after it.
    if (bound !== undefined && !reverse && compareKeys(bound, from) >= 0) from = `${bound}\0`;
    if (bound !== undefined && reverse && compareKeys(bound, to) < 0) to = bound;
    const inRange = (key: string): boolean => compareKeys(key, from) >= 0 && compareKeys(key, to) < 0;
    const waiting = new Map<string, Change>();
    for (const pending of [this.#flight, this.#open]) {
      for (const [key, change] of pending) if (inRange(key)) waiting.set(key, change);
    }
    const stored = this.#driver.cursor({ from, to, reverse });
    if (waiting.size === 0) return stored;
    const sign = reverse ? -1 : 1;
    const sorted = [...waiting.values()].toSorted((a, b) => sign * compareKeys(a.key, b.key));
    return mergeCursor(stored, sorted, sign);
  }

  /** The entries of `cursor` one by one, at most `limit`. */
  async *entries(prefix: string, options: ScanOptions = {}): AsyncGenerator<Entry, void, undefined> {
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    if (left <= 0) return;
    const cursor = this.cursor(prefix, options);
    try {
      for (let size = Math.min(left, 64); left > 0; size = Math.min(left, 1000)) {
        const page = await cursor.next(size);
        if (page.length === 0) return;
        left -= page.length;
        yield* page;
      }
    } finally {
      await cursor.close();
    }
  }

  encode(key: Key): string {
    return encodeKey(this.prefix, key);
  }
}
