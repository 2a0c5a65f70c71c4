/** Trunks: registration at a provider, calls out and in, numbers of accounts. */
import { hash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import test from 'ava';
import { Phone, type SipTestServer as Server, SipTestServer } from '#test/helpers/sip.ts';
import { jid } from '#test/helpers/xml.ts';
import { parseAuth } from '#protocols/sip/message/auth.ts';
import type { SipRequest } from '#protocols/sip/message/message.ts';

const JULIET = 'juliet@localhost';

/** A provider on a port of its own, which sends to whomever sent to it last. */
async function provider(): Promise<Phone> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  let peer = 0;
  const wire = {
    port: socket.address().port,
    received: (_bytes: Buffer): void => undefined,
    send: (bytes: Buffer) => socket.send(bytes, peer, '127.0.0.1'),
    close: () => void socket.close(),
  };
  socket.on('message', (bytes, from) => {
    peer = from.port;
    wire.received(bytes);
  });
  return new Phone('provider@127.0.0.1', wire, 'udp', 'secret');
}

const settings = (port: number, more = ''): string =>
  `sip: { trunks: [{ name: out, host: 127.0.0.1, port: ${port}, transport: udp, user: "4930123", password: pass, prefixes: ["+", "0"]${more} }] }`;

const challenge = (name: string) =>
  [[name, 'Digest realm="provider", nonce="abc", algorithm=MD5, qop="auth"']] as const;

async function verona(text: string): Promise<Server> {
  const server = await SipTestServer.start(text);
  await server.register(JULIET);
  return server;
}

test('the server registers at its provider, with credentials', async (t) => {
  const trunk = await provider();
  await using server = await verona(settings(trunk.port, ', register: true'));
  const first = await trunk.asked('REGISTER');
  t.is(first.from?.uri, 'sip:4930123@127.0.0.1');
  trunk.answer(first, 401, challenge('WWW-Authenticate'));
  const second = await trunk.asked('REGISTER');
  t.regex(second.get('Authorization') ?? '', /username="4930123".*realm="provider"/);
  t.is(second.cseq?.number, (first.cseq?.number ?? 0) + 1);
  trunk.answer(second, 200, [['Contact', `${second.get('Contact') ?? ''};expires=600`]]);
  while (server.sip.trunks.get('out')?.state !== 'registered') await new Promise((resolve) => setImmediate(resolve));
  t.pass();
  trunk.close();
});

test('a challenge without qop is answered as RFC 2069 had it, one with auth-int alone is not', async (t) => {
  const trunk = await provider();
  await using server = await verona(settings(trunk.port, ', register: true'));
  const first = await trunk.asked('REGISTER');
  trunk.answer(first, 401, [
    ['WWW-Authenticate', 'Digest realm="strict", nonce="abc", qop="auth-int"'],
    ['WWW-Authenticate', 'Digest algorithm=MD5, realm="asterisk", nonce="1f2e"'],
  ]);
  const { params } = parseAuth((await trunk.asked('REGISTER')).get('Authorization') ?? '') ?? {};
  const md5 = (text: string): string => hash('md5', text);
  t.is(params?.get('response'), md5(`${md5('4930123:asterisk:pass')}:1f2e:${md5('REGISTER:sip:127.0.0.1')}`));
  t.false(params?.has('qop') ?? true);
  t.is(server.sip.trunks.get('out')?.state, 'registering');
  trunk.close();
});

test('section 10.2.8: too brief an interval is asked for again at once, and taken back with credentials', async (t) => {
  const trunk = await provider();
  await using server = await verona(settings(trunk.port, ', register: true, expires: 5m'));
  const first = await trunk.asked('REGISTER');
  t.is(first.expires, 300);
  trunk.answer(first, 423, [['Min-Expires', '900']]);
  const second = await trunk.asked('REGISTER');
  t.is(second.expires, 900);
  // The provider sees another address than the one that was told.
  trunk.answer(second, 200, [['Contact', '<sip:4930123@192.0.2.7:61000>;expires=120']]);
  const own = (): { readonly state: string; readonly expires: number } =>
    server.sip.trunks.get('out') ?? { state: '', expires: 0 };
  while (own().state !== 'registered') await new Promise((resolve) => setImmediate(resolve));
  t.true(own().expires <= Date.now() + 120_000);
  await server.reload('sip: { trunks: [] }');
  const third = await trunk.asked('REGISTER');
  t.is(third.expires, 0);
  trunk.answer(third, 401, challenge('WWW-Authenticate'));
  const fourth = await trunk.asked('REGISTER');
  t.is(fourth.expires, 0);
  t.regex(fourth.get('Authorization') ?? '', /username="4930123"/);
  trunk.answer(fourth, 200);
  trunk.close();
});

test('a call to a number goes through the trunk, with its credentials and the caller’s number', async (t) => {
  const trunk = await provider();
  await using server = await verona(settings(trunk.port));
  server.sip.aliases.set('+4930999', jid(JULIET));
  const juliet = await server.registered(JULIET);
  const fields = [['Contact', `<${juliet.contact}>`] as const];
  const first = juliet.request('INVITE', { to: 'tel:+49-171-1', uri: 'tel:+49-171-1', fields });
  const challenged = await juliet.ask(first);
  t.is(challenged.status, 407);
  juliet.acknowledge(first, challenged);
  const sent = juliet.credentials(first, challenged);
  juliet.send(sent);
  const rings = await trunk.asked('INVITE');
  t.is(rings.uri, `sip:+491711@127.0.0.1:${trunk.port};transport=udp`);
  t.is(rings.get('P-Asserted-Identity'), '<sip:+4930999@127.0.0.1>');
  t.false(rings.headers.has('Proxy-Authorization'));
  trunk.answer(rings, 407, challenge('Proxy-Authenticate'));
  const again: SipRequest = await trunk.asked('INVITE');
  t.regex(again.get('Proxy-Authorization') ?? '', /username="4930123"/);
  trunk.answer(again, 486);
  t.is((await juliet.final(sent)).status, 486);
  trunk.close();
});

