/** REGISTER on the wire: RFC 3261 section 10.3, and who may. */
import test from 'ava';
import type { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import { type RegisterFields, SipTestServer } from '#test/helpers/sip.ts';

for (const transport of ['udp', 'tcp', 'tls', 'ws'] as const) {
  test(`${transport}: OPTIONS is answered, and a phone registers`, async (t) => {
    await using server = await SipTestServer.start();
    await server.register('juliet@localhost');
    const phone = await server.phone('juliet@localhost', { transport });
    const options = await phone.ask(phone.request('OPTIONS', { to: 'sip:localhost' }));
    t.is(options.status, 200);
    t.true(options.tokens('Allow').includes('register'));
    const challenged = await phone.ask(phone.registration());
    t.is(challenged.status, 401);
    t.is(challenged.all('WWW-Authenticate').length, 2);
    const done = await phone.register();
    t.is(done.status, 200);
    t.is(done.get('Contact'), `<${phone.contact}>;expires=600`);
  });
}

const JULIET = 'juliet@localhost';

async function verona(text = ''): Promise<SipTestServer> {
  const server = await SipTestServer.start(text);
  await server.register(JULIET, 'romeo@localhost');
  return server;
}

const contacts = (response: SipResponse): readonly string[] =>
  response.all('Contact').map((value) => value.replace(/;expires=\d+/, ''));

test('a query lists what is registered, with the seconds that are left', async (t) => {
  await using server = await verona();
  const phone = await server.phone(JULIET);
  t.deepEqual((await phone.register({ contact: '', expires: -1 })).all('Contact'), []);
  await phone.register({ contact: '<sip:a@192.0.2.1>;q=0.5;expires=100, <sip:b@192.0.2.2>', expires: 200 });
  const listed = await phone.register({ contact: '', expires: -1 });
  t.deepEqual(contacts(listed), ['<sip:a@192.0.2.1>;q=0.5', '<sip:b@192.0.2.2>']);
  t.regex(listed.all('Contact')[0] ?? '', /expires=(?:100|99)$/);
  t.regex(listed.get('Date') ?? '', /GMT$/);
});

test('a contact is refreshed, removed, and all are removed by *', async (t) => {
  await using server = await verona();
  const phone = await server.phone(JULIET);
  await phone.register({ contact: '<sip:a@192.0.2.1>, <sip:b@192.0.2.2>' });
  t.is((await phone.register({ contact: '<sip:A@192.0.2.1>', expires: 60 })).all('Contact').length, 3);
  t.deepEqual(contacts(await phone.register({ contact: '<sip:a@192.0.2.1>;expires=0' })), [
    '<sip:b@192.0.2.2>',
    '<sip:A@192.0.2.1>',
  ]);
  t.deepEqual(contacts(await phone.register({ contact: '*', expires: 0 })), []);
});

for (const [what, given, status] of [
  ['too short a time', { expires: 10 }, 423],
  ['* with a time', { contact: '*', expires: 60 }, 400],
  ['* beside another', { contact: '*, <sip:a@192.0.2.1>', expires: 0 }, 400],
  ['a contact that is the account', { contact: `<sip:${JULIET}>` }, 403],
  ['a contact that is no SIP URI', { contact: '<mailto:a@b>' }, 403],
  ['a malformed contact', { contact: '<sip:a@' }, 400],
  ['another account', { to: 'sip:romeo@localhost' }, 403],
  ['another domain in To', { to: 'sip:juliet@example.net' }, 404],
  ['another domain', { uri: 'sip:example.net', to: 'sip:juliet@example.net' }, 403],
  ['an extension that is not there', { fields: [['Require', 'path, magic'] as const] }, 420],
] as const satisfies readonly (readonly [string, RegisterFields, number])[]) {
  test(`REGISTER with ${what}: ${status}`, async (t) => {
    await using server = await verona();
    const phone = await server.phone(JULIET);
    const response = await phone.register(given);
    t.is(response.status, status);
    if (status === 423) t.is(response.get('Min-Expires'), '60');
    if (status === 420) t.is(response.get('Unsupported'), 'magic');
  });
}

test('requests out of order fail, and change nothing', async (t) => {
  await using server = await verona();
  const phone = await server.phone(JULIET);
  phone.cseq = 10;
  t.is((await phone.register()).status, 200);
  phone.cseq = 4;
  t.is((await phone.register({ expires: 0 })).status, 500);
  phone.cseq = 20;
  t.is((await phone.register({ contact: '', expires: -1 })).all('Contact').length, 1);
});

test('more contacts than allowed are refused', async (t) => {
  await using server = await verona('sip: { max_contacts: 2 }');
  const phone = await server.phone(JULIET);
  const contact = '<sip:a@192.0.2.1>, <sip:b@192.0.2.1>, <sip:c@192.0.2.1>';
  t.is((await phone.register({ contact })).status, 403);
  t.deepEqual((await phone.register({ contact: '', expires: -1 })).all('Contact'), []);
});

test('digest: MD5 and SHA-256, both forms of the name, and what is refused', async (t) => {
  await using server = await verona();
  const phone = await server.phone(JULIET);
  for (const algorithm of ['MD5', 'SHA-256'] as const) {
    for (const username of ['juliet', JULIET]) {
      t.is((await phone.register({}, { algorithm, username })).status, 200, `${algorithm} ${username}`);
    }
    t.is((await phone.register({}, { algorithm, password: 'wrong' })).status, 401);
  }
  t.is((await phone.register({}, { qop: 'auth-int' })).status, 401);
});

test('digest: a nonce of another is stale, one that was used is stale, a count goes on', async (t) => {
  await using server = await verona();
  const phone = await server.phone(JULIET);
  const first = phone.registration();
  const challenged = await phone.ask(first);
  const stale = (response: SipResponse): boolean => /stale=true/.test(response.get('WWW-Authenticate') ?? '');
  t.false(stale(challenged));
  for (const password of ['secret', 'wrong']) {
    const made = await phone.ask(phone.credentials(first, challenged, { nonce: 'made-up', password }));
    t.is(made.status, 401);
    t.true(stale(made), 'which tells nothing of the password');
  }
  t.is((await phone.ask(phone.credentials(first, challenged))).status, 200);
  t.true(stale(await phone.ask(phone.credentials(first, challenged))));
  t.is((await phone.ask(phone.credentials(first, challenged, { nc: '00000002' }))).status, 200);
});

test('failures count towards a ban, and a banned phone gets no answer', async (t) => {
  await using server = await verona(`
access: { ban_exempt: [{ allow: none }] }
bans: { failures: 3 }
`);
  const phone = await server.phone(JULIET);
  for (let at = 0; at < 3; at++) t.is((await phone.register({}, { password: 'wrong' })).status, 401);
  t.is(server.server.bans.list().length, 1);
});

test('outbound: one binding a flow, Require and Flow-Timer in the answer', async (t) => {
  await using server = await verona();
  const phone = await server.phone(JULIET, { transport: 'tcp' });
  const contact = (port: number, id: number): string =>
    `<sip:juliet@192.0.2.1:${port};transport=tcp;ob>;reg-id=${id};+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"`;
  const fields = [['Supported', 'path, outbound'] as const];
  const first = await phone.register({ contact: contact(1, 1), fields });
  t.deepEqual(first.tokens('Require'), ['outbound']);
  t.is(first.get('Flow-Timer'), '120');
  await phone.register({ contact: contact(2, 2), fields });
  const moved = await phone.register({ contact: contact(3, 1), fields });
  t.deepEqual(contacts(moved), [contact(2, 2), contact(3, 1)]);
  t.is(server.sip.sessions.size, 1);
});

test('outbound: 439 when the proxy in front cannot keep flows, plain registration without reg-id', async (t) => {
  await using server = await verona();
  const phone = await server.phone(JULIET, { transport: 'tcp' });
  const instance = '+sip.instance="<urn:uuid:1>"';
  const via = (request: SipRequest): SipRequest =>
    request.edit().append('Via', 'SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKbehind').done();
  const contact = `<sip:juliet@192.0.2.1;transport=tcp>;reg-id=1;${instance}`;
  const wants = phone.registration({ contact, fields: [['Supported', 'outbound']] });
  t.is((await phone.prove(via(wants))).status, 439);
  const plain = await phone.prove(via(phone.registration({ contact })));
  t.is(plain.status, 200);
  t.false(plain.headers.has('Require'));
});

test('a Path is stored, told, and used', async (t) => {
  await using server = await verona();
  const phone = await server.phone(JULIET);
  const proxy = await server.phone('proxy@localhost');
  const path = `<sip:127.0.0.1:${proxy.port};lr>`;
  const done = await phone.register({
    fields: [
      ['Path', path],
      ['Supported', 'path'],
    ],
  });
  t.is(done.get('Path'), path);
  const romeo = await server.registered('romeo@localhost');
  t.is((await romeo.say(JULIET, 'hi')).status, 200);
  const message = await proxy.asked('MESSAGE');
  t.is(message.get('Route'), path);
  t.is(message.uri, phone.contact);
});

test('GRUUs: a public one for the instance, a temporary one, and both reach the phone', async (t) => {
  await using server = await verona();
  const juliet = await server.phone(JULIET);
  const romeo = await server.registered('romeo@localhost');
  const contact = `<${juliet.contact}>;+sip.instance="<urn:uuid:1>"`;
  const done = await juliet.register({ contact, fields: [['Supported', 'gruu']] });
  const gruu = (name: string): string => new RegExp(`${name}="([^"]+)"`).exec(done.get('Contact') ?? '')?.[1] ?? '';
  t.regex(gruu('pub-gruu'), /^sip:juliet@localhost;gr=sip-[0-9a-f]{8}$/);
  t.regex(gruu('temp-gruu'), /^sip:tgruu\.[\w-]+@localhost;gr$/);
  for (const name of ['pub-gruu', 'temp-gruu']) {
    const body = { type: 'text/plain', bytes: Buffer.from(name) };
    const sent = romeo.request('MESSAGE', { to: `<${gruu(name)}>`, uri: gruu(name), body, callId: name });
    t.is((await romeo.prove(sent)).status, 200, name);
    t.is(await juliet.hears(), name);
  }
});

test('a phone is an available device of its account while it is registered', async (t) => {
  await using server = await verona();
  const { registry } = server.server;
  const juliet = await server.registered(JULIET);
  const [session] = registry.of(JULIET);
  t.is(session?.protocol, 'sip');
  t.is(session?.priority, -1);
  t.truthy(session?.presence);
  t.is(session?.origin.connection, 'sip_udp');
  await juliet.register({ expires: 0 });
  t.deepEqual(registry.of(JULIET), []);
});

test('an account that is removed has no registration, and none comes back', async (t) => {
  await using server = await verona();
  const juliet = await server.registered(JULIET);
  server.server.core.accounts.remove('localhost', 'juliet');
  t.is(server.sip.bindings.size, 0);
  t.is((await juliet.register()).status, 401);
});

test('an outbound proxy by another name of this server is this server, when the settings say so', async (t) => {
  await using server = await SipTestServer.start('sip: { other_names: [Proxy.Verona.example] }');
  await server.register(JULIET);
  const juliet = await server.phone(JULIET);
  const port = server.port('sip');
  const by = (name: string) => [['Route', `<sip:${name};lr>`] as const];
  t.is((await juliet.register({ fields: by('proxy.verona.example') })).status, 200);
  t.is((await juliet.register({ fields: by(`proxy.verona.example:${port}`) })).status, 200);
  const refused = await juliet.register({ fields: by('other.verona.example') });
  t.is(`${refused.status} ${refused.reason}`, '403 Request-URI Or Route Leads Elsewhere');
  const body = { type: 'text/plain', bytes: Buffer.from('hi') };
  const said = juliet.prove(juliet.request('MESSAGE', { body, fields: by('PROXY.verona.example') }));
  t.is((await said).status, 200);
});
