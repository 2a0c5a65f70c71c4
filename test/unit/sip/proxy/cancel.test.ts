/** RFC 3261 sections 9, 16.8 and 16.10: calls that end before they begin. */
import test from 'ava';
import { Network } from './network.ts';

test('the caller gives up: CANCEL, 200 at once, then 487', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const bob = network.phone('bob', '198.51.100.2');
  network.targets = [bob.target()];
  const invite = alice.invites();
  alice.gets(100);
  const got = bob.gets('INVITE');
  bob.answers(got, 180);
  alice.gets(180);
  alice.cancels(invite);
  t.is(alice.gets(200).cseq?.method, 'CANCEL');
  const cancel = bob.gets('CANCEL');
  t.is(cancel.via?.branch, got.via?.branch);
  t.is(cancel.vias?.length, 1);
  t.is(cancel.uri, got.uri);
  t.is(cancel.cseq?.number, got.cseq?.number);
  bob.answers(cancel, 200);
  bob.answers(got, 487);
  bob.gets('ACK');
  alice.gets(487);
  alice.getsNothing();
});

test('a Reason of the CANCEL goes on to the phones (RFC 3326)', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const bob = network.phone('bob', '198.51.100.2');
  network.targets = [bob.target()];
  const invite = alice.invites();
  alice.gets(100);
  bob.answers(bob.gets('INVITE'), 180);
  alice.gets(180);
  alice.cancels(invite, [['Reason', 'SIP;cause=200;text="Call completed elsewhere"']]);
  t.is(bob.gets('CANCEL').get('Reason'), 'SIP;cause=200;text="Call completed elsewhere"');
});

test('CANCEL before the phone has answered at all: it is sent after the first provisional response (section 9.1)', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const bob = network.phone('bob', '198.51.100.2');
  network.targets = [bob.target()];
  const invite = alice.invites();
  alice.gets(100);
  const got = bob.gets('INVITE');
  alice.cancels(invite);
  alice.gets(200);
  bob.getsNothing();
  bob.answers(got, 100);
  bob.gets('CANCEL');
  bob.answers(got, 487);
  bob.gets('ACK');
  alice.gets(487);
  t.pass();
});

test('CANCEL while one phone rings and another is dead: the caller does not wait for the dead one', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const [bob, dead] = [network.phone('bob', '198.51.100.2'), network.phone('dead', '198.51.100.3')];
  network.targets = [bob.target(), dead.target()];
  const invite = alice.invites();
  alice.gets(100);
  const got = bob.gets('INVITE');
  bob.answers(got, 180);
  alice.gets(180);
  alice.cancels(invite);
  alice.gets(200);
  bob.gets('CANCEL');
  bob.answers(got, 487);
  alice.getsNothing();
  network.pass(2100);
  alice.gets(487);
  t.pass();
});

test('200 crosses CANCEL: the call stands, and the caller hears so', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const bob = network.phone('bob', '198.51.100.2');
  network.targets = [bob.target()];
  const invite = alice.invites();
  alice.gets(100);
  const got = bob.gets('INVITE');
  bob.answers(got, 180);
  alice.gets(180);
  alice.cancels(invite);
  alice.gets(200);
  // The phone was picked up before the CANCEL arrived.
  bob.answers(got, 200);
  const cancel = bob.gets('CANCEL');
  bob.answers(cancel, 481);
  const answer = alice.gets(200);
  t.is(answer.cseq?.method, 'INVITE');
  alice.sends(alice.within('ACK', answer));
  bob.gets('ACK');
  alice.sends(alice.within('BYE', answer));
  bob.gets('BYE');
});

test('CANCEL after the answer: 200, and nothing else happens', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const bob = network.phone('bob', '198.51.100.2');
  network.targets = [bob.target()];
  const invite = alice.invites();
  alice.gets(100);
  bob.answers(bob.gets('INVITE'), 200);
  alice.gets(200);
  alice.cancels(invite);
  t.is(alice.gets(200).cseq?.method, 'CANCEL');
  bob.getsNothing();
});

test('CANCEL of nothing: 481', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  alice.cancels(alice.request('INVITE', 'sip:bob@example.org'));
  alice.gets(481);
  t.is(network.transactions.size, 0);
});

test('CANCEL while the target is looked up: 487, and nothing is sent later', async (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const bob = network.phone('bob', '198.51.100.2');
  network.places.set('bob.example', [{ flow: bob.flow }]);
  network.targets = [{ uri: 'sip:bob@bob.example' }];
  const invite = alice.invites();
  alice.gets(100);
  alice.cancels(invite);
  alice.gets(200);
  alice.gets(487);
  await network.settle();
  bob.getsNothing();
  t.pass();
});

test('timer C: a phone that rings for too long is cancelled, and the caller hears 408', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const bob = network.phone('bob', '198.51.100.2');
  network.targets = [bob.target()];
  alice.invites();
  alice.gets(100);
  const got = bob.gets('INVITE');
  bob.answers(got, 180);
  alice.gets(180);
  network.pass(180_000);
  // "If the response is a provisional response with status codes 101 to 199 … the proxy MUST reset timer C".
  bob.answers(got, 183);
  alice.gets(183);
  network.pass(184_000);
  bob.getsNothing();
  network.pass(1100);
  t.is(bob.gets('CANCEL').get('Reason'), 'SIP;cause=408;text="Request Timeout"');
  bob.answers(got, 487);
  bob.gets('ACK');
  alice.gets(408);
});

test('timer C is not reset by 100 (section 16.7 step 2)', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const bob = network.phone('bob', '198.51.100.2');
  network.targets = [bob.target()];
  alice.invites();
  alice.gets(100);
  const got = bob.gets('INVITE');
  bob.answers(got, 180);
  alice.gets(180);
  network.pass(180_000);
  bob.answers(got, 100);
  network.pass(6000);
  bob.gets('CANCEL');
  t.pass();
});

test('a cancelled phone that says nothing more: the branch is over 64*T1 later', (t) => {
  using network = new Network();
  const alice = network.phone('alice', '198.51.100.1');
  const bob = network.phone('bob', '198.51.100.2');
  network.targets = [bob.target()];
  const invite = alice.invites();
  alice.gets(100);
  bob.answers(bob.gets('INVITE'), 180);
  alice.gets(180);
  alice.cancels(invite);
  alice.gets(200);
  network.pass(33_000);
  alice.gets(487);
  t.pass();
});