test('a provider that knows callers by From alone is told its own user name, or the number', async (t) => {
  const trunk = await provider();
  await using server = await verona(settings(trunk.port, ', from: number'));
  const juliet = await server.registered(JULIET);
  const fields = [['Contact', `<${juliet.contact}>`] as const];
  for (const [callId, told, written] of [
    ['none', 'sip:4930123@127.0.0.1', `"Juliet" <sip:${JULIET}>;tag=1`],
    ['some', 'sip:+4930999@127.0.0.1', `"Juliet" <sip:${JULIET}>;tag=1`],
  ] as const) {
    if (callId === 'some') server.sip.aliases.set('+4930999', jid(JULIET));
    const first = juliet.request('INVITE', { to: 'sip:+49171@localhost', from: written, callId, fields });
    const challenged = await juliet.ask(first);
    juliet.acknowledge(first, challenged);
    const sent = juliet.credentials(first, challenged);
    juliet.send(sent);
    const rings = await trunk.asked('INVITE');
    t.is(rings.from?.uri, told);
    t.is(rings.from?.tag, '1');
    trunk.answer(rings, 180);
    const ringing = await juliet.next((one) => one.kind === 'response' && one.status === 180, '180');
    t.is(ringing.get('From'), written);
    trunk.answer(rings, 486);
    t.is((await juliet.final(sent)).get('From'), written);
  }
  // Of a caller who is not to be known.
  t.is(server.sip.trunks.get('out')?.target('+49171').from, undefined);
  trunk.close();
});

test('a trunk that challenges inside the dialog as well gets credentials there', async (t) => {
  const trunk = await provider();
  await using server = await verona(settings(trunk.port));
  const juliet = await server.registered(JULIET);
  const fields = [['Contact', `<${juliet.contact}>`] as const];
  const first = juliet.request('INVITE', { to: 'sip:+49171@localhost', fields });
  const challenged = await juliet.ask(first);
  juliet.acknowledge(first, challenged);
  const sent = juliet.credentials(first, challenged);
  juliet.send(sent);
  trunk.answer(await trunk.asked('INVITE'), 200, [['Contact', `<sip:gateway@127.0.0.1:${trunk.port}>`]]);
  const answer = await juliet.final(sent);
  const bye = juliet.request('BYE', {
    uri: answer.contacts?.[0]?.uri ?? '',
    from: sent.get('From') ?? '',
    to: answer.get('To') ?? '',
    callId: sent.callId ?? '',
    fields: (answer.recordRoutes ?? []).toReversed().map((route) => ['Route', String(route)] as const),
  });
  juliet.send(bye);
  trunk.answer(await trunk.asked('BYE'), 407, challenge('Proxy-Authenticate'));
  const again = await trunk.asked('BYE');
  t.regex(again.get('Proxy-Authorization') ?? '', /username="4930123"/);
  trunk.answer(again, 200);
  t.is((await juliet.final(bye)).status, 200);
  trunk.close();
});

test('a route of the caller leads elsewhere, and the credentials for the trunk do not', async (t) => {
  const trunk = await provider();
  await using server = await verona(settings(9));
  const juliet = await server.registered(JULIET);
  const fields = [
    ['Contact', `<${juliet.contact}>`],
    ['Route', `<sip:127.0.0.1:${trunk.port};lr>`],
  ] as const;
  const sent = juliet.prove(juliet.request('INVITE', { to: 'tel:+491711', uri: 'tel:+491711', fields }));
  trunk.answer(await trunk.asked('INVITE'), 407, challenge('Proxy-Authenticate'));
  t.is((await sent).status, 407);
  trunk.close();
});

test('a number that no trunk takes, and one for somebody who may not: 404', async (t) => {
  await using server = await verona(`
access: { callers: [{ deny: all }] }
${settings(9, ', access: callers')}
`);
  const juliet = await server.registered(JULIET);
  const fields = [['Contact', `<${juliet.contact}>`] as const];
  for (const uri of ['sip:123@localhost', 'sip:+49171@localhost']) {
    t.is((await juliet.prove(juliet.request('INVITE', { to: uri, fields }))).status, 404, uri);
  }
});

test('a call from the provider to a number reaches its account, without credentials', async (t) => {
  await using server = await verona(settings(9));
  server.sip.aliases.set('4930123', jid(JULIET));
  const juliet = await server.registered(JULIET);
  const trunk = await server.phone('+49171@127.0.0.1');
  const fields = [
    ['Contact', `<${trunk.contact}>`],
    ['P-Asserted-Identity', '<sip:+49171@127.0.0.1>'],
  ] as const;
  const sent = trunk.request('INVITE', { to: 'sip:4930123@localhost', from: 'sip:+49171@provider.example', fields });
  trunk.send(sent);
  const rings = await juliet.asked('INVITE');
  t.is(rings.get('P-Asserted-Identity'), '<sip:+49171@127.0.0.1>');
  juliet.answer(rings, 486);
  t.is((await trunk.final(sent)).status, 486);
  // Not elsewhere.
  const relayed = trunk.request('INVITE', { to: 'sip:+1@localhost', from: 'sip:+49171@provider.example', fields });
  t.is((await trunk.ask(relayed)).status, 404);
});
