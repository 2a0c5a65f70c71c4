/** Who is let in from elsewhere, and what nobody gets. */
import test from 'ava';
import type { FieldList, SipRequest } from '#protocols/sip/message/message.ts';
import { type Phone, SipTestServer } from '#test/helpers/sip.ts';

const JULIET = 'juliet@localhost';

async function verona(text = ''): Promise<SipTestServer> {
  const server = await SipTestServer.start(text);
  await server.register(JULIET);
  return server;
}

test('somebody from elsewhere calls nobody here: 403', async (t) => {
  await using server = await verona();
  const stranger = await server.phone('eve@elsewhere.example');
  for (const method of ['INVITE', 'MESSAGE', 'SUBSCRIBE', 'OPTIONS']) {
    const fields = [['Contact', `<${stranger.contact}>`] as const, ['Event', 'dialog'] as const];
    t.is((await stranger.ask(stranger.request(method, { to: `sip:${JULIET}`, fields }))).status, 403, method);
  }
});

test('a rule lets callers of a domain in, to accounts of this server only', async (t) => {
  await using server = await verona(`
acl: { friends: [{ server: [elsewhere.example] }] }
access: { callers: [{ allow: friends }] }
sip: { foreign_callers: callers }
`);
  const juliet = await server.registered(JULIET);
  const friend = await server.phone('eve@elsewhere.example');
  const stranger = await server.phone('eve@other.example');
  const fields = [['Contact', `<${friend.contact}>`] as const];
  const sent = friend.request('INVITE', { to: `sip:${JULIET}`, fields });
  friend.send(sent);
  juliet.answer(await juliet.asked('INVITE'), 486);
  t.is((await friend.final(sent)).status, 486);
  t.is((await stranger.ask(stranger.request('INVITE', { to: `sip:${JULIET}`, fields }))).status, 403);
  // No relay.
  t.is((await friend.ask(friend.request('INVITE', { to: 'sip:mallory@third.example', fields }))).status, 403);
  const routed = [...fields, ['Route', '<sip:192.0.2.1;lr>'] as const];
  t.is((await friend.ask(friend.request('INVITE', { to: `sip:${JULIET}`, fields: routed }))).status, 403);
});

test('an account that is not there is challenged like one that is', async (t) => {
  await using server = await verona();
  const nobody = await server.phone('nobody@localhost');
  const fields = [['Contact', `<${nobody.contact}>`] as const];
  t.is((await nobody.ask(nobody.request('INVITE', { to: `sip:${JULIET}`, fields }))).status, 407);
  t.is((await nobody.prove(nobody.request('INVITE', { to: `sip:${JULIET}`, fields }))).status, 407);
  t.is((await nobody.register()).status, 401);
  // Whoever says to be of this server learns nothing of whom it may ask for.
  const eve = await server.phone('juliet@localhost');
  for (const method of ['MESSAGE', 'SUBSCRIBE', 'PUBLISH', 'INVITE']) {
    const asked = [...fields, ['Event', 'presence'] as const];
    const [one, other] = [
      await eve.ask(eve.request(method, { to: `sip:${JULIET}`, fields: asked })),
      await eve.ask(eve.request(method, { to: 'sip:1001@localhost', fields: asked })),
    ];
    t.is(one.status, other.status, method);
  }
});

for (const [what, method, given, status] of [
  ['a method that the server does not have', 'FROBNICATE', {}, 501],
  ['INVITE to the server', 'INVITE', { fields: [['Contact', '<sip:x@127.0.0.1>']] }, 405],
  ['a request in a dialog that nobody knows', 'BYE', { to: '<sip:localhost>;tag=1' }, 481],
  ['an extension that nobody knows', 'OPTIONS', { fields: [['Require', 'nothing']] }, 420],
  ['a scheme that nobody knows', 'OPTIONS', { uri: 'mailto:a@b' }, 416],
  ['a Max-Forwards that is no number', 'OPTIONS', { fields: [['Expires', 'soon']] }, 400],
] as const) {
  test(`${what} gets ${status}`, async (t) => {
    await using server = await verona();
    const phone = await server.phone('eve@elsewhere.example');
    const {
      fields = [],
      to = 'sip:localhost',
      uri = 'sip:localhost',
    } = given as {
      readonly fields?: readonly (readonly [string, string])[];
      readonly to?: string;
      readonly uri?: string;
    };
    t.is((await phone.ask(phone.request(method, { to, uri, fields }))).status, status);
  });
}

test('a scanner gets no answer, and is counted', async (t) => {
  await using server = await verona();
  const phone = await server.phone('eve@elsewhere.example');
  phone.send(phone.request('OPTIONS', { to: 'sip:localhost', fields: [['User-Agent', 'Friendly-Scanner']] }));
  t.is((await phone.ask(phone.request('OPTIONS', { to: 'sip:localhost' }))).status, 200);
  t.is(server.sip.guard.counters.scanner, 1);
  t.is(phone.received.length, 0);
});

