/** RFC 3261 sections 16.3 to 16.6, RFC 3327, RFC 5393 and RFC 5658: what is refused, and by which way a request leaves. */
import test from 'ava';
import type { SipUri } from '#protocols/sip/message/uri.ts';
import { Network, nth } from './network.ts';

const LOOP = 'SIP/2.0/UDP 192.0.2.1:5060;branch=';

for (const method of ['INVITE', 'OPTIONS', 'FROBNICATE']) {
  test(`Max-Forwards 0: ${method} is answered 483`, (t) => {
    using network = new Network();
    const alice = network.phone('alice', '198.51.100.1');
    const bob = network.phone('bob', '198.51.100.2');
    network.targets = [bob.target()];
    alice.sends(alice.request(method, 'sip:bob@example.org', { fields: [['Max-Forwards', '0']] }));
    alice.gets(483);
    bob.getsNothing();
    t.pass();
  });
}

test('without Max-Forwards it gets one of 70', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const bob = network.phone('bob', '198.51.100.2');
  network.targets = [bob.target()];
  alice.sends(alice.request('OPTIONS', 'sip:bob@example.org').edit().remove('Max-Forwards').done());
  t.is(bob.gets('OPTIONS').maxForwards, 70);
});

test('an unknown Proxy-Require: 420 that names it', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  alice.invites('sip:bob@example.org', { fields: [['Proxy-Require', 'teleport, sec-agree']] });
  t.is(alice.gets(420).get('Unsupported'), 'teleport, sec-agree');
});

test('a scheme that nobody knows: 416', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  alice.invites('im:bob@example.org', { to: '<sip:bob@example.org>' });
  alice.gets(416);
  t.pass();
});

test('a broken Route: 400', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  alice.invites('sip:bob@example.org', { fields: [['Route', '<sip:192.0.2.1;lr']] });
  alice.gets(400);
  t.pass();
});

test('a loop: the request comes back as it was, and is refused with 482 (RFC 5393 section 4.2)', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const other = network.phone('other', '198.51.100.9');
  network.targets = [other.target({ uri: 'sip:bob@example.org' })];
  alice.invites();
  alice.gets(100);
  const sent = other.gets('INVITE');
  const back = sent.edit().prepend('Via', other.via).done();
  other.sends(back);
  const refused = other.gets(482);
  t.is(refused.vias?.length, 3);
  other.getsNothing();
});

test('a spiral: it comes back for somebody else, and is forwarded', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const other = network.phone('other', '198.51.100.9');
  const carol = network.phone('carol', '198.51.100.3');
  network.targets = [other.target({ uri: 'sip:bob@example.org' })];
  alice.invites();
  alice.gets(100);
  const sent = other.gets('INVITE');
  network.targets = [carol.target()];
  other.sends(sent.edit().prepend('Via', other.via).uri('sip:carol@example.org').done());
  other.gets(100);
  t.is(carol.gets('INVITE').vias?.length, 4);
});

test('a Via that looks like ours and is not: no loop', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const bob = network.phone('bob', '198.51.100.2');
  network.targets = [bob.target()];
  for (const branch of ['z9hG4bK1', 'z9hG4bK1.', 'z9hG4bK1.zzz', 'old.style']) {
    const request = alice
      .request('OPTIONS', 'sip:bob@example.org')
      .edit()
      .append('Via', LOOP + branch)
      .done();
    alice.sends(request);
    bob.gets('OPTIONS');
  }
  t.pass();
});

test('Max-Breadth: as many branches at once as it allows, the others one after the other (RFC 5393 section 5.5)', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const phones = [1, 2, 3, 4].map((at) => network.phone(`phone${at}`, `198.51.100.1${at}`));
  network.targets = phones.map((phone) => phone.target());
  alice.invites('sip:bob@example.org', { fields: [['Max-Breadth', '2']] });
  alice.gets(100);
  const breadths = phones.slice(0, 2).map((phone) => phone.gets('INVITE'));
  t.deepEqual(
    breadths.map((invite) => invite.get('Max-Breadth')),
    ['1', '1'],
  );
  nth(phones, 2).getsNothing();
  nth(phones, 1).answers(nth(breadths, 1), 486);
  const third = nth(phones, 2).gets('INVITE');
  nth(phones, 3).getsNothing();
  nth(phones, 0).answers(nth(breadths, 0), 486);
  const fourth = nth(phones, 3).gets('INVITE');
  nth(phones, 2).answers(third, 486);
  nth(phones, 3).answers(fourth, 486);
  alice.gets(486);
});

