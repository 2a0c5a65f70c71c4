/** RFC 5626 section 7: several flows of one instance are one target. */
import test from 'ava';
import type { SipRequest } from '#protocols/sip/message/message.ts';
import type { ForwardTarget } from '#protocols/sip/proxy/target.ts';
import { Network, type Phone } from './network.ts';

/** One phone that keeps two flows; the proxy is given the more recent one, and what stands in for it. */
class TwoFlows extends Network {
  readonly alice: Phone;
  readonly first: Phone;
  readonly second: Phone;
  /** With which statuses another flow was asked for. */
  readonly asked: number[] = [];

  constructor() {
    super();
    this.alice = this.phone('alice', '198.51.100.1');
    this.first = this.phone('bob', '198.51.100.2', 'tcp', 40_001);
    this.second = this.phone('bob', '198.51.100.2', 'tcp', 40_002);
    this.targets = [this.over(this.first, this.second)];
  }

  over(first: Phone, ...others: readonly Phone[]): ForwardTarget {
    const [next, ...rest] = others;
    return first.target({
      instead: (status) => {
        this.asked.push(status);
        return next === undefined ? undefined : this.over(next, ...rest);
      },
    });
  }

  /** Alice calls; the first flow has the INVITE. */
  called(): SipRequest {
    this.alice.invites();
    this.alice.gets(100);
    return this.first.gets('INVITE');
  }
}

const failures: readonly (readonly [what: string, asked: number, (network: TwoFlows, invite: SipRequest) => void])[] = [
  ['its connection closes', 430, ({ first }) => first.flow.close()],
  ['an edge proxy answers 430', 430, ({ first }, invite) => first.answers(invite, 430)],
  ['it is answered 408', 408, ({ first }, invite) => first.answers(invite, 408)],
  ['nothing comes for 64*T1', 408, (network) => network.pass(32_100)],
];
for (const [what, asked, fails] of failures) {
  test(`a flow fails: ${what}; the other one rings, once, and answers`, (t) => {
    using network = new TwoFlows();
    const { alice, first, second } = network;
    const invite = network.called();
    second.getsNothing();
    fails(network, invite);
    const again = second.gets('INVITE');
    t.not(again.via?.branch, invite.via?.branch);
    t.is(again.callId, invite.callId);
    t.is(again.vias?.length, 2);
    second.answers(again, 180);
    alice.gets(180);
    second.answers(again, 200);
    const answer = alice.gets(200);
    alice.sends(alice.within('ACK', answer));
    second.gets('ACK');
    alice.getsNothing();
    second.getsNothing();
    for (const message of first.flow.take()) t.is(message.kind === 'request' && message.method, 'ACK');
    t.deepEqual(network.asked, [asked]);
  });
}

for (const status of [302, 404, 480, 486, 500, 503, 603]) {
  test(`${status} is the answer of the instance: no other flow is tried`, (t) => {
    using network = new TwoFlows();
    const { alice, first, second } = network;
    first.answers(network.called(), status);
    alice.gets(status === 503 ? 500 : status);
    second.getsNothing();
    t.deepEqual(network.asked, []);
  });
}

test('a phone that rang is there: neither its 408 nor timer C has another flow tried', (t) => {
  for (const ends of ['408', 'timer C']) {
    using network = new TwoFlows();
    const { alice, first, second } = network;
    const invite = network.called();
    first.answers(invite, 180);
    alice.gets(180);
    if (ends === '408') first.answers(invite, 408);
    else {
      network.pass(186_000);
      first.gets('CANCEL');
      first.answers(invite, 487);
    }
    alice.gets(408);
    second.getsNothing();
    t.deepEqual(network.asked, []);
  }
});

test('both flows are gone: 480, for 430 is nothing that an endpoint should see (RFC 5626 section 11.5)', (t) => {
  using network = new TwoFlows();
  const { alice, first, second } = network;
  first.answers(network.called(), 430);
  second.gets('INVITE');
  second.flow.close();
  alice.gets(480);
  t.deepEqual(network.asked, [430, 430]);
});

test('the caller gave up: a flow that fails then is not replaced', (t) => {
  using network = new TwoFlows();
  const { alice, first, second } = network;
  const invite = alice.invites();
  alice.gets(100);
  const got = first.gets('INVITE');
  alice.cancels(invite);
  alice.gets(200);
  first.answers(got, 430);
  alice.gets(480);
  second.getsNothing();
  t.deepEqual(network.asked, []);
});

test('another phone took the call meanwhile: no flow is tried any more', (t) => {
  using network = new TwoFlows();
  const { alice, first, second } = network;
  const desk = network.phone('desk', '198.51.100.3');
  network.targets = [...network.targets, desk.target()];
  const invite = network.called();
  desk.answers(desk.gets('INVITE'), 200);
  alice.gets(200);
  first.flow.close();
  second.getsNothing();
  t.is(invite.method, 'INVITE');
  t.deepEqual(network.asked, []);
});

test('the other phones go on ringing while a flow is replaced, and the next group of q waits', (t) => {
  using network = new TwoFlows();
  const { alice, first, second } = network;
  const [desk, later] = [network.phone('desk', '198.51.100.3'), network.phone('later', '198.51.100.4')];
  network.targets = [...network.targets, desk.target(), later.target({ q: 100 })];
  const invite = network.called();
  const rings = desk.gets('INVITE');
  first.answers(invite, 430);
  const again = second.gets('INVITE');
  t.is(again.get('Max-Breadth'), invite.get('Max-Breadth'));
  desk.answers(rings, 486);
  later.getsNothing();
  second.answers(again, 486);
  later.gets('INVITE');
  alice.getsNothing();
});

test('MESSAGE: a flow that is gone is replaced at once; a silent one is not, for nobody waits any more (RFC 4320)', (t) => {
  using network = new TwoFlows();
  const { alice, first, second } = network;
  alice.sends(alice.request('MESSAGE', 'sip:bob@example.org'));
  first.gets('MESSAGE');
  first.flow.close();
  second.answers(second.gets('MESSAGE'), 200);
  alice.gets(200);
  network.targets = [network.over(second, first)];
  network.asked.length = 0;
  alice.sends(alice.request('MESSAGE', 'sip:bob@example.org'));
  second.gets('MESSAGE');
  network.pass(33_000);
  t.deepEqual(network.asked, []);
});

test('inside a dialog 430 is told: the token means that flow and no other (section 5.3.1)', (t) => {
  using network = new TwoFlows();
  const { alice, first, second } = network;
  network.targets = [{ ...network.over(first, second), uri: `${first.contact};ob` }];
  const invite = network.called();
  const contact = `<${first.contact};ob>`;
  first.answers(invite, 200);
  const answer = alice.gets(200).edit().set('Contact', contact).done();
  alice.sends(alice.within('ACK', answer));
  first.gets('ACK');
  alice.sends(alice.within('INFO', answer));
  first.gets('INFO');
  first.flow.close();
  alice.gets(430);
  alice.sends(alice.within('BYE', answer));
  alice.gets(430);
  second.getsNothing();
  t.pass();
});