test('who sends too much gets no answer', async (t) => {
  await using server = await verona(`
access: { ban_exempt: [{ allow: none }] }
sip: { request_rate: 1, request_burst: 3 }
`);
  const phone = await server.phone('eve@elsewhere.example');
  for (let at = 0; at < 3; at++) t.is((await phone.ask(phone.request('OPTIONS', { to: 'sip:localhost' }))).status, 200);
  phone.send(phone.request('OPTIONS', { to: 'sip:localhost' }));
  while (server.sip.guard.counters.flood === 0) await new Promise((resolve) => setImmediate(resolve));
  t.is(phone.received.length, 0);
});

test('who is called elsewhere reaches the caller inside the dialog, and nobody else through this server', async (t) => {
  await using server = await verona();
  const [juliet, moved] = [await server.registered(JULIET), await server.phone(JULIET)];
  const [bob, victim] = [await server.phone('bob@127.0.0.1'), await server.phone('victim@127.0.0.1')];
  const first = juliet.request('INVITE', {
    to: `sip:bob@127.0.0.1:${bob.port}`,
    fields: [['Contact', `<${juliet.contact}>`]],
  });
  const challenged = await juliet.ask(first);
  juliet.acknowledge(first, challenged);
  const invite = juliet.credentials(first, challenged);
  juliet.send(invite);
  const rings = await bob.asked('INVITE');
  bob.answer(rings, 200, [['Contact', `<${bob.contact}>`]]);
  const answer = await juliet.final(invite);
  const given = { callId: invite.callId ?? '', from: answer.get('To') ?? '', to: invite.get('From') ?? '' };
  const routes = (request: SipRequest) =>
    (request.recordRoutes ?? []).map((route) => ['Route', String(route)] as const);
  const inside = (uri: string, request = rings, more: FieldList = []): SipRequest =>
    bob.request('INFO', { ...given, uri, fields: [...routes(request), ...more] });
  const reached = async (phone: Phone, request: SipRequest): Promise<void> => {
    bob.send(request);
    phone.answer(await phone.asked('INFO'), 200);
    t.is((await bob.final(request)).status, 200);
  };
  await reached(juliet, inside(juliet.contact));
  const elsewhere: FieldList = [['Route', `<sip:127.0.0.1:${victim.port};lr>`]];
  t.is((await bob.ask(inside(victim.contact))).status, 403);
  t.is((await bob.ask(inside(juliet.contact, rings, elsewhere))).status, 403);
  // A request of either side inside the dialog opens no other way.
  const fields = [
    ...(answer.recordRoutes ?? []).toReversed().map((route) => ['Route', String(route)] as const),
    ['Contact', `<${moved.contact}>`] as const,
  ];
  const again = juliet.request('INVITE', { ...given, uri: bob.contact, from: given.to, to: given.from, fields });
  juliet.send(again);
  const renewed = await bob.asked('INVITE');
  bob.answer(renewed, 200, [['Contact', `<${bob.contact}>`]]);
  await juliet.final(again);
  t.is((await bob.ask(inside(victim.contact, renewed))).status, 403);
  await reached(moved, inside(moved.contact));
  await reached(moved, inside(moved.contact, renewed));
  t.is(victim.received.length, 0);
});

test('a caller from elsewhere reaches a phone behind an edge proxy inside the dialog, and nobody else', async (t) => {
  await using server = await verona(`
acl: { friends: [{ server: [elsewhere.example] }] }
access: { callers: [{ allow: friends }] }
sip: { foreign_callers: callers }
`);
  const [friend, victim] = [await server.phone('eve@elsewhere.example'), await server.phone('victim@127.0.0.1')];
  // The edge proxy and its phone are one here.
  const [edge, other] = [await server.phone(JULIET), await server.phone(JULIET)];
  const path = `<sip:127.0.0.1:${edge.port};lr>`;
  const contact = '<sip:juliet@192.0.2.7>';
  t.is((await edge.register({ contact, fields: [['Path', path]] })).status, 200);
  const invite = friend.request('INVITE', { to: `sip:${JULIET}`, fields: [['Contact', `<${friend.contact}>`]] });
  friend.send(invite);
  const rings = await edge.asked('INVITE');
  // By another of its addresses.
  const own = `<sip:edge@127.0.0.1:${other.port};lr>`;
  const routed = rings.edit().prepend('Record-Route', own).done();
  edge.answer(routed, 200, [['Contact', contact]]);
  const answer = await friend.final(invite);
  const routes = (answer.recordRoutes ?? []).toReversed().map((route) => ['Route', String(route)] as const);
  const inside = (uri: string, fields: FieldList): SipRequest =>
    friend.request('INFO', {
      callId: invite.callId ?? '',
      from: invite.get('From') ?? '',
      to: answer.get('To') ?? '',
      uri,
      fields,
    });
  const [ours] = routes;
  if (ours === undefined) throw new Error('there is no Record-Route');
  // What the server knows: the Path, and the Record-Route of the edge proxy.
  for (const [phone, fields] of [
    [edge, [ours, ['Route', path] as const]],
    [other, routes],
  ] as const) {
    const known = inside('sip:juliet@192.0.2.7', fields);
    friend.send(known);
    phone.answer(await phone.asked('INFO'), 200);
    t.is((await friend.final(known)).status, 200);
  }
  t.is((await friend.ask(inside(victim.contact, [ours]))).status, 403);
  t.is((await friend.ask(inside('sip:juliet@192.0.2.7', [ours, ['Route', `<${victim.contact};lr>`]]))).status, 403);
  t.is(victim.received.length, 0);
});
