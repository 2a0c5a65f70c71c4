import { createHmac } from 'node:crypto';
import test from 'ava';
import { isTokenMechanism, parseInitiator, responder, type TokenMechanism } from '#src/accounts/hashed-token.ts';
import { FastTokens, defaultTokenPolicy, type TokenLogin, type TokenPolicy } from '#src/accounts/tokens.ts';
import { MemoryData } from '#src/store/memory.ts';
import { world, type World } from './fixture.ts';

const host = 'example.org';
const day = 86_400_000;
const channel = Buffer.from('channel binding data');

/** The client's side, by the draft: HMAC(token, "Initiator" || cb-data). */
function hashOf(token: string, binding: Buffer): Buffer {
  return createHmac('sha256', token)
    .update(Buffer.concat([Buffer.from('Initiator'), binding]))
    .digest();
}

async function open(policy: Partial<TokenPolicy> = {}, made?: World) {
  const base = made ?? (await world());
  const { store, key, accounts, clock } = base;
  const tokens = new FastTokens({
    store,
    key,
    accounts,
    now: () => clock.now,
    policy: () => ({ ...defaultTokenPolicy, ...policy }),
  });
  const issue = (agent = 'phone', mechanism: TokenMechanism = 'HT-SHA-256-EXPR'): string =>
    tokens.issue(host, 'romeo', agent, mechanism).token;
  /** `ok`, `ok rotate` or the condition. */
  const login = (token: string, more: Partial<TokenLogin> = {}): string => {
    const { binding = channel } = more;
    const verdict = tokens.verify({
      host,
      local: 'romeo',
      agent: 'phone',
      mechanism: 'HT-SHA-256-EXPR',
      hash: hashOf(token, binding),
      binding,
      ...more,
    });
    if (!verdict.ok) return verdict.condition;
    return verdict.rotate ? 'ok rotate' : 'ok';
  };
  return { ...base, tokens, issue, login };
}

test('initiator messages', (t) => {
  const hash = Buffer.alloc(32);
  const cases: readonly (readonly [message: Buffer, authcid: string | undefined])[] = [
    [Buffer.concat([Buffer.from('romeo\0'), hash]), 'romeo'],
    [Buffer.concat([Buffer.from('römeo\0'), hash]), 'römeo'],
    [Buffer.concat([Buffer.from('romeo'), hash.fill(1)]), undefined],
    [Buffer.concat([Buffer.from('\0'), hash]), undefined],
    [Buffer.concat([Buffer.from('romeo\0'), hash.subarray(1)]), undefined],
    [Buffer.concat([Buffer.from('romeo\0'), hash, Buffer.of(0)]), undefined],
    [Buffer.concat([Buffer.of(0xff, 0), hash]), undefined],
    [Buffer.concat([Buffer.from(`${'x'.repeat(1024)}\0`), hash]), undefined],
    [Buffer.alloc(0), undefined],
  ];
  for (const [message, authcid] of cases)
    t.is(parseInitiator(message)?.authcid, authcid, message.toString('latin1').slice(0, 40));
});

test('mechanism names', (t) => {
  for (const name of ['HT-SHA-256-EXPR', 'HT-SHA-256-ENDP', 'HT-SHA-256-NONE']) t.true(isTokenMechanism(name));
  for (const name of ['HT-SHA-256-UNIQ', 'HT-SHA-512-NONE', 'constructor', '']) t.false(isTokenMechanism(name));
});

test('a token logs in, and the server proves that it knows it', async (t) => {
  const { tokens, login, clock } = await open();
  const { token, expires } = tokens.issue(host, 'romeo', 'phone', 'HT-SHA-256-EXPR');
  t.is(expires, clock.now + 21 * day);
  t.true(Buffer.byteLength(token) >= 32);
  t.is(login(token), 'ok');
  t.is(login(token), 'ok', 'more than once');
  const verdict = tokens.verify({
    host,
    local: 'romeo',
    agent: 'phone',
    mechanism: 'HT-SHA-256-EXPR',
    hash: hashOf(token, channel),
    binding: channel,
  });
  t.deepEqual(verdict.ok && verdict.responder, responder(token, channel));
  t.deepEqual(responder('key', Buffer.from('cb')), createHmac('sha256', 'key').update('Respondercb').digest());
});

