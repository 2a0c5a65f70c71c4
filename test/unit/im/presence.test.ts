/** RFC 6121 section 4: what contacts, own resources and strangers see of a session. */
import test from 'ava';
import { DELIVERED } from '#src/router/outcome.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import { errorOf, TestCore } from '#test/helpers/core.ts';
import { jid, same } from '#test/helpers/xml.ts';

const JULIET = 'juliet@capulet.lit';
const ROMEO = 'romeo@capulet.lit';
const PARIS = 'paris@capulet.lit';

/** Romeo and Juliet see each other, Paris sees nobody. */
async function verona(): Promise<TestCore> {
  const core = await TestCore.open({ accounts: [JULIET, ROMEO, PARIS] });
  core.befriend(JULIET, ROMEO);
  return core;
}

/** What goes to other servers. */
function remote(core: TestCore): Stanza[] {
  const sent: Stanza[] = [];
  core.router.remote = {
    deliver(stanza) {
      sent.push(stanza);
      return DELIVERED;
    },
  };
  return sent;
}

test('initial presence goes to subscribers, own resources and itself, and brings theirs', async (t) => {
  await using core = await verona();
  const romeo = core.login(`${ROMEO}/orchard`);
  const paris = core.login(`${PARIS}/home`);
  const chamber = core.login(`${JULIET}/chamber`);
  romeo.take();
  const balcony = core.connect(`${JULIET}/balcony`);
  balcony.send("<presence id='p'><show>away</show></presence>");
  const told = (to: string): string =>
    `<presence id='p' from='${JULIET}/balcony' to='${to}'><show>away</show></presence>`;
  romeo.got(t, told(ROMEO));
  chamber.got(t, told(JULIET));
  paris.got(t);
  balcony.got(
    t,
    told(JULIET),
    `<presence from='${JULIET}/chamber' to='${JULIET}/balcony'/>`,
    `<presence from='${ROMEO}/orchard' to='${JULIET}/balcony'/>`,
  );
});

test('only initial presence probes', async (t) => {
  await using core = await verona();
  core.login(`${ROMEO}/orchard`);
  const juliet = core.login(`${JULIET}/balcony`);
  juliet.send('<presence><show>dnd</show></presence>');
  juliet.got(t, `<presence from='${JULIET}/balcony' to='${JULIET}'><show>dnd</show></presence>`);
  juliet.send("<presence type='unavailable'/>");
  juliet.take();
  juliet.available();
  t.is(juliet.take().length, 2);
});

test('a probe to another server comes from the bare JID (section 4.3.1)', async (t) => {
  await using core = await verona();
  const sent = remote(core);
  core.contact(JULIET, 'nurse@montague.lit', 'to');
  core.login(`${JULIET}/balcony`);
  same(t, sent, [`<presence type='probe' from='${JULIET}' to='nurse@montague.lit'/>`]);
});

test('unavailable presence goes to all, with what the user says; its sender hears it too', async (t) => {
  await using core = await verona();
  const romeo = core.login(`${ROMEO}/orchard`);
  const chamber = core.login(`${JULIET}/chamber`);
  const balcony = core.login(`${JULIET}/balcony`);
  for (const session of [romeo, chamber]) session.take();
  balcony.send("<presence type='unavailable'><status>gone</status></presence>");
  const told = (to: string): string =>
    `<presence type='unavailable' from='${JULIET}/balcony' to='${to}'><status>gone</status></presence>`;
  romeo.got(t, told(ROMEO));
  chamber.got(t, told(JULIET));
  balcony.got(t, told(JULIET));
  balcony.send("<presence type='unavailable'/>");
  romeo.got(t);
});

test('a session that ends without a word is reported by its server (section 4.5.2)', async (t) => {
  await using core = await verona();
  const romeo = core.login(`${ROMEO}/orchard`);
  const juliet = core.login(`${JULIET}/balcony`);
  romeo.take();
  juliet.leave();
  romeo.got(t, `<presence type='unavailable' from='${JULIET}/balcony' to='${ROMEO}'/>`);
  juliet.leave();
  romeo.got(t);
});

test('a session that never was available ends in silence', async (t) => {
  await using core = await verona();
  const romeo = core.login(`${ROMEO}/orchard`);
  core.connect(`${JULIET}/balcony`).leave();
  romeo.got(t);
});

