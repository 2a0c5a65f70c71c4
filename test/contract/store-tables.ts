/** The contract of tables. */
import { json, text } from '#src/store/codec.ts';
import type { ScanOptions, Store, Table } from '#src/store/store.ts';
import { AWKWARD, type InEachState, type It, type Place, type Settle, byParts, collect } from './store-kit.ts';

const keysOf = async (table: Table<unknown>, prefix: readonly string[], options?: ScanOptions): Promise<string[]> =>
  (await collect(table, prefix, options)).map(([key]) => key.join('/'));

/** Opens, writes, brings into the state, and hands the table of the store to go on with to `check`. */
const withTable = async (
  place: Place,
  settle: Settle,
  write: (table: Table<string>, store: Store) => void,
  check: (table: Table<string>, store: Store) => Promise<void>,
): Promise<void> => {
  const first = await place.open();
  const written = first.table('t', text);
  write(written, first);
  const store = await settle(first, place);
  await check(store === first ? written : store.table('t', text), store);
  await store.close();
};

export const tables = (it: It, inEachState: InEachState): void => {
  inEachState('a value is read back, replaced and deleted', async (t, { place }, settle) => {
    const steps = async (fn: (table: Table<string>) => void, check: (table: Table<string>) => void): Promise<void> =>
      withTable(place, settle, fn, async (table) => check(table));
    await steps(
      (table) => table.put('k', 'one'),
      (table) => t.is(table.get('k'), 'one'),
    );
    await steps(
      (table) => table.put('k', 'two'),
      (table) => t.is(table.get(['k']), 'two'),
    );
    await steps(
      (table) => table.delete('k'),
      (table) => t.is(table.get('k'), undefined),
    );
    await steps(
      () => undefined,
      (table) => t.false(table.has('k')),
    );
  });

  inEachState(
    'a scan gives parts in order, and keys that begin with whole parts only',
    async (t, { place }, settle) => {
      const all = AWKWARD.flatMap((a) => [[a], ...AWKWARD.map((b) => [a, b])]);
      const write = (table: Table<string>): void => {
        for (const key of all) table.put(key, JSON.stringify(key));
      };
      await withTable(place, settle, write, async (table) => {
        const found = await collect(table, []);
        t.deepEqual(
          found.map(([key]) => key),
          all.toSorted(byParts),
        );
        t.true(found.every(([key, value]) => value === JSON.stringify(key)));
        for (const first of AWKWARD) {
          const below = await collect(table, [first]);
          t.deepEqual(
            below.map(([key]) => key),
            all.filter((key) => key[0] === first).toSorted(byParts),
          );
        }
      });
    },
  );

  inEachState('a scan goes on after a key, stops at a limit and runs backwards', async (t, { place }, settle) => {
    const write = (table: Table<string>): void => {
      for (const key of ['a', 'b', 'b/1', 'b/2', 'b/3', 'c']) table.put(key.split('/'), key);
    };
    await withTable(place, settle, write, async (table) => {
      t.deepEqual(await keysOf(table, [], { after: ['b', '1'] }), ['b/2', 'b/3', 'c']);
      t.deepEqual(await keysOf(table, [], { after: 'b', limit: 2 }), ['b/1', 'b/2']);
      t.deepEqual(await keysOf(table, [], { reverse: true, limit: 2 }), ['c', 'b/3']);
      t.deepEqual(await keysOf(table, [], { reverse: true, after: ['b', '2'] }), ['b/1', 'b', 'a']);
      t.deepEqual(await keysOf(table, ['b'], { after: ['a'] }), ['b', 'b/1', 'b/2', 'b/3']);
      t.deepEqual(await keysOf(table, ['b'], { after: ['c'], reverse: true }), ['b/3', 'b/2', 'b/1', 'b']);
      t.deepEqual(await keysOf(table, ['b'], { after: ['c'] }), []);
      t.deepEqual(await keysOf(table, ['b'], { limit: 0 }), []);
      t.is(await table.count(['b']), 4);
      t.is(await table.count([], 3), 3);
      t.is(await table.count(['d']), 0);
    });
  });

  it('a scan merges what waits with what is stored', async (t, { place }) => {
    const store = await place.open();
    const table = store.table('t', text);
    for (let i = 10; i < 60; i++) table.put(['u', String(i)], 'old');
    await store.barrier();
    for (let i = 10; i < 60; i += 2) table.delete(['u', String(i)]);
    for (let i = 11; i < 60; i += 10) table.put(['u', String(i)], 'new');
    table.put(['u', '05'], 'new');
    table.put(['u', '99'], 'new');
    table.put(['v'], 'outside');
    const expected = [
      '05',
      ...Array.from({ length: 50 }, (_, i) => String(i + 10)).filter((name) => Number(name) % 2 === 1),
      '99',
    ];
    const found = await collect(table, ['u']);
    t.deepEqual(
      found.map(([key]) => key[1]),
      expected,
    );
    t.deepEqual(
      found.filter(([, value]) => value === 'new').map(([key]) => key[1]),
      ['05', '11', '21', '31', '41', '51', '99'],
    );
    t.deepEqual(
      await keysOf(table, ['u'], { reverse: true }),
      expected.toReversed().map((name) => `u/${name}`),
    );
    t.is(await table.count(['u']), expected.length);
    await store.close();
  });

  it('a scan sees the state in which it began', async (t, { place }) => {
    const store = await place.open();
    const table = store.table('t', text);
    for (let i = 0; i < 300; i++) table.put(String(i).padStart(3, '0'), 'old');
    await store.barrier();
    const seen: string[] = [];
    for await (const [, value] of table.scan([])) {
      if (seen.length === 0) {
        for (let i = 0; i < 300; i += 2) table.put(String(i).padStart(3, '0'), 'new');
        table.put('zzz', 'new');
        await store.barrier();
      }
      seen.push(value);
    }
    t.deepEqual(
      seen,
      Array.from({ length: 300 }, () => 'old'),
    );
    await store.close();
  });

  it('values read are not shared with those written', async (t, { place }) => {
    const store = await place.open();
    const table = store.table('t', json<{ groups: string[] }>());
    const value = { groups: ['Friends'] };
    table.put('k', value);
    value.groups.push('Foes');
    table.get('k')?.groups.push('Strangers');
    t.deepEqual(table.get('k'), { groups: ['Friends'] });
    await store.close();
  });

  it('a key that is not Unicode is refused', async (t, { place }) => {
    const store = await place.open();
    const table = store.table('t', text);
    t.throws(() => table.put('\ud800', 'x'), { instanceOf: TypeError });
    t.throws(() => table.get(['a', '\udc00']), { instanceOf: TypeError });
    await store.close();
  });

  it('a name serves once, and names are plain words', async (t, { place }) => {
    const store = await place.open();
    store.table('roster', text);
    t.throws(() => store.table('roster', text), { message: /roster/ });
    t.throws(() => store.journal('roster', text), { message: /roster/ });
    for (const name of ['', 'a b', '!schema', 'x#e', 'Ä', '1']) t.throws(() => store.table(name, text));
    await store.close();
  });

  it('tables do not see each other', async (t, { place }) => {
    const store = await place.open();
    const names = ['a', 'ab', 'a-b', 'b'];
    const all = names.map((name) => store.table(name, text));
    for (const table of all) table.put('k', table.name);
    store.journal('j', text).append('k', 'x');
    for (const table of all) t.deepEqual(await collect(table, []), [[['k'], table.name]]);
    await store.barrier();
    for (const table of all) t.deepEqual(await collect(table, []), [[['k'], table.name]]);
    await store.close();
  });
};
