import test from 'ava';
import { Router } from '#src/router/router.ts';
import { DELIVERED, DROPPED, type Outcome, deliveredTo, refused } from '#src/router/outcome.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import { refuse } from '#src/stanza/conditions.ts';
import { errorOf, TestCore } from '#test/helpers/core.ts';
import { jid, same, stanza } from '#test/helpers/xml.ts';

const JULIET = 'juliet@capulet.lit';

/** Keeps what it is given, and answers with an outcome. */
function target(outcome: Outcome = DELIVERED) {
  const got: Stanza[] = [];
  return {
    got,
    deliver(one: Stanza): Outcome {
      got.push(one);
      return outcome;
    },
  };
}

test('a domain has one target: its host, a service, the bus, another server, in this order', (t) => {
  const forwarded: string[] = [];
  const bus = {
    forward: (to: { domain: string }) => to.domain === 'elsewhere.lit' && forwarded.push(to.domain) > 0,
    close: async () => undefined,
  };
  const router = new Router(bus, () => undefined);
  const service = target();
  const attached = router.attach(jid('rooms.capulet.lit'), service);
  t.is(router.route(stanza("<message from='a@b' to='x@rooms.capulet.lit/y'/>")), DELIVERED);
  t.is(service.got.length, 1);
  t.is(router.route(stanza("<message from='a@b' to='x@elsewhere.lit'/>")), DELIVERED);
  t.deepEqual(forwarded, ['elsewhere.lit']);
  t.deepEqual(
    router.route(stanza("<message from='a@b' to='x@nowhere.lit'/>")),
    refused(refuse('remote-server-not-found')),
  );
  const remote = target(DROPPED);
  router.remote = remote;
  t.is(router.route(stanza("<message from='a@b' to='x@nowhere.lit'/>")), DROPPED);
  t.is(remote.got.length, 1);
  t.throws(() => router.attach(jid('rooms.capulet.lit'), target()), { message: /has a target already/ });
  attached[Symbol.dispose]();
  router.attach(jid('rooms.capulet.lit'), target());
  t.deepEqual(router.counters, { message: 4, presence: 0, iq: 0, refused: 0 });
});

test('a stanza without an address is a bug of its sender', (t) => {
  const router = new Router({ forward: () => false, close: async () => undefined }, () => undefined);
  t.throws(() => router.route(stanza("<message from='a@b'/>")), { message: /without an address/ });
});

test('a refused stanza is answered once, an error or result never (RFC 6120 section 8.3.1)', async (t) => {
  await using core = await TestCore.open({ accounts: [JULIET] });
  const juliet = core.connect(`${JULIET}/balcony`);
  juliet.send("<message to='x@nowhere.lit' id='m'><body>hi</body></message>");
  same(t, juliet.take(), [
    `<message type='error' id='m' from='x@nowhere.lit' to='${JULIET}/balcony'><error code='404' type='cancel'>` +
      "<remote-server-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
  ]);
  juliet.send("<message to='x@nowhere.lit' type='error'/>");
  juliet.send("<iq to='x@nowhere.lit' type='result' id='1'/>");
  juliet.send("<presence to='x@nowhere.lit' type='error'/>");
  juliet.got(t);
  t.is(core.router.counters.refused, 4);
});

test('what a session sends may be refused by its own host, and is seen when it is not', async (t) => {
  await using core = await TestCore.open({ accounts: [JULIET, 'romeo@capulet.lit'] });
  const juliet = core.login(`${JULIET}/balcony`);
  const sent: (string | undefined)[] = [];
  core
    .host()
    .hooks.notice('message/sent')
    .add('main', ({ session, stanza: one }) => sent.push(`${session.jid.resource} ${one.id}`));
  core
    .host()
    .hooks.decision('stanza/outbound')
    .add('main', ({ stanza: one }) => (one.id === 'bad' ? refused(refuse('policy-violation')) : undefined));
  juliet.send("<message to='romeo@capulet.lit' id='good'><body>hi</body></message>");
  juliet.send("<message to='romeo@capulet.lit' id='bad'><body>hi</body></message>");
  juliet.send("<message to='x@nowhere.lit' id='lost'><body>hi</body></message>");
  t.deepEqual(sent, ['balcony good']);
  t.deepEqual(juliet.take().map(errorOf), ['policy-violation/modify', 'remote-server-not-found/cancel']);
});

test('hosts come and go', async (t) => {
  await using core = await TestCore.open({ hosts: ['a.lit', 'b.lit'] });
  t.deepEqual(
    [...core.router.hosts].map(({ domain }) => domain),
    ['a.lit', 'b.lit'],
  );
  t.is(core.router.host('c.lit'), undefined);
  t.throws(() => core.router.addHost(core.host('a.lit')), { message: /has a target already/ });
});

test('outcomes count copies', (t) => {
  t.deepEqual(
    [1, 2, 9].map(deliveredTo),
    [1, 2, 9].map((copies) => ({ kind: 'delivered', copies })),
  );
});
