/** Calls through the proxy, between two phones. */
import test from 'ava';
import type { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import { type Phone, type PhoneOptions, SipTestServer } from '#test/helpers/sip.ts';
import { jid } from '#test/helpers/xml.ts';

const JULIET = 'juliet@localhost';
const ROMEO = 'romeo@localhost';
const SDP = { type: 'application/sdp', bytes: Buffer.from('v=0\r\n') };

async function verona(text = ''): Promise<SipTestServer> {
  const server = await SipTestServer.start(text);
  await server.register(JULIET, ROMEO);
  return server;
}

function invite(phone: Phone, to: string, uri = `sip:${to}`): SipRequest {
  return phone.request('INVITE', { to: `sip:${to}`, uri, body: SDP, fields: [['Contact', `<${phone.contact}>`]] });
}

/** Sends an INVITE with credentials. @returns it as it was sent the second time */
async function call(phone: Phone, to: string, uri?: string): Promise<SipRequest> {
  const first = invite(phone, to, uri);
  const challenged = await phone.ask(first);
  if (challenged.status !== 407) throw new Error(`INVITE was answered ${challenged.status}`);
  phone.acknowledge(first, challenged);
  const again = phone.credentials(first, challenged);
  phone.send(again);
  return again;
}

const provisional = (phone: Phone, status: number) =>
  phone.next((one) => one.kind === 'response' && one.status === status, String(status));

/** A request of the caller inside the dialog that a 2xx began. */
function inDialog(phone: Phone, method: string, answer: SipResponse, sent: SipRequest): SipRequest {
  const routes = (answer.recordRoutes ?? []).toReversed().map((route) => ['Route', String(route)] as const);
  return phone.request(method, {
    uri: answer.contacts?.[0]?.uri ?? '',
    from: sent.get('From') ?? '',
    to: answer.get('To') ?? '',
    callId: sent.callId ?? '',
    fields: routes,
    ...(method === 'ACK' ? { cseq: sent.cseq?.number ?? 0 } : {}),
  });
}

for (const [caller, callee] of [
  ['udp', 'udp'],
  ['tcp', 'udp'],
  ['udp', 'tcp'],
  ['tls', 'tcp'],
  ['ws', 'udp'],
  ['tcp', 'ws'],
] as const satisfies readonly (readonly [PhoneOptions['transport'], PhoneOptions['transport']])[]) {
  test(`a call from ${caller} to ${callee}: ringing, answer, ACK, BYE`, async (t) => {
    await using server = await verona();
    const romeo = await server.registered(ROMEO, { transport: caller });
    const juliet = await server.registered(JULIET, { transport: callee });
    const sent = await call(romeo, JULIET);
    await provisional(romeo, 100);
    const rings = await juliet.asked('INVITE');
    t.is(rings.uri, juliet.contact);
    t.is(rings.body.toString(), 'v=0\r\n');
    t.false(rings.headers.has('Proxy-Authorization'));
    juliet.answer(rings, 180);
    await provisional(romeo, 180);
    juliet.answer(rings, 200, [['Contact', `<${juliet.contact}>`]]);
    const answer = await romeo.final(sent);
    t.is(answer.status, 200);
    romeo.send(inDialog(romeo, 'ACK', answer, sent));
    const ack = await juliet.asked('ACK');
    t.is(ack.uri, juliet.contact);
    // From the callee, without credentials: it is inside the dialog.
    const bye = juliet.request('BYE', {
      uri: rings.contacts?.[0]?.uri ?? '',
      from: answer.get('To') ?? '',
      to: sent.get('From') ?? '',
      callId: sent.callId ?? '',
      fields: (rings.recordRoutes ?? []).map((route) => ['Route', String(route)] as const),
    });
    juliet.send(bye);
    romeo.answer(await romeo.asked('BYE'), 200);
    t.is((await juliet.final(bye)).status, 200);
  });
}

test('a GRUU as Contact: requests inside the dialog find its device (RFC 5627 section 6.1)', async (t) => {
  await using server = await verona();
  const romeo = await server.registered(ROMEO);
  const juliet = await server.registered(JULIET);
  const [device] = server.server.registry.of(ROMEO);
  const gruu = `sip:${ROMEO};gr=${device?.jid.resource}`;
  const first = romeo.request('INVITE', { to: `sip:${JULIET}`, body: SDP, fields: [['Contact', `<${gruu}>`]] });
  const challenged = await romeo.ask(first);
  romeo.acknowledge(first, challenged);
  const sent = romeo.credentials(first, challenged);
  romeo.send(sent);
  const rings = await juliet.asked('INVITE');
  juliet.answer(rings, 200, [['Contact', `<${juliet.contact}>`]]);
  const answer = await romeo.final(sent);
  romeo.send(inDialog(romeo, 'ACK', answer, sent));
  await juliet.asked('ACK');
  const routes = (rings.recordRoutes ?? []).map((route) => ['Route', String(route)] as const);
  const fields = {
    from: answer.get('To') ?? '',
    to: sent.get('From') ?? '',
    callId: sent.callId ?? '',
    fields: routes,
  };
  const bye = juliet.request('BYE', { uri: gruu, ...fields });
  juliet.send(bye);
  const arrived = await romeo.asked('BYE');
  t.is(arrived.uri, romeo.contact);
  romeo.answer(arrived, 200);
  t.is((await juliet.final(bye)).status, 200);
});

test('nobody 404, nobody there 480, blocked 480', async (t) => {
  await using server = await verona();
  const romeo = await server.registered(ROMEO);
  for (const [to, status] of [
    ['nobody@localhost', 404],
    [JULIET, 480],
  ] as const) {
    const sent = await call(romeo, to);
    const answer = await romeo.final(sent);
    t.is(answer.status, status);
    romeo.acknowledge(sent, answer);
  }
  await server.registered(JULIET);
  server.server.im.blocking.block(jid(JULIET), [jid(ROMEO)]);
  const sent = await call(romeo, JULIET);
  t.is((await romeo.final(sent)).status, 480);
});

test('CANCEL reaches the phone that rings, and the caller gets 487', async (t) => {
  await using server = await verona();
  const romeo = await server.registered(ROMEO);
  const juliet = await server.registered(JULIET);
  const sent = await call(romeo, JULIET);
  const rings = await juliet.asked('INVITE');
  juliet.answer(rings, 180);
  await provisional(romeo, 180);
  const fields = [['Via', String(sent.via)] as const];
  const cancel = romeo
    .request('CANCEL', { uri: sent.uri, to: `sip:${JULIET}`, callId: sent.callId ?? '', cseq: sent.cseq?.number ?? 0 })
    .edit()
    .remove('Via')
    .prepend('Via', fields[0]?.[1] ?? '')
    .done();
  t.is((await romeo.ask(cancel)).status, 200);
  juliet.answer(await juliet.asked('CANCEL'), 200);
  juliet.answer(rings, 487);
  t.is((await romeo.final(sent)).status, 487);
});

test('a call to both phones of an account: one answers, the other is told who did', async (t) => {
  await using server = await verona();
  const romeo = await server.registered(ROMEO);
  const [first, second] = [await server.registered(JULIET), await server.registered(JULIET, { transport: 'tcp' })];
  const sent = await call(romeo, JULIET);
  const rings = [await first.asked('INVITE'), await second.asked('INVITE')];
  for (const [at, phone] of [first, second].entries()) {
    const one = rings[at];
    if (one !== undefined) phone.answer(one, 180);
  }
  await provisional(romeo, 180);
  await provisional(romeo, 180);
  if (rings[0] !== undefined) first.answer(rings[0], 200, [['Contact', `<${first.contact}>`]]);
  t.is((await romeo.final(sent)).status, 200);
  const cancel = await second.asked('CANCEL');
  t.regex(cancel.get('Reason') ?? '', /^SIP;cause=200/);
});

test('a restart loses no registration: a call reaches the phone at once', async (t) => {
  await using server = await verona();
  const juliet = await server.registered(JULIET);
  await server.restart();
  const romeo = await server.phone(ROMEO);
  const sent = await call(romeo, JULIET);
  juliet.answer(await juliet.asked('INVITE'), 486);
  t.is((await romeo.final(sent)).status, 486);
});

test('a phone over TCP whose connection has gone is unavailable, and listed', async (t) => {
  await using server = await verona();
  const juliet = await server.registered(JULIET, {
    transport: 'tcp',
    contact: '<sip:juliet@gone.invalid;transport=tcp>',
  });
  juliet.close();
  const romeo = await server.registered(ROMEO);
  while (server.sip.transports.streams > 0) await new Promise((resolve) => setImmediate(resolve));
  const sent = await call(romeo, JULIET);
  t.is((await romeo.final(sent)).status, 480);
  const again = await server.phone(JULIET);
  const listed = await again.register({ contact: '', expires: -1 });
  t.is(listed.all('Contact').length, 1);
});

test('a SIPS address is reached over TLS, and not at all where there is none (RFC 3261 section 26.2.2)', async (t) => {
  await using server = await verona();
  const romeo = await server.registered(ROMEO, { transport: 'tls' });
  await server.registered(JULIET);
  const refused = await call(romeo, JULIET, `sips:${JULIET}`);
  const answer = await romeo.final(refused);
  t.is(answer.status, 480);
  romeo.acknowledge(refused, answer);
  const secure = await server.registered(JULIET, { transport: 'tls' });
  const sent = await call(romeo, JULIET, `sips:${JULIET}`);
  secure.answer(await secure.asked('INVITE'), 486);
  t.is((await romeo.final(sent)).status, 486);
});
