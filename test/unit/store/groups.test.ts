/** What happens when the disk fails, seen from a store over a driver that fails on demand. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { text } from '#src/store/codec.ts';
import { openStore, type StoreOptions } from '#src/store/core.ts';
import type { Change } from '#src/store/driver.ts';
import { StoreClosed, StoreFault } from '#src/store/errors.ts';
import { MemoryData, MemoryDriver, openMemoryStore } from '#src/store/memory.ts';
import type { Store } from '#src/store/store.ts';
import { collect } from '#test/contract/store-kit.ts';

class FailingDriver extends MemoryDriver {
  failing = false;
  recoveries = 0;
  /** Resolves the writes that are held back. */
  release: (() => void) | undefined;

  override async write(changes: readonly Change[]): Promise<void> {
    if (this.release !== undefined) {
      const held = Promise.withResolvers<void>();
      this.release = held.resolve;
      await held.promise;
    }
    if (this.failing) throw new Error('no space left on device');
    return super.write(changes);
  }

  onReplace: (() => void) | undefined;

  override async replace(blocks: AsyncIterable<readonly Change[]>): Promise<void> {
    this.onReplace?.();
    return super.replace(blocks);
  }

  override async recover(): Promise<void> {
    this.recoveries++;
  }
}

interface Setup {
  readonly store: Store;
  readonly driver: FailingDriver;
  readonly data: MemoryData;
  readonly faults: StoreFault[];
  /** Resolves at the next failed attempt. */
  readonly fault: () => Promise<void>;
}

const setup = async (options: StoreOptions = {}): Promise<Setup> => {
  const data = new MemoryData();
  const driver = new FailingDriver(data);
  const faults: StoreFault[] = [];
  let told = Promise.withResolvers<void>();
  const onFault = (fault: StoreFault): void => {
    faults.push(fault);
    told.resolve();
    told = Promise.withResolvers();
  };
  const store = await openStore(driver, { retry: { min: 1, max: 4 }, onFault, ...options });
  return { store, driver, data, faults, fault: () => told.promise };
};

test('a failed write is told, kept and tried again until it succeeds', async (t) => {
  const recovered = Promise.withResolvers<void>();
  const { store, driver, data, faults, fault } = await setup({ onRecovered: recovered.resolve });
  const table = store.table('t', text);
  driver.failing = true;
  const ticket = table.put('k', 'v');
  await t.throwsAsync(async () => store.durable(ticket), { instanceOf: StoreFault, message: /memory.*no space/ });
  t.is(table.get('k'), 'v', 'reads go on');
  t.is(store.fault?.code, 'fault');
  await fault();
  await fault();
  t.true(faults.length >= 2);
  t.true(driver.recoveries >= 1);
  t.true(store.stats.failedCommits >= 2);
  driver.failing = false;
  await recovered.promise;
  t.is(store.durable(ticket), undefined);
  t.is(store.fault, undefined);
  await store.close();
  const again = await openMemoryStore({}, data);
  t.is(again.table('t', text).get('k'), 'v');
  await again.close();
});

test('whoever waits for the open group is told too when the one before it fails', async (t) => {
  const { store, driver } = await setup();
  const table = store.table('t', text);
  driver.release = () => undefined;
  table.put('first', 'x');
  await new Promise((resolve) => setImmediate(resolve));
  const ticket = table.put('second', 'y');
  const waiting = store.durable(ticket);
  driver.failing = true;
  driver.release();
  await t.throwsAsync(async () => waiting, { instanceOf: StoreFault });
  driver.release = undefined;
  driver.failing = false;
  while (store.durable(ticket) !== undefined) await Promise.resolve(store.durable(ticket)).catch(() => undefined);
  t.is(table.get('second'), 'y');
  await store.close();
});