for (const [priority, accepted] of [
  ['127', true],
  ['-128', true],
  ['+5', true],
  [' 7 ', true],
  ['128', false],
  ['-129', false],
  ['1.5', false],
  ['1e2', false],
  ['0x1', false],
  ['', false],
  ['high', false],
] as const) {
  test(`priority '${priority}' is ${accepted ? 'taken' : 'refused'} (section 4.7.2.3)`, async (t) => {
    await using core = await verona();
    const juliet = core.connect(`${JULIET}/balcony`);
    juliet.send(`<presence><priority>${priority}</priority></presence>`);
    const [first] = juliet.take();
    t.is(first === undefined ? undefined : errorOf(first), accepted ? undefined : 'bad-request/modify');
    t.is(juliet.presence !== undefined, accepted);
    if (accepted) t.is(juliet.priority, Number(priority));
  });
}

test('an unknown type of presence is refused', async (t) => {
  await using core = await verona();
  const juliet = core.connect(`${JULIET}/balcony`);
  juliet.send("<presence type='invisible'/>");
  const [error] = juliet.take();
  t.is(error && errorOf(error), 'bad-request/modify');
});

test('directed presence goes to one, and its end follows the session (section 4.6.3)', async (t) => {
  await using core = await verona();
  const paris = core.login(`${PARIS}/home`);
  const juliet = core.login(`${JULIET}/balcony`);
  juliet.send(`<presence to='${PARIS}/home'><status>hello</status></presence>`);
  paris.got(t, `<presence from='${JULIET}/balcony' to='${PARIS}/home'><status>hello</status></presence>`);
  juliet.send('<presence><show>away</show></presence>');
  paris.got(t);
  juliet.send("<presence type='unavailable'/>");
  paris.got(t, `<presence type='unavailable' from='${JULIET}/balcony' to='${PARIS}/home'/>`);
  juliet.leave();
  paris.got(t);
});

test('directed presence of a session that is not available ends with it', async (t) => {
  await using core = await verona();
  const paris = core.login(`${PARIS}/home`);
  const romeo = core.login(`${ROMEO}/orchard`);
  const juliet = core.connect(`${JULIET}/balcony`);
  juliet.send(`<presence to='${PARIS}'/>`);
  juliet.send(`<presence to='${ROMEO}'/>`);
  paris.got(t, `<presence from='${JULIET}/balcony' to='${PARIS}'/>`);
  romeo.take();
  juliet.leave();
  paris.got(t, `<presence type='unavailable' from='${JULIET}/balcony' to='${PARIS}'/>`);
  romeo.got(t, `<presence type='unavailable' from='${JULIET}/balcony' to='${ROMEO}'/>`);
});

test('who was sent directed unavailable presence hears no second one', async (t) => {
  await using core = await verona();
  const paris = core.login(`${PARIS}/home`);
  const juliet = core.login(`${JULIET}/balcony`);
  juliet.send(`<presence to='${PARIS}'/>`);
  juliet.send(`<presence to='${PARIS}' type='unavailable'/>`);
  paris.take();
  juliet.leave();
  paris.got(t);
});

test('a contact that was sent directed presence gets one unavailable', async (t) => {
  await using core = await verona();
  const romeo = core.login(`${ROMEO}/orchard`);
  const juliet = core.login(`${JULIET}/balcony`);
  juliet.send(`<presence to='${ROMEO}'/>`);
  romeo.take();
  juliet.leave();
  t.is(romeo.take().length, 1);
});

test('the entities of directed presence have a bound', async (t) => {
  await using core = await verona();
  remote(core);
  const juliet = core.login(`${JULIET}/balcony`);
  for (let room = 0; room < 1000; room += 1) juliet.send(`<presence to='room${room}@chat.lit/juliet'/>`);
  juliet.got(t);
  juliet.send("<presence to='one-more@chat.lit/juliet'/>");
  const [error] = juliet.take();
  t.is(error && errorOf(error), 'resource-constraint/wait');
});

test('a probe is answered by state of the subscription (section 4.3.2)', async (t) => {
  await using core = await verona();
  const sent = remote(core);
  for (const [name, state] of [
    ['from', 'from'],
    ['to', 'to'],
    ['in', 'none+in'],
  ] as const) {
    core.contact(JULIET, `${name}@montague.lit`, state);
  }
  const juliet = core.connect(`${JULIET}/balcony`);
  juliet.send("<presence id='p1'><status>here</status></presence>");
  sent.length = 0;
  const probe = (from: string, to = JULIET): void => {
    sent.length = 0;
    core.inject(`<presence type='probe' from='${from}' to='${to}' id='probe'/>`);
  };
  probe('from@montague.lit');
  same(t, sent, [`<presence id='p1' from='${JULIET}/balcony' to='from@montague.lit'><status>here</status></presence>`]);
  probe('to@montague.lit');
  same(t, sent, [`<presence type='unsubscribed' id='probe' from='${JULIET}' to='to@montague.lit'/>`]);
  probe('stranger@montague.lit');
  same(t, sent, [`<presence type='unsubscribed' id='probe' from='${JULIET}' to='stranger@montague.lit'/>`]);
  probe('in@montague.lit');
  same(t, sent, []);
  probe('from@montague.lit', `${JULIET}/balcony`);
  same(t, sent, [`<presence from='${JULIET}/balcony' to='from@montague.lit'/>`]);
  probe('from@montague.lit', `${JULIET}/other`);
  same(t, sent, []);
  juliet.leave();
  probe('from@montague.lit');
  same(t, sent, [`<presence type='unavailable' id='probe' from='${JULIET}' to='from@montague.lit'/>`]);
  probe('stranger@montague.lit', 'nobody@capulet.lit');
  same(t, sent, []);
});

