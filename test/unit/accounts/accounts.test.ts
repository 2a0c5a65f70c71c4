import test from 'ava';
import type { AccountListener } from '#src/accounts/accounts.ts';
import type { Backend, ListableBackend } from '#src/accounts/backends/backend.ts';
import { ScramServer } from '#src/accounts/scram.ts';
import { computeHa1 } from '#src/accounts/verifiers.ts';
import { MemoryData } from '#src/store/memory.ts';
import { outcome, world } from './fixture.ts';
import { answer } from './scram-client.ts';

const host = 'example.org';

/** A directory elsewhere: it checks passwords and lists names, nothing else. */
const directory: ListableBackend = {
  name: 'directory',
  supports: { scram: false, ha1: false, write: false, list: true },
  exists: (_, local) => local === 'mercutio' || local === 'benvolio',
  checkPassword: (_, local, password) => Promise.resolve(password === `${local}!`),
  list: (_, { after = '', limit }) =>
    Promise.resolve(['benvolio', 'mercutio'].filter((name) => name > after).slice(0, limit)),
  count: () => Promise.resolve(2),
};

test('an account is made, proves itself, changes its password and goes', async (t) => {
  const { accounts, store } = await world();
  t.false(accounts.exists(host, 'romeo'));
  const made = await accounts.create(host, 'romeo', 'secret');
  t.true(made.ok);
  if (made.ok) await store.durable(made.ticket);
  t.true(accounts.exists(host, 'romeo'));
  t.true(await accounts.checkPassword(host, 'romeo', 'secret'));
  t.true(await accounts.checkPassword(host, 'romeo', 'secret'), 'and again, from the cache');
  t.false(await accounts.checkPassword(host, 'romeo', 'Secret'));
  t.is(outcome(await accounts.setPassword(host, 'romeo', 'other')), 'ok');
  t.false(await accounts.checkPassword(host, 'romeo', 'secret'), 'the old one is out of the cache too');
  t.true(await accounts.checkPassword(host, 'romeo', 'other'));
  t.is(outcome(accounts.remove(host, 'romeo')), 'ok');
  t.false(await accounts.checkPassword(host, 'romeo', 'other'));
  t.false(accounts.exists(host, 'romeo'));
});

test('user names are canonical: case and width make no second account', async (t) => {
  const { accounts } = await world();
  t.is(outcome(await accounts.create(host, 'Jülıet', 'secret')), 'ok');
  t.true(accounts.exists(host, 'jülıet'));
  t.is(outcome(await accounts.create(host, 'JÜLıET', 'secret')), 'conflict');
  t.true(await accounts.checkPassword(host, 'JÜLıET', 'secret'));
});

test('what cannot be made is refused with its condition', async (t) => {
  const { accounts } = await world([directory]);
  t.is(outcome(await accounts.create(host, 'romeo', 'secret')), 'ok');
  const cases: readonly (readonly [host: string, user: string, password: string, condition: string])[] = [
    [host, 'romeo', 'secret', 'conflict'],
    [host, 'ROMEO', 'secret', 'conflict'],
    ['elsewhere.example', 'romeo', 'secret', 'item-not-found'],
    [host, '', 'secret', 'jid-malformed'],
    [host, 'ro meo', 'secret', 'jid-malformed'],
    [host, 'romeo@example.org', 'secret', 'jid-malformed'],
    [host, 'x'.repeat(1024), 'secret', 'jid-malformed'],
    [host, 'tybalt', '', 'not-acceptable'],
    [host, 'tybalt', 'a\nb', 'not-acceptable'],
    [host, 'tybalt', 'x'.repeat(1024), 'not-acceptable'],
    [host, 'mercutio', 'secret', 'not-allowed'],
    ['example.net', 'romeo', 'secret', 'not-allowed'],
  ];
  for (const [at, user, password, condition] of cases) {
    t.is(outcome(await accounts.create(at, user, password)), condition, `${user}@${at} ${password.slice(0, 9)}`);
  }
  t.is(await accounts.count(host), 3);
});