test('Max-Breadth too small for a request that has no time: 440', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  network.targets = [1, 2].map((at) => network.phone(`phone${at}`, `198.51.100.1${at}`).target());
  alice.sends(alice.request('OPTIONS', 'sip:bob@example.org', { fields: [['Max-Breadth', '1']] }));
  alice.gets(440);
  t.pass();
});

test('Max-Breadth: more than 60 becomes 60', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const bob = network.phone('bob', '198.51.100.2');
  network.targets = [bob.target()];
  alice.invites('sip:bob@example.org', { fields: [['Max-Breadth', '1000']] });
  t.is(bob.gets('INVITE').get('Max-Breadth'), '60');
});

test('one transport and listener: Record-Route once; a change: twice, each with a URI for its side (RFC 5658)', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1', 'tls', 40_000);
  const bob = network.phone('bob', '198.51.100.2', 'udp');
  const carol = network.phone('carol', '198.51.100.3', 'wss', 40_000);
  const uris = (routes: readonly { readonly sipUri: SipUri | undefined }[] = []): readonly unknown[] =>
    routes.map(({ sipUri }) => sipUri && [sipUri.scheme, sipUri.host, sipUri.port, sipUri.transport, sipUri.lr]);
  network.targets = [bob.target()];
  alice.invites();
  t.deepEqual(uris(bob.gets('INVITE').recordRoutes), [
    ['sip', '192.0.2.1', 5060, undefined, true],
    ['sip', '192.0.2.1', 5061, 'tls', true],
  ]);
  network.targets = [carol.target()];
  alice.invites();
  t.deepEqual(uris(carol.gets('INVITE').recordRoutes), [
    ['sip', '192.0.2.1', 5060, 'ws', true],
    ['sip', '192.0.2.1', 5061, 'tls', true],
  ]);
  const dave = network.phone('dave', '198.51.100.4', 'tls', 40_000);
  network.targets = [dave.target()];
  alice.invites();
  t.deepEqual(uris(dave.gets('INVITE').recordRoutes), [['sip', '192.0.2.1', 5061, 'tls', true]]);
});

test('a SIPS Request-URI: Record-Route is SIPS (section 16.6 step 4)', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1', 'tls', 40_000);
  const bob = network.phone('bob', '198.51.100.2', 'tls', 40_000);
  network.targets = [bob.target({ uri: 'sips:bob@198.51.100.2' })];
  alice.invites('sips:bob@example.org');
  t.is(bob.gets('INVITE').recordRoutes?.[0]?.sipUri?.scheme, 'sips');
});

test('requests that create no dialog get no Record-Route; what nobody knows does', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const bob = network.phone('bob', '198.51.100.2');
  network.targets = [bob.target()];
  for (const [method, count] of [
    ['OPTIONS', 0],
    ['MESSAGE', 0],
    ['INFO', 0],
    ['SUBSCRIBE', 1],
    ['REFER', 1],
    ['FROBNICATE', 1],
  ] as const) {
    alice.sends(alice.request(method, 'sip:bob@example.org'));
    t.is(bob.gets(method).recordRoutes?.length, count, method);
  }
});

test('non-INVITE requests: no 100, and the phones are asked all at once', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const [desk, mobile] = [network.phone('desk', '198.51.100.2'), network.phone('mobile', '198.51.100.3')];
  network.targets = [desk.target({ q: 1000 }), mobile.target({ q: 100 })];
  alice.sends(alice.request('OPTIONS', 'sip:bob@example.org'));
  alice.getsNothing();
  mobile.answers(mobile.gets('OPTIONS'), 200);
  t.is(alice.gets(200).to?.tag, 'mobile');
  desk.answers(desk.gets('OPTIONS'), 200);
  alice.getsNothing();
});

test('non-INVITE requests: 100 when the client begins to wait 4 s, and never 408 (RFC 4320)', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const bob = network.phone('bob', '198.51.100.2');
  network.targets = [bob.target()];
  alice.sends(alice.request('OPTIONS', 'sip:bob@example.org'));
  network.pass(3400);
  alice.getsNothing();
  network.pass(200);
  alice.gets(100);
  network.pass(60_000);
  alice.getsNothing();
  t.is(network.transactions.size, 0);
});

