/** What only the LevelDB driver can meet: locks, damage, and files left by a process that died. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rename, rm, stat, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { number, text } from '#src/store/codec.ts';
import { StoreCorrupt, StoreFault, StoreLocked } from '#src/store/errors.ts';
import { openLevelStore, repairLevelStore } from '#src/store/level.ts';

const run = promisify(execFile);

const inDirectory =
  (fn: (t: ExecutionContext, directory: string) => Promise<void>) =>
  async (t: ExecutionContext): Promise<void> => {
    const directory = await mkdtemp(path.join(tmpdir(), 'trivium-level-'));
    try {
      await fn(t, directory);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  };

const fill = async (location: string, count: number): Promise<void> => {
  const store = await openLevelStore({ location });
  const table = store.table('t', number);
  for (let i = 0; i < count; i++) {
    table.put(String(i), i);
    await store.barrier();
  }
  await store.close();
};

const fileNamed = async (location: string, pattern: RegExp): Promise<string> =>
  path.join(location, (await readdir(location)).find((name) => pattern.test(name)) ?? 'missing');

test(
  'a directory in use is refused by name',
  inDirectory(async (t, directory) => {
    const store = await openLevelStore({ location: directory });
    await t.throwsAsync(openLevelStore({ location: directory }), {
      instanceOf: StoreLocked,
      message: new RegExp(`${path.basename(directory)} is in use`),
    });
    store.table('t', text).put('k', 'v');
    await store.barrier();
    await store.close();
    const again = await openLevelStore({ location: directory });
    await again.close();
  }),
);

test(
  'a log cut short anywhere opens, with all groups before the cut',
  inDirectory(async (t, directory) => {
    for (const share of [0.1, 0.5, 0.999]) {
      const location = path.join(directory, String(share));
      await fill(location, 100);
      const log = await fileNamed(location, /\.log$/);
      await truncate(log, Math.floor((await stat(log)).size * share));
      const store = await openLevelStore({ location });
      const table = store.table('t', number);
      const left = await table.count([]);
      t.true(left < 100);
      for (let i = 0; i < left; i++) t.is(table.get(String(i)), i);
      await store.close();
    }
  }),
);

test(
  'a database without its CURRENT file is not begun anew',
  inDirectory(async (t, directory) => {
    await fill(directory, 3);
    await unlink(path.join(directory, 'CURRENT'));
    await t.throwsAsync(openLevelStore({ location: directory }), { instanceOf: StoreCorrupt, message: /repair/ });
    await repairLevelStore(directory);
    const store = await openLevelStore({ location: directory });
    t.is(store.table('t', number).get('2'), 2);
    await store.close();
  }),
);

test(
  'a damaged manifest is named, and repaired',
  inDirectory(async (t, directory) => {
    await fill(directory, 3);
    await writeFile(await fileNamed(directory, /^MANIFEST/), 'garbage');
    await t.throwsAsync(openLevelStore({ location: directory }), {
      instanceOf: StoreCorrupt,
      message: /damaged.*restore a backup, or repair/,
    });
    await repairLevelStore(directory);
    const store = await openLevelStore({ location: directory });
    t.is(store.table('t', number).get('0'), 0);
    await store.close();
  }),
);

test(
  'data without a schema version is not touched',
  inDirectory(async (t, directory) => {
    const { ClassicLevel } = await import('classic-level');
    const foreign = new ClassicLevel(directory);
    await foreign.put('somebody', 'else');
    await foreign.close();
    await t.throwsAsync(openLevelStore({ location: directory }), {
      instanceOf: StoreCorrupt,
      message: /no schema version/,
    });
  }),
);

test(
  'a directory that cannot be used is named',
  inDirectory(async (t, directory) => {
    const file = path.join(directory, 'file');
    await writeFile(file, '');
    await t.throwsAsync(openLevelStore({ location: path.join(file, 'store') }), {
      instanceOf: StoreFault,
      message: /cannot open/,
    });
  }),
);

test(
  'a restore that died between its renames is finished',
  inDirectory(async (t, directory) => {
    const location = path.join(directory, 'store');
    await fill(location, 2);
    await rename(location, `${location}.old`);
    await fill(`${location}.new`, 5);
    const store = await openLevelStore({ location });
    t.is(await store.table('t', number).count([]), 5);
    t.deepEqual(await readdir(directory), ['store']);
    await store.close();
  }),
);

test(
  'a restore that died before its renames leaves the former content',
  inDirectory(async (t, directory) => {
    const location = path.join(directory, 'store');
    await fill(location, 2);
    await mkdir(`${location}.new`);
    const store = await openLevelStore({ location });
    t.is(await store.table('t', number).count([]), 2);
    t.deepEqual(await readdir(directory), ['store']);
    await store.close();
  }),
);

test(
  'a moved directory is the same store',
  inDirectory(async (t, directory) => {
    await fill(path.join(directory, 'here'), 3);
    await rename(path.join(directory, 'here'), path.join(directory, 'there'));
    const store = await openLevelStore({
      location: path.join(directory, 'there'),
      durability: 'os',
      compression: false,
    });
    t.deepEqual(store.supports, { persistent: true, durability: 'os' });
    t.is(store.table('t', number).get('2'), 2);
    await store.close();
  }),
);

/** A limit of file size stands for the full disk: it makes LevelDB's own writes fail. */
test(
  'a full disk loses nothing that was written, and reads go on',
  inDirectory(async (t, directory) => {
    if (spawnSync('prlimit', ['--version']).status !== 0) {
      t.log('not tried: there is no prlimit (util-linux) on this machine');
      t.pass();
      return;
    }
    const child = path.join(import.meta.dirname, 'full-disk.ts');
    const { stdout } = await run('sh', [
      '-c',
      'trap "" XFSZ; exec "$0" "$@"',
      process.execPath,
      child,
      path.join(directory, 'store'),
    ]);
    t.deepEqual(stdout.trim().split('\n'), ['written', 'refused', 'read', 'recovered', 'durable']);
    const store = await openLevelStore({ location: path.join(directory, 'store') });
    const table = store.table('t', text);
    t.is(await table.count([]), 102);
    t.is(table.get('during'), 'y');
    await store.close();
  }),
);
