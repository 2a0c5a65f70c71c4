import test from 'ava';
import { element } from '#test/helpers/xml.ts';
import { TestXmpp, type TransportOptions } from '#test/helpers/xmpp.ts';
import { AUTHENTICATED } from '#protocols/xmpp/stream/feature.ts';
import {
  auth,
  base64,
  END_POINT,
  EXPORTER,
  failed,
  loginScram,
  mechanisms,
  open,
  plain,
  remote,
  response,
  SASL,
  scram,
  streamError,
  tls,
} from './sasl-client.ts';

const accounts = ['juliet@capulet.lit', 'romeo@capulet.lit'];
const SCRAM = ['SCRAM-SHA-512', 'SCRAM-SHA-256', 'SCRAM-SHA-1'];
const PLUS = SCRAM.map((name) => `${name}-PLUS`);
const SUCCESS = `<success xmlns='${SASL}'/>`;
const xmpp = (settings = ''): Promise<TestXmpp> => TestXmpp.open({ accounts, settings });

const offers: readonly [what: string, settings: string, connection: TransportOptions, expected: readonly string[]][] = [
  ['TLS 1.3', '', remote, [...PLUS, ...SCRAM, 'PLAIN']],
  [
    'TLS without channel binding data',
    '',
    { ...remote, tls: { ...tls('TLSv1.2'), serverEndPoint: () => undefined } },
    [...SCRAM, 'PLAIN'],
  ],
  ['TLS 1.2', '', { ...remote, tls: tls('TLSv1.2') }, [...PLUS, ...SCRAM, 'PLAIN']],
  ['no TLS from elsewhere', '', { ip: '192.0.2.7', loopback: false }, []],
  ['no TLS within the machine', '', {}, [...SCRAM, 'PLAIN']],
  ['the same, passwords never in the clear', 'xmpp: { plain_without_tls: never }', {}, SCRAM],
  ['the same, TLS required', 'tls: { required_on_loopback: true }', {}, []],
  [
    'two mechanisms disabled',
    'xmpp: { disabled_mechanisms: [SCRAM-SHA-1, SCRAM-SHA-1-PLUS, PLAIN] }',
    {},
    SCRAM.slice(0, 2),
  ],
];

for (const [what, settings, connection, expected] of offers) {
  test(`the mechanisms offered, strongest first: ${what}`, async (t) => {
    await using server = await xmpp(settings);
    t.deepEqual(mechanisms(open(server, connection).features), expected);
  });
}

for (const hash of ['SHA-1', 'SHA-256', 'SHA-512'] as const) {
  test(`SCRAM-${hash} logs in: server-final in <success/>, then a new stream`, async (t) => {
    await using server = await xmpp();
    const { stream } = open(server);
    const { serverFinal, written } = loginScram(stream, { hash });
    t.deepEqual(written, [`<success xmlns='${SASL}'>${serverFinal}</success>`, '<restart/>']);
    t.is(stream.stream.account?.full, 'juliet@capulet.lit');
    stream.open();
    t.deepEqual(mechanisms(stream.transport.take().at(-1) ?? ''), []);
  });
}

for (const [type, bound] of [
  ['tls-exporter', EXPORTER],
  ['tls-server-end-point', END_POINT],
] as const) {
  test(`SCRAM-SHA-256-PLUS binds to ${type}`, async (t) => {
    await using server = await xmpp();
    const login = { plus: true, gs2: `p=${type},,` };
    const { stream } = open(server);
    t.is(element(loginScram(stream, { ...login, bound }).written.at(0) ?? '').getName(), 'success');
    // Another server with the same passwords sees other data: what the client bound to is not what is here.
    const { stream: relayed } = open(server);
    const { written } = loginScram(relayed, { ...login, bound: Buffer.alloc(32) });
    t.deepEqual(written, [failed('not-authorized', 'channel-bindings-dont-match')]);
  });
}

test('a client that can bind and was told that the server cannot is warned (RFC 5802 section 6)', async (t) => {
  await using server = await xmpp();
  const { written } = loginScram(open(server).stream, { gs2: 'y,,' });
  t.deepEqual(written, [failed('not-authorized', 'server-does-support-channel-binding')]);
  // Where no -PLUS was offered, it is right.
  const { stream } = open(server, {});
  t.is(element(loginScram(stream, { gs2: 'y,,' }).written.at(0) ?? '').getName(), 'success');
});

test('PLAIN logs in; nothing is read while the password is derived', async (t) => {
  await using server = await xmpp();
  const { stream } = open(server);
  stream.send(auth('PLAIN', plain()));
  t.true(stream.transport.paused);
  stream.got(t);
  t.is(await stream.transport.next((xml) => xml.startsWith('<success')), SUCCESS);
  stream.got(t, '<restart/>');
  await server.core.settled();
  t.false(stream.transport.paused);
  t.is(server.core.accounts.lastLogin('capulet.lit', 'juliet')?.address, '192.0.2.7');
});

test('an empty challenge asks for what an initial response would have said', async (t) => {
  await using server = await xmpp();
  const { stream } = open(server);
  stream.send(auth('PLAIN'));
  stream.got(t, `<challenge xmlns='${SASL}'/>`);
  stream.send(response(plain()));
  t.is(await stream.transport.next((xml) => xml.startsWith('<success')), SUCCESS);
});

