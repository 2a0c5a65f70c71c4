/** RFC 6665 section 4.2: one subscription over time, with its notifications as they leave. */
import test from 'ava';
import type { SipRequest } from '#protocols/sip/message/message.ts';
import { SipResponse } from '#protocols/sip/message/message.ts';
import type { Standing } from '#protocols/sip/presence/authority.ts';
import type { Dialog } from '#protocols/sip/presence/dialog.ts';
import { type Office, type StoredSubscription, Subscription } from '#protocols/sip/presence/subscription.ts';
import type { ClientHandler } from '#protocols/sip/transaction/client.ts';
import type { Flow } from '#protocols/sip/transport/flow.ts';
import { Timers } from '#src/net/timers.ts';
import { HandClock } from '#test/unit/net/hand-clock.ts';

const SECOND = 1000;
const HOUR = 3600 * SECOND;

const dialog: Dialog = {
  callId: 'c',
  localTag: 'l',
  remoteTag: 'r',
  local: '<sip:romeo@localhost>;tag=l',
  remote: '<sip:juliet@localhost>;tag=r',
  target: 'sip:juliet@192.0.2.1',
  routes: [],
  contact: 'sip:192.0.2.9',
  remoteSeq: 1,
  flow: { transport: 'udp', address: '192.0.2.1', port: 5060 },
};
const flow = {} as Flow;

/** A subscription whose phone, rosters and clock are the test's. */
class Scene implements Office {
  readonly clock = new HandClock();
  readonly timers = new Timers((error) => {
    throw error;
  }, this.clock);
  current: Standing = 'active';
  /** Whether there is a way to the phone. */
  reachable = true;
  readonly sent: { readonly request: SipRequest; readonly handler: ClientHandler }[] = [];
  saves = 0;
  over = false;
  readonly subscription: Subscription;

  constructor(given: Partial<StoredSubscription> = {}) {
    const now = this.clock.wall();
    const stored: StoredSubscription = {
      ...{ version: 1, package: 'presence', list: false, dialog, since: now, expires: now + HOUR, seq: 0 },
      watcher: 'juliet@localhost',
      presentity: 'romeo@localhost',
      ...given,
    };
    this.subscription = new Subscription(stored, this, flow);
  }

  now(): number {
    return this.clock.wall();
  }

  interval(): number {
    return 5 * SECOND;
  }

  standing(): Standing {
    return this.current;
  }

  document(): undefined {
    return undefined;
  }

  send(_: Subscription, request: SipRequest, handler: ClientHandler): boolean {
    if (this.reachable) this.sent.push({ request, handler });
    return this.reachable;
  }

  save(): void {
    this.saves += 1;
  }

  ended(): void {
    this.over = true;
  }

  /** Subscription-State and CSeq of what left since the last time. */
  take(): readonly string[] {
    return this.sent.splice(0).map(({ request }) => `${request.cseq?.number} ${request.get('Subscription-State')}`);
  }

  /** The phone answers the last NOTIFY. */
  answer(status = 200): readonly string[] {
    const last = this.sent.at(-1);
    const told = this.take();
    last?.handler.onResponse(SipResponse.make(status, []));
    return told;
  }
}

test('the first notification leaves at once; changes wait for the interval, and are one', (t) => {
  const scene = new Scene();
  scene.subscription.notify();
  t.deepEqual(scene.answer(), ['1 active;expires=3600']);
  scene.subscription.changed();
  scene.subscription.changed();
  t.deepEqual(scene.take(), []);
  scene.clock.pass(4 * SECOND);
  t.deepEqual(scene.take(), []);
  scene.clock.pass(2 * SECOND);
  t.is(scene.answer().length, 1);
  scene.clock.pass(60 * SECOND);
  t.deepEqual(scene.take(), []);
});

test('one NOTIFY at a time: what changes meanwhile follows its answer', (t) => {
  const scene = new Scene();
  scene.subscription.notify();
  scene.subscription.notify();
  scene.subscription.changed();
  t.is(scene.sent.length, 1);
  t.deepEqual(scene.answer(), ['1 active;expires=3600']);
  t.deepEqual(scene.answer(), ['2 active;expires=3600']);
  t.deepEqual(scene.take(), []);
});

