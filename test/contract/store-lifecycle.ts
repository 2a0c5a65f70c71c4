/** The contract of opening, closing and migrating. */
import path from 'node:path';
import { number, text } from '#src/store/codec.ts';
import type { StoreOptions } from '#src/store/core.ts';
import { StoreClosed, StoreTooNew } from '#src/store/errors.ts';
import type { Migration } from '#src/store/migrate.ts';
import { type It, collect, listOf, read } from './store-kit.ts';

export const lifecycle = (it: It): void => {
  closes(it);
  migrations(it);
};

const closes = (it: It): void => {
  it('a closed store refuses everything, and keeps what was open', async (t, { place }) => {
    const store = await place.open();
    const table = store.table('t', text);
    const journal = store.journal('j', text);
    const ticket = table.put('k', 'v');
    journal.append('q', 'a');
    const closing = store.close();
    const calls = [
      () => table.get('k'),
      () => table.has('k'),
      () => table.put('k', 'w'),
      () => table.delete('k'),
      () => journal.append('q', 'b'),
      () => journal.read('q'),
      () => journal.length('q'),
      () => journal.trim('q', 1),
      () => journal.remove('q', 1),
      () => journal.drop('q'),
      () => store.table('u', text),
      () => store.batch(() => undefined),
    ];
    const refusesAll = async (): Promise<void> => {
      for (const call of calls) t.throws(call, { instanceOf: StoreClosed }, String(call));
      await t.throwsAsync(collect(table, []), { instanceOf: StoreClosed });
      await t.throwsAsync(table.count([]), { instanceOf: StoreClosed });
      await t.throwsAsync(listOf(journal.keys([])), { instanceOf: StoreClosed });
      await t.throwsAsync(store.backup('unused'), { instanceOf: StoreClosed });
      await t.throwsAsync(store.restore('unused'), { instanceOf: StoreClosed });
    };
    await refusesAll();
    await closing;
    await refusesAll();
    t.is(store.durable(ticket), undefined);
    await store.close();
    const again = await place.open();
    t.is(again.table('t', text).get('k'), 'v');
    t.is(read(again.journal('j', text), 'q'), '1a');
    await again.close();
  });

  it('the schema version is written at once', async (t, { place }) => {
    const store = await place.open();
    t.is(store.schema, 1);
    await store.close();
    const again = await place.open();
    t.is(again.schema, 1);
    await again.close();
  });
};

/** Version 2 greets in upper case, version 3 keeps the length beside. */
const LATER: readonly Migration[] = [
  {
    to: 2,
    title: 'upper case',
    run: async (access) => {
      for await (const [key, value] of access.entries('t')) {
        await access.write([{ name: 't', key, value: Buffer.from(Buffer.from(value).toString().toUpperCase()) }]);
      }
    },
  },
  {
    to: 3,
    title: 'lengths',
    run: async (access) => {
      for await (const [key, value] of access.entries('t')) {
        await access.write([{ name: 'lengths', key, value: Buffer.from(String(value.length)) }]);
      }
    },
  },
];

const migrations = (it: It): void => {
  it('older data is migrated step by step, after a backup', async (t, { place, directory }) => {
    const old = await place.open();
    old.table('t', text).put(['a', 'b'], 'hello');
    await old.close();
    const notices: string[] = [];
    const kept = path.join(directory, 'before-schema-3.backup');
    const options: StoreOptions = { migrations: LATER, backups: directory, onNotice: (notice) => notices.push(notice) };
    const store = await place.open(options);
    t.is(store.schema, 3);
    const table = store.table('t', text);
    t.is(table.get(['a', 'b']), 'HELLO');
    t.is(store.table('lengths', number).get(['a', 'b']), 5);
    t.deepEqual(notices, [`the data of schema 1 is kept in ${kept}`, 'schema 2: upper case', 'schema 3: lengths']);
    table.put(['a', 'b'], 'changed');
    await store.restore(kept);
    t.is(table.get(['a', 'b']), 'HELLO', 'an older backup is migrated too');
    await store.close();
    const again = await place.open(options);
    t.is(notices.length, 5, 'nothing is migrated twice');
    await again.close();
  });

  it('only the steps that are missing are taken', async (t, { place }) => {
    const old = await place.open({ migrations: LATER.slice(0, 1) });
    old.table('t', text).put('k', 'lower');
    await old.close();
    const notices: string[] = [];
    const store = await place.open({ migrations: LATER, onNotice: (notice) => notices.push(notice) });
    t.is(store.table('t', text).get('k'), 'lower');
    t.is(notices.at(-1), 'schema 3: lengths');
    t.false(notices.includes('schema 2: upper case'));
    await store.close();
  });

  it('newer data is refused, as is a newer backup', async (t, { place, directory }) => {
    const file = path.join(directory, 'backup');
    const newer = await place.open({ migrations: LATER });
    newer.table('t', text).put('k', 'v');
    await newer.backup(file);
    await newer.close();
    await t.throwsAsync(place.open(), { instanceOf: StoreTooNew, message: /version 3.*up to 1/ });
    const same = await place.open({ migrations: LATER });
    t.is(same.table('t', text).get('k'), 'v', 'and it is untouched');
    await same.close();
  });

  it('a restore whose migration fails closes the store, and the next open goes on', async (t, { place, directory }) => {
    const file = path.join(directory, 'backup');
    const old = await place.open();
    old.table('t', text).put('k', 'hello');
    await old.backup(file);
    await old.close();
    let failing = false;
    const [first, second] = LATER;
    if (first === undefined || second === undefined) throw new Error('two migrations are needed');
    const run: Migration['run'] = (access) => (failing ? Promise.reject(new Error('half way')) : second.run(access));
    const options: StoreOptions = { migrations: [first, { ...second, run }] };
    const store = await place.open(options);
    failing = true;
    await t.throwsAsync(store.restore(file), { message: 'half way' });
    t.throws(() => store.table('t', text), { instanceOf: StoreClosed });
    failing = false;
    const again = await place.open(options);
    t.is(again.table('t', text).get('k'), 'HELLO');
    t.is(again.table('lengths', number).get('k'), 5);
    await again.close();
  });

  it('a migration that fails is tried again', async (t, { place }) => {
    const old = await place.open();
    for (const key of ['a', 'b', 'c']) old.table(key, text).put(key, key);
    await old.close();
    const failing: Migration = { to: 2, title: 'fails', run: async () => Promise.reject(new Error('half way')) };
    await t.throwsAsync(place.open({ migrations: [failing] }), { message: 'half way' });
    const [first] = LATER;
    const store = await place.open({ migrations: first === undefined ? [] : [first] });
    t.is(store.schema, 2);
    await store.close();
  });
};
