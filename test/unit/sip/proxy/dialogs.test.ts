/** What passes through the proxy inside a dialog: RFC 3262, 3311, 3515, 3891, 4028, 6086, and what is lost on the way. */
import test from 'ava';
import type { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import { Network, type Phone } from './network.ts';

interface Call extends Disposable {
  readonly network: Network;
  readonly alice: Phone;
  readonly bob: Phone;
  /** As each of them got it. */
  readonly invite: SipRequest;
  readonly answer: SipResponse;
}

function call(): Call {
  const network = new Network();
  const alice = network.phone('alice', '198.51.100.1', 'tcp', 40_000);
  const bob = network.phone('bob', '198.51.100.2');
  network.targets = [bob.target()];
  alice.invites();
  alice.gets(100);
  const invite = bob.gets('INVITE');
  bob.answers(invite, 200);
  const answer = alice.gets(200);
  alice.sends(alice.within('ACK', answer));
  bob.gets('ACK');
  return { network, alice, bob, invite, answer, [Symbol.dispose]: () => network[Symbol.dispose]() };
}

for (const method of ['UPDATE', 'INFO', 'REFER', 'NOTIFY', 'MESSAGE', 'OPTIONS', 'SUBSCRIBE', 'FROBNICATE']) {
  test(`${method} inside a dialog, both ways`, (t) => {
    using dialog = call();
    const { alice, answer, bob, invite } = dialog;
    alice.sends(alice.within(method, answer, { body: 'of alice' }));
    const got = bob.gets(method);
    t.is(got.body.toString(), 'of alice');
    t.is(got.uri, bob.contact);
    bob.answers(got, 200);
    alice.gets(200);
    bob.sends(bob.within(method, invite, { body: 'of bob' }));
    const back = alice.gets(method);
    t.is(back.body.toString(), 'of bob');
    t.is(back.uri, alice.contact);
    alice.answers(back, 202);
    bob.gets(202);
  });
}

test('re-INVITE: 100, 200 and ACK as for the first, and Record-Route once more', async (t) => {
  using dialog = call();
  const { alice, bob, invite, network } = dialog;
  bob.sends(bob.within('INVITE', invite));
  bob.gets(100);
  const got = alice.gets('INVITE');
  t.is(got.recordRoutes?.length, 2);
  alice.answers(got, 200);
  const answer = bob.gets(200);
  bob.sends(bob.within('ACK', answer));
  t.is(alice.gets('ACK').uri, alice.contact);
  // The dialog made anew by it has a Route that holds (section 16.6 step 4).
  alice.sends(alice.within('BYE', got));
  await network.settle();
  t.is(bob.gets('BYE').uri, bob.contact);
});

test('REFER with Replaces and its NOTIFY: fields that the proxy does not know pass as they are', (t) => {
  using dialog = call();
  const { alice, answer, bob } = dialog;
  const fields = [
    ['Refer-To', '<sip:carol@example.org?Replaces=12345%40192.0.2.9%3Bto-tag%3D1%3Bfrom-tag%3D2>'],
    ['X-Unknown', 'as: it is; "kept"'],
    ['Session-Expires', '1800;refresher=uac'],
    ['Min-SE', '90'],
    ['Supported', 'timer, 100rel, replaces'],
  ] as const;
  alice.sends(alice.within('REFER', answer, { fields }));
  const got = bob.gets('REFER');
  for (const [name, value] of fields) t.is(got.get(name), value);
});

test('session timers: 422 and its Min-SE come back (RFC 4028)', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const bob = network.phone('bob', '198.51.100.2');
  network.targets = [bob.target()];
  alice.invites('sip:bob@example.org', { fields: [['Session-Expires', '60']] });
  alice.gets(100);
  bob.answers(bob.gets('INVITE'), 422, { fields: [['Min-SE', '90']] });
  t.is(alice.gets(422).get('Min-SE'), '90');
});

test('PRACK: a reliable provisional response is acknowledged end to end (RFC 3262)', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const bob = network.phone('bob', '198.51.100.2');
  network.targets = [bob.target()];
  alice.invites('sip:bob@example.org', { fields: [['Supported', '100rel']] });
  alice.gets(100);
  const invite = bob.gets('INVITE');
  const fields = [
    ['Require', '100rel'],
    ['RSeq', '17'],
  ] as const;
  bob.answers(invite, 183, { fields });
  const progress = alice.gets(183);
  t.is(progress.get('RSeq'), '17');
  // Bob heard nothing, and says it again.
  bob.answers(invite, 183, { fields });
  alice.gets(183);
  alice.sends(alice.within('PRACK', progress, { fields: [['RAck', '17 1 INVITE']] }));
  const prack = bob.gets('PRACK');
  t.is(prack.get('RAck'), '17 1 INVITE');
  bob.answers(prack, 200);
  t.is(alice.gets(200).cseq?.method, 'PRACK');
  bob.answers(invite, 200);
  t.is(alice.gets(200).cseq?.method, 'INVITE');
});

test('a lost ACK: each repeated 200 reaches the caller, each repeated ACK the callee', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const bob = network.phone('bob', '198.51.100.2');
  network.targets = [bob.target()];
  alice.invites();
  alice.gets(100);
  const invite = bob.gets('INVITE');
  const branches = new Set<string | undefined>();
  let ack: SipRequest | undefined;
  for (const wait of [0, 500, 1000, 2000, 4000, 4000]) {
    network.pass(wait);
    bob.answers(invite, 200);
    ack ??= alice.within('ACK', alice.gets(200));
    if (wait > 0) alice.gets(200);
    alice.sends(ack);
    branches.add(bob.gets('ACK').via?.branch);
  }
  // "The component of the branch parameter that makes it unique MUST be the same each time a retransmitted request is forwarded" (16.11).
  t.is(branches.size, 1);
});