test('our own Route is taken off, and the next one is followed (section 16.4)', async (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const next = network.phone('next', '198.51.100.9');
  network.places.set('next.example', [{ flow: next.flow }]);
  network.targets = [{ uri: 'sip:bob@elsewhere.example' }];
  alice.invites('sip:bob@elsewhere.example', {
    fields: [
      ['Route', '<sip:192.0.2.1;lr>, <sip:next.example;lr>'],
      ['Route', '<sip:last.example;lr>'],
    ],
  });
  await network.settle();
  const got = next.gets('INVITE');
  t.deepEqual(got.list('Route'), ['<sip:next.example;lr>', '<sip:last.example;lr>']);
  t.is(got.uri, 'sip:bob@elsewhere.example');
});

test('to a strict router: it gets its own URI, and the target as the last Route (section 16.6 step 6)', async (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const strict = network.phone('strict', '198.51.100.9');
  network.places.set('strict.example', [{ flow: strict.flow }]);
  network.targets = [{ uri: 'sip:bob@elsewhere.example' }];
  alice.invites('sip:bob@elsewhere.example', { fields: [['Route', '<sip:strict.example>, <sip:last.example;lr>']] });
  await network.settle();
  const got = strict.gets('INVITE');
  t.is(got.uri, 'sip:strict.example');
  t.deepEqual(got.list('Route'), ['<sip:last.example;lr>', '<sip:bob@elsewhere.example>']);
});

test('from a strict router: our Record-Route in the Request-URI, the target in the last Route (section 16.4)', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const bob = network.phone('bob', '198.51.100.2');
  network.targets = [bob.target()];
  alice.invites();
  alice.gets(100);
  bob.answers(bob.gets('INVITE'), 200);
  const answer = alice.gets(200);
  const own = answer.recordRoutes?.[0]?.uri ?? '';
  const bye = alice.within('BYE', answer).edit().uri(own).set('Route', `<${bob.contact}>`).done();
  alice.sends(bye);
  const got = bob.gets('BYE');
  t.is(got.uri, bob.contact);
  t.false(got.headers.has('Route'));
});

test('maddr that means this server is taken off with port and transport (section 16.4)', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const { request } = network.proxy.preprocess(
    alice.request('INVITE', 'sip:bob@b.example:5060;maddr=192.0.2.1;transport=udp;x=1'),
  );
  t.is(request.uri, 'sip:bob@b.example;x=1');
  const other = network.proxy.preprocess(alice.request('INVITE', 'sip:bob@b.example;maddr=198.51.100.5'));
  t.is(other.request.uri, 'sip:bob@b.example;maddr=198.51.100.5');
});

test('Path: its routes are pushed, and the first one is followed (RFC 3327 section 5.3)', async (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const edge = network.phone('edge', '198.51.100.9');
  network.places.set('edge.example', [{ flow: edge.flow }]);
  network.targets = [{ uri: 'sip:bob@10.0.0.5', routes: ['<sip:token@edge.example;lr>', '<sip:inner.example;lr>'] }];
  alice.invites();
  await network.settle();
  const got = edge.gets('INVITE');
  t.is(got.uri, 'sip:bob@10.0.0.5');
  t.deepEqual(got.list('Route'), ['<sip:token@edge.example;lr>', '<sip:inner.example;lr>']);
});

test('a target of several places: the next is tried when one is not there, and with another branch (section 16.6 step 7)', async (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const [first, second, third] = network.phones('one', 'two', 'three');
  network.places.set('b.example', [{ flow: first.flow }, { flow: second.flow }, { flow: third.flow }]);
  network.transports.dead.add(first.flow.remoteAddress);
  network.targets = [{ uri: 'sip:bob@b.example' }];
  alice.invites('sip:bob@b.example');
  await network.settle();
  alice.gets(100);
  const got = second.gets('INVITE');
  // RFC 3263 section 4.3: a 503 counts as a failure, too.
  second.answers(got, 503);
  const last = third.gets('INVITE');
  t.not(last.via?.branch, got.via?.branch);
  third.answers(last, 200);
  alice.gets(200);
});

test('no place is there: 500 for the caller, as RFC 3261 section 16.7 step 6 has a 503', async (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  network.targets = [{ uri: 'sip:bob@nowhere.example' }];
  alice.invites('sip:bob@nowhere.example');
  alice.gets(100);
  await network.settle();
  alice.gets(500);
  t.pass();
});
