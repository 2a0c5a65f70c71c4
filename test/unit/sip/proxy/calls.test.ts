/** RFC 3261 section 16: calls through the proxy, as the phones see them. */
import test from 'ava';
import { Network, nth } from './network.ts';

test('a call: INVITE, 100, 180, 200, ACK and BYE, each end to end', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const bob = network.phone('bob', '198.51.100.2');
  network.targets = [bob.target()];
  alice.invites('sip:bob@example.org', { body: 'v=0\r\n' });
  alice.gets(100);
  const invite = bob.gets('INVITE');
  t.is(invite.uri, bob.contact);
  t.is(invite.maxForwards, 69);
  t.is(invite.get('Max-Breadth'), '60');
  t.is(invite.vias?.length, 2);
  t.is(invite.recordRoutes?.length, 1);
  t.is(invite.body.toString(), 'v=0\r\n');
  bob.answers(invite, 180);
  const ringing = alice.gets(180);
  t.is(ringing.vias?.length, 1);
  t.is(ringing.to?.tag, 'bob');
  bob.answers(invite, 200);
  const answer = alice.gets(200);
  t.is(answer.contacts?.[0]?.uri, bob.contact);
  alice.sends(alice.within('ACK', answer));
  const ack = bob.gets('ACK');
  t.is(ack.uri, bob.contact);
  t.is(ack.maxForwards, 69);
  t.false(ack.headers.has('Route'));
  alice.sends(alice.within('BYE', answer));
  const bye = bob.gets('BYE');
  t.false(bye.headers.has('Route'));
  bob.answers(bye, 200);
  alice.gets(200);
  alice.getsNothing();
  bob.getsNothing();
});

test('the callee hangs up: its BYE finds the caller by the same Route', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1', 'tcp', 40_000);
  const bob = network.phone('bob', '198.51.100.2', 'tcp', 41_000);
  network.targets = [bob.target()];
  alice.invites();
  alice.gets(100);
  const invite = bob.gets('INVITE');
  bob.answers(invite, 200);
  alice.gets(200);
  bob.sends(bob.within('BYE', invite));
  const bye = alice.gets('BYE');
  t.is(bye.uri, alice.contact);
  alice.answers(bye, 200);
  bob.gets(200);
});

test('forking: the first to answer gets the call, the others are cancelled with the reason (RFC 3326)', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const phones = network.phones('desk', 'mobile', 'softphone');
  network.targets = phones.map((phone) => phone.target());
  alice.invites();
  alice.gets(100);
  const invites = phones.map((phone) => phone.gets('INVITE'));
  t.deepEqual(
    invites.map((invite) => invite.get('Max-Breadth')),
    ['20', '20', '20'],
  );
  t.is(new Set(invites.map((invite) => invite.via?.branch)).size, 3);
  for (const [at, phone] of phones.entries()) phone.answers(nth(invites, at), 180);
  for (let at = 0; at < 3; at++) alice.gets(180);
  nth(phones, 1).answers(nth(invites, 1), 200);
  t.is(alice.gets(200).to?.tag, 'mobile');
  for (const at of [0, 2]) {
    const cancel = nth(phones, at).gets('CANCEL');
    t.is(cancel.get('Reason'), 'SIP;cause=200;text="Call completed elsewhere"');
    t.is(cancel.via?.branch, nth(invites, at).via?.branch);
    nth(phones, at).answers(cancel, 200);
    nth(phones, at).answers(nth(invites, at), 487);
    nth(phones, at).gets('ACK');
  }
  alice.getsNothing();
  nth(phones, 1).getsNothing();
});

test('forking: two answer at once, and the caller hears both (section 16.7 step 5)', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const [desk, mobile] = [network.phone('desk', '198.51.100.2'), network.phone('mobile', '198.51.100.3')];
  network.targets = [desk.target(), mobile.target()];
  alice.invites();
  alice.gets(100);
  const [first, second] = [desk.gets('INVITE'), mobile.gets('INVITE')];
  desk.answers(first, 200);
  mobile.answers(second, 200);
  t.deepEqual([alice.gets(200).to?.tag, alice.gets(200).to?.tag], ['desk', 'mobile']);
});

