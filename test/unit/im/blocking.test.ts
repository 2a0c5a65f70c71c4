/** XEP-0191: what blocking does to stanzas and presence; its commands are tested with their module. */
import test from 'ava';
import { errorOf, TestCore } from '#test/helpers/core.ts';
import { jid } from '#test/helpers/xml.ts';

const JULIET = 'juliet@capulet.lit';
const ROMEO = 'romeo@capulet.lit';
const BLOCKED = "<blocked xmlns='urn:xmpp:blocking:errors'/>";

async function verona(blocked?: number): Promise<TestCore> {
  const core = await TestCore.open({
    accounts: [JULIET, ROMEO],
    ...(blocked === undefined ? {} : { limits: { blocked } }),
  });
  core.befriend(JULIET, ROMEO);
  return core;
}

async function both() {
  const core = await verona();
  const juliet = core.login(`${JULIET}/balcony`);
  const romeo = core.login(`${ROMEO}/orchard`);
  juliet.take();
  return { core, juliet, romeo };
}

const block = (core: TestCore, ...addresses: readonly string[]) =>
  core.im.blocking.block(jid(JULIET), addresses.map(jid));
const unblock = (core: TestCore, ...addresses: readonly string[]) =>
  core.im.blocking.unblock(jid(JULIET), addresses.map(jid));

test('a blocked contact sees the user go, and come back', async (t) => {
  const { core, romeo } = await both();
  t.is(block(core, ROMEO), undefined);
  romeo.got(t, `<presence type='unavailable' from='${JULIET}/balcony' to='${ROMEO}'/>`);
  block(core, ROMEO);
  romeo.got(t);
  unblock(core, ROMEO);
  romeo.got(t, `<presence from='${JULIET}/balcony' to='${ROMEO}'/>`);
});

test('a stranger is told nothing', async (t) => {
  const { core, romeo } = await both();
  core.contact(JULIET, ROMEO, 'to');
  block(core, ROMEO);
  unblock(core, ROMEO);
  romeo.got(t);
});

test('what a blocked user sends never arrives', async (t) => {
  const { core, juliet, romeo } = await both();
  block(core, ROMEO);
  romeo.take();
  for (const to of [JULIET, `${JULIET}/balcony`]) {
    romeo.send(`<message to='${to}' type='chat' id='m'><body>hi</body></message>`);
    const [error] = romeo.take();
    t.is(error && errorOf(error), 'service-unavailable/cancel');
    t.is(errorOf(await romeo.iq('get', "<ping xmlns='urn:xmpp:ping'/>", to)), 'service-unavailable/cancel');
    for (const type of ['subscribe', 'subscribed', 'unsubscribe', 'unsubscribed', 'probe', 'unavailable', 'error']) {
      romeo.send(`<presence to='${to}' type='${type}'/>`);
    }
    romeo.send(`<presence to='${to}'/>`);
    romeo.send(`<message to='${to}' type='error' id='m'/>`);
    romeo.send(`<iq to='${to}' type='result' id='m'/>`);
  }
  juliet.got(t);
  t.deepEqual(
    romeo.take().filter(({ from }) => from?.bare === JULIET),
    [],
  );
  t.is(core.im.offline.count(jid(JULIET)), 0);
});

test('what the user sends to a blocked address is refused with a reason', async (t) => {
  const { core, juliet, romeo } = await both();
  block(core, ROMEO);
  romeo.take();
  for (const xml of [
    `<message to='${ROMEO}' type='chat' id='m'><body>hi</body></message>`,
    `<iq to='${ROMEO}/orchard' type='get' id='i'><ping xmlns='urn:xmpp:ping'/></iq>`,
    `<presence to='${ROMEO}' id='p'/>`,
    `<presence to='${ROMEO}' type='subscribe' id='s'/>`,
    `<presence to='${ROMEO}' type='unsubscribed' id='s'/>`,
  ]) {
    juliet.send(xml);
    const [error] = juliet.take();
    t.is(error && errorOf(error), 'not-acceptable/cancel', xml);
    t.true(error?.toString().includes(BLOCKED));
  }
  t.is(core.im.roster.state(jid(JULIET), jid(ROMEO)), 'both');
  juliet.send(`<iq to='${ROMEO}/orchard' type='result' id='i'/>`);
  juliet.got(t);
  romeo.got(t);
});

