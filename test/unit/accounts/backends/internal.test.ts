import test from 'ava';
import { InternalBackend } from '#src/accounts/backends/internal.ts';
import { credentialCodec } from '#src/accounts/credential.ts';
import { NodeKey } from '#src/accounts/node-key.ts';
import {
  computeHa1,
  ha1Algorithms,
  type Credential,
  ha1Names,
  makeCredential,
  makeScram,
  userhashOf,
} from '#src/accounts/verifiers.ts';
import { MemoryData, openMemoryStore } from '#src/store/memory.ts';
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

/** As it was stored before there were verifiers for SHA-512-256. */
async function older(local: string, key: NodeKey): Promise<Credential> {
  const made = await makeCredential(host, local, 'secret', quick, key);
  if (made === undefined) throw new Error('refused');
  const names = [local, `${local}@${host}`];
  const values = (['MD5', 'SHA-256'] as const).flatMap((algorithm) =>
    names.map((name) => computeHa1(algorithm, name, host, 'secret')),
  );
  return { ...made, ha1: key.seal(Buffer.concat(values), `ha1\0${host}\0${local}`) };
}

test('an older record serves as it did, and has all verifiers after the next login that shows the password', async (t) => {
  const data = new MemoryData();
  const key = NodeKey.random();
  const before = await openMemoryStore({}, data);
  before.table('accounts', credentialCodec).put([host, 'romeo'], await older('romeo', key));
  await before.close();
  const { accounts } = await world([], data, key);
  const kept = () => ha1Algorithms.filter((name) => accounts.ha1(host, 'romeo', 'local', name) !== undefined);
  t.deepEqual(kept(), ['MD5', 'SHA-256']);
  t.deepEqual(accounts.ha1(host, 'romeo', 'local', 'MD5'), computeHa1('MD5', 'romeo', host, 'secret'));
  t.false(await accounts.checkPassword(host, 'romeo', 'wrong'));
  t.deepEqual(kept(), ['MD5', 'SHA-256']);
  t.true(await accounts.checkPassword(host, 'romeo', 'secret'));
  for (const algorithm of ha1Algorithms) {
    for (const form of ['local', 'local@domain'] as const) {
      const expected = computeHa1(algorithm, ha1Names(host, 'romeo')[form], host, 'secret');
      t.deepEqual(accounts.ha1(host, 'romeo', form, algorithm), expected, `${algorithm} ${form}`);
    }
  }
});

test('H(A1) that another node key sealed is made anew at the next login that shows the password', async (t) => {
  const data = new MemoryData();
  const before = await world([], data);
  await before.accounts.create(host, 'romeo', 'secret');
  await before.store.close();
  const { accounts } = await world([], data);
  t.true(await accounts.checkPassword(host, 'romeo', 'secret'));
  t.deepEqual(accounts.ha1(host, 'romeo', 'local', 'MD5'), computeHa1('MD5', 'romeo', host, 'secret'));
});

const hashes = (local: string): readonly string[] =>
  ha1Algorithms.flatMap((algorithm) =>
    Object.values(ha1Names(host, local)).map((name) => userhashOf(algorithm, name, host)),
  );

test('the hash of a user name is found as long as the account is there, by every algorithm and in both forms', async (t) => {
  const { accounts } = await world();
  const found = () => new Set(hashes('romeo').map((hash) => accounts.userOf(host, hash)));
  t.deepEqual(found(), new Set([undefined]));
  await accounts.create(host, 'romeo', 'secret');
  t.deepEqual(found(), new Set(['romeo', 'romeo@example.org']));
  t.is(accounts.userOf('example.net', hashes('romeo')[0] ?? ''), undefined);
  t.is(accounts.userOf(host, ''), undefined);
  await accounts.setPassword(host, 'romeo', 'other');
  t.deepEqual(found(), new Set(['romeo', 'romeo@example.org']));
  accounts.remove(host, 'romeo');
  t.deepEqual(found(), new Set([undefined]));
});

test('a host that keeps no H(A1) finds nobody by a hash', async (t) => {
  const made = await world();
  await made.accounts.create(host, 'romeo', 'secret');
  made.policy = { ...quick, ha1: false };
  t.is(made.accounts.userOf(host, hashes('romeo')[0] ?? ''), undefined);
  await made.accounts.setPassword(host, 'romeo', 'other');
  made.policy = quick;
  t.is(made.accounts.userOf(host, hashes('romeo')[0] ?? ''), undefined);
});

test('accounts from before the index of hashes are put into it, once', async (t) => {
  const data = new MemoryData();
  const key = NodeKey.random();
  const before = await openMemoryStore({}, data);
  const table = before.table('accounts', credentialCodec);
  const [credential, { ha1: _, ...without }] = [await older('romeo', key), await older('paris', key)];
  for (let i = 0; i < 1500; i += 1) table.put([host, `user${i}`], credential);
  table.put([host, 'paris'], without);
  await before.close();
  const store = await openMemoryStore({}, data);
  const backend = new InternalBackend({ store, key, policy: () => quick });
  t.is(await backend.indexUsers(), 1500);
  t.is(await backend.indexUsers(), 0);
  for (const name of ['user0', 'user999', 'user1499']) t.is(backend.userOf(host, hashes(name)[0] ?? ''), name);
  t.is(backend.userOf(host, hashes('paris')[0] ?? ''), undefined);
});

test('who was asked for in vain is there once the account is made', async (t) => {
  const { accounts } = await world();
  t.is(accounts.ha1(host, 'romeo', 'local', 'MD5'), undefined);
  t.false(accounts.exists(host, 'romeo'));
  await accounts.create(host, 'romeo', 'secret');
  t.true(accounts.exists(host, 'romeo'));
  t.truthy(accounts.ha1(host, 'romeo', 'local', 'MD5'));
  t.true(accounts.exists(host, 'romeo'));
  accounts.remove(host, 'romeo');
  t.false(accounts.exists(host, 'romeo'));
});

test('more accounts than are kept at hand', async (t) => {
  const data = new MemoryData();
  const key = NodeKey.random();
  const store = await openMemoryStore({}, data);
  const backend = new InternalBackend({ store, key, policy: () => quick, digests: 4 });
  const names = Array.from({ length: 10 }, (_, at) => `user${at}`);
  for (const name of names) backend.adopt(host, name, await older(name, key));
  for (const name of [...names, ...names.toReversed(), ...names]) {
    const expected = computeHa1('MD5', name, host, 'secret').toString('hex');
    t.is(backend.ha1(host, name)?.text('local', 'MD5'), expected);
    t.is(backend.ha1(host, `no-${name}`), undefined);
  }
});
