/** Phones behind a NAT: what they write into Via and Contact leads nowhere, and yet they are reached (RFC 3581, RFC 5626, RFC 7362). */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import test from 'ava';
import type { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import { type Phone, type PhoneOptions, SipTestServer } from '#test/helpers/sip.ts';

const JULIET = 'juliet@localhost';
const ROMEO = 'romeo@localhost';
const INNER = '10.0.0.5:5060';
const SDP = { type: 'application/sdp', bytes: Buffer.from('v=0\r\n') };

async function verona(text = '', listeners = ''): Promise<SipTestServer> {
  const server = await SipTestServer.start(text, listeners);
  await server.register(JULIET, ROMEO);
  return server;
}

/** The same request as somebody writes it who knows the inner address only. */
const inside = (request: SipRequest): SipRequest =>
  request
    .edit()
    .replaceFirst('Via', String(request.via).replace(/127\.0\.0\.1:\d+/, INNER))
    .done();

const innerContact = (phone: Phone): string =>
  `<sip:${phone.user.split('@')[0]}@${INNER}${phone.transport === 'udp' ? '' : `;transport=${phone.transport}`}>`;

/** A phone that registered from behind a NAT. */
async function hidden(server: SipTestServer, user: string, transport: PhoneOptions['transport']): Promise<Phone> {
  const phone = await server.phone(user, transport === undefined ? {} : { transport });
  const response = await phone.prove(inside(phone.registration({ contact: innerContact(phone) })));
  if (response.status !== 200) throw new Error(`REGISTER was answered ${response.status}`);
  return phone;
}

async function call(phone: Phone, to: string, write: (request: SipRequest) => SipRequest): Promise<SipRequest> {
  const fields = [['Contact', innerContact(phone)]] as const;
  const first = write(phone.request('INVITE', { to: `sip:${to}`, body: SDP, fields }));
  const challenged = await phone.ask(first);
  phone.acknowledge(first, challenged);
  const again = phone.credentials(first, challenged);
  phone.send(again);
  return again;
}

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

const ways = [
  ['udp', 'udp', inside, 'Via and Contact are inner ones'],
  ['udp', 'udp', (request: SipRequest) => request, 'Contact alone is an inner one'],
  ['tcp', 'udp', inside, 'Via and Contact are inner ones'],
  ['udp', 'tcp', inside, 'Via and Contact are inner ones'],
] as const;
for (const [from, to, write, what] of ways) {
  test(`a call between hidden phones, ${from} to ${to}, both ways inside the dialog: ${what}`, async (t) => {
    await using server = await verona();
    const romeo = await hidden(server, ROMEO, from);
    const juliet = await hidden(server, JULIET, to);
    const sent = await call(romeo, JULIET, write);
    const rings = await juliet.asked('INVITE');
    t.is(rings.uri, innerContact(juliet).slice(1, -1), 'the phone sees the URI that it knows');
    juliet.answer(rings, 200, [['Contact', innerContact(juliet)]]);
    const answer = await romeo.final(sent);
    romeo.send(inDialog(romeo, 'ACK', answer, sent));
    await juliet.asked('ACK');
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

test('a hidden phone that comes back by another port of its NAT is reached there', async (t) => {
  await using server = await verona();
  await hidden(server, JULIET, 'udp');
  const again = await hidden(server, JULIET, 'udp');
  const romeo = await server.registered(ROMEO);
  const said = romeo.say(JULIET, 'art thou there');
  t.is(await again.hears(), 'art thou there');
  t.is((await said).status, 200);
});

test('a hidden watcher is told of presence', async (t) => {
  await using server = await verona();
  const romeo = await hidden(server, ROMEO, 'udp');
  const fields = [
    ['Event', 'presence'],
    ['Accept', 'application/pidf+xml'],
    ['Expires', '600'],
    ['Contact', innerContact(romeo)],
  ] as const;
  const answer = await romeo.prove(inside(romeo.request('SUBSCRIBE', { to: `sip:${ROMEO}`, fields })));
  t.is(answer.status, 200);
  const told = await romeo.asked('NOTIFY');
  t.regex(told.get('Subscription-State') ?? '', /^active/);
  romeo.answer(told, 200);
});

test('a listener with a rule hears those that pass it, and nobody else', async (t) => {
  const text = `
acl: { office: [{ ip: 192.0.2.0/24 }] }
access: { office_only: [{ allow: office }] }
`;
  const listeners = `  - { name: office, kind: sip, address: 127.0.0.1, port: 0, transport: udp, tls: 'off', access: office_only }
  - { name: office-tcp, kind: sip, address: 127.0.0.1, port: 0, tls: 'off', access: office_only }
`;
  await using server = await verona(text, listeners);
  const { counters, datagrams } = server.server.listeners;
  const socket = createSocket('udp4');
  t.teardown(() => socket.close());
  socket.send('OPTIONS', server.port('office'), '127.0.0.1');
  while (datagrams.denied === 0) await new Promise((resolve) => setImmediate(resolve));
  const peer = connect(server.port('office-tcp'), '127.0.0.1');
  await new Promise((resolve) => peer.on('error', resolve).on('close', resolve));
  t.is(counters.denied, 1);
  t.is((await (await server.phone(ROMEO)).register()).status, 200, 'other listeners take everybody');
});