test('changes to an account that is not there are refused', async (t) => {
  const { accounts } = await world();
  t.is(outcome(await accounts.setPassword(host, 'nobody', 'secret')), 'item-not-found');
  t.is(outcome(accounts.remove(host, 'nobody')), 'item-not-found');
  t.is(outcome(accounts.ban(host, 'nobody', 'spam', 'admin@example.org')), 'item-not-found');
  t.is(outcome(accounts.unban(host, 'nobody')), 'item-not-found');
  await accounts.create(host, 'romeo', 'secret');
  t.is(outcome(await accounts.setPassword(host, 'romeo', '')), 'not-acceptable');
  t.true(await accounts.checkPassword(host, 'romeo', 'secret'));
});

test('a host asks for passwords of some length', async (t) => {
  const made = await world();
  made.minPassword = 8;
  const { accounts } = made;
  t.is(outcome(await accounts.create(host, 'romeo', '1234567')), 'not-acceptable');
  t.is(outcome(await accounts.create(host, 'romeo', '12345678')), 'ok');
  t.is(outcome(await accounts.setPassword(host, 'romeo', '1234567')), 'not-acceptable');
  t.is(outcome(await accounts.setPassword(host, 'nobody', '12345678')), 'item-not-found');
});

test('two requests for one name at the same time make one account', async (t) => {
  const { accounts } = await world();
  const results = await Promise.all([accounts.create(host, 'romeo', 'one'), accounts.create(host, 'romeo', 'two')]);
  t.deepEqual(results.map(outcome).toSorted(), ['conflict', 'ok']);
  const winner = results[0].ok ? 'one' : 'two';
  t.true(await accounts.checkPassword(host, 'romeo', winner));
  t.false(await accounts.checkPassword(host, 'romeo', winner === 'one' ? 'two' : 'one'));
});

test('a removal during a password change wins', async (t) => {
  const { accounts } = await world();
  await accounts.create(host, 'romeo', 'secret');
  const change = accounts.setPassword(host, 'romeo', 'other');
  accounts.remove(host, 'romeo');
  t.is(outcome(await change), 'item-not-found');
  t.false(accounts.exists(host, 'romeo'));
});

test('an account outlives a restart with every verifier', async (t) => {
  const data = new MemoryData();
  const before = await world([], data);
  await before.accounts.create(host, 'romeo', 'secret');
  before.accounts.ban(host, 'romeo', 'spam', 'admin@example.org');
  await before.store.close();
  const { accounts } = await world([], data, before.key);
  t.true(await accounts.checkPassword(host, 'romeo', 'secret'));
  t.deepEqual(accounts.ha1(host, 'romeo', 'local', 'MD5'), computeHa1('MD5', 'romeo', host, 'secret'));
  t.is(accounts.banDetails(host, 'romeo')?.reason, 'spam');
});

test('H(A1) follows the password, and goes with the account', async (t) => {
  const { accounts } = await world();
  const ha1 = () => accounts.ha1(host, 'romeo', 'local', 'MD5');
  await accounts.create(host, 'romeo', 'secret');
  t.deepEqual(ha1(), computeHa1('MD5', 'romeo', host, 'secret'));
  await accounts.setPassword(host, 'romeo', 'other');
  t.deepEqual(ha1(), computeHa1('MD5', 'romeo', host, 'other'));
  accounts.remove(host, 'romeo');
  t.is(ha1(), undefined);
  await accounts.create(host, 'romeo', 'third');
  t.deepEqual(ha1(), computeHa1('MD5', 'romeo', host, 'third'));
});

test('with another node key the passwords hold and only H(A1) is lost', async (t) => {
  const data = new MemoryData();
  const before = await world([], data);
  await before.accounts.create(host, 'romeo', 'secret');
  await before.store.close();
  const { accounts } = await world([], data);
  t.is(accounts.ha1(host, 'romeo', 'local', 'MD5'), undefined);
  t.true(await accounts.checkPassword(host, 'romeo', 'secret'));
});

