import test from 'ava';
import { lastActivity } from '#protocols/xmpp/modules/xep0012-last-activity.ts';
import { errorOf, TestCore } from '#test/helpers/core.ts';
import { jid, same } from '#test/helpers/xml.ts';

const JULIET = 'juliet@capulet.lit';
const ROMEO = 'romeo@capulet.lit';
const PARIS = 'paris@capulet.lit';
const ASK = "<query xmlns='jabber:iq:last'/>";

async function verona(): Promise<TestCore> {
  const core = await TestCore.open({ accounts: [JULIET, ROMEO, PARIS] });
  core.start(lastActivity);
  core.befriend(JULIET, ROMEO);
  return core;
}

test('whoever is online was active now', async (t) => {
  await using core = await verona();
  const juliet = core.login(`${JULIET}/balcony`);
  const romeo = core.login(`${ROMEO}/orchard`);
  for (const [session, to] of [
    [juliet, undefined],
    [romeo, JULIET],
  ] as const) {
    same(
      t,
      [await session.iq('get', ASK, to)],
      [`<iq type='result' id='*' from='${JULIET}' to='*'><query xmlns='jabber:iq:last' seconds='0'/></iq>`],
    );
  }
});

test('an absent account left at a time, with a word', async (t) => {
  await using core = await verona();
  const juliet = core.login(`${JULIET}/balcony`);
  juliet.send("<presence type='unavailable'><status>Heading &lt;Home></status></presence>");
  juliet.leave();
  const seen = core.im.last.of(jid(JULIET));
  t.is(seen?.status, 'Heading <Home>');
  core.im.last.put(jid(JULIET), Date.now() - 903_500, 'Heading <Home>');
  const answer = await core.login(`${ROMEO}/orchard`).iq('get', ASK, JULIET);
  same(
    t,
    [answer],
    [
      `<iq type='result' id='*' from='${JULIET}' to='${ROMEO}/orchard'><query xmlns='jabber:iq:last' seconds='903'>Heading &lt;Home></query></iq>`,
    ],
  );
});

test('the last device to leave counts, also when it leaves without a word', async (t) => {
  await using core = await verona();
  const balcony = core.login(`${JULIET}/balcony`);
  const chamber = core.login(`${JULIET}/chamber`);
  balcony.send("<presence type='unavailable'><status>not yet</status></presence>");
  t.is(core.im.last.of(jid(JULIET)), undefined);
  chamber.leave();
  t.is(core.im.last.of(jid(JULIET))?.status, '');
});

test('strangers are forbidden to know, of whoever it is', async (t) => {
  await using core = await verona();
  core.login(`${JULIET}/balcony`);
  const paris = core.login(`${PARIS}/home`);
  t.is(errorOf(await paris.iq('get', ASK, JULIET)), 'forbidden/auth');
  t.is(errorOf(await paris.iq('get', ASK, ROMEO)), 'forbidden/auth');
  t.is(errorOf(await paris.iq('get', ASK, `${JULIET}/balcony`)), 'service-unavailable/cancel');
});

test('of one who was never there nothing is known', async (t) => {
  await using core = await verona();
  t.is(errorOf(await core.login(`${ROMEO}/orchard`).iq('get', ASK, JULIET)), 'service-unavailable/cancel');
});

test('the host tells how long it has been up, to everybody', async (t) => {
  await using core = await verona();
  const answer = await core.login(`${PARIS}/home`).iq('get', ASK, 'capulet.lit');
  const query = answer.child('query', 'jabber:iq:last');
  t.is(query?.getText(), '');
  t.true(Number(query?.attrs['seconds']) >= 0);
  t.true(core.host().features.has('host', 'jabber:iq:last'));
});
