import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { text } from '#src/store/codec.ts';
import { openLevelStore } from '#src/store/level.ts';

test('a database that another process is just making is no damaged one', async (t) => {
  const directory = await mkdtemp(path.join(tmpdir(), 'trivium-store-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  // LevelDB writes the manifest first, and then the file that names it.
  await writeFile(path.join(directory, 'MANIFEST-000001'), '');
  const opening = openLevelStore({ location: directory });
  await rm(path.join(directory, 'MANIFEST-000001'));
  const store = await opening;
  const table = store.table('t', text);
  table.put(['k'], 'v');
  t.is(table.get(['k']), 'v');
  await store.close();
});