test('a probe for one who was sent directed presence is answered without details (section 4.6.6)', async (t) => {
  await using core = await verona();
  const sent = remote(core);
  const juliet = core.login(`${JULIET}/balcony`);
  juliet.send("<presence to='room@chat.lit/j'><status>private</status></presence>");
  sent.length = 0;
  core.inject(`<presence type='probe' from='room@chat.lit/j' to='${JULIET}/balcony'/>`);
  same(t, sent, [`<presence from='${JULIET}/balcony' to='room@chat.lit/j'/>`]);
});

test('an absent account is described by its last words', async (t) => {
  await using core = await verona();
  core.im.last.put(jid(JULIET), Date.UTC(2002, 8, 10, 23, 41, 7), 'asleep & dreaming');
  const romeo = core.connect(`${ROMEO}/orchard`);
  romeo.available();
  romeo.got(
    t,
    `<presence from='${ROMEO}/orchard' to='${ROMEO}'/>`,
    `<presence type='unavailable' from='${JULIET}' to='${ROMEO}/orchard'><status>asleep &amp; dreaming</status>` +
      "<delay xmlns='urn:xmpp:delay' stamp='2002-09-10T23:41:07.000Z'/></presence>",
  );
});

test('a request to a resource is for those who may see it (section 8.5.3.1)', async (t) => {
  await using core = await verona();
  const [juliet, romeo, paris] = [
    core.login(`${JULIET}/balcony`),
    core.login(`${ROMEO}/orchard`),
    core.login(`${PARIS}/home`),
  ];
  juliet.take();
  const ask = "<query xmlns='jabber:iq:version'/>";
  t.is(errorOf(await paris.iq('get', ask, `${JULIET}/balcony`)), 'service-unavailable/cancel');
  juliet.got(t);
  romeo.send(`<iq type='get' id='v' to='${JULIET}/balcony'>${ask}</iq>`);
  juliet.got(t, `<iq type='get' id='v' from='${ROMEO}/orchard' to='${JULIET}/balcony'>${ask}</iq>`);
  juliet.send(`<presence to='${PARIS}/home'/>`);
  paris.take();
  paris.send(`<iq type='get' id='w' to='${JULIET}/balcony'>${ask}</iq>`);
  juliet.got(t, `<iq type='get' id='w' from='${PARIS}/home' to='${JULIET}/balcony'>${ask}</iq>`);
  core.inject(`<iq type='get' id='s' from='capulet.lit' to='${JULIET}/balcony'>${ask}</iq>`);
  t.is(juliet.take().length, 1);
});

test('modules may change broadcast presence, and what they make of it answers probes', async (t) => {
  await using core = await verona();
  core
    .host()
    .hooks.transformation('presence/broadcast')
    .add('main', (value) => value.withChild("<x xmlns='urn:x'/>"));
  const romeo = core.login(`${ROMEO}/orchard`);
  const juliet = core.login(`${JULIET}/balcony`);
  const changed = `<presence from='${JULIET}/balcony' to='${ROMEO}'><x xmlns='urn:x'/></presence>`;
  romeo.got(t, changed);
  romeo.send(`<presence type='probe' to='${JULIET}'/>`);
  t.is(romeo.take().length, 1);
  t.truthy(juliet.presence?.child('x', 'urn:x'));
});

test('presence to the own account reaches its other resources', async (t) => {
  await using core = await verona();
  const chamber = core.login(`${JULIET}/chamber`);
  const balcony = core.login(`${JULIET}/balcony`);
  chamber.take();
  balcony.send(`<presence to='${JULIET}/chamber'><status>psst</status></presence>`);
  chamber.got(t, `<presence from='${JULIET}/balcony' to='${JULIET}/chamber'><status>psst</status></presence>`);
});
