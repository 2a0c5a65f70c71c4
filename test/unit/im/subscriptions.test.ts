/** RFC 6121 section 3: what accounts and their contacts see while subscriptions come and go. */
import test from 'ava';
import { roster } from '#protocols/xmpp/modules/rfc6121-roster.ts';
import { refuse } from '#src/stanza/conditions.ts';
import { refused } from '#src/router/outcome.ts';
import { TestXmpp } from '#test/helpers/xmpp.ts';
import { TestCore, type TestSession } from '#test/helpers/core.ts';
import { jid } from '#test/helpers/xml.ts';

const JULIET = 'juliet@capulet.lit';
const ROMEO = 'romeo@capulet.lit';

async function verona(): Promise<TestCore> {
  return TestCore.open({ accounts: [JULIET, ROMEO] });
}

/** With roster pushes: both sessions have asked for their rosters. */
async function withPushes() {
  const xmpp = await TestXmpp.open({ accounts: [JULIET, ROMEO] });
  xmpp.start(roster);
  const { core } = xmpp;
  const juliet = core.login(`${JULIET}/balcony`);
  const romeo = core.login(`${ROMEO}/orchard`);
  for (const session of [juliet, romeo]) session.interested = true;
  return { xmpp, core, juliet, romeo };
}

const push = (to: string, item: string): string =>
  `<iq type='set' id='*' from='${jid(to).bare}' to='${to}'><query xmlns='jabber:iq:roster' ver='*'>${item}</query></iq>`;

const brief = (session: TestSession): readonly string[] =>
  session.take().map(({ from, kind, type }) => `${kind} ${type ?? 'available'} ${from?.full ?? ''}`);

test('the whole exchange: request, approval, presence, and back again', async (t) => {
  const { juliet, romeo, xmpp } = await withPushes();
  romeo.send(`<presence to='${JULIET}' type='subscribe' id='s1'/>`);
  romeo.got(t, push(`${ROMEO}/orchard`, `<item jid='${JULIET}' subscription='none' ask='subscribe'/>`));
  juliet.got(t, `<presence type='subscribe' id='s1' from='${ROMEO}' to='${JULIET}'/>`);
  juliet.send(`<presence to='${ROMEO}' type='subscribed'/>`);
  juliet.got(t, push(`${JULIET}/balcony`, `<item jid='${ROMEO}' subscription='from'/>`));
  // Section 3.1.6: the approval, then the push, then the presence.
  romeo.got(
    t,
    `<presence type='subscribed' from='${JULIET}' to='${ROMEO}'/>`,
    push(`${ROMEO}/orchard`, `<item jid='${JULIET}' subscription='to'/>`),
    `<presence from='${JULIET}/balcony' to='${ROMEO}'/>`,
  );
  juliet.send(`<presence to='${ROMEO}' type='unsubscribed'/>`);
  // Section 3.2.2: unavailable while still subscribed, then the cancellation, then the push.
  romeo.got(
    t,
    `<presence type='unavailable' from='${JULIET}/balcony' to='${ROMEO}'/>`,
    `<presence type='unsubscribed' from='${JULIET}' to='${ROMEO}'/>`,
    push(`${ROMEO}/orchard`, `<item jid='${JULIET}' subscription='none'/>`),
  );
  juliet.got(t, push(`${JULIET}/balcony`, `<item jid='${ROMEO}' subscription='none'/>`));
  await xmpp[Symbol.asyncDispose]();
});

test('unsubscribing: the contact is told before its push, and its presence goes (section 3.3.3)', async (t) => {
  const { core, juliet, romeo, xmpp } = await withPushes();
  core.befriend(JULIET, ROMEO);
  juliet.take();
  romeo.take();
  romeo.send(`<presence to='${JULIET}' type='unsubscribe' id='u1'/>`);
  juliet.got(
    t,
    `<presence type='unsubscribe' id='u1' from='${ROMEO}' to='${JULIET}'/>`,
    push(`${JULIET}/balcony`, `<item jid='${ROMEO}' subscription='to'/>`),
  );
  t.deepEqual(brief(romeo), [`iq set ${ROMEO}`, `presence unavailable ${JULIET}/balcony`]);
  await xmpp[Symbol.asyncDispose]();
});

