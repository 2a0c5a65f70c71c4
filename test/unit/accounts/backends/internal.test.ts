import test from 'ava';
import { makeScram } from '#src/accounts/verifiers.ts';
import { quick, world } from '../fixture.ts';

const host = 'example.org';

test('a host that keeps no H(A1) gives none, and drops a stored one at the next login', async (t) => {
  const made = await world();
  const { accounts, internal } = made;
  await accounts.create(host, 'romeo', 'secret');
  t.truthy(accounts.ha1(host, 'romeo', 'local', 'MD5'));
  made.policy = { ...quick, ha1: false };
  t.is(accounts.ha1(host, 'romeo', 'local', 'MD5'), undefined);
  t.true(await accounts.checkPassword(host, 'romeo', 'secret'));
  made.policy = quick;
  t.is(internal.ha1(host, 'romeo'), undefined, 'it is gone from the store');
});

test('a login with the password adds what an imported account lacks', async (t) => {
  const { accounts, internal } = await world();
  internal.adopt(host, 'romeo', { version: 1, scram: { 'SHA-1': await makeScram('SHA-1', ['secret'], 5) } });
  t.is(accounts.ha1(host, 'romeo', 'local', 'MD5'), undefined);
  t.is(accounts.scramVerifier(host, 'romeo', 'SHA-512').keys.length, 0, 'a decoy until then');
  t.false(await accounts.checkPassword(host, 'romeo', 'wrong'));
  t.is(internal.scram(host, 'romeo', 'SHA-256'), undefined, 'a wrong password adds nothing');
  t.true(await accounts.checkPassword(host, 'romeo', 'secret'));
  for (const hash of ['SHA-1', 'SHA-256', 'SHA-512'] as const)
    t.is(internal.scram(host, 'romeo', hash)?.iterations, quick.iterations[hash]);
  t.truthy(accounts.ha1(host, 'romeo', 'local', 'MD5'));
  t.true(await accounts.checkPassword(host, 'romeo', 'secret'));
});

test('more iterations in the policy reach an account at its next login; the other verifiers stay', async (t) => {
  const made = await world();
  const { accounts, internal } = made;
  await accounts.create(host, 'romeo', 'secret');
  const sha1 = internal.scram(host, 'romeo', 'SHA-1');
  made.policy = { ...quick, iterations: { ...quick.iterations, 'SHA-512': 50 } };
  t.true(await accounts.checkPassword(host, 'romeo', 'secret'));
  t.is(internal.scram(host, 'romeo', 'SHA-512')?.iterations, 50);
  t.deepEqual(internal.scram(host, 'romeo', 'SHA-1'), sha1);
});

test('an upgrade never brings back a password that was changed meanwhile', async (t) => {
  const made = await world();
  const { accounts } = made;
  await accounts.create(host, 'romeo', 'old');
  made.policy = { ...quick, iterations: { ...quick.iterations, 'SHA-512': 20_000 } };
  const login = accounts.checkPassword(host, 'romeo', 'old');
  made.policy = quick;
  await Promise.all([login, accounts.setPassword(host, 'romeo', 'new')]);
  t.true(await accounts.checkPassword(host, 'romeo', 'new'));
  t.false(await accounts.checkPassword(host, 'romeo', 'old'));
});
