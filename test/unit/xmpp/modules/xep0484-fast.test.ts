import { Buffer } from 'node:buffer';
import { createHmac } from 'node:crypto';
import test from 'ava';
import { element } from '#test/helpers/xml.ts';
import type { TokenVerdict } from '#src/accounts/tokens.ts';
import type { TestXmpp, TransportOptions } from '#test/helpers/xmpp.ts';
import {
  END_POINT,
  EXPORTER,
  mechanisms,
  open,
  plain,
  remote,
  SASL2,
  tls,
} from '#test/unit/xmpp/stream/sasl-client.ts';
import {
  AGENT,
  authenticate,
  condition,
  finish,
  identifier,
  type LoggedIn,
  login,
  OTHER_AGENT,
  sasl2Server,
} from './sasl2-client.ts';

const FAST = 'urn:xmpp:fast:0';
const BOUND = {
  'HT-SHA-256-EXPR': EXPORTER,
  'HT-SHA-256-ENDP': END_POINT,
  'HT-SHA-256-NONE': Buffer.alloc(0),
} as const;
type Mechanism = keyof typeof BOUND;
const request = (mechanism: string): string => `<request-token xmlns='${FAST}' mechanism='${mechanism}'/>`;

function tokenOf({ answer }: LoggedIn): string | undefined {
  const token = answer.getChild('token', FAST);
  return token === undefined ? undefined : String(token.attrs['token']);
}

async function obtain(server: TestXmpp, mechanism: Mechanism = 'HT-SHA-256-EXPR', agent = AGENT): Promise<string> {
  return tokenOf(await login(server, { inline: request(mechanism), agent })) ?? '';
}

interface TokenLogin {
  readonly mechanism?: Mechanism;
  readonly user?: string;
  readonly agent?: string;
  /** Attributes of `<fast/>`. */
  readonly fast?: string;
  readonly inline?: string;
  readonly bound?: Buffer;
  readonly connection?: TransportOptions;
}

const hash = (token: string, role: string, bound: Buffer): Buffer =>
  createHmac('sha256', token).update(role).update(bound).digest();

/** Logs in with a token: one message each way. */
async function reenter(server: TestXmpp, token: string, options: TokenLogin = {}): Promise<LoggedIn> {
  const {
    agent = AGENT,
    connection = remote,
    fast = '',
    inline = '',
    mechanism = 'HT-SHA-256-EXPR',
    user = 'juliet',
  } = options;
  const { stream } = open(server, connection);
  const message = Buffer.concat([
    Buffer.from(`${user}\0`),
    hash(token, 'Initiator', options.bound ?? BOUND[mechanism]),
  ]);
  stream.send(authenticate(mechanism, message.toString('base64'), `<fast xmlns='${FAST}' ${fast}/>${inline}`, agent));
  return finish(server, stream);
}

const offers: readonly [what: string, connection: TransportOptions, names: readonly Mechanism[]][] = [
  ['TLS 1.3', remote, ['HT-SHA-256-EXPR', 'HT-SHA-256-ENDP', 'HT-SHA-256-NONE']],
  ['TLS 1.2', { ...remote, tls: tls('TLSv1.2') }, ['HT-SHA-256-ENDP', 'HT-SHA-256-NONE']],
  ['no TLS', {}, []],
];

for (const [what, connection, names] of offers) {
  test(`the mechanisms for tokens with ${what}, which are none for passwords`, async (t) => {
    await using server = await sasl2Server();
    const { features } = open(server, connection);
    const authentication = element(features).getChild('authentication', SASL2);
    const offered = authentication?.getChild('inline')?.getChild('fast', FAST);
    t.deepEqual(offered?.getChildren('mechanism').map((child) => child.getText()) ?? [], [...names]);
    t.false(mechanisms(features, 'authentication').some((name) => name.startsWith('HT-')));
  });
}

