import test from 'ava';
import { Documents } from '#src/im/documents.ts';
import { MemoryData, openMemoryStore } from '#src/store/memory.ts';
import { jid } from '#test/helpers/xml.ts';

const JULIET = jid('juliet@capulet.lit');
const put = (kept: Documents, ...pairs: readonly (readonly [string, string])[]) =>
  kept.put(JULIET, new Map(pairs))?.condition;

async function documents(limit = 100, data = new MemoryData()) {
  const store = await openMemoryStore({}, data);
  return { store, kept: new Documents(store, { documents: () => limit }) };
}

test('documents are kept by name and account, over a restart', async (t) => {
  const data = new MemoryData();
  const { kept, store } = await documents(100, data);
  put(kept, ['a', '<a/>'], ['b', '<ü/>']);
  t.is(kept.get(JULIET, 'b'), '<ü/>');
  t.is(kept.get(jid('romeo@capulet.lit'), 'b'), undefined);
  await store.close();
  const again = await documents(100, data);
  t.is(again.kept.get(JULIET, 'a'), '<a/>');
  t.is(again.kept.used(JULIET), 1 + 4 + 1 + 5);
});

test('all or none are kept, and what is replaced gives its room back', async (t) => {
  const { kept } = await documents(20);
  t.is(put(kept, ['a', 'x'.repeat(10)]), undefined);
  t.is(put(kept, ['b', 'x'], ['c', 'x'.repeat(10)]), 'resource-constraint');
  t.deepEqual([kept.get(JULIET, 'b'), kept.used(JULIET)], [undefined, 11]);
  t.is(put(kept, ['a', 'x'], ['c', 'x'.repeat(10)]), undefined);
  t.is(kept.used(JULIET), 13);
});

test('documents have a bound in number', async (t) => {
  const { kept } = await documents(1_000_000);
  const many = Array.from({ length: 500 }, (_, index) => [`d${index}`, ''] as const);
  t.is(put(kept, ...many), undefined);
  t.is(put(kept, ['one more', '']), 'resource-constraint');
  t.is(put(kept, ['d0', 'new']), undefined);
});

test('a name that means something to the language is a name', async (t) => {
  const { kept } = await documents();
  t.is(put(kept, ['__proto__', 'x'], ['constructor', 'y']), undefined);
  t.is(kept.get(JULIET, '__proto__'), 'x');
  t.is(kept.used(JULIET), 22);
});
