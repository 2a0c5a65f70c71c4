/** Presence among the three kinds of devices: seen by those whom the roster allows, and by nobody else. */
import test from 'ava';
import { type SubscriptionState, subscriptionStates } from '#src/im/subscription.ts';
import { Watcher } from '#test/scripts/sip/watcher.ts';
import { BridgeStage } from './stage.ts';

const QUICK = 'sip_presence: { notify_interval: 0s }\n';

const PIDF = (basic: string, note: string): { type: string; bytes: Buffer } => ({
  type: 'application/pidf+xml',
  bytes: Buffer.from(
    `<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:romeo@localhost'><tuple id='t'><status><basic>${basic}</basic></status><note>${note}</note></tuple></presence>`,
  ),
});

test('what a phone publishes is seen by a person and a thing (RFC 3903, RFC 8048 table 2)', async (t) => {
  await using stage = await BridgeStage.open(['romeo', 'juliet', 'clock'], QUICK);
  stage.befriend('romeo', 'juliet');
  stage.befriend('romeo', 'clock');
  const handset = await stage.phone('romeo');
  const juliet = await stage.person('juliet');
  const clock = await stage.thing('clock', 'wall');
  await clock.listen('xmpp/presence/romeo@localhost');
  t.like(await clock.hearJson(), { type: 'available' });
  const request = handset.request('PUBLISH', {
    to: 'sip:romeo@localhost',
    fields: [
      ['Event', 'presence'],
      ['Expires', 600],
    ],
    body: PIDF('open', 'in Mantua'),
  });
  t.is((await handset.prove(request)).status, 200);
  t.is((await juliet.next('presence')).getChildText('status'), 'in Mantua');
  t.like(await clock.hearJson(), { type: 'available', status: 'in Mantua' });
});

test('a phone sees a person and a thing in one document, each a tuple (RFC 8048 table 1)', async (t) => {
  await using stage = await BridgeStage.open(['romeo', 'juliet'], QUICK);
  stage.befriend('romeo', 'juliet');
  const handset = await stage.phone('romeo');
  const watcher = await Watcher.begin(handset, 'juliet@localhost');
  t.is(await watcher.told(), 'active closed');
  const juliet = await stage.person('juliet', 'desk');
  t.regex((await watcher.notified()).body, /<tuple id='ID-desk'><status><basic>open/);
  const clock = await stage.thing('juliet', 'clock', { properties: { userProperties: { status: 'ticks' } } });
  const both = (await watcher.notified()).body;
  t.regex(both, /<tuple id='ID-desk'>/);
  t.regex(both, /<tuple id='ID-clock'><status><basic>open<\/basic><\/status>.*<note>ticks<\/note>/);
  juliet.say('<presence><show>away</show><status>in the garden</status></presence>');
  t.regex((await watcher.notified()).body, /<show xmlns='jabber:client'>away<\/show>/);
  clock.client.break();
  t.notRegex((await watcher.notified()).body, /ID-clock/);
});

/** What the account of the phone that watches is told, by the state of the watched account's roster (RFC 6121 Appendix A). */
const told: Readonly<Record<SubscriptionState, 'active' | 'pending'>> = {
  none: 'pending',
  'none+out': 'pending',
  'none+in': 'pending',
  'none+out+in': 'pending',
  to: 'pending',
  'to+in': 'pending',
  from: 'active',
  'from+out': 'active',
  both: 'active',
};

/** The same subscriptions as the other side has them. */
const mirrored: Readonly<Record<SubscriptionState, SubscriptionState>> = {
  none: 'none',
  'none+out': 'none+in',
  'none+in': 'none+out',
  'none+out+in': 'none+out+in',
  to: 'from',
  'to+in': 'from+out',
  from: 'to',
  'from+out': 'to+in',
  both: 'both',
};

/** The state after the phone has asked, and after the owner has approved it. */
const after: Readonly<Record<SubscriptionState, readonly [asked: SubscriptionState, approved: SubscriptionState]>> = {
  none: ['none+in', 'from'],
  'none+out': ['none+out+in', 'from+out'],
  'none+in': ['none+in', 'from'],
  'none+out+in': ['none+out+in', 'from+out'],
  to: ['to+in', 'both'],
  'to+in': ['to+in', 'both'],
  from: ['from', 'from'],
  'from+out': ['from+out', 'from+out'],
  both: ['both', 'both'],
};

for (const state of subscriptionStates) {
  test(`a phone subscribes to somebody whose roster has it as ${state}: ${told[state]}`, async (t) => {
    await using stage = await BridgeStage.open(['romeo', 'juliet'], QUICK);
    if (state !== 'none') {
      stage.relate('juliet', 'romeo', state);
      stage.relate('romeo', 'juliet', mirrored[state]);
    }
    const juliet = await stage.person('juliet', 'desk');
    const { jid } = await import('#test/helpers/xml.ts');
    const now = (): SubscriptionState =>
      stage.sip.server.im.roster.state(jid('juliet@localhost'), jid('romeo@localhost'));
    const handset = await stage.phone('romeo');
    const watcher = await Watcher.begin(handset, 'juliet@localhost');
    const { body, state: given } = await watcher.notified();
    t.is(given.state, told[state]);
    // Who is not allowed learns nothing (RFC 8048 section 5.3.1).
    t.is(body.includes('ID-desk'), told[state] === 'active');
    t.is(now(), after[state][0]);
    if (told[state] === 'pending') {
      juliet.say("<presence type='subscribed' to='romeo@localhost'/>");
      const approved = await watcher.notified();
      t.is(approved.state.state, 'active');
      t.regex(approved.body, /ID-desk/);
    }
    t.is(now(), after[state][1]);
    juliet.say("<presence type='unsubscribed' to='romeo@localhost'/>");
    t.is(await watcher.told(), 'terminated/rejected closed');
  });
}
