/** The contract of backup and restore. */
import { open, readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { number, text } from '#src/store/codec.ts';
import { BackupInvalid } from '#src/store/errors.ts';
import type { Journal, Store, Table } from '#src/store/store.ts';
import { AWKWARD, type It, collect, read } from './store-kit.ts';

export const backups = (it: It): void => {
  const fill = (store: Store): { table: Table<string>; journal: Journal<string> } => {
    const table = store.table('t', text);
    const journal = store.journal('j', text);
    for (let i = 0; i < 500; i++) table.put(['user', String(i)], 'x'.repeat(i * 7));
    for (const part of AWKWARD) table.put(['awkward', part], part);
    for (let i = 0; i < 5; i++) journal.append('q', String(i));
    journal.trim('q', 2);
    return { table, journal };
  };

  it('a backup restores into an empty store', async (t, { place, directory }) => {
    const file = path.join(directory, 'backup');
    const store = await place.open();
    const { table } = fill(store);
    const { entries, bytes } = await store.backup(file);
    t.is(entries, 500 + AWKWARD.length + 3 + 1);
    t.is((await readFile(file)).length, bytes);
    const expected = await collect(table, []);
    table.put(['user', '1'], 'changed');
    table.put(['later'], 'gone after the restore');
    t.deepEqual(await store.restore(file), { entries, bytes });
    t.deepEqual(await collect(table, []), expected);
    await store.close();
    const again = await place.open();
    t.deepEqual(await collect(again.table('t', text), []), expected);
    const journal = again.journal('j', text);
    t.is(read(journal, 'q'), '32 43 54');
    t.is(journal.append('q', 'x'), 6);
    await again.close();
  });

  it('journals go on where the backup stood', async (t, { place, directory }) => {
    const file = path.join(directory, 'backup');
    const store = await place.open();
    const { journal } = fill(store);
    await store.backup(file);
    journal.drop('q');
    journal.append('r', 'later');
    await store.restore(file);
    t.is(read(journal, 'q'), '32 43 54');
    t.is(journal.length('r'), 0);
    await store.close();
  });

  it('a backup made under load holds whole groups', async (t, { place, directory }) => {
    const file = path.join(directory, 'backup');
    const store = await place.open();
    const table = store.table('t', number);
    const filler = store.table('f', text);
    for (let i = 0; i < 2000; i++) filler.put(String(i), 'x'.repeat(200));
    let round = 0;
    let running = true;
    const load = (async () => {
      for (; running; round++) {
        store.batch(() => {
          for (const key of ['a', 'm', 'z']) table.put(key, round);
        });
        await store.barrier();
      }
    })();
    await store.backup(file);
    running = false;
    await load;
    await store.restore(file);
    const values = (await collect(table, [])).map(([, value]) => value);
    t.is(values.length, 3);
    t.is(new Set(values).size, 1);
    await store.close();
  });

  it('a damaged backup changes nothing', async (t, { place, directory }) => {
    const file = path.join(directory, 'backup');
    const store = await place.open();
    const { table } = fill(store);
    await store.backup(file);
    const whole = await readFile(file);
    table.put('after', 'backup');
    const expected = await collect(table, []);
    const broken = path.join(directory, 'broken');
    const flipped = (at: number): Buffer => {
      const copy = Buffer.from(whole);
      copy[at] = (copy[at] ?? 0) ^ 1;
      return copy;
    };
    const cases: readonly (readonly [string, Buffer])[] = [
      ['empty', Buffer.alloc(0)],
      ['not a backup', Buffer.from('hello '.repeat(100))],
      ...[0, 9, 13, 20, 25].map((at) => [`header byte ${at}`, flipped(at)] as const),
      ...[26, 27, 30, 35, 60, whole.length >> 1, whole.length - 1, whole.length - 9, whole.length - 17].map(
        (at) => [`byte ${at}`, flipped(at)] as const,
      ),
      ...[1, 5, 17, 18, whole.length >> 1, whole.length - 26].map(
        (cut) => [`${cut} bytes short`, whole.subarray(0, whole.length - cut)] as const,
      ),
      ['with a tail', Buffer.concat([whole, Buffer.from('x')])],
      ['a block twice', Buffer.concat([whole.subarray(0, -17), whole.subarray(26)])],
    ];
    for (const [what, content] of cases) {
      await writeFile(broken, content);
      await t.throwsAsync(store.restore(broken), { instanceOf: BackupInvalid }, what);
    }
    await t.throwsAsync(store.restore(path.join(directory, 'nowhere')), { code: 'ENOENT' });
    t.deepEqual(await collect(table, []), expected);
    table.put('still', 'writable');
    await store.close();
  });

  it('two backups into one file do not mix', async (t, { place, directory }) => {
    const file = path.join(directory, 'backup');
    const store = await place.open();
    fill(store);
    const first = store.backup(file);
    await t.throwsAsync(store.backup(file), { message: /already being made/ });
    await first;
    await store.backup(file);
    await store.restore(file);
    t.deepEqual(await readdir(directory).then((names) => names.filter((name) => name.startsWith('backup'))), [
      'backup',
    ]);
    await store.close();
  });

  it('a backup that cannot be written leaves no file', async (t, { place, directory }) => {
    const store = await place.open();
    fill(store);
    await t.throwsAsync(store.backup(path.join(directory, 'no', 'such', 'directory', 'backup')), { code: 'ENOENT' });
    const handle = await open(path.join(directory, 'plain'), 'w');
    await handle.close();
    await t.throwsAsync(store.backup(path.join(directory, 'plain', 'backup')), { code: 'ENOTDIR' });
    t.deepEqual(
      (await readdir(directory)).filter((name) => name.includes('backup')),
      [],
    );
    await store.close();
  });
};