for (const hash of ['SHA-1', 'SHA-256', 'SHA-512'] as const) {
  test(`SCRAM-${hash} from the stored verifier, and a stranger sees no difference before the end`, async (t) => {
    const { accounts } = await world();
    await accounts.create(host, 'romeo', 'secret');
    const login = (user: string, password: string): readonly [challenge: string, result: string] => {
      const machine = new ScramServer({
        hash,
        plus: false,
        plusOffered: false,
        nonce: 'S',
        binding: () => undefined,
        verifier: (username) => accounts.scramVerifier(host, username, hash),
        authorize: () => false,
      });
      const challenge = machine.step(Buffer.from(`n,,n=${user},r=c`));
      if (challenge.kind !== 'challenge') return ['', challenge.kind];
      const text = challenge.data.toString();
      const step = machine.step(
        Buffer.from(answer({ hash, password, gs2Header: 'n,,', firstBare: `n=${user},r=c`, serverFirst: text }).final),
      );
      return [text, step.kind === 'failure' ? `${step.condition} ${step.error}` : step.kind];
    };
    t.is(login('romeo', 'secret')[1], 'success');
    t.is(login('Romeo', 'secret')[1], 'success');
    const [known, wrong] = login('romeo', 'wrong');
    const [unknown, refused] = login('nobody', 'wrong');
    t.is(refused, wrong);
    t.is(unknown.length, known.length);
    t.is(unknown.slice(unknown.indexOf(',i=')), known.slice(known.indexOf(',i=')));
    t.is(login('nobody', 'x')[0], login('NOBODY', 'y')[0], 'the decoy goes by the canonical name, as a real salt does');
    t.is(login('ro meo', 'x')[1], wrong, 'a name that can be no account');
  });
}

test('H(A1) in both forms and algorithms, for known accounts only', async (t) => {
  const { accounts } = await world();
  await accounts.create(host, 'romeo', 'secret');
  for (const algorithm of ['MD5', 'SHA-256'] as const) {
    t.deepEqual(accounts.ha1(host, 'romeo', 'local', algorithm), computeHa1(algorithm, 'romeo', host, 'secret'));
    t.deepEqual(
      accounts.ha1(host, 'romeo', 'local@domain', algorithm),
      computeHa1(algorithm, 'romeo@example.org', host, 'secret'),
    );
    t.is(accounts.ha1(host, 'nobody', 'local', algorithm), undefined);
  }
});

test('backends answer in their order, each for the accounts it knows', async (t) => {
  const { accounts } = await world([directory]);
  await accounts.create(host, 'romeo', 'secret');
  t.true(accounts.exists(host, 'mercutio'));
  t.true(await accounts.checkPassword(host, 'mercutio', 'mercutio!'));
  t.false(await accounts.checkPassword(host, 'mercutio', 'secret'));
  t.is(outcome(await accounts.setPassword(host, 'mercutio', 'x')), 'not-allowed');
  t.is(outcome(accounts.remove(host, 'mercutio')), 'not-allowed');
  t.is(accounts.scramVerifier(host, 'mercutio', 'SHA-1').keys.length, 0);
  t.is(accounts.ha1(host, 'mercutio', 'local', 'MD5'), undefined);
  t.deepEqual(await accounts.list(host, { limit: 10 }), ['benvolio', 'mercutio', 'romeo']);
  t.deepEqual(await accounts.list(host, { limit: 1, after: 'benvolio' }), ['mercutio']);
  t.is(await accounts.count(host), 3);
  t.deepEqual(accounts.supports(host), { scram: true, ha1: true, write: true });
  t.deepEqual(accounts.supports('example.net'), { scram: false, ha1: false, write: false });
  t.deepEqual(accounts.supports('elsewhere.example'), { scram: false, ha1: false, write: false });
});

