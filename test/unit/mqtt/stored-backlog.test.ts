import test from 'ava';
import { Buffer } from 'node:buffer';
import type { Delivery } from '#protocols/mqtt/backlog.ts';
import { Publication } from '#protocols/mqtt/publication.ts';
import { queuedCodec } from '#protocols/mqtt/session-store.ts';
import { StoredBacklog } from '#protocols/mqtt/stored-backlog.ts';
import { openMemoryStore } from '#src/store/memory.ts';

const owner = { place: ['localhost', '/sub'], isReleased: () => false, group: () => undefined };

function deliveryOf(text: string): Delivery {
  const message = { topic: 't', payload: Buffer.from(text), qos: 2, retain: false, properties: {} } as const;
  return { publication: new Publication(message, 0, undefined), qos: 2, retain: false, ids: [], share: undefined };
}

/** What a backlog sends after a crash, with `before` in the journal and `after` come since. */
async function afterCrash(
  before: readonly string[],
  after: readonly string[],
  window = 10,
): Promise<readonly string[]> {
  const store = await openMemoryStore();
  const journal = store.journal('queue', queuedCodec);
  const former = new StoredBacklog(journal, owner);
  for (const text of before) former.add(deliveryOf(text));
  const backlog = new StoredBacklog(journal, owner);
  backlog.restore(undefined, window);
  for (const text of after) backlog.add(deliveryOf(text));
  backlog.resume();
  const sent: string[] = [];
  for (let next = backlog.peek(); next !== undefined; next = backlog.peek()) {
    sent.push(`${String(next.delivery.publication.message.payload)}${next.dup ? ' dup' : ''}`);
    backlog.shift();
  }
  await store.close();
  return sent;
}

test('after a crash the oldest may have been sent before, as many as the window holds', async (t) => {
  t.deepEqual(await afterCrash(['a', 'b', 'c'], [], 2), ['a dup', 'b dup', 'c']);
});

test('what has come since the crash was not', async (t) => {
  t.deepEqual(await afterCrash(['a'], ['b', 'c']), ['a dup', 'b', 'c']);
  t.deepEqual(await afterCrash([], ['a']), ['a']);
});