test('a request waits for its user, with its content, and comes at every login until it is answered', async (t) => {
  await using core = await verona();
  const romeo = core.login(`${ROMEO}/orchard`);
  romeo.send(`<presence to='${JULIET}' type='subscribe'><status>it is me</status></presence>`);
  romeo.send(`<presence to='${JULIET}' type='subscribe'><status>again</status></presence>`);
  const request = `<presence type='subscribe' from='${ROMEO}' to='${JULIET}'><status>it is me</status></presence>`;
  for (const resource of ['balcony', 'chamber']) {
    const juliet = core.connect(`${JULIET}/${resource}`);
    juliet.available();
    juliet.got(t, `<presence from='${JULIET}/${resource}' to='${JULIET}'/>`, request);
    juliet.leave();
  }
  t.deepEqual(
    Object.values(core.im.roster.of(jid(JULIET)).items).map(({ listed }) => listed),
    [false],
  );
  const juliet = core.login(`${JULIET}/balcony`);
  juliet.send(`<presence to='${ROMEO}' type='unsubscribed'/>`);
  juliet.take();
  juliet.leave();
  t.deepEqual(Object.keys(core.im.roster.of(jid(JULIET)).items), []);
  const again = core.connect(`${JULIET}/balcony`);
  again.available();
  again.got(t, `<presence from='${JULIET}/balcony' to='${JULIET}'/>`);
});

test('a request that is too large is kept without its content', async (t) => {
  await using core = await verona();
  core
    .login(`${ROMEO}/orchard`)
    .send(`<presence to='${JULIET}' type='subscribe'><status>${'a'.repeat(5000)}</status></presence>`);
  const juliet = core.connect(`${JULIET}/balcony`);
  juliet.available();
  juliet.got(
    t,
    `<presence from='${JULIET}/balcony' to='${JULIET}'/>`,
    `<presence type='subscribe' from='${ROMEO}' to='${JULIET}'/>`,
  );
});

test('requests go to available resources, answers to interested ones', async (t) => {
  await using core = await verona();
  const available = core.login(`${JULIET}/available`);
  const interested = core.connect(`${JULIET}/interested`);
  interested.interested = true;
  const romeo = core.login(`${ROMEO}/orchard`);
  romeo.send(`<presence to='${JULIET}' type='subscribe'/>`);
  available.got(t, `<presence type='subscribe' from='${ROMEO}' to='${JULIET}'/>`);
  interested.got(t);
  romeo.send(`<presence to='${JULIET}' type='unsubscribe'/>`);
  interested.got(t, `<presence type='unsubscribe' from='${ROMEO}' to='${JULIET}'/>`);
  available.got(t);
});

test('a pre-approved request is answered without asking, and presence goes at once (section 3.4)', async (t) => {
  const { juliet, romeo, xmpp } = await withPushes();
  juliet.send(`<presence to='${ROMEO}' type='subscribed'/>`);
  juliet.got(t, push(`${JULIET}/balcony`, `<item jid='${ROMEO}' subscription='none' approved='true'/>`));
  romeo.got(t);
  romeo.send(`<presence to='${JULIET}' type='subscribe'/>`);
  juliet.got(t, push(`${JULIET}/balcony`, `<item jid='${ROMEO}' subscription='from' approved='true'/>`));
  t.deepEqual(brief(romeo), [
    `iq set ${ROMEO}`,
    `presence subscribed ${JULIET}`,
    `iq set ${ROMEO}`,
    `presence available ${JULIET}/balcony`,
  ]);
  await xmpp[Symbol.asyncDispose]();
});

test('a stanza that cannot be routed comes back to the session that sent it', async (t) => {
  await using core = await verona();
  const juliet = core.connect(`${JULIET}/balcony`);
  juliet.send("<presence to='nurse@nowhere.lit' type='subscribe' id='s'/>");
  juliet.got(
    t,
    `<presence type='error' id='s' from='nurse@nowhere.lit' to='${JULIET}/balcony'><error code='404' type='cancel'>` +
      "<remote-server-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>",
  );
});

test('nobody subscribes to itself or to nothing', async (t) => {
  await using core = await verona();
  const juliet = core.login(`${JULIET}/balcony`);
  for (const [xml, condition] of [
    ["<presence type='subscribe'/>", 'bad-request'],
    [`<presence type='subscribe' to='${JULIET}'/>`, 'not-allowed'],
  ] as const) {
    juliet.send(xml);
    const [error] = juliet.take();
    t.truthy(error?.child('error')?.getChild(condition));
  }
  t.deepEqual(core.im.roster.of(jid(JULIET)).items, Object.create(null));
});

test('a full roster refuses the request of its own user, and that of a stranger', async (t) => {
  await using core = await TestCore.open({ accounts: [JULIET, ROMEO], limits: { roster: 0 } });
  const juliet = core.login(`${JULIET}/balcony`);
  const romeo = core.login(`${ROMEO}/orchard`);
  romeo.send(`<presence to='${JULIET}' type='subscribe'/>`);
  t.truthy(romeo.take()[0]?.child('error')?.getChild('resource-constraint'));
  juliet.got(t);
});

test('a stranger whose request finds the roster full is refused', async (t) => {
  await using core = await TestCore.open({ accounts: [JULIET], limits: { roster: 0 } });
  const juliet = core.login(`${JULIET}/balcony`);
  t.deepEqual(
    core.inject(`<presence from='romeo@montague.lit' to='${JULIET}' type='subscribe'/>`),
    refused(refuse('resource-constraint', 'the roster is full')),
  );
  juliet.got(t);
});
