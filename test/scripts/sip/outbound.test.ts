/** RFC 5626: a phone that keeps two flows is one target, and is reached by the one that stands. */
import test, { type ExecutionContext } from 'ava';
import type { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import { Via } from '#protocols/sip/message/via.ts';
import { type Phone, type PhoneOptions, SipTestServer } from '#test/helpers/sip.ts';

const JULIET = 'juliet@localhost';
const ROMEO = 'romeo@localhost';
const INSTANCE = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"';
const OUTBOUND = ['Supported', 'path, outbound'] as const;

async function verona(): Promise<SipTestServer> {
  const server = await SipTestServer.start();
  await server.register(JULIET, ROMEO);
  return server;
}

/** Juliet's phone registers by one more flow. @param uri the contact, its own when absent */
async function flow(
  t: ExecutionContext,
  server: SipTestServer,
  id: number,
  transport: PhoneOptions['transport'] = 'tcp',
  uri?: string,
): Promise<Phone> {
  const phone = await server.phone(JULIET, { transport });
  const contact = `<${uri ?? `${phone.contact};ob`}>;reg-id=${id};${INSTANCE}`;
  const answer = await phone.register({ contact, fields: [OUTBOUND] });
  t.is(answer.status, 200);
  t.is(answer.get('Require'), 'outbound');
  return phone;
}

async function closed(server: SipTestServer, phone: Phone): Promise<void> {
  const before = server.sip.transports.streams;
  phone.close();
  while (server.sip.transports.streams >= before) await new Promise((resolve) => setImmediate(resolve));
}

async function call(phone: Phone, to = JULIET): Promise<SipRequest> {
  const first = phone.request('INVITE', { to: `sip:${to}`, fields: [['Contact', `<${phone.contact}>`]] });
  const challenged = await phone.ask(first);
  phone.acknowledge(first, challenged);
  const again = phone.credentials(first, challenged);
  phone.send(again);
  return again;
}

/** What came beside the answers to its own requests. */
const requests = (phone: Phone): readonly string[] =>
  phone.received.flatMap((one) => (one.kind === 'request' ? [one.method] : []));

test('both flows stand: the phone rings once, by the one that was registered last', async (t) => {
  await using server = await verona();
  const romeo = await server.registered(ROMEO);
  const flows = [await flow(t, server, 1), await flow(t, server, 2)] as const;
  for (const [latest, other] of [[flows[1], flows[0]], flows] as const) {
    const refresh = {
      contact: `<${latest.contact};ob>;reg-id=${flows.indexOf(latest) + 1};${INSTANCE}`,
      fields: [OUTBOUND],
    };
    t.is((await latest.register(refresh)).status, 200);
    const sent = await call(romeo);
    const rings = await latest.asked('INVITE');
    t.is(rings.uri, `${latest.contact};ob`);
    latest.answer(rings, 486);
    const answer = await romeo.final(sent);
    t.is(answer.status, 486, 'what one flow says is said by the instance');
    romeo.acknowledge(sent, answer);
    t.deepEqual(requests(other), []);
    await latest.asked('ACK');
  }
});

for (const [first, second] of [
  ['tcp', 'tcp'],
  ['tcp', 'udp'],
  ['ws', 'tls'],
] as const) {
  test(`the last flow is gone: the phone rings by the other one (${first}, ${second})`, async (t) => {
    await using server = await verona();
    const romeo = await server.registered(ROMEO);
    const older = await flow(t, server, 1, second);
    const latest = await flow(t, server, 2, first);
    await closed(server, latest);
    const sent = await call(romeo);
    const rings = await older.asked('INVITE');
    older.answer(rings, 200, [['Contact', `<${older.contact};ob>`]]);
    t.is((await romeo.final(sent)).status, 200);
    const said = romeo.say(JULIET, 'art thou there');
    t.is(await older.hears(), 'art thou there');
    t.is((await said).status, 200);
    t.is(server.server.registry.of(JULIET).length, 1, 'the phone is one device');
  });
}

test('the flow breaks while the call is offered by it: the other one rings', async (t) => {
  await using server = await verona();
  const romeo = await server.registered(ROMEO);
  const older = await flow(t, server, 1);
  const latest = await flow(t, server, 2);
  const sent = await call(romeo);
  await latest.asked('INVITE');
  latest.close();
  const rings = await older.asked('INVITE');
  older.answer(rings, 200, [['Contact', `<${older.contact};ob>`]]);
  t.is((await romeo.final(sent)).status, 200);
});

test('both flows are gone: 480; and the phone that comes back is called by its new flow', async (t) => {
  await using server = await verona();
  const romeo = await server.registered(ROMEO);
  const [older, latest] = [await flow(t, server, 1), await flow(t, server, 2)];
  await closed(server, older);
  await closed(server, latest);
  const sent = await call(romeo);
  const answer = await romeo.final(sent);
  t.is(answer.status, 480);
  romeo.acknowledge(sent, answer);
  const back = await flow(t, server, 1);
  const again = await call(romeo);
  back.answer(await back.asked('INVITE'), 486);
  t.is((await romeo.final(again)).status, 486);
});

/** An edge proxy that holds the flows of Juliet's phone, and registers it with its Path. */
async function edge(t: ExecutionContext, server: SipTestServer, id: number): Promise<Phone> {
  const proxy = await server.phone(JULIET);
  const contact = `<sip:juliet@192.0.2.1;transport=tcp;ob>;reg-id=${id};${INSTANCE}`;
  const path = ['Path', `<sip:flow${id}@127.0.0.1:${proxy.port};lr;ob>`] as const;
  const own = Via.make({
    transport: 'TCP',
    host: '192.0.2.1',
    port: undefined,
    branch: `z9hG4bKedge${id}`,
    rport: false,
  });
  const registration = proxy
    .registration({ contact, fields: [path, OUTBOUND] })
    .edit()
    .append('Via', own)
    .done();
  t.is((await proxy.prove(registration)).status, 200);
  return proxy;
}

test('an edge proxy answers 430: the next edge proxy is asked, and the failed flow no more (RFC 5626 section 9.3)', async (t) => {
  await using server = await verona();
  const romeo = await server.registered(ROMEO);
  const [one, two] = [await edge(t, server, 1), await edge(t, server, 2)];
  for (const round of [1, 2]) {
    const sent = await call(romeo);
    if (round === 1) {
      const failing = await two.asked('INVITE');
      t.is(failing.routes?.[0]?.sipUri?.user, 'flow2');
      two.answer(failing, 430);
    }
    const rings = await one.asked('INVITE');
    t.is(rings.routes?.[0]?.sipUri?.user, 'flow1');
    one.answer(rings, 486);
    const answer = await romeo.final(sent);
    t.is(answer.status, 486);
    romeo.acknowledge(sent, answer);
  }
  t.deepEqual(
    requests(two).filter((method) => method !== 'ACK'),
    [],
    'the second call did not go there',
  );
  // A text of the server's own goes the same way: the one that came back last is asked, and the other one when it fails.
  const back = await edge(t, server, 2);
  const said = romeo.say(JULIET, 'art thou there');
  back.answer(await back.asked('MESSAGE'), 430);
  t.is(await one.hears(), 'art thou there');
  t.is((await said).status, 200);
});

function bye(phone: Phone, answer: SipResponse, sent: SipRequest): SipRequest {
  const routes = (answer.recordRoutes ?? []).toReversed().map((route) => ['Route', String(route)] as const);
  return phone.request('BYE', {
    uri: answer.contacts?.[0]?.uri ?? '',
    from: sent.get('From') ?? '',
    to: answer.get('To') ?? '',
    callId: sent.callId ?? '',
    fields: routes,
  });
}

test('inside a dialog: 430 by the token of a flow that is gone, and the new flow of the same contact (section 5.3.1)', async (t) => {
  await using server = await verona();
  const romeo = await server.registered(ROMEO);
  const contact = 'sip:juliet@192.0.2.1;transport=tcp;ob';
  const phone = await flow(t, server, 1, 'tcp', contact);
  const sent = await call(romeo);
  phone.answer(await phone.asked('INVITE'), 200, [['Contact', `<${contact}>`]]);
  const answer = await romeo.final(sent);
  await closed(server, phone);
  t.is((await romeo.ask(bye(romeo, answer, sent))).status, 430);
  const back = await flow(t, server, 1, 'tcp', contact);
  const again = bye(romeo, answer, sent);
  romeo.send(again);
  back.answer(await back.asked('BYE'), 200);
  t.is((await romeo.final(again)).status, 200);
});

test('what another account registers at the same contact gets nothing of the dialog', async (t) => {
  await using server = await verona();
  await server.register('mallory@localhost');
  const romeo = await server.registered(ROMEO);
  const contact = 'sip:juliet@192.0.2.1;transport=tcp;ob';
  const phone = await flow(t, server, 1, 'tcp', contact);
  const sent = await call(romeo);
  phone.answer(await phone.asked('INVITE'), 200, [['Contact', `<${contact}>`]]);
  const answer = await romeo.final(sent);
  const mallory = await server.registered('mallory@localhost', { transport: 'tcp', contact: `<${contact}>` });
  await closed(server, phone);
  t.is((await romeo.ask(bye(romeo, answer, sent))).status, 430);
  t.deepEqual(requests(mallory), []);
});

test('two flows with one contact: inside a dialog the other one serves when the first is gone', async (t) => {
  await using server = await verona();
  const romeo = await server.registered(ROMEO);
  const contact = 'sip:juliet@192.0.2.1;transport=tcp;ob';
  const [older, latest] = [await flow(t, server, 1, 'tcp', contact), await flow(t, server, 2, 'tcp', contact)];
  const sent = await call(romeo);
  latest.answer(await latest.asked('INVITE'), 200, [['Contact', `<${contact}>`]]);
  const answer = await romeo.final(sent);
  await closed(server, latest);
  const over = bye(romeo, answer, sent);
  romeo.send(over);
  older.answer(await older.asked('BYE'), 200);
  t.is((await romeo.final(over)).status, 200);
});
