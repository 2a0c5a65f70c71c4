import test from 'ava';
import { Bans, type Ban, type BansOptions } from '#src/accounts/bans.ts';
import { isLoopback } from '#src/address/ip.ts';
import { MemoryData, openMemoryStore } from '#src/store/memory.ts';

const hour = 3_600_000;

async function open(options: Partial<BansOptions> = {}, data = new MemoryData()) {
  const store = await openMemoryStore({}, data);
  const clock = { now: 1_700_000_000_000 };
  const told: Ban[] = [];
  const bans = await Bans.open({
    store,
    exempt: isLoopback,
    now: () => clock.now,
    onBan: (ban) => told.push(ban),
    ...options,
  });
  const fail = (ip: string, times: number, weight?: number): void => {
    for (let count = 0; count < times; count++) bans.fail(ip, 'wrong password', weight);
  };
  return { bans, clock, told, fail, store };
}

test('the twentieth failure bans the address for an hour', async (t) => {
  const { bans, clock, told, fail } = await open();
  fail('192.0.2.1', 19);
  t.false(bans.isBanned('192.0.2.1'));
  const ban = bans.fail('192.0.2.1', 'wrong password');
  t.deepEqual(ban, {
    origin: '192.0.2.1',
    reason: 'wrong password',
    by: 'failures',
    since: clock.now,
    until: clock.now + hour,
  });
  t.true(bans.isBanned('192.0.2.1'));
  t.true(bans.isBanned('::ffff:192.0.2.1'), 'the same address on a dual-stack listener');
  t.false(bans.isBanned('192.0.2.2'));
  t.deepEqual(told, [ban]);
  clock.now += hour - 1;
  t.true(bans.isBanned('192.0.2.1'));
  clock.now += 1;
  t.false(bans.isBanned('192.0.2.1'));
  t.deepEqual(bans.list(), []);
});

test('a v6 /64 is one origin', async (t) => {
  const { bans, fail } = await open();
  for (let host = 0; host < 20; host++) fail(`2001:db8:0:1::${host.toString(16)}`, 1);
  t.true(bans.isBanned('2001:db8:0:1:ffff::1'));
  t.false(bans.isBanned('2001:db8:0:2::1'));
  t.is(bans.list()[0]?.origin, '2001:db8:0:1::/64');
});

test('failures are forgotten an hour after the last one', async (t) => {
  const { bans, clock, fail } = await open();
  fail('192.0.2.1', 19);
  clock.now += hour;
  fail('192.0.2.1', 19);
  t.false(bans.isBanned('192.0.2.1'));
});

test('failures have weights', async (t) => {
  const { bans, fail } = await open({ policy: { threshold: 6 } });
  fail('192.0.2.1', 1, 5);
  t.false(bans.isBanned('192.0.2.1'));
  fail('192.0.2.1', 1, 0);
  t.false(bans.isBanned('192.0.2.1'));
  fail('192.0.2.1', 1, 1);
  t.true(bans.isBanned('192.0.2.1'));
});

test('loopback is exempt, and what is no address is never banned', async (t) => {
  const { bans, fail } = await open();
  for (const text of ['127.0.0.1', '::1', '::ffff:127.0.0.1', '', 'unix', '/run/socket', '@', '1.2.3']) {
    fail(text, 50);
    t.false(bans.isBanned(text), text);
  }
  t.deepEqual(bans.list(), []);
  bans.ban('127.0.0.1', 'test', 'admin@example.org');
  t.false(bans.isBanned('127.0.0.1'), 'even by hand');
});

test('bans by hand, with and without an end', async (t) => {
  const { bans, clock } = await open();
  t.is(bans.ban('nonsense', 'x', 'admin@example.org'), undefined);
  t.truthy(bans.ban('192.0.2.1', 'scanner', 'admin@example.org'));
  t.truthy(bans.ban('2001:db8::1', 'scanner', 'admin@example.org', 60));
  clock.now += 61_000;
  t.true(bans.isBanned('192.0.2.1'));
  t.false(bans.isBanned('2001:db8::1'));
  t.deepEqual(
    bans.list().map(({ origin, by }) => [origin, by]),
    [['192.0.2.1', 'admin@example.org']],
  );
});

test('unban takes an address or what the list shows, and forgets the failures', async (t) => {
  const { bans, fail } = await open();
  fail('192.0.2.1', 20);
  fail('2001:db8::1', 20);
  t.not(bans.unban('192.0.2.1'), undefined);
  t.not(bans.unban('2001:db8:0:0::/64'), undefined);
  t.is(bans.unban('192.0.2.1'), undefined);
  t.is(bans.unban('nonsense'), undefined);
  t.deepEqual(bans.list(), []);
  fail('192.0.2.1', 19);
  t.false(bans.isBanned('192.0.2.1'));
});

test('bans outlive a restart', async (t) => {
  const data = new MemoryData();
  const before = await open({}, data);
  before.fail('192.0.2.1', 20);
  before.bans.ban('192.0.2.9', 'scanner', 'admin@example.org');
  await before.store.close();
  const { bans, clock } = await open({}, data);
  t.true(bans.isBanned('192.0.2.1'));
  t.true(bans.isBanned('192.0.2.9'));
  clock.now += hour;
  t.deepEqual(
    bans.list().map(({ origin }) => origin),
    ['192.0.2.9'],
  );
});

test('counters and bans are bounded', async (t) => {
  const { bans, fail } = await open({ policy: { threshold: 2, maxCounters: 2, maxBans: 2 } });
  fail('192.0.2.1', 1);
  fail('192.0.2.2', 1);
  fail('192.0.2.3', 1);
  fail('192.0.2.1', 1);
  t.false(bans.isBanned('192.0.2.1'), 'its counter had given way');
  bans.ban('198.51.100.1', 'x', 'a', 10);
  bans.ban('198.51.100.2', 'x', 'a');
  bans.ban('198.51.100.3', 'x', 'a', 20);
  t.deepEqual(
    bans.list().map(({ origin }) => origin),
    ['198.51.100.2', '198.51.100.3'],
    'the one that ends first gives way',
  );
});

test('a ban that another worker made is adopted, and the policy can change', async (t) => {
  const { bans, clock, fail } = await open();
  bans.adopt({ origin: '192.0.2.1', reason: 'x', by: 'failures', since: clock.now, until: clock.now + 1000 });
  t.true(bans.isBanned('192.0.2.1'));
  bans.configure({ threshold: 1 });
  fail('192.0.2.2', 1);
  t.true(bans.isBanned('192.0.2.2'));
});
