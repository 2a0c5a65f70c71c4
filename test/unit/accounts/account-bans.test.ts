/** Bans of accounts are held in memory, and are never out of step with what is stored. */
import test from 'ava';
import { setImmediate as turn } from 'node:timers/promises';
import { type AccountBan, AccountBans } from '#src/accounts/account-bans.ts';
import { MemoryData, openMemoryStore } from '#src/store/memory.ts';

const host = 'example.org';
const ban: AccountBan = { reason: 'spam', by: 'admin@example.org', since: 1 };

async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i += 1) await turn();
}

test('bans of an earlier run are found, before and after they have been read', async (t) => {
  const data = new MemoryData();
  const before = await openMemoryStore({}, data);
  new AccountBans(before).set(host, 'tybalt', ban);
  await before.close();
  const bans = new AccountBans(await openMemoryStore({}, data));
  for (let i = 0; i < 3; i += 1) {
    t.deepEqual(bans.get(host, 'tybalt'), ban);
    t.is(bans.get(host, 'romeo'), undefined);
    t.is(bans.get('example.net', 'tybalt'), undefined);
    await turns();
  }
});

test('a ban, its end and another one are seen at once, also while the bans are being read', async (t) => {
  const bans = new AccountBans(await openMemoryStore());
  for (let waits = 0; waits < 12; waits += 1) {
    t.is(bans.get(host, 'romeo'), undefined);
    await turns(waits);
    bans.set(host, 'romeo', ban);
    t.deepEqual(bans.get(host, 'romeo'), ban);
    await turns(waits);
    t.deepEqual(bans.get(host, 'romeo'), ban);
    bans.delete(host, 'romeo');
    t.is(bans.get(host, 'romeo'), undefined);
    await turns(waits);
  }
});

test('more bans than are held in memory are looked up', async (t) => {
  const bans = new AccountBans(await openMemoryStore());
  const names = Array.from({ length: 10_002 }, (_, at) => `user${at}`);
  bans.get(host, 'nobody');
  await turns();
  for (const name of names) bans.set(host, name, ban);
  for (let i = 0; i < 3; i += 1) {
    t.true(names.every((name) => bans.get(host, name) !== undefined));
    t.is(bans.get(host, 'nobody'), undefined);
    await turns(100);
  }
  bans.delete(host, 'user7');
  await turns(100);
  t.is(bans.get(host, 'user7'), undefined);
  t.is(await bans.count(host), 10_001);
});