test('all are busy: the caller hears so, once all have said it', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const [desk, mobile] = [network.phone('desk', '198.51.100.2'), network.phone('mobile', '198.51.100.3')];
  network.targets = [desk.target(), mobile.target()];
  const invite = alice.invites();
  alice.gets(100);
  desk.answers(desk.gets('INVITE'), 486);
  desk.gets('ACK');
  alice.getsNothing();
  mobile.answers(mobile.gets('INVITE'), 480);
  mobile.gets('ACK');
  alice.gets(486);
  alice.sends(alice.request('ACK', invite.uri, { via: invite.get('Via') ?? '' }));
  network.pass(60_000);
  alice.getsNothing();
  t.is(network.transactions.size, 0);
});

test('6xx ends it for all: the others are cancelled, and the caller hears it when they have ended', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const [desk, mobile, later] = network.phones('desk', 'mobile', 'later');
  network.targets = [desk.target(), mobile.target(), later.target({ q: 100 })];
  alice.invites();
  alice.gets(100);
  const [first, second] = [desk.gets('INVITE'), mobile.gets('INVITE')];
  mobile.answers(second, 180);
  alice.gets(180);
  desk.answers(first, 603);
  desk.gets('ACK');
  alice.getsNothing();
  mobile.gets('CANCEL');
  mobile.answers(second, 487);
  alice.gets(603);
  later.getsNothing();
  t.pass();
});

test('serial by q: the next is tried when all of the one before have failed', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const [desk, mobile, box] = network.phones('desk', 'mobile', 'box');
  network.targets = [box.target({ q: 100 }), desk.target({ q: 900 }), mobile.target({ q: 900 })];
  alice.invites();
  alice.gets(100);
  const [first, second] = [desk.gets('INVITE'), mobile.gets('INVITE')];
  box.getsNothing();
  desk.answers(first, 486);
  box.getsNothing();
  mobile.answers(second, 404);
  const last = box.gets('INVITE');
  t.is(last.get('Max-Breadth'), '60');
  box.answers(last, 200);
  t.is(alice.gets(200).to?.tag, 'box');
});

test('a device that is registered and does not answer: 408 for the caller after timer B', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const bob = network.phone('bob', '198.51.100.2');
  network.targets = [bob.target()];
  alice.invites();
  alice.gets(100);
  network.pass(33_000);
  // 0, 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s.
  for (let at = 0; at < 7; at++) bob.gets('INVITE');
  bob.getsNothing();
  alice.gets(408);
  t.pass();
});

test('nobody is registered: 480', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  alice.invites();
  t.is(alice.gets(480).to?.tag?.length, 16);
});

test('challenges of all phones are put together (section 16.7 step 7)', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const [one, two, busy] = network.phones('one', 'two', 'busy');
  network.targets = [one.target(), two.target(), busy.target()];
  alice.invites();
  alice.gets(100);
  busy.answers(busy.gets('INVITE'), 486);
  one.answers(one.gets('INVITE'), 407, { fields: [['Proxy-Authenticate', 'Digest realm="one", nonce="1"']] });
  two.answers(two.gets('INVITE'), 401, { fields: [['WWW-Authenticate', 'Digest realm="two", nonce="2"']] });
  const response = alice.gets(401);
  t.deepEqual(response.all('WWW-Authenticate'), ['Digest realm="two", nonce="2"']);
  t.deepEqual(response.all('Proxy-Authenticate'), ['Digest realm="one", nonce="1"']);
});

for (const [answers, expected] of [
  [[404, 486], 486],
  [[404, 408], 404],
  [[486, 404], 486],
  [[408, 480], 408],
  [[302, 486], 302],
  [[500, 486], 486],
  [[503, 407, 501, 404], 407],
  [[503], 500],
  [[600, 486], 600],
  [[415, 486], 415],
] as const) {
  test(`best of ${answers.join(', ')}: ${expected}`, (t) => {
    using network = new Network();
    const alice = network.phone('alice', '198.51.100.1');
    const phones = answers.map((status, at) => network.phone(`phone${status}`, `198.51.100.1${at}`));
    network.targets = phones.map((phone) => phone.target());
    alice.invites();
    alice.gets(100);
    const invites = phones.map((phone) => phone.gets('INVITE'));
    for (const [at, phone] of phones.entries()) phone.answers(nth(invites, at), nth(answers, at));
    alice.gets(expected);
    alice.getsNothing();
    t.pass();
  });
}