test('a token is good for one account, client, mechanism and channel', async (t) => {
  const { issue, login } = await open();
  const token = issue();
  const cases: readonly (readonly [why: string, more: Partial<TokenLogin>])[] = [
    ['account', { local: 'juliet' }],
    ['host', { host: 'example.net' }],
    ['client', { agent: 'laptop' }],
    ['weaker mechanism', { mechanism: 'HT-SHA-256-NONE' }],
    ['other mechanism', { mechanism: 'HT-SHA-256-ENDP' }],
    ['channel', { hash: hashOf(token, Buffer.from('another')) }],
    ['no binding', { hash: hashOf(token, Buffer.alloc(0)) }],
    ['short hash', { hash: hashOf(token, channel).subarray(1) }],
    ["the server's own hash", { hash: responder(token, channel) }],
  ];
  for (const [why, more] of cases) t.is(login(token, more), 'not-authorized', why);
  t.is(login('fast-guess'), 'not-authorized');
  t.is(login(token), 'ok');
});

test('HT-SHA-256-NONE has no channel', async (t) => {
  const { issue, login } = await open();
  const token = issue('web', 'HT-SHA-256-NONE');
  t.is(login(token, { agent: 'web', mechanism: 'HT-SHA-256-NONE', binding: Buffer.alloc(0) }), 'ok');
});

test('an expired token is told apart, so that the client drops it', async (t) => {
  const { issue, login, clock } = await open();
  const token = issue();
  clock.now += 21 * day;
  t.is(login(token), 'credentials-expired');
});

test('rotation: the old token holds until the new one is used', async (t) => {
  const { issue, login, clock } = await open();
  const first = issue();
  t.is(login(first), 'ok');
  clock.now += day;
  t.is(login(first), 'ok rotate');
  const lost = issue();
  t.is(login(first), 'ok rotate', 'the client was cut off before it read the new one');
  const second = issue();
  t.is(login(lost), 'not-authorized', 'XEP-0484: tokens that were not used SHOULD be invalidated');
  t.is(login(second), 'ok');
  t.is(login(first), 'not-authorized', 'using the new one ends the old one');
  t.is(login(second), 'ok');
});

test('a count must grow, and early data must bring one', async (t) => {
  const { issue, login } = await open();
  const token = issue();
  t.is(login(token, { earlyData: true }), 'not-authorized');
  t.is(login(token, { count: 5, earlyData: true }), 'ok');
  t.is(login(token, { count: 5, earlyData: true }), 'not-authorized', 'replayed');
  t.is(login(token, { count: 4 }), 'not-authorized');
  t.is(login(token, { count: 6 }), 'ok');
  for (const count of [0, -1, 1.5, Number.NaN, 2 ** 60]) t.is(login(token, { count }), 'not-authorized', String(count));
  t.is(login(token), 'ok', 'outside early data the count may be left out');
  t.is(login(token, { count: 6 }), 'not-authorized', 'and the highest one is remembered');
});

test('a client logs out, one or all', async (t) => {
  const { tokens, issue, login } = await open();
  const phone = issue();
  const laptop = issue('laptop');
  t.not(tokens.revoke(host, 'romeo', 'phone'), undefined);
  t.is(tokens.revoke(host, 'romeo', 'phone'), undefined);
  t.is(login(phone), 'not-authorized');
  t.is(login(laptop, { agent: 'laptop' }), 'ok');
  t.not(tokens.revokeAll(host, 'romeo'), undefined);
  t.is(login(laptop, { agent: 'laptop' }), 'not-authorized');
});

test('a new password and the end of the account end its tokens', async (t) => {
  const { accounts, issue, login } = await open();
  await accounts.create(host, 'romeo', 'secret');
  const first = issue();
  await accounts.setPassword(host, 'romeo', 'other');
  t.is(login(first), 'not-authorized');
  const second = issue();
  t.is(login(second), 'ok');
  accounts.remove(host, 'romeo');
  t.is(login(second), 'not-authorized');
});

test('an account has a bounded number of clients: the one unused for longest loses its token', async (t) => {
  const { issue, login, clock } = await open({ maxClients: 2 });
  const first = issue('one');
  clock.now += day;
  const second = issue('two');
  clock.now += day;
  t.is(login(first, { agent: 'one' }), 'ok rotate');
  const third = issue('three');
  t.deepEqual(
    ['one', 'two', 'three'].map((agent, at) => login([first, second, third][at] ?? '', { agent }).slice(0, 2)),
    ['ok', 'no', 'ok'],
  );
});

test('tokens outlive a restart and are not readable in the store', async (t) => {
  const data = new MemoryData();
  const before = await open({}, await world([], data));
  const token = before.issue();
  await before.store.close();
  const stored = [...data.entries.values()].map((value) => Buffer.from(value).toString('latin1')).join('\n');
  t.true(stored.includes('HT-SHA-256-EXPR'));
  t.false(stored.includes(token));
  t.false(stored.includes(Buffer.from(token).toString('base64')));
  const after = await open({}, await world([], data, before.key));
  t.is(after.login(token), 'ok');
});
