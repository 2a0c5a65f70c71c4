/** The contract of groups: tickets, batches, pressure. */
import path from 'node:path';
import { number, text } from '#src/store/codec.ts';
import { type It, STATES, collect, read } from './store-kit.ts';

export const groups = (it: It): void => {
  it('a ticket becomes durable, and then costs no promise', async (t, { place }) => {
    const store = await place.open();
    const table = store.table('t', text);
    t.is(store.barrier(), undefined);
    const ticket = table.put('k', 'v');
    t.is(ticket, store.open);
    t.true(store.durable(ticket) instanceof Promise);
    await store.durable(ticket);
    t.is(store.durable(ticket), undefined);
    t.is(store.barrier(), undefined);
    t.true(store.open > ticket);
    await store.close();
  });

  it('tickets become durable in order', async (t, { place }) => {
    const store = await place.open();
    const table = store.table('t', number);
    const order: number[] = [];
    const waits: Promise<void>[] = [];
    for (let i = 0; i < 50; i++) {
      const ticket = table.put(String(i), i);
      waits.push((store.durable(ticket) ?? Promise.resolve()).then(() => void order.push(ticket)));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(waits);
    t.deepEqual(
      order,
      order.toSorted((a, b) => a - b),
    );
    t.true(store.stats.groups > 1);
    t.is(store.stats.pendingBytes, 0);
    await store.close();
  });

  it('what is put and deleted within a group never reaches the disk', async (t, { place }) => {
    const store = await place.open();
    const table = store.table('t', text);
    const journal = store.journal('j', text);
    journal.trim('warm', journal.append('warm', 'x'));
    await store.barrier();
    const { operations } = store.stats;
    for (let i = 0; i < 10; i++) {
      table.put(String(i), 'x');
      table.delete(String(i));
      journal.trim('warm', journal.append('warm', 'x'));
    }
    t.is(table.delete('never there'), 0);
    await store.barrier();
    t.is(store.stats.operations, operations);
    t.is(store.stats.cancelled, 21);
    t.is(store.barrier(), undefined);
    await store.close();
  });

  it('a dropped queue leaves nothing on the disk, even when its numbers came again', async (t, {
    place,
    directory,
  }) => {
    const store = await place.open();
    const journal = store.journal('j', text);
    for (const value of 'abc') journal.append('q', value);
    await store.barrier();
    journal.drop('q');
    t.is(journal.append('q', 'again'), 1);
    journal.drop('q');
    const { entries } = await store.backup(path.join(directory, 'backup'));
    t.is(entries, 0);
    await store.close();
  });

  it('a batch that throws leaves nothing behind', async (t, { place }) => {
    const store = await place.open();
    const table = store.table('t', text);
    const journal = store.journal('j', text);
    table.put('kept', 'old');
    table.put('gone', 'old');
    journal.append('q', 'a');
    await store.barrier();
    table.put('open', 'old');
    journal.append('q', 'b');
    const failing = (): void => {
      table.put('kept', 'new');
      table.put('open', 'new');
      table.put('fresh', 'new');
      table.delete('gone');
      journal.trim('q', 1);
      journal.append('q', 'c');
      journal.append('r', 'x');
      t.throws(() =>
        store.batch(() => {
          journal.drop('q');
          throw new Error('inner');
        }),
      );
      t.is(read(journal, 'q'), '2b 3c');
      throw new Error('no');
    };
    t.throws(() => store.batch(failing), { message: 'no' });
    for (const settle of STATES.slice(0, 2)) {
      await settle[1](store, place);
      t.deepEqual(await collect(table, []), [
        [['gone'], 'old'],
        [['kept'], 'old'],
        [['open'], 'old'],
      ]);
      t.is(read(journal, 'q'), '1a 2b');
      t.is(journal.length('r'), 0);
    }
    t.is(journal.append('q', 'c'), 3);
    const later = (): unknown => Promise.resolve();
    t.throws(() => store.batch(later), { instanceOf: TypeError });
    await store.close();
  });

  it('a batch makes one group', async (t, { place }) => {
    const store = await place.open();
    const table = store.table('t', number);
    const { groups: before } = store.stats;
    const ticket = store.batch(() => {
      for (let i = 0; i < 1000; i++) table.put(String(i), i);
    });
    await store.durable(ticket);
    t.is(store.stats.groups, before + 1);
    await store.close();
  });

  it('writes made while a group is in flight are seen and committed', async (t, { place }) => {
    let store = await place.open();
    let table = store.table('t', number);
    for (let round = 1; round <= 200; round++) {
      table.put('k', round);
      table.put(String(round), round);
      if (round % 3 === 0) table.delete(String(round - 1));
      await new Promise((resolve) => setImmediate(resolve));
      t.is(table.get('k'), round);
      t.is(table.get(String(round)), round);
    }
    await store.close();
    store = await place.open();
    table = store.table('t', number);
    t.is(table.get('k'), 200);
    t.is(await table.count([]), 201 - 66);
    await store.close();
  });

  it('pressure is told from the high-water mark until the writes are made', async (t, { place }) => {
    const store = await place.open({ highWater: 1000, limit: 2000 });
    const table = store.table('t', text);
    table.put('a', 'x'.repeat(500));
    t.false(store.pressure);
    table.put('b', 'x'.repeat(600));
    t.true(store.pressure);
    t.throws(() => table.put('c', 'x'.repeat(1000)), { code: 'full' });
    t.false(table.has('c'));
    await store.barrier();
    t.false(store.pressure);
    t.is(store.stats.pressured, 1);
    table.put('c', 'x'.repeat(1000));
    await store.close();
  });
};
