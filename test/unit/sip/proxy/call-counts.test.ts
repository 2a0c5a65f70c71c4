/** Who has how many calls at once: the count is exact, however a call ends. */
import test from 'ava';
import { type SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import type { Charge } from '#protocols/sip/proxy/call-counts.ts';
import { Calls } from '#protocols/sip/proxy/calls.ts';
import type { ServerTransaction } from '#protocols/sip/transaction/server.ts';
import { Network, type Phone } from './network.ts';

const ALICE: Charge = { kind: 'account', name: 'alice@example.org', limit: 2 };
const TRUNK: Charge = { kind: 'trunk', name: 'provider', limit: 3 };

/** Alice may have two calls, which her trunk counts too. */
class Bounded extends Network {
  readonly calls: Calls;
  readonly alice: Phone;
  readonly bob: Phone;
  charges: readonly Charge[] = [ALICE, TRUNK];
  #number = 0;

  constructor(limit?: number) {
    super();
    this.calls = new Calls({
      timers: this.timers,
      proxy: () => this.proxy,
      ended: () => undefined,
      ...(limit === undefined ? {} : { limit }),
    });
    this.watcher = this.calls;
    this.alice = this.phone('alice', '198.51.100.1');
    this.bob = this.phone('bob', '198.51.100.2');
    this.targets = [this.bob.target()];
  }

  get counts(): readonly number[] {
    return [this.calls.counts.get(ALICE), this.calls.counts.get(TRUNK)];
  }

  override accepts(transaction: ServerTransaction): boolean {
    const refused = this.calls.refused(transaction, this.charges);
    if (refused !== undefined)
      transaction.respond(SipResponse.to(transaction.request, refused === 'table' ? 503 : 486));
    return refused === undefined;
  }

  /** A call more, with a Call-ID of its own. */
  invites(callId = `call-${(this.#number += 1)}`): SipRequest {
    const invite = this.alice.request('INVITE', 'sip:bob@example.org').edit().set('Call-ID', callId).done();
    this.alice.sends(invite);
    return invite;
  }

  rings(callId?: string): { readonly sent: SipRequest; readonly got: SipRequest } {
    const sent = this.invites(callId);
    this.alice.gets(100);
    return { sent, got: this.bob.gets('INVITE') };
  }

  talks(callId?: string): SipResponse {
    const { got } = this.rings(callId);
    this.bob.answers(got, 200);
    const answer = this.alice.gets(200);
    this.alice.sends(this.#of(answer, 'ACK'));
    this.bob.gets('ACK');
    return answer;
  }

  #of(answer: SipResponse, method: string): SipRequest {
    return this.alice
      .within(method, answer)
      .edit()
      .set('Call-ID', answer.callId ?? '')
      .done();
  }

  /** A BYE of Alice, with what a test changes in it; it is answered. */
  bye(answer: SipResponse, status: number, change: (bye: SipRequest) => SipRequest = (bye) => bye): void {
    this.alice.sends(change(this.#of(answer, 'BYE')));
    this.bob.answers(this.bob.gets('BYE'), status);
    this.alice.gets(status);
  }
}

test('a call beyond the bound is refused, and one more may come for each that ends', (t) => {
  using network = new Bounded();
  const first = network.talks();
  network.talks();
  t.deepEqual(network.counts, [2, 2]);
  network.invites();
  network.alice.gets(486);
  network.bob.getsNothing();
  t.deepEqual(network.counts, [2, 2], 'what was refused does not count');
  network.bye(first, 200);
  t.deepEqual(network.counts, [1, 1]);
  network.talks();
  network.invites();
  network.alice.gets(486);
});

const ends: readonly (readonly [how: string, (network: Bounded) => void])[] = [
  [
    'CANCEL',
    (network) => {
      const { sent, got } = network.rings();
      network.bob.answers(got, 180);
      network.alice.gets(180);
      network.alice.cancels(sent);
      network.bob.answers(got, 487);
    },
  ],
  ['it is busy', (network) => void network.bob.answers(network.rings().got, 486)],
  ['it is declined', (network) => void network.bob.answers(network.rings().got, 603)],
  [
    'nobody answers',
    (network) => {
      network.rings();
      network.pass(33_000);
    },
  ],
  [
    'it rings for too long',
    (network) => {
      const { got } = network.rings();
      network.bob.answers(got, 180);
      network.pass(186_000);
      network.pass(33_000);
    },
  ],
  ['BYE of the caller', (network) => network.bye(network.talks(), 200)],
  ['BYE that is answered 481', (network) => network.bye(network.talks(), 481)],
  [
    'BYE that is not answered',
    (network) => {
      const answer = network.talks();
      network.alice.sends(
        network.alice
          .within('BYE', answer)
          .edit()
          .set('Call-ID', answer.callId ?? '')
          .done(),
      );
      network.pass(33_000);
    },
  ],
  [
    'an operator ends it',
    (network) => {
      network.talks();
      for (const call of network.calls) network.calls.hangUp(call, 'enough');
    },
  ],
  [
    'nobody refreshes it',
    (network) => {
      const { got } = network.rings();
      network.bob.answers(got, 200, { fields: [['Session-Expires', '90']] });
      network.pass(151_000);
    },
  ],
  [
    'a day has passed',
    (network) => {
      network.talks();
      network.pass(24 * 3_600_000 + 1000);
    },
  ],
];
for (const [how, end] of ends) {
  test(`nothing is left when a call ends: ${how}`, (t) => {
    using network = new Bounded();
    end(network);
    t.deepEqual(network.counts, [0, 0]);
    t.is(network.calls.size, 0);
  });
}

test('while its CANCEL has not been answered the call counts', (t) => {
  using network = new Bounded();
  const { sent, got } = network.rings();
  network.bob.answers(got, 180);
  network.alice.cancels(sent);
  t.deepEqual(network.counts, [1, 1]);
  // It was picked up before: the call stands.
  network.bob.answers(got, 200);
  t.deepEqual(network.counts, [1, 1]);
});

test('a BYE that does not end the call makes no place for another', async (t) => {
  using network = new Bounded();
  const { alice, bob } = network;
  network.targets = [{ uri: bob.contact }];
  network.invites();
  await network.settle();
  bob.answers(bob.gets('INVITE'), 200);
  alice.gets(100);
  const answer = alice.gets(200);
  // Out of order: "the UAS … MUST reject the request with a 500" (RFC 3261 section 12.2.2).
  const bye = (): SipRequest =>
    alice
      .within('BYE', answer)
      .edit()
      .set('Call-ID', answer.callId ?? '')
      .done();
  alice.sends(bye());
  await network.settle();
  bob.answers(bob.gets('BYE'), 500);
  alice.gets(500);
  t.deepEqual(network.counts, [1, 1]);
  // To an accomplice, who confirms it.
  const carol = network.phone('carol', '198.51.100.3');
  alice.sends(bye().edit().uri(carol.contact).done());
  await network.settle();
  carol.answers(carol.gets('BYE'), 200);
  alice.gets(200);
  t.deepEqual(network.counts, [1, 1]);
  alice.sends(bye());
  await network.settle();
  bob.answers(bob.gets('BYE'), 200);
  t.deepEqual(network.counts, [0, 0]);
});

test('a BYE before the answer ends nothing: the INVITE is still to be answered', (t) => {
  using network = new Bounded();
  const { got } = network.rings();
  network.bob.answers(got, 180);
  const early = network.alice.gets(180).edit().set('Contact', `<${network.bob.contact}>`).done();
  network.alice.sends(
    network.alice
      .within('BYE', early)
      .edit()
      .set('Call-ID', got.callId ?? '')
      .done(),
  );
  network.bob.answers(network.bob.gets('BYE'), 200);
  t.deepEqual(network.counts, [1, 1]);
  network.bob.answers(got, 487);
  t.deepEqual(network.counts, [0, 0]);
});

test('the same Call-ID for all of them is no way around the bound', (t) => {
  using network = new Bounded();
  const first = network.talks('same');
  const second = network.rings('same');
  t.deepEqual(network.counts, [2, 2]);
  network.invites('same');
  network.alice.gets(486);
  network.bye(first, 200);
  t.deepEqual(network.counts, [1, 1], 'the BYE ends the call whose tag it has');
  network.bob.answers(second.got, 486);
  t.deepEqual(network.counts, [0, 0]);
});

test('who has no bound is not counted, and the trunk still is', (t) => {
  using network = new Bounded();
  network.charges = [{ ...ALICE, limit: Infinity }, TRUNK];
  for (let at = 0; at < 3; at++) network.talks();
  t.deepEqual(network.counts, [0, 3]);
  network.invites();
  network.alice.gets(486);
});

test('a bound of 0 lets none through', (t) => {
  using network = new Bounded();
  network.charges = [{ ...ALICE, limit: 0 }];
  network.invites();
  network.alice.gets(486);
  t.is(network.calls.size, 0);
});

test('a call that could not be counted is refused; one that nobody counts passes', (t) => {
  using network = new Bounded(1);
  network.talks();
  network.invites();
  network.alice.gets(503);
  network.charges = [];
  network.rings();
  t.is(network.calls.counters.unseen, 1);
  t.deepEqual(network.counts, [1, 1]);
});
