import { Jid } from '#src/address/jid.ts';
import type { Timed, Timers } from '#src/net/timers.ts';
import { json } from '#src/store/codec.ts';
import type { Store, Table, Ticket } from '#src/store/store.ts';
import type { Binding } from './binding.ts';

/** The bindings of one account at rest. */
interface Row {
  readonly version: 1;
  readonly bindings: readonly Binding[];
}

const rows = json<Row>({
  check(value) {
    const row = value as Row;
    if (row.version !== 1)
      throw new RangeError(`bindings of version ${String(row.version)}; this program knows version 1`);
    return row;
  },
});

const NONE: readonly Binding[] = Object.freeze([]);
/** Milliseconds: the timers are coarse, and no wait is longer. */
const LONGEST = 86_400_000;

/** Told of every change in the turn in which it is made. */
export type BindingsChanged = (account: Jid, before: readonly Binding[], after: readonly Binding[]) => void;

/**
 * The location service of RFC 3261 section 10: which contacts each address-of-record is bound to. All of it is in memory and in the store; whoever
 * acknowledges a change waits for its ticket.
 */
export class Bindings {
  readonly #rows: Table<Row>;
  readonly #timers: Timers;
  readonly #changed: BindingsChanged;
  readonly #records = new Map<string, AddressOfRecord>();
  #count = 0;
  /** Plain numbers: read by the metrics. */
  readonly counters = { expired: 0 };

  constructor(store: Store, timers: Timers, changed: BindingsChanged) {
    this.#rows = store.table('sip-bindings', rows);
    this.#timers = timers;
    this.#changed = changed;
  }

  get size(): number {
    return this.#count;
  }

  /** Accounts that have any. */
  get accounts(): number {
    return this.#records.size;
  }

  /** Those of an account that stand now, in the order of their registration. */
  of(bare: string): readonly Binding[] {
    const record = this.#records.get(bare);
    if (record === undefined) return NONE;
    const now = Date.now();
    return record.bindings.every(({ expires }) => expires > now)
      ? record.bindings
      : record.bindings.filter(({ expires }) => expires > now);
  }

  /** Replaces the bindings of an account. */
  put(account: Jid, bindings: readonly Binding[]): Ticket {
    const key = [account.domain, account.local];
    const ticket = bindings.length === 0 ? this.#rows.delete(key) : this.#rows.put(key, { version: 1, bindings });
    this.#keep(account, bindings);
    return ticket;
  }

  /** Those of the last process; what expired meanwhile is gone. */
  async restore(): Promise<void> {
    const now = Date.now();
    for await (const [[domain = '', local = ''], { bindings }] of this.#rows.scan([])) {
      const account = Jid.make(local, domain);
      if (account === undefined) continue;
      const standing = bindings.filter(({ expires }) => expires > now);
      if (standing.length < bindings.length) this.put(account, standing);
      else this.#keep(account, standing);
    }
  }

  *[Symbol.iterator](): IterableIterator<readonly [account: Jid, bindings: readonly Binding[]]> {
    for (const { account } of this.#records.values()) yield [account, this.of(account.bare)];
  }

  #keep(account: Jid, bindings: readonly Binding[]): void {
    const { bare } = account;
    const record = this.#records.get(bare);
    const before = record?.bindings ?? NONE;
    this.#count += bindings.length - before.length;
    if (bindings.length === 0) {
      if (record !== undefined) this.#timers.remove(record);
      this.#records.delete(bare);
    } else if (record === undefined) this.#watch(new AddressOfRecord(account, bindings, this));
    else {
      record.bindings = bindings;
      this.#watch(record);
    }
    this.#changed(account, before, bindings);
  }

  #watch(record: AddressOfRecord): void {
    this.#records.set(record.account.bare, record);
    const first = record.bindings.reduce((least, { expires }) => Math.min(least, expires), Infinity);
    this.#timers.add(record, Math.min(Math.max(first - Date.now(), 0), LONGEST));
  }

  /** Section 10.3: "expires" has passed for some of them, or it was time to look. */
  due(record: AddressOfRecord): void {
    const now = Date.now();
    const standing = record.bindings.filter(({ expires }) => expires > now);
    this.counters.expired += record.bindings.length - standing.length;
    if (standing.length < record.bindings.length) this.put(record.account, standing);
    else this.#watch(record);
  }
}

/** One account's bindings, and the wait for the first of them to expire. */
class AddressOfRecord implements Timed {
  readonly account: Jid;
  bindings: readonly Binding[];
  readonly #owner: Bindings;

  constructor(account: Jid, bindings: readonly Binding[], owner: Bindings) {
    this.account = account;
    this.bindings = bindings;
    this.#owner = owner;
  }

  onTimeout(): void {
    this.#owner.due(this);
  }
}