for (const mechanism of Object.keys(BOUND) as Mechanism[]) {
  test(`${mechanism}: a token, and with it a login and a session in one round trip`, async (t) => {
    await using server = await sasl2Server();
    const first = await login(server, { inline: request(mechanism) });
    t.regex(String(first.answer.getChild('token', FAST)?.attrs['expiry']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    const token = tokenOf(first) ?? '';
    const done = await reenter(server, token, { mechanism, inline: "<bind xmlns='urn:xmpp:bind:0'/>" });
    t.regex(identifier(done) ?? '', /^juliet@capulet\.lit\/./);
    // The server shows that it knows the token, too.
    t.is(done.answer.getChildText('additional-data'), hash(token, 'Responder', BOUND[mechanism]).toString('base64'));
    t.is(tokenOf(done), undefined);
  });
}

test('a token is durable before the client has it', async (t) => {
  await using server = await sasl2Server();
  const order: string[] = [];
  const { store } = server.core;
  const durable = store.durable.bind(store);
  store.durable = async (ticket) => {
    await durable(ticket);
    order.push('durable');
  };
  const done = await login(server, { inline: request('HT-SHA-256-NONE') });
  order.push(done.answer.getName());
  t.deepEqual(order, ['durable', 'success']);
});

const refused: readonly [what: string, condition: string, login: TokenLogin][] = [
  ['another user', 'not-authorized', { user: 'romeo' }],
  ['an unknown user', 'not-authorized', { user: 'nurse' }],
  ['a user name that is none', 'not-authorized', { user: 'a@b@c' }],
  ['another client', 'not-authorized', { agent: OTHER_AGENT }],
  ['no client', 'malformed-request', { agent: '' }],
  ['a weaker mechanism than it was given for', 'not-authorized', { mechanism: 'HT-SHA-256-NONE' }],
  ['the data of another connection', 'not-authorized', { bound: END_POINT }],
  [
    'a mechanism that this connection does not have',
    'invalid-mechanism',
    { connection: { ...remote, tls: tls('TLSv1.2') } },
  ],
  ['no TLS', 'invalid-mechanism', { connection: {} }],
  ['a count of 0', 'malformed-request', { fast: "count='0'" }],
  ['a count below 0', 'malformed-request', { fast: "count='-1'" }],
  ['a count that is no number', 'malformed-request', { fast: "count='one'" }],
  ['a count that is no integer', 'malformed-request', { fast: "count='1.5'" }],
];

for (const [what, expected, options] of refused) {
  test(`a token with ${what}: ${expected}`, async (t) => {
    await using server = await sasl2Server();
    const token = await obtain(server);
    t.is(condition(await reenter(server, token, options)), expected);
    t.is(condition(await reenter(server, token)), undefined);
  });
}

test('a count that does not grow is a replay', async (t) => {
  await using server = await sasl2Server();
  const token = await obtain(server);
  t.is(condition(await reenter(server, token, { fast: "count='5'" })), undefined);
  for (const count of [5, 4])
    t.is(condition(await reenter(server, token, { fast: `count='${count}'` })), 'not-authorized');
  t.is(condition(await reenter(server, token, { fast: "count='6'" })), undefined);
});

test('an unused new token leaves the old one valid, a used one ends it', async (t) => {
  await using server = await sasl2Server();
  const old = await obtain(server);
  t.is(condition(await reenter(server, old)), undefined);
  const fresh = tokenOf(await reenter(server, old, { inline: request('HT-SHA-256-EXPR') })) ?? '';
  t.is(condition(await reenter(server, old)), undefined);
  t.is(condition(await reenter(server, fresh)), undefined);
  t.is(condition(await reenter(server, old)), 'not-authorized');
});

test('a client ends its token; without a request it gets no other', async (t) => {
  await using server = await sasl2Server();
  const token = await obtain(server);
  const done = await reenter(server, token, { fast: "invalidate='true'" });
  t.is(condition(done), undefined);
  t.is(tokenOf(done), undefined);
  t.is(condition(await reenter(server, token)), 'not-authorized');
  const again = await obtain(server);
  const asked = await reenter(server, again, { fast: "invalidate='1'", inline: request('HT-SHA-256-NONE') });
  t.is(condition(await reenter(server, tokenOf(asked) ?? '', { mechanism: 'HT-SHA-256-NONE' })), undefined);
  t.is(condition(await reenter(server, again)), 'not-authorized');
});

test('a token that is due is replaced, unless the client ends it', async (t) => {
  await using server = await sasl2Server();
  const { tokens } = server.server;
  const verify = tokens.verify.bind(tokens);
  tokens.verify = (one) => ({ ...verify(one), rotate: true }) as TokenVerdict;
  const token = await obtain(server, 'HT-SHA-256-ENDP');
  const rotated = tokenOf(await reenter(server, token, { mechanism: 'HT-SHA-256-ENDP' })) ?? '';
  t.not(rotated, token);
  // The one that it had goes on until the new one is used.
  t.is(condition(await reenter(server, token, { mechanism: 'HT-SHA-256-ENDP' })), undefined);
  const ended = await reenter(server, token, { mechanism: 'HT-SHA-256-ENDP', fast: "invalidate='true'" });
  t.is(condition(ended), undefined);
  t.is(tokenOf(ended), undefined);
});

test('an expired token: credentials-expired, which is no guess', async (t) => {
  await using server = await sasl2Server();
  server.server.bans.configure({ threshold: 1 });
  const token = await obtain(server);
  server.server.tokens.verify = () => ({ ok: false, condition: 'credentials-expired' });
  t.is(condition(await reenter(server, token)), 'credentials-expired');
  t.false(server.server.bans.isBanned('192.0.2.7'));
});

test('a new password ends tokens', async (t) => {
  await using server = await sasl2Server();
  const token = await obtain(server);
  await server.core.accounts.setPassword('capulet.lit', 'juliet', 'other');
  t.is(condition(await reenter(server, token)), 'not-authorized');
});

test('a banned account is told so behind a right token too', async (t) => {
  await using server = await sasl2Server();
  const token = await obtain(server);
  server.core.accounts.ban('capulet.lit', 'juliet', 'sleeps', 'nurse@capulet.lit');
  t.is(condition(await reenter(server, token)), 'account-disabled');
});

test('no token without the id of a client, nor for a mechanism that is not offered', async (t) => {
  await using server = await sasl2Server();
  t.is(tokenOf(await login(server, { agent: '', inline: request('HT-SHA-256-NONE') })), undefined);
  t.is(tokenOf(await login(server, { inline: request('HT-SHA-512-NONE') })), undefined);
  t.is(tokenOf(await login(server, { inline: request('HT-SHA-256-NONE') }, {})), undefined);
});

const malformed: readonly [what: string, message: Buffer][] = [
  ['of no length', Buffer.alloc(0)],
  ['without NUL', Buffer.alloc(40, 0x61)],
  ['without user', Buffer.concat([Buffer.from('\0'), Buffer.alloc(32)])],
  ['with half a hash', Buffer.concat([Buffer.from('juliet\0'), Buffer.alloc(16)])],
  ['with more than a hash', Buffer.concat([Buffer.from('juliet\0'), Buffer.alloc(33)])],
  ['with a user that is not UTF-8', Buffer.concat([Buffer.from([0xff, 0]), Buffer.alloc(32)])],
];

for (const [what, message] of malformed) {
  test(`a message ${what}: malformed-request`, async (t) => {
    await using server = await sasl2Server();
    const { stream } = open(server);
    stream.send(authenticate('HT-SHA-256-NONE', message.toString('base64'), `<fast xmlns='${FAST}'/>`));
    t.is(condition(await finish(server, stream)), 'malformed-request');
  });
}

test('a token needs <fast/>, and a password goes well with it', async (t) => {
  await using server = await sasl2Server();
  const token = await obtain(server);
  const message = Buffer.concat([Buffer.from('juliet\0'), hash(token, 'Initiator', EXPORTER)]).toString('base64');
  const { stream } = open(server);
  stream.send(authenticate('HT-SHA-256-EXPR', message));
  t.is(condition(await finish(server, stream)), 'malformed-request');
  stream.send(authenticate('PLAIN', plain(), `<fast xmlns='${FAST}' invalidate='true'/>`));
  t.is(condition(await finish(server, stream)), undefined);
  // `invalidate` is for the token that was used.
  t.is(condition(await reenter(server, token)), undefined);
});