test('consent and denial do not wait for the interval', (t) => {
  const scene = new Scene();
  scene.current = 'pending';
  scene.subscription.notify();
  t.deepEqual(scene.answer(), ['1 pending;expires=3600']);
  scene.subscription.judged();
  t.deepEqual(scene.take(), []);
  scene.current = 'active';
  scene.subscription.judged();
  t.deepEqual(scene.answer(), ['2 active;expires=3600']);
  scene.current = 'rejected';
  scene.subscription.judged();
  t.deepEqual(scene.answer(), ['3 terminated;reason=rejected']);
  t.true(scene.over);
});

test('a watcher who is refused from the start is told so, once', (t) => {
  const scene = new Scene();
  scene.current = 'rejected';
  scene.subscription.notify();
  t.deepEqual(scene.answer(), ['1 terminated;reason=rejected']);
  scene.subscription.notify();
  t.deepEqual(scene.take(), []);
});

test('section 4.2.3: it expires with a last word, unless it is refreshed', (t) => {
  const scene = new Scene();
  scene.subscription.notify();
  scene.answer();
  scene.clock.pass(HOUR - 60 * SECOND);
  scene.subscription.refreshed({ ...dialog, remoteSeq: 2 }, flow, 3600);
  t.deepEqual(scene.answer(), ['2 active;expires=3600']);
  scene.clock.pass(HOUR - SECOND);
  t.false(scene.over);
  scene.clock.pass(2 * SECOND);
  t.true(scene.over);
  t.deepEqual(scene.answer(), ['3 terminated;reason=timeout']);
});

test('expiry while a NOTIFY is on its way: the last word follows it', (t) => {
  const scene = new Scene({ expires: 0 });
  scene.subscription.notify();
  scene.subscription.end('timeout');
  t.is(scene.sent.length, 1);
  t.deepEqual(scene.answer(), ['1 active;expires=0']);
  t.deepEqual(scene.answer(), ['2 terminated;reason=timeout']);
});

for (const [status, stays] of [
  [200, true],
  [202, true],
  [401, true],
  [500, true],
  [503, true],
  [404, false],
  [408, false],
  [480, false],
  [481, false],
  [489, false],
  [604, false],
] as const) {
  test(`RFC 5057: after ${status} to a NOTIFY the subscription ${stays ? 'stands' : 'is gone'}`, (t) => {
    const scene = new Scene();
    scene.subscription.notify();
    scene.answer(status);
    t.is(scene.over, !stays);
    scene.subscription.notify();
    t.is(scene.take().length, stays ? 1 : 0);
  });
}

test('a phone that does not answer is gone', (t) => {
  const scene = new Scene();
  scene.subscription.notify();
  scene.sent[0]?.handler.onTimeout();
  t.true(scene.over);
});

test('without a way to it the phone is told when it is back; what could not be sent is sent again, ever more slowly', (t) => {
  const scene = new Scene();
  scene.reachable = false;
  scene.subscription.notify();
  t.deepEqual(scene.take(), []);
  scene.reachable = true;
  scene.subscription.retry();
  t.is(scene.sent.length, 1);
  const waits: number[] = [];
  for (let failures = 0; failures < 4; failures++) {
    scene.sent.splice(0)[0]?.handler.onTransportError(new Error('closed'));
    let waited = 0;
    while (scene.sent.length === 0) {
      scene.clock.pass(SECOND);
      waited += 1;
    }
    waits.push(waited);
  }
  // Never faster than the interval.
  t.deepEqual(
    waits.map((wait) => wait >= 5),
    [true, true, true, true],
  );
  t.true((waits[3] ?? 0) > (waits[0] ?? 0));
  t.false(scene.over);
});

test('CSeq grows over restarts, with few writes', (t) => {
  const scene = new Scene();
  for (let count = 0; count < 200; count++) {
    scene.subscription.notify();
    scene.answer();
  }
  t.is(scene.saves, 1);
  const next = new Scene(scene.subscription.stored);
  next.subscription.notify();
  const [told = ''] = next.take();
  t.true(Number(told.split(' ')[0]) > 200);
});