test('a lost 200: the repeated INVITE is absorbed (RFC 6026 section 7.1)', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const bob = network.phone('bob', '198.51.100.2');
  network.targets = [bob.target()];
  const invite = alice.invites();
  alice.gets(100);
  bob.answers(bob.gets('INVITE'), 200);
  alice.gets(200);
  alice.sends(invite);
  alice.sends(invite);
  bob.getsNothing();
  alice.getsNothing();
  t.pass();
});

test('a late 200 of a phone that was cancelled is forwarded as long as the transaction stands', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const [desk, mobile] = [network.phone('desk', '198.51.100.2'), network.phone('mobile', '198.51.100.3')];
  network.targets = [desk.target(), mobile.target()];
  alice.invites();
  alice.gets(100);
  const [first, second] = [desk.gets('INVITE'), mobile.gets('INVITE')];
  mobile.answers(second, 180);
  alice.gets(180);
  desk.answers(first, 200);
  alice.gets(200);
  mobile.gets('CANCEL');
  mobile.answers(second, 200);
  t.is(alice.gets(200).to?.tag, 'mobile');
});

test('stray responses go nowhere (RFC 6026 section 7.3)', (t) => {
  using network = new Network();
  const [alice, bob] = [network.phone('alice', '198.51.100.1'), network.phone('bob', '198.51.100.2')];
  const invite = alice.request('INVITE', 'sip:bob@example.org');
  bob.answers(network.transactions.withVia(invite, { flow: bob.flow }, 'z9hG4bKnever'), 200);
  alice.getsNothing();
  t.is(network.transactions.counters.strayResponses, 1);
});

test('a request with the Route of another dialog is none of this one', (t) => {
  using dialog = call();
  const { alice, answer, bob, network } = dialog;
  const bye = alice.within('BYE', answer);
  t.true(network.proxy.isInDialog(bye));
  t.false(network.proxy.isInDialog(bye.edit().set('Call-ID', 'another').done()));
  t.false(
    network.proxy.isInDialog(
      bye.edit().set('From', '<sip:mallory@example.org>;tag=mallory').set('To', '<sip:x@y>;tag=z').done(),
    ),
  );
  t.false(
    network.proxy.isInDialog(bye.edit().set('To', '<sip:bob@example.org>').done()),
    'no To tag: outside of dialogs',
  );
  const changed = bye.get('Route')?.replace(/sip:(.)/, (_, first) => `sip:${first === 'A' ? 'B' : 'A'}`) ?? '';
  t.false(network.proxy.isInDialog(bye.edit().set('Route', changed).done()));
  bob.getsNothing();
});

test('the flow of the callee is gone: 430 for what listens nowhere, or the Contact is dialled', async (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const browser = network.phone('browser', '198.51.100.3', 'ws', 40_000);
  const desk = network.phone('desk', '198.51.100.2', 'tcp', 40_000);
  for (const [phone, contact] of [
    [browser, 'sip:browser@abc.invalid;transport=ws'],
    [desk, 'sip:desk@198.51.100.2;transport=tcp'],
  ] as const) {
    network.targets = [phone.target({ uri: contact })];
    alice.invites();
    alice.gets(100);
    const invite = phone.gets('INVITE');
    phone.answers(invite, 200, { fields: [['Contact', `<${contact}>`]] });
    const answer = alice.gets(200).edit().set('Contact', `<${contact}>`).done();
    phone.flow.close();
    const listening = network.phone('listening', '198.51.100.2', 'tcp', 5060);
    network.places.set('198.51.100.2', [{ flow: listening.flow }]);
    alice.sends(alice.within('BYE', answer));
    await network.settle();
    if (phone === browser) alice.gets(430);
    else listening.gets('BYE');
    listening.getsNothing();
    // Only the Contact of then.
    const elsewhere = answer.edit().set('Contact', '<sip:desk@198.51.100.99;transport=tcp>').done();
    network.places.set('198.51.100.99', [{ flow: listening.flow }]);
    alice.sends(alice.within('INFO', elsewhere));
    await network.settle();
    alice.gets(430);
    listening.getsNothing();
  }
  t.pass();
});

test('a device that came back by another flow is found there', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const browser = network.phone('browser', '198.51.100.3', 'ws', 40_000);
  network.owners.set(browser.flow, 'browser@example.org');
  network.targets = [browser.target({ uri: 'sip:browser@abc.invalid;transport=ws' })];
  alice.invites();
  alice.gets(100);
  browser.answers(browser.gets('INVITE'), 200);
  const answer = alice.gets(200);
  browser.flow.close();
  const back = network.phone('browser', '198.51.100.3', 'ws', 40_001);
  // Somebody else says to be at the same place.
  network.moved.set(browser.contact, { destination: { flow: back.flow }, account: 'mallory@example.org' });
  alice.sends(alice.within('INFO', answer));
  alice.gets(430);
  back.getsNothing();
  network.moved.set(browser.contact, { destination: { flow: back.flow }, account: 'browser@example.org' });
  alice.sends(alice.within('BYE', answer));
  t.is(back.gets('BYE').uri, browser.contact);
});