test('reads see what is in flight, under what is open', async (t) => {
  const { store, driver } = await setup();
  const table = store.table('t', text);
  const all = async (): Promise<string[]> => (await collect(table, [])).map(([[key], value]) => `${key}=${value}`);
  for (const key of ['a', 'b', 'c']) table.put(key, '1');
  await store.barrier();
  driver.release = () => undefined;
  table.delete('a');
  table.put('b', '2');
  table.put('d', '2');
  await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(
    ['a', 'b', 'd'].map((key) => table.get(key)),
    [undefined, '2', '2'],
  );
  t.deepEqual(await all(), ['b=2', 'c=1', 'd=2']);
  table.put('a', '3');
  table.delete('b');
  table.put('d', '3');
  t.deepEqual(
    ['a', 'b', 'd'].map((key) => table.get(key)),
    ['3', undefined, '3'],
  );
  t.deepEqual(await all(), ['a=3', 'c=1', 'd=3']);
  driver.release();
  driver.release = undefined;
  await store.barrier();
  t.deepEqual(await all(), ['a=3', 'c=1', 'd=3']);
  await store.close();
});

test('what was written before a restore does not come back after it', async (t) => {
  const directory = await mkdtemp(path.join(tmpdir(), 'trivium-groups-'));
  const { store, driver } = await setup();
  const table = store.table('t', text);
  try {
    await store.backup(path.join(directory, 'empty'));
    driver.release = () => undefined;
    table.put('k', 'v');
    await new Promise((resolve) => setImmediate(resolve));
    const restored = store.restore(path.join(directory, 'empty'));
    t.throws(() => table.put('k', 'w'), { instanceOf: StoreClosed, message: /being restored/ });
    const order: string[] = [];
    driver.onReplace = () => order.push('replaced');
    // As many file operations as a restore that did not wait would need to come to its replacement.
    for (let i = 0; i < 10; i++) await readFile(path.join(directory, 'empty'));
    order.push('released');
    driver.release();
    driver.release = undefined;
    await restored;
    t.deepEqual(order, ['released', 'replaced']);
    await store.barrier();
    t.deepEqual(await collect(table, []), []);
    await store.close();
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test('groups stay in order across failures', async (t) => {
  const { store, driver, data } = await setup();
  const table = store.table('t', text);
  const journal = store.journal('j', text);
  for (let i = 0; i < 100; i++) {
    driver.failing = i % 3 === 0;
    table.put('k', String(i));
    journal.append('q', String(i));
    if (i % 5 === 4) journal.trim('q', i - 3);
    await new Promise((resolve) => setImmediate(resolve));
  }
  driver.failing = false;
  await store.close();
  const again = await openMemoryStore({}, data);
  t.is(again.table('t', text).get('k'), '99');
  t.deepEqual(
    again
      .journal('j', text)
      .read('q')
      .map(({ seq, value }) => [seq, value]),
    [97, 98, 99, 100].map((seq) => [seq, String(seq - 1)]),
  );
  await again.close();
});

test('a close that cannot write says so, and closes', async (t) => {
  const { store, driver, fault } = await setup({ retry: { min: 60_000, max: 60_000 } });
  const table = store.table('t', text);
  driver.failing = true;
  const ticket = table.put('k', 'v');
  await fault();
  await t.throwsAsync(store.close(), { instanceOf: StoreFault });
  await t.throwsAsync(async () => store.durable(ticket), { instanceOf: StoreClosed });
  t.throws(() => table.get('k'), { instanceOf: StoreClosed });
});

test('a close makes one more attempt at once', async (t) => {
  const { store, driver, data, fault } = await setup({ retry: { min: 60_000, max: 60_000 } });
  driver.failing = true;
  store.table('t', text).put('k', 'v');
  await fault();
  driver.failing = false;
  await store.close();
  t.is(data.entries.size, 2);
});

test('a restore is not begun while writes fail', async (t) => {
  const { store, driver, fault } = await setup();
  driver.failing = true;
  store.table('t', text).put('k', 'v');
  await fault();
  await t.throwsAsync(store.restore('unused'), { instanceOf: StoreFault });
  driver.failing = false;
  await store.close();
});

test('what is waiting shows in the counters', async (t) => {
  const { store, driver } = await setup();
  const table = store.table('t', text);
  driver.release = () => undefined;
  table.put('a', 'x');
  await new Promise((resolve) => setImmediate(resolve));
  table.put('b', 'y');
  t.is(store.stats.pendingOperations, 2);
  t.is(store.stats.pendingBytes, 2 * 't\0a\0x'.length);
  driver.release();
  driver.release = undefined;
  await store.close();
  t.is(store.stats.pendingOperations, 0);
  t.is(store.stats.operations, 2);
  t.is(store.stats.groups, 2);
});
