/** Random operations against plain maps and arrays, with commits, closes and opens in between. */
import fc from 'fast-check';
import { text } from '#src/store/codec.ts';
import type { Journal, Store, Table } from '#src/store/store.ts';
import { type It, type Place, byParts, collect, listOf } from './store-kit.ts';

type Step =
  | { readonly kind: 'put'; readonly key: readonly string[]; readonly value: string }
  | { readonly kind: 'delete'; readonly key: readonly string[] }
  | { readonly kind: 'scan'; readonly key: readonly string[]; readonly reverse: boolean; readonly limit: number }
  | { readonly kind: 'append'; readonly queue: string; readonly value: string }
  | { readonly kind: 'trim' | 'remove'; readonly queue: string; readonly at: number }
  | { readonly kind: 'drop'; readonly queue: string }
  | { readonly kind: 'commit' | 'turn' | 'reopen' };

const part = fc.constantFrom('', 'a', 'b', '\0', '\x01', 'a\0', 'ab', '😀', '\uffff');
const key = fc.array(part, { minLength: 1, maxLength: 3 });
const value = fc.string({ maxLength: 8 }).map((drawn) => drawn.toWellFormed());
const queue = fc.constantFrom('q', 'r', '');

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('put' as const), key, value }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('delete' as const), key }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('scan' as const),
      key: fc.array(part, { maxLength: 2 }),
      reverse: fc.boolean(),
      limit: fc.integer({ min: 0, max: 6 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('append' as const), queue, value }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom('trim' as const, 'remove' as const),
      queue,
      at: fc.integer({ min: 0, max: 12 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop' as const), queue }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('commit' as const, 'turn' as const, 'turn' as const, 'reopen' as const),
    }),
  },
);

interface Row {
  readonly key: readonly string[];
  readonly value: string;
}

interface Queue {
  entries: { readonly seq: number; readonly value: string }[];
  /** The highest number given since the last drop. */
  last: number;
}

const check = (holds: boolean, what: string): void => {
  if (!holds) throw new Error(what);
};

/** The store beside its model: every step is done to both, and what they show is compared. */
class Pair {
  readonly #place: Place;
  readonly #rows = new Map<string, Row>();
  readonly #queues = new Map<string, Queue>();
  #store: Store;
  #table: Table<string>;
  #journal: Journal<string>;

  constructor(place: Place, store: Store) {
    this.#place = place;
    this.#store = store;
    this.#table = store.table('t', text);
    this.#journal = store.journal('j', text);
  }

  async run(done: Step): Promise<void> {
    switch (done.kind) {
      case 'put':
        this.#table.put(done.key, done.value);
        this.#rows.set(JSON.stringify(done.key), done);
        return;
      case 'delete':
        this.#table.delete(done.key);
        this.#rows.delete(JSON.stringify(done.key));
        return;
      case 'scan':
        return this.#scan(done.key, done.reverse, done.limit);
      case 'append':
        return this.#append(done.queue, done.value);
      case 'trim':
      case 'remove':
        return this.#take(done.kind, done.queue, done.at);
      case 'drop':
        this.#journal.drop(done.queue);
        this.#queues.delete(done.queue);
        return;
      case 'commit':
        await this.#store.barrier();
        return;
      case 'turn':
        await new Promise((resolve) => setImmediate(resolve));
        return;
      case 'reopen':
        await this.#store.close();
        this.#store = await this.#place.open();
        this.#table = this.#store.table('t', text);
        this.#journal = this.#store.journal('j', text);
    }
  }

  async compare(): Promise<void> {
    for (const row of this.#rows.values())
      check(this.#table.get(row.key) === row.value, `get ${JSON.stringify(row.key)}`);
    await this.#scan([], false, 1000);
    check((await this.#table.count([])) === this.#rows.size, 'count');
    for (const [name, { entries }] of this.#queues) {
      const found = this.#journal.read(name);
      check(
        JSON.stringify(found) === JSON.stringify(entries),
        `read ${name}: ${JSON.stringify(found)}, expected ${JSON.stringify(entries)}`,
      );
      check(this.#journal.length(name) === entries.length, `length ${name}`);
      const bounds = this.#journal.bounds(name);
      check(bounds?.first === entries[0]?.seq && bounds?.last === entries.at(-1)?.seq, `bounds ${name}`);
    }
    const filled = [...this.#queues].filter(([, { entries }]) => entries.length > 0).map(([name]) => name);
    const listed = (await listOf(this.#journal.keys([]))).map(([name]) => name);
    check(JSON.stringify(listed) === JSON.stringify(filled.toSorted()), 'keys');
  }

  async close(): Promise<void> {
    await this.#store.close();
  }

  async #scan(prefix: readonly string[], reverse: boolean, limit: number): Promise<void> {
    const below = [...this.#rows.values()].filter((row) => prefix.every((name, i) => row.key[i] === name));
    const sorted = below.toSorted((a, b) => (reverse ? byParts(b.key, a.key) : byParts(a.key, b.key))).slice(0, limit);
    const found = await collect(this.#table, prefix, { reverse, limit });
    check(
      JSON.stringify(found) === JSON.stringify(sorted.map((row) => [row.key, row.value])),
      `scan ${JSON.stringify(prefix)}`,
    );
  }

  #append(name: string, text_: string): void {
    const held = this.#queues.get(name) ?? { entries: [], last: 0 };
    const seq = this.#journal.append(name, text_);
    check(seq > held.last, `number ${seq} after ${held.last}`);
    held.entries.push({ seq, value: text_ });
    held.last = seq;
    this.#queues.set(name, held);
  }

  /** `at` counts from before the oldest number, so that it hits living and gone entries alike. */
  #take(kind: 'trim' | 'remove', name: string, at: number): void {
    const held = this.#queues.get(name);
    const seq = (held?.entries[0]?.seq ?? 1) - 1 + at;
    if (kind === 'trim') this.#journal.trim(name, seq);
    else this.#journal.remove(name, seq);
    if (held !== undefined)
      held.entries = held.entries.filter((entry) => (kind === 'trim' ? entry.seq > seq : entry.seq !== seq));
  }
}

export const model = (it: It): void => {
  it('agrees with plain maps and arrays', async (t, { place }) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const emptied = await place.open();
        const table = emptied.table('t', text);
        const journal = emptied.journal('j', text);
        for (const [name] of await collect(table, [])) table.delete(name);
        for (const name of ['q', 'r', '']) journal.drop(name);
        await emptied.close();
        const pair = new Pair(place, await place.open());
        try {
          for (const done of steps) {
            await pair.run(done);
            if (done.kind !== 'put' && done.kind !== 'append') await pair.compare();
          }
          await pair.compare();
        } finally {
          await pair.close();
        }
      }),
      { numRuns: 40 },
    );
    t.pass();
  });
};