const authzids: readonly [authzid: string, condition: string | undefined][] = [
  ['juliet@capulet.lit', undefined],
  ['Juliet@CAPULET.lit', undefined],
  ['juliet@capulet.lit/balcony', 'invalid-authzid'],
  ['romeo@capulet.lit', 'invalid-authzid'],
  ['capulet.lit', 'invalid-authzid'],
  ['juliet', 'invalid-authzid'],
  ['@', 'invalid-authzid'],
];

for (const [authzid, condition] of authzids) {
  test(`acting as ${authzid}: ${condition ?? 'allowed'} (RFC 6120 section 6.3.8)`, async (t) => {
    await using server = await xmpp();
    const { stream } = open(server);
    stream.send(auth('PLAIN', plain('juliet', 'secret', authzid)));
    const answer = element(await stream.transport.next((xml) => /^<(success|failure)/.test(xml)));
    t.is(answer.getName(), condition === undefined ? 'success' : 'failure');
    const { written } = loginScram(open(server).stream, { gs2: `n,a=${authzid},` });
    t.is(
      element(written.at(0) ?? '')
        .getChildElements()[0]
        ?.getName(),
      condition,
    );
  });
}

test('a user name may be the bare JID of this host', async (t) => {
  await using server = await xmpp();
  const { stream } = open(server);
  t.is(element(loginScram(stream, { user: 'juliet@capulet.lit' }).written.at(0) ?? '').getName(), 'success');
  t.is(stream.stream.account?.full, 'juliet@capulet.lit');
  t.deepEqual(loginScram(open(server).stream, { user: 'juliet@montague.lit' }).written, [
    failed('not-authorized', 'invalid-proof'),
  ]);
});

test('an unknown user is challenged and refused as a known one with a wrong password', async (t) => {
  await using server = await xmpp();
  const salts = [0, 1].map(() => {
    const { stream } = open(server);
    stream.send(auth(...(Object.values(scram({ user: 'nurse' })).slice(0, 2) as [string, string])));
    const [challenge = ''] = stream.transport.take();
    return Buffer.from(element(challenge).getText(), 'base64').toString().split(',').slice(1).join(',');
  });
  t.is(salts[0], salts[1]);
  const wrong = failed('not-authorized', 'invalid-proof');
  t.deepEqual(loginScram(open(server).stream, { user: 'nurse' }).written, [wrong]);
  t.deepEqual(loginScram(open(server).stream, { password: 'wrong' }).written, [wrong]);
  for (const login of [plain('nurse'), plain('juliet', 'wrong')]) {
    const { stream } = open(server);
    stream.send(auth('PLAIN', login));
    t.is(await stream.transport.next((xml) => xml.startsWith('<failure')), failed('not-authorized'));
  }
});

test('a second <auth/> discards the handshake that was going on (RFC 6120 section 6.4.2)', async (t) => {
  await using server = await xmpp();
  const { stream } = open(server);
  const first = scram({ hash: 'SHA-1' });
  stream.send(auth(first.mechanism, first.first));
  stream.transport.take();
  t.is(element(loginScram(stream).written.at(0) ?? '').getName(), 'success');
});

test('a client aborts, and may try again', async (t) => {
  await using server = await xmpp();
  const { stream } = open(server);
  const { first, mechanism } = scram({});
  stream.send(auth(mechanism, first));
  stream.transport.take();
  stream.send(`<abort xmlns='${SASL}'/>`);
  stream.got(t, failed('aborted'));
  t.is(element(loginScram(stream).written.at(0) ?? '').getName(), 'success');
});

const refused: readonly [
  what: string,
  settings: string,
  connection: TransportOptions,
  mechanism: string,
  condition: string,
][] = [
  ['before TLS', '', { ip: '192.0.2.7', loopback: false }, 'SCRAM-SHA-256', 'encryption-required'],
  ['before TLS, unknown', '', { ip: '192.0.2.7', loopback: false }, 'CRAM-MD5', 'encryption-required'],
  ['PLAIN in the clear', 'xmpp: { plain_without_tls: never }', {}, 'PLAIN', 'encryption-required'],
  ['unknown', '', remote, 'CRAM-MD5', 'invalid-mechanism'],
  ['lower case', '', remote, 'plain', 'invalid-mechanism'],
  ['no name', '', remote, '', 'invalid-mechanism'],
  ['binding without TLS', '', {}, 'SCRAM-SHA-1-PLUS', 'invalid-mechanism'],
  ['a token outside of SASL2', '', remote, 'HT-SHA-256-NONE', 'invalid-mechanism'],
  ['disabled', 'xmpp: { disabled_mechanisms: [SCRAM-SHA-1] }', remote, 'SCRAM-SHA-1', 'mechanism-too-weak'],
];

for (const [what, settings, connection, mechanism, condition] of refused) {
  test(`a mechanism that cannot be had, ${what}: ${condition}`, async (t) => {
    await using server = await xmpp(settings);
    const { stream } = open(server, connection);
    stream.send(auth(mechanism, base64('n,,n=juliet,r=abc')));
    stream.got(t, failed(condition));
  });
}

test('whoever is logged in cannot log in again', async (t) => {
  await using server = await xmpp();
  const { stream } = open(server);
  loginScram(stream);
  stream.open();
  t.true(stream.stream.has(AUTHENTICATED));
  stream.transport.take();
  stream.send(auth('PLAIN', plain('romeo')));
  stream.got(t, streamError('policy-violation', 'auth is not possible now'));
});
