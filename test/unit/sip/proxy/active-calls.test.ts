/** Calls as operators see them, how they end them, and what is kept of them. */
import test from 'ava';
import type { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import type { Call } from '#protocols/sip/proxy/call.ts';
import { CallRecords } from '#protocols/sip/proxy/call-records.ts';
import { Calls } from '#protocols/sip/proxy/calls.ts';
import { openMemoryStore } from '#src/store/memory.ts';
import { Network, nth, type Phone } from './network.ts';

class Watched extends Network {
  readonly ended: Call[] = [];
  readonly calls: Calls;
  readonly alice: Phone;
  readonly bob: Phone;

  constructor(limit?: number) {
    super();
    this.calls = new Calls({
      timers: this.timers,
      proxy: () => this.proxy,
      ended: (call) => void this.ended.push(call),
      ...(limit === undefined ? {} : { limit }),
    });
    this.watcher = this.calls;
    this.alice = this.phone('alice', '198.51.100.1', 'tcp', 40_000);
    this.bob = this.phone('bob', '198.51.100.2');
    this.targets = [this.bob.target()];
  }

  rings(): SipRequest {
    this.alice.invites();
    this.alice.gets(100);
    const invite = this.bob.gets('INVITE');
    this.bob.answers(invite, 180);
    this.alice.gets(180);
    return invite;
  }

  talks(extra: Parameters<Phone['answers']>[2] = {}): { readonly invite: SipRequest; readonly answer: SipResponse } {
    const invite = this.rings();
    this.bob.answers(invite, 200, extra);
    const answer = this.alice.gets(200);
    this.alice.sends(this.alice.within('ACK', answer));
    this.bob.gets('ACK');
    return { invite, answer };
  }

  get call(): Call {
    return nth([...this.calls], 0);
  }
}

test('a call from its INVITE to its BYE', (t) => {
  using network = new Watched();
  const { alice, bob, calls, ended } = network;
  alice.invites();
  const { call } = network;
  t.is(call.state, 'trying');
  t.is(call.from, 'sip:alice@example.org');
  t.is(call.to, 'sip:bob@example.org');
  t.is(call.ip, '198.51.100.1');
  t.is(calls.get(call.id), call);
  const invite = bob.gets('INVITE');
  bob.answers(invite, 180);
  t.is(call.state, 'ringing');
  network.pass(4000);
  bob.answers(invite, 200);
  t.is(call.state, 'answered');
  t.is(call.target('callee'), bob.contact);
  alice.gets(100);
  alice.gets(180);
  const answer = alice.gets(200);
  network.pass(61_000);
  t.is(call.duration(network.timers.now), 61);
  alice.sends(alice.within('BYE', answer));
  bob.answers(bob.gets('BYE'), 200);
  t.is(calls.size, 0);
  t.is(calls.get(call.id), undefined);
  t.deepEqual(ended, [call]);
  t.is(call.endedBy, 'caller');
  t.is(call.status, 200);
  t.is(call.duration(0), 61);
});

for (const [status, by] of [
  [486, 'callee'],
  [487, 'caller'],
  [603, 'callee'],
] as const) {
  test(`a call that is answered ${status} is over: by the ${by}`, (t) => {
    using network = new Watched();
    network.bob.answers(network.rings(), status);
    t.is(network.calls.size, 0);
    t.is(nth(network.ended, 0).endedBy, by);
    t.is(nth(network.ended, 0).status, status);
    t.is(nth(network.ended, 0).duration(0), 0);
  });
}

test('the callee hangs up', (t) => {
  using network = new Watched();
  const { invite } = network.talks();
  network.bob.sends(network.bob.within('BYE', invite));
  network.alice.answers(network.alice.gets('BYE'), 200);
  t.is(nth(network.ended, 0).endedBy, 'callee');
});

test('forking: the BYE for a second answer does not end the call of the first', (t) => {
  using network = new Watched();
  const { alice, bob, calls } = network;
  const carol = network.phone('carol', '198.51.100.3');
  network.targets = [bob.target(), carol.target()];
  alice.invites();
  alice.gets(100);
  const [first, second] = [bob.gets('INVITE'), carol.gets('INVITE')];
  bob.answers(first, 200);
  carol.answers(second, 200);
  alice.gets(200);
  alice.sends(alice.within('BYE', alice.gets(200)));
  carol.answers(carol.gets('BYE'), 200);
  t.is(calls.size, 1);
});

test('an operator ends a call that rings: CANCEL', (t) => {
  using network = new Watched();
  const { alice, bob, calls } = network;
  const invite = network.rings();
  t.true(calls.hangUp(network.call, 'enough'));
  bob.gets('CANCEL');
  bob.answers(invite, 487);
  alice.gets(487);
  t.is(calls.size, 0);
});

test('an operator ends a call that was answered: BYE to both, each as the other would send it', (t) => {
  using network = new Watched();
  const { alice, bob, calls, ended } = network;
  const { answer, invite } = network.talks();
  // Both have said something meanwhile.
  const update = alice.within('UPDATE', answer);
  alice.sends(update);
  bob.answers(bob.gets('UPDATE'), 200);
  alice.gets(200);
  const info = bob.within('INFO', invite);
  bob.sends(info);
  alice.gets('INFO');
  const { call } = network;
  t.true(calls.hangUp(call, 'enough'));
  const toBob = bob.gets('BYE');
  t.is(toBob.uri, bob.contact);
  t.is(toBob.from?.tag, 'alice');
  t.is(toBob.to?.tag, 'bob');
  t.is(toBob.callId, 'call');
  t.is(toBob.cseq?.number, (update.cseq?.number ?? 0) + 1);
  t.is(toBob.get('Reason'), 'SIP;cause=200;text="enough"');
  t.false(toBob.headers.has('Route'));
  const toAlice = alice.gets('BYE');
  t.is(toAlice.uri, alice.contact);
  t.is(toAlice.from?.tag, 'bob');
  t.is(toAlice.to?.tag, 'alice');
  t.is(toAlice.cseq?.number, (info.cseq?.number ?? 0) + 1);
  t.is(ended[0]?.endedBy, 'server');
  t.false(calls.hangUp(call, 'again'));
});

test('BYE of an operator goes where the last re-INVITE said', (t) => {
  using network = new Watched();
  const { alice, bob, calls } = network;
  const { answer } = network.talks();
  const moved = alice.within('INVITE', answer).edit().set('Contact', '<sip:alice@198.51.100.77>').done();
  alice.sends(moved);
  bob.answers(bob.gets('INVITE'), 200);
  calls.hangUp(network.call, 'enough');
  alice.gets(100);
  alice.gets(200);
  t.is(alice.gets('BYE').uri, 'sip:alice@198.51.100.77');
});

test('the proxies of both sides stay on the way of such a BYE', async (t) => {
  using network = new Watched();
  const { alice, bob, calls } = network;
  network.targets = [{ uri: 'sip:bob@b.example' }];
  network.places.set('b.example', [{ flow: bob.flow }]);
  network.places.set('down.example', [{ flow: bob.flow }]);
  network.places.set('up.example', [{ flow: alice.flow }]);
  alice.sends(
    alice
      .request('INVITE', 'sip:bob@b.example', { fields: [['Record-Route', '<sip:up.example;lr>']] })
      .edit()
      .append('Via', 'SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKup')
      .done(),
  );
  await network.settle();
  const invite = bob.gets('INVITE').edit().prepend('Record-Route', '<sip:down.example;lr>').done();
  bob.answers(invite, 200);
  alice.gets(100);
  alice.gets(200);
  calls.hangUp(network.call, 'enough');
  await network.settle();
  t.deepEqual(bob.gets('BYE').list('Route'), ['<sip:down.example;lr>']);
  t.deepEqual(alice.gets('BYE').list('Route'), ['<sip:up.example;lr>']);
});

test('a session that is not refreshed is over (RFC 4028)', (t) => {
  using network = new Watched();
  const { alice, bob, calls, ended } = network;
  const { answer } = network.talks({ fields: [['Session-Expires', '1800;refresher=uac']] });
  network.pass(1_700_000);
  alice.sends(alice.within('UPDATE', answer));
  bob.answers(bob.gets('UPDATE'), 200, { fields: [['Session-Expires', '1800;refresher=uac']] });
  network.pass(1_800_000);
  t.is(calls.size, 1);
  network.pass(70_000);
  t.is(calls.size, 0);
  t.is(ended[0]?.endedBy, 'expired');
});

test('calls beyond the limit pass unseen', (t) => {
  using network = new Watched(1);
  const { alice, bob, calls } = network;
  network.rings();
  alice.sends(alice.request('INVITE', 'sip:bob@example.org').edit().set('Call-ID', 'another').done());
  bob.gets('INVITE');
  t.is(calls.size, 1);
  t.is(calls.counters.unseen, 1);
});

async function collected<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

test('records: for the hosts of both sides, the latest first, of the last ones only', async (t) => {
  const store = await openMemoryStore();
  const records = new CallRecords({
    store,
    hostOf: ({ host }) => (host.endsWith('example.org') ? host : undefined),
    accountOf: () => undefined,
    limit: (host) => (host === 'example.org' ? 2 : 0),
  });
  for (let at = 0; at < 3; at++) {
    using network = new Watched();
    network.pass(1_000_000 * at);
    network.bob.answers(network.rings(), 480 + at);
    records.add(nth(network.ended, 0));
  }
  const all = await collected(records.list('example.org'));
  t.deepEqual(
    all.map(({ status }) => status),
    [482, 481],
  );
  t.like(all[0], {
    from: 'sip:alice@example.org',
    to: 'sip:bob@example.org',
    duration: 0,
    endedBy: 'callee',
    ip: '198.51.100.1',
  });
  const since = all[0]?.started ?? 0;
  t.is((await collected(records.list('example.org', { since }))).length, 1);
  t.is((await collected(records.list('example.org', { until: since }))).length, 1);
  t.is((await collected(records.list('example.org', { user: 'bob' }))).length, 2);
  t.is((await collected(records.list('example.org', { user: 'carol' }))).length, 0);
  t.is((await collected(records.list('other.example.org'))).length, 0);
  await store.close();
});
