import test from 'ava';
import { text } from '#src/store/codec.ts';
import { MemoryData, openMemoryStore } from '#src/store/memory.ts';

test('deferred writes: once a group, in the group in which they were asked for', async (t) => {
  const data = new MemoryData();
  const store = await openMemoryStore({}, data);
  const table = store.table('things', text);
  const journal = store.journal('lines', text);
  let value = 0;
  const deferred = store.deferred(() => {
    table.put(['counter'], String(value));
    journal.append(['all'], String(value));
  });

  for (value = 1; value < 5; value++) t.is(deferred.ask(), store.open);
  t.false(table.has(['counter']), 'nothing is written before the cut');
  await store.barrier();
  t.is(table.get(['counter']), '5');
  t.is(journal.length(['all']), 1);
  t.is(store.stats.groups, 1);

  table.put(['other'], 'x');
  await store.barrier();
  t.is(journal.length(['all']), 1, 'not asked for, not run');

  deferred.ask();
  value = 9;
  await store.close();
  const again = await openMemoryStore({}, data);
  t.is(again.table('things', text).get(['counter']), '9', 'what was asked for before the end is written at the end');
  t.is(again.journal('lines', text).length(['all']), 2);
});
