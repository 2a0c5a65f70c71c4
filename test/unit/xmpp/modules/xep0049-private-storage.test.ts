import test from 'ava';
import { privateStorage } from '#protocols/xmpp/modules/xep0049-private-storage.ts';
import { errorOf, TestCore } from '#test/helpers/core.ts';
import { jid, same } from '#test/helpers/xml.ts';

const JULIET = 'juliet@capulet.lit';
const ROMEO = 'romeo@capulet.lit';
const query = (inner: string): string => `<query xmlns='jabber:iq:private'>${inner}</query>`;
const PREFS = "<exodus xmlns='exodus:prefs'><defaultnick>Hamlet &amp; Co</defaultnick></exodus>";

async function verona(documents?: number): Promise<TestCore> {
  const core = await TestCore.open({
    accounts: [JULIET, ROMEO],
    ...(documents === undefined ? {} : { limits: { documents } }),
  });
  core.start(privateStorage);
  return core;
}

test('what is stored is found again, by every device of the account', async (t) => {
  await using core = await verona();
  const juliet = core.login(`${JULIET}/balcony`);
  same(
    t,
    [await juliet.iq('set', query(PREFS))],
    [`<iq type='result' id='*' from='${JULIET}' to='${JULIET}/balcony'/>`],
  );
  t.is(core.store.barrier(), undefined);
  same(
    t,
    [await core.login(`${JULIET}/chamber`).iq('get', query("<exodus xmlns='exodus:prefs'/>"))],
    [`<iq type='result' id='*' from='${JULIET}' to='${JULIET}/chamber'>${query(PREFS)}</iq>`],
  );
  await juliet.iq('set', query("<exodus xmlns='exodus:prefs'><new/></exodus>"));
  same(
    t,
    [await juliet.iq('get', query("<exodus xmlns='exodus:prefs'/>"))],
    [`<iq type='result' id='*' from='*' to='*'>${query("<exodus xmlns='exodus:prefs'><new/></exodus>")}</iq>`],
  );
});

test('what was never stored comes back as it was asked for', async (t) => {
  await using core = await verona();
  const juliet = core.login(`${JULIET}/balcony`);
  same(
    t,
    [await juliet.iq('get', query("<storage xmlns='storage:bookmarks'/>"))],
    [`<iq type='result' id='*' from='*' to='*'>${query("<storage xmlns='storage:bookmarks'/>")}</iq>`],
  );
});

test('several elements of one namespace are stored together', async (t) => {
  await using core = await verona();
  const juliet = core.login(`${JULIET}/balcony`);
  t.is((await juliet.iq('set', query("<a xmlns='urn:x'>1</a><b xmlns='urn:x'>2</b>"))).type, 'result');
  same(
    t,
    [await juliet.iq('get', query("<b xmlns='urn:x'/>"))],
    [`<iq type='result' id='*' from='*' to='*'>${query("<b xmlns='urn:x'>2</b>")}</iq>`],
  );
});

test('prefixes survive', async (t) => {
  await using core = await verona();
  const juliet = core.login(`${JULIET}/balcony`);
  juliet.send(`<iq xmlns='jabber:client' xmlns:p='urn:p' type='set' id='s'>${query('<p:a><p:b/></p:a>')}</iq>`);
  await core.settled();
  const answer = await juliet.iq('get', query("<a xmlns='urn:p'/>"));
  t.is(answer.child('query', 'jabber:iq:private')?.getChild('a', 'urn:p')?.getChild('b', 'urn:p')?.getName(), 'b');
});

for (const [type, inner, condition] of [
  ['get', '', 'not-acceptable/modify'],
  ['set', '', 'not-acceptable/modify'],
  ['get', "<a xmlns='urn:x'/><b xmlns='urn:x'/>", 'bad-request/modify'],
  ['set', "<a xmlns='urn:x'/><b xmlns='urn:y'/>", 'bad-request/modify'],
  ['set', '<a/>', 'not-acceptable/modify'],
  ['get', '<a/>', 'not-acceptable/modify'],
  ['set', "<a xmlns=''/>", 'not-acceptable/modify'],
  ['set', "<a xmlns='jabber:client'/>", 'not-acceptable/modify'],
  ['set', `<a xmlns='urn:${'x'.repeat(1000)}'/>`, 'not-acceptable/modify'],
] as const) {
  test(`${type} of ${inner === '' ? 'nothing' : inner.slice(0, 60)} is refused`, async (t) => {
    await using core = await verona();
    t.is(errorOf(await core.login(`${JULIET}/balcony`).iq(type, query(inner))), condition);
  });
}

test('nobody reads or writes the data of another', async (t) => {
  await using core = await verona();
  const romeo = core.login(`${ROMEO}/orchard`);
  t.is(errorOf(await romeo.iq('set', query(PREFS), JULIET)), 'forbidden/auth');
  t.is(errorOf(await romeo.iq('get', query("<exodus xmlns='exodus:prefs'/>"), JULIET)), 'forbidden/auth');
});

test('an account has a quota, and what is replaced gives its room back', async (t) => {
  await using core = await verona(200);
  const juliet = core.login(`${JULIET}/balcony`);
  const big = (name: string): string => query(`<${name} xmlns='u:x'>${'x'.repeat(100)}</${name}>`);
  t.is((await juliet.iq('set', big('a'))).type, 'result');
  t.is(errorOf(await juliet.iq('set', big('b'))), 'resource-constraint/wait');
  t.is((await juliet.iq('set', big('a'))).type, 'result');
  t.is((await juliet.iq('set', query("<a xmlns='u:x'/>"))).type, 'result');
  t.is((await juliet.iq('set', big('b'))).type, 'result');
});

test('the data goes with its account', async (t) => {
  await using core = await verona();
  await core.login(`${JULIET}/balcony`).iq('set', query(PREFS));
  t.true(core.im.documents.used(jid(JULIET)) > 0);
  core.accounts.remove('capulet.lit', 'juliet');
  t.is(core.im.documents.used(jid(JULIET)), 0);
  t.is(core.im.documents.get(jid(JULIET), '{exodus:prefs}exodus'), undefined);
});
