import test from 'ava';
import { Timers } from '#src/net/timers.ts';
import { createLog } from '#src/observe/log.ts';
import { RelayAddresses } from '#protocols/turn/addresses.ts';

const NOTHING = { publicAddress: [], relayAddress: [], allowPeers: [], denyPeers: [] };

/** The addresses of a machine that has these, with these settings. */
function on(
  machine: readonly string[],
  options: Partial<Record<'publicAddress' | 'relayAddress', readonly string[]>> = {},
) {
  const timers = new Timers(() => undefined);
  timers[Symbol.dispose]();
  const log = createLog({ level: 'off' });
  return new RelayAddresses(
    timers,
    log.scope('turn'),
    () => ({ ...NOTHING, ...options }),
    () => machine,
  );
}

test('what the machine has: first what the Internet reaches, then what is private, never link-local', (t) => {
  const machine = ['127.0.0.1', '::1', '169.254.1.1', 'fe80::1', '10.0.0.5', 'fd00::5', '8.8.4.4', '2a00:1450::5'];
  const addresses = on(machine);
  t.deepEqual(addresses.of(4), { local: '8.8.4.4', public: '8.8.4.4' });
  t.deepEqual(addresses.of(6), { local: '2a00:1450::5', public: '2a00:1450::5' });
  t.deepEqual(addresses.problems(), []);
  for (const own of machine) t.true(addresses.isOwn(own), own);
  t.false(addresses.isOwn('8.8.8.8'));
});

test('behind a NAT: relays are where the machine is, and announced where the Internet finds them', (t) => {
  const addresses = on(['127.0.0.1', '10.0.0.5'], { publicAddress: ['8.8.4.4'] });
  t.deepEqual(addresses.of(4), { local: '10.0.0.5', public: '8.8.4.4' });
  t.is(addresses.of(6), undefined);
  t.true(addresses.isOwn('8.8.4.4'));
  t.true(addresses.isRelay('10.0.0.5'));
  t.deepEqual(addresses.problems(), []);
});

test('what is set comes before what is found', (t) => {
  const addresses = on(['10.0.0.5', '10.0.0.6'], { relayAddress: ['10.0.0.6'] });
  t.deepEqual(addresses.of(4), { local: '10.0.0.6', public: '10.0.0.6' });
  t.regex(addresses.problems().join(), /10\.0\.0\.6, which the Internet cannot reach/);
});

test('a machine that has nothing but itself serves itself', (t) => {
  t.deepEqual(on(['127.0.0.1', '::1']).of(4), { local: '127.0.0.1', public: '127.0.0.1' });
});

test('a domain name stands for what it resolves to', async (t) => {
  const addresses = on(['10.0.0.5'], { publicAddress: ['localhost'] });
  t.regex(addresses.problems().join(), /localhost has no address/);
  await addresses.refresh();
  t.is(addresses.of(4)?.local, '10.0.0.5');
  t.is(addresses.of(4)?.public, '127.0.0.1');
  addresses.stop();
});
