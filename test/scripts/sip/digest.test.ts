/** Digest authentication on the wire: the algorithms of RFC 8760, hashed and extended user names of RFC 7616 section 3.4. */
import test from 'ava';
import { computeHa1, ha1Algorithms, type Ha1Algorithm, userhashOf } from '#src/accounts/verifiers.ts';
import { digestResponse } from '#protocols/sip/digest.ts';
import { parseAuth } from '#protocols/sip/message/auth.ts';
import type { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import { type Phone, SipTestServer } from '#test/helpers/sip.ts';

const ALL = '\nsip: { digest_algorithms: [SHA-512-256, SHA-256, MD5], user_hash: true }\n';

async function verona(text = ''): Promise<readonly [server: SipTestServer, phone: Phone]> {
  const server = await SipTestServer.start(text);
  await server.register('juliet@localhost');
  return [server, await server.phone('juliet@localhost')];
}

/** The name of each algorithm in the order of the challenges, and whether all ask that the name be hashed. */
function asked(response: SipResponse): readonly [algorithms: readonly (string | undefined)[], userhash: boolean] {
  const challenges = response.all('WWW-Authenticate').flatMap((value) => parseAuth(value) ?? []);
  return [
    challenges.map(({ params }) => params.get('algorithm')),
    challenges.every(({ params }) => params.get('userhash') === 'true'),
  ];
}

/** The request with credentials whose parameters for the user are `user`. */
function withUser(
  request: SipRequest,
  challenged: SipResponse,
  algorithm: Ha1Algorithm,
  username: string,
  user: string,
): SipRequest {
  const challenge = challenged.all('WWW-Authenticate').flatMap((value) => parseAuth(value) ?? []);
  const nonce = challenge.find(({ params }) => params.get('algorithm') === algorithm)?.params.get('nonce') ?? '';
  const given = { nonce, nc: '00000001', cnonce: 'c0ffee', uri: request.uri };
  const ha1 = computeHa1(algorithm, username, 'localhost', 'secret');
  const response = digestResponse(algorithm, ha1, given, request.method);
  return request
    .edit()
    .set(
      'Authorization',
      `Digest ${user}, realm="localhost", nonce="${nonce}", uri="${request.uri}", response="${response}", ` +
        `algorithm=${algorithm}, qop=auth, nc=00000001, cnonce="c0ffee"`,
    )
    .done();
}

/** A registration with these parameters for the user. */
async function registers(phone: Phone, algorithm: Ha1Algorithm, username: string, user: string): Promise<number> {
  const challenged = await phone.ask(phone.registration());
  return (await phone.ask(withUser(phone.registration(), challenged, algorithm, username, user))).status;
}

test('SHA-256 and MD5 are asked for, and SHA-512-256 is not accepted', async (t) => {
  const [server, phone] = await verona();
  await using _ = server;
  t.deepEqual(asked(await phone.ask(phone.registration())), [['SHA-256', 'MD5'], false]);
  t.is((await phone.register({}, { algorithm: 'SHA-256' })).status, 200);
  t.is((await phone.register({}, { algorithm: 'MD5' })).status, 200);
  t.is(await registers(phone, 'SHA-512-256', 'juliet', 'username="juliet"'), 401);
});

test('all three are asked for in the order of the settings, and a phone takes its choice', async (t) => {
  const [server, phone] = await verona(ALL);
  await using _ = server;
  const challenged = await phone.ask(phone.registration());
  t.deepEqual(asked(challenged), [['SHA-512-256', 'SHA-256', 'MD5'], true]);
  t.true(challenged.toBytes().length < 1300, 'fits into a datagram (RFC 3261 section 18.1.1)');
  for (const algorithm of ha1Algorithms) t.is((await phone.register({}, { algorithm })).status, 200);
  t.is((await phone.register({}, { algorithm: 'SHA-512-256', username: 'juliet@localhost' })).status, 200);
  t.is((await phone.register({}, { algorithm: 'SHA-512-256', password: 'wrong' })).status, 401);
});

test('the order follows a reload', async (t) => {
  const [server, phone] = await verona(ALL);
  await using _ = server;
  await server.reload('\nsip: { digest_algorithms: [SHA-256] }\n');
  t.deepEqual(asked(await phone.ask(phone.registration())), [['SHA-256'], false]);
});

for (const text of ['', ALL]) {
  for (const algorithm of text === '' ? (['MD5', 'SHA-256'] as const) : ha1Algorithms) {
    for (const name of ['juliet', 'juliet@localhost']) {
      const what = text === '' ? 'unasked' : 'as was asked';
      test(`a phone that hashes its name, ${name}, by ${algorithm}, ${what}`, async (t) => {
        const [server, phone] = await verona(text);
        await using _ = server;
        const hash = userhashOf(algorithm, name, 'localhost');
        t.is(await registers(phone, algorithm, name, `username="${hash}", userhash=true`), 200);
        const nobody = userhashOf(algorithm, 'nobody', 'localhost');
        t.is(await registers(phone, algorithm, name, `username="${nobody}", userhash=true`), 401);
        t.is(await registers(phone, algorithm, name, `username="${hash}"`), 401);
      });
    }
  }
}

test('a name in the extended notation', async (t) => {
  const server = await SipTestServer.start();
  await using _ = server;
  const name = 'jäsøn';
  await server.register(`${name}@localhost`);
  const phone = await server.phone('j%C3%A4s%C3%B8n@localhost');
  const user = "username*=UTF-8''j%C3%A4s%C3%B8n";
  t.is(await registers(phone, 'SHA-256', name, user), 200);
  t.is(await registers(phone, 'SHA-256', name, `${user}, username="${name}"`), 401);
});

test('an account with an older password is asked for what it has', async (t) => {
  const [server] = await verona(ALL);
  await using _ = server;
  const { accounts, key } = server.server.core;
  const values = (['MD5', 'SHA-256'] as const).flatMap((algorithm) =>
    ['romeo', 'romeo@localhost'].map((name) => computeHa1(algorithm, name, 'localhost', 'secret')),
  );
  const ha1 = key.seal(Buffer.concat(values), 'ha1\0localhost\0romeo');
  t.true(accounts.adopt('localhost', 'romeo', { version: 1, scram: {}, ha1 }).ok);
  const phone = await server.phone('romeo@localhost');
  t.deepEqual(asked(await phone.ask(phone.registration())), [['SHA-256', 'MD5'], true]);
  t.deepEqual(asked(await phone.register({}, { algorithm: 'SHA-512-256' })), [['SHA-256', 'MD5'], true]);
  t.is((await phone.register()).status, 200);
});