test('a backend that cannot be reached is an error, no wrong password', async (t) => {
  const broken: Backend = {
    ...directory,
    supports: { ...directory.supports, list: false },
    checkPassword: () => Promise.reject(new Error('no route')),
  };
  const { accounts } = await world([broken]);
  await t.throwsAsync(accounts.checkPassword(host, 'mercutio', 'x'), { message: 'no route' });
});

test('accounts are listed page by page in the order of their bytes', async (t) => {
  const { accounts } = await world();
  for (const local of ['zoe', 'anna', 'ärger', 'bob', '𐐨x', 'ab'])
    t.is(outcome(await accounts.create(host, local, 'x')), 'ok', local);
  const all: string[] = [];
  for (
    let page = await accounts.list(host, { limit: 2 });
    page.length > 0;
    page = await accounts.list(host, { limit: 2, after: all.at(-1) ?? '' })
  )
    all.push(...page);
  t.deepEqual(all, ['ab', 'anna', 'bob', 'zoe', 'ärger', '𐐨x']);
  t.deepEqual(await accounts.list('example.net', { limit: 10 }), []);
});

test('listeners hear of every change, and a disposed one of none', async (t) => {
  const { accounts } = await world();
  const heard: string[] = [];
  const tell = (what: string) => (_: string, local: string) => void heard.push(`${what} ${local}`);
  const listener: AccountListener = {
    created: tell('created'),
    removed: tell('removed'),
    passwordChanged: tell('password'),
    disabled: tell('disabled'),
  };
  const watching = accounts.watch(listener);
  await accounts.create(host, 'romeo', 'secret');
  await accounts.create(host, 'romeo', 'secret');
  await accounts.setPassword(host, 'romeo', 'other');
  accounts.ban(host, 'romeo', 'spam', 'admin@example.org');
  accounts.remove(host, 'romeo');
  t.deepEqual(heard, ['created romeo', 'password romeo', 'disabled romeo', 'removed romeo']);
  watching[Symbol.dispose]();
  await accounts.create(host, 'romeo', 'secret');
  t.is(heard.length, 4);
});

test('a ban keeps the account and its reason until it is lifted, and goes with the account', async (t) => {
  const { accounts, clock } = await world();
  for (const local of ['romeo', 'tybalt']) await accounts.create(host, local, 'secret');
  t.is(outcome(accounts.ban(host, 'Romeo', 'spam', 'admin@example.org')), 'ok');
  t.deepEqual(accounts.banDetails(host, 'romeo'), { reason: 'spam', by: 'admin@example.org', since: clock.now });
  t.is(accounts.banDetails(host, 'tybalt'), undefined);
  t.true(accounts.exists(host, 'romeo'));
  t.is(await accounts.countBanned(host), 1);
  t.deepEqual(
    (await accounts.listBanned(host, { limit: 10 })).map(({ local, reason }) => [local, reason]),
    [['romeo', 'spam']],
  );
  t.is(outcome(accounts.unban(host, 'romeo')), 'ok');
  t.is(accounts.banDetails(host, 'romeo'), undefined);
  accounts.ban(host, 'tybalt', 'brawl', 'prince@example.org');
  accounts.remove(host, 'tybalt');
  await accounts.create(host, 'tybalt', 'secret');
  t.is(accounts.banDetails(host, 'tybalt'), undefined);
});

test('the last login is kept', async (t) => {
  const { accounts, clock } = await world();
  await accounts.create(host, 'romeo', 'secret');
  t.is(accounts.lastLogin(host, 'romeo'), undefined);
  accounts.noteLogin(host, 'romeo', 'mqtt', '192.0.2.1');
  t.deepEqual(accounts.lastLogin(host, 'romeo'), { at: clock.now, protocol: 'mqtt', address: '192.0.2.1' });
  accounts.noteLogin(host, 'romeo', 'sip');
  t.deepEqual(accounts.lastLogin(host, 'romeo'), { at: clock.now, protocol: 'sip' });
  accounts.remove(host, 'romeo');
  t.is(accounts.lastLogin(host, 'romeo'), undefined);
});