test('presence is kept from a blocked contact while it changes', async (t) => {
  const { core, juliet, romeo } = await both();
  block(core, ROMEO);
  romeo.take();
  juliet.send('<presence><show>away</show></presence>');
  juliet.leave();
  core.login(`${JULIET}/chamber`);
  romeo.got(t);
  romeo.send(`<presence type='unavailable'/>`);
  romeo.take();
  romeo.available();
  t.deepEqual(
    romeo.take().map(({ from }) => from?.full),
    [`${ROMEO}/orchard`],
  );
});

for (const [blocked, sender, hit] of [
  [ROMEO, `${ROMEO}/orchard`, true],
  [`${ROMEO}/orchard`, `${ROMEO}/orchard`, true],
  [`${ROMEO}/orchard`, `${ROMEO}/home`, false],
  ['montague.lit', 'benvolio@montague.lit/x', true],
  ['montague.lit', 'montague.lit', true],
  ['montague.lit', 'sub.montague.lit', false],
  ['montague.lit/x', 'montague.lit/x', true],
  ['montague.lit/x', 'montague.lit/y', false],
  ['capulet.lit', JULIET, false],
] as const) {
  test(`blocking ${blocked} ${hit ? 'covers' : 'does not cover'} ${sender} (section 6)`, async (t) => {
    const { core, juliet } = await both();
    block(core, blocked);
    core.inject(`<message from='${sender}' to='${JULIET}' type='chat'><body>x</body></message>`);
    t.is(juliet.take().filter(({ kind }) => kind === 'message').length, hit ? 0 : 1);
  });
}

test('blocking one resource hides the user from that one only', async (t) => {
  const { core, romeo } = await both();
  const other = core.login(`${ROMEO}/home`);
  romeo.take();
  block(core, `${ROMEO}/orchard`);
  romeo.got(t, `<presence type='unavailable' from='${JULIET}/balcony' to='${ROMEO}/orchard'/>`);
  other.got(t);
});

test('a blocked domain hides the user from all who see it, and freeing one address frees nobody that is covered otherwise', async (t) => {
  const { core, romeo } = await both();
  block(core, 'capulet.lit', ROMEO);
  t.is(romeo.take().length, 2);
  unblock(core, ROMEO);
  romeo.got(t);
  unblock(core);
  romeo.got(t, `<presence from='${JULIET}/balcony' to='${ROMEO}'/>`);
  t.is(core.im.blocking.list(jid(JULIET)).size, 0);
});

test('the host answers its users even when they block their own domain', async (t) => {
  const { core, juliet } = await both();
  block(core, 'capulet.lit');
  core.inject(`<message from='capulet.lit' to='${JULIET}' type='headline'><body>maintenance</body></message>`);
  t.is(juliet.take().length, 1);
  juliet.send(`<message to='${JULIET}/balcony'><body>note</body></message>`);
  t.is(juliet.take().length, 1);
});

test('whoever was sent directed presence sees it end', async (t) => {
  await using core = await verona();
  const juliet = core.login(`${JULIET}/balcony`);
  const romeo = core.login(`${ROMEO}/orchard`);
  core.contact(JULIET, ROMEO, 'none');
  juliet.send(`<presence to='${ROMEO}/orchard'/>`);
  romeo.take();
  block(core, ROMEO);
  romeo.got(t, `<presence type='unavailable' from='${JULIET}/balcony' to='${ROMEO}/orchard'/>`);
  juliet.leave();
  romeo.got(t);
});

test('a list has a bound', async (t) => {
  await using core = await verona(2);
  t.is(block(core, 'a.lit', 'b.lit'), undefined);
  t.is(block(core, 'c.lit')?.condition, 'resource-constraint');
  t.is(block(core, 'a.lit'), undefined);
  t.deepEqual([...core.im.blocking.list(jid(JULIET))], ['a.lit', 'b.lit']);
});

test('changes are told with what was named', async (t) => {
  await using core = await verona();
  const told: unknown[] = [];
  core
    .host()
    .hooks.notice('blocking/changed')
    .add('main', ({ account, ...change }) => told.push([account.full, change]));
  block(core, 'a.lit', 'b.lit');
  unblock(core, 'a.lit');
  unblock(core);
  t.deepEqual(told, [
    [JULIET, { blocked: true, addresses: ['a.lit', 'b.lit'] }],
    [JULIET, { blocked: false, addresses: ['a.lit'] }],
    [JULIET, { blocked: false, addresses: [] }],
  ]);
});

test('the list goes with its account', async (t) => {
  await using core = await verona();
  block(core, 'a.lit');
  core.accounts.remove('capulet.lit', 'juliet');
  t.is(core.im.blocking.list(jid(JULIET)).size, 0);
});
