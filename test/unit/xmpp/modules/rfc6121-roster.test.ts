/** RFC 6121 section 2: what clients ask of their roster, and what they are pushed. */
import test from 'ava';
import { roster } from '#protocols/xmpp/modules/rfc6121-roster.ts';
import { errorOf } from '#test/helpers/core.ts';
import { TestXmpp } from '#test/helpers/xmpp.ts';
import { jid, same } from '#test/helpers/xml.ts';

const JULIET = 'juliet@capulet.lit';
const ROMEO = 'romeo@capulet.lit';
const query = (inner = '', ver?: string): string =>
  `<query xmlns='jabber:iq:roster'${ver === undefined ? '' : ` ver='${ver}'`}>${inner}</query>`;

async function verona(limit?: number) {
  const xmpp = await TestXmpp.open({
    accounts: [JULIET, ROMEO],
    ...(limit === undefined ? {} : { limits: { roster: limit } }),
  });
  xmpp.start(roster);
  const { core } = xmpp;
  return { xmpp, core, juliet: core.login(`${JULIET}/balcony`), romeo: core.login(`${ROMEO}/orchard`) };
}

test('an empty roster is an empty query, and asking makes a resource interested', async (t) => {
  const { core, juliet } = await verona();
  const silent = core.login(`${JULIET}/silent`);
  juliet.take();
  same(
    t,
    [await juliet.iq('get', query())],
    [`<iq type='result' id='*' from='${JULIET}' to='${JULIET}/balcony'>${query('', '0')}</iq>`],
  );
  same(
    t,
    [await silent.iq('set', query("<item jid='nurse@capulet.lit' name='Nurse'><group>Servants</group></item>"))],
    [`<iq type='result' id='*' from='${JULIET}' to='${JULIET}/silent'/>`],
  );
  const item = "<item jid='nurse@capulet.lit' name='Nurse' subscription='none'><group>Servants</group></item>";
  juliet.got(t, `<iq type='set' id='*' from='${JULIET}' to='${JULIET}/balcony'>${query(item, '*')}</iq>`);
  silent.got(t);
});

test('an item is added, changed, and keeps what belongs to its subscription', async (t) => {
  const { core, juliet } = await verona();
  await juliet.iq('get', query());
  core.contact(JULIET, ROMEO, 'both');
  juliet.take();
  await juliet.iq(
    'set',
    query(
      `<item jid='${ROMEO}/orchard' subscription='none' ask='subscribe' name='R &amp; M'><group>A</group><group>B</group></item>`,
    ),
  );
  const item = `<item jid='${ROMEO}' name='R &amp; M' subscription='both'><group>A</group><group>B</group></item>`;
  juliet.got(t, `<iq type='set' id='*' from='${JULIET}' to='${JULIET}/balcony'>${query(item, '*')}</iq>`);
  await juliet.iq('set', query(`<item jid='${ROMEO}'/>`));
  juliet.got(
    t,
    `<iq type='set' id='*' from='${JULIET}' to='${JULIET}/balcony'>${query(`<item jid='${ROMEO}' subscription='both'/>`, '*')}</iq>`,
  );
});

for (const [what, inner, condition] of [
  ['no item', '', 'bad-request/modify'],
  ['two items', "<item jid='a@b'/><item jid='c@d'/>", 'bad-request/modify'],
  ['something else', "<thing jid='a@b'/>", 'bad-request/modify'],
  ['no address', '<item/>', 'bad-request/modify'],
  ['no valid address', "<item jid='a@@b'/>", 'bad-request/modify'],
  ['a group twice', "<item jid='a@b'><group>x</group><group>x</group></item>", 'bad-request/modify'],
  ['a group without a name', "<item jid='a@b'><group/></item>", 'not-acceptable/modify'],
  ['a long name', `<item jid='a@b' name='${'n'.repeat(1024)}'/>`, 'not-acceptable/modify'],
  ['a long group', `<item jid='a@b'><group>${'n'.repeat(1024)}</group></item>`, 'not-acceptable/modify'],
  [
    'too many groups',
    `<item jid='a@b'>${Array.from({ length: 65 }, (_, n) => `<group>${n}</group>`).join('')}</item>`,
    'not-acceptable/modify',
  ],
  ['itself', `<item jid='${JULIET}'/>`, 'not-allowed/cancel'],
  ['the removal of nobody', "<item jid='a@b' subscription='remove'/>", 'item-not-found/cancel'],
] as const) {
  test(`a set with ${what} is refused`, async (t) => {
    const { core, juliet } = await verona();
    await juliet.iq('get', query());
    t.is(errorOf(await juliet.iq('set', query(inner))), condition);
    juliet.got(t);
    t.deepEqual(Object.keys(core.im.roster.of(jid(JULIET)).items), []);
  });
}

test('nobody reads or changes the roster of another', async (t) => {
  const { romeo } = await verona();
  t.is(errorOf(await romeo.iq('get', query(), JULIET)), 'forbidden/auth');
  t.is(errorOf(await romeo.iq('set', query("<item jid='a@b'/>"), JULIET)), 'forbidden/auth');
});

test('a full roster takes changes, and no more items', async (t) => {
  const { juliet } = await verona(1);
  t.is((await juliet.iq('set', query("<item jid='a@b'/>"))).type, 'result');
  t.is(errorOf(await juliet.iq('set', query("<item jid='c@d'/>"))), 'resource-constraint/wait');
  t.is((await juliet.iq('set', query("<item jid='a@b' name='A'/>"))).type, 'result');
});

test('removing a contact ends both subscriptions, and both sides see it', async (t) => {
  const { core, juliet, romeo } = await verona();
  core.befriend(JULIET, ROMEO);
  await juliet.iq('get', query());
  for (const session of [juliet, romeo]) session.take();
  romeo.interested = true;
  t.is((await juliet.iq('set', query(`<item jid='${ROMEO}' subscription='remove'/>`))).type, 'result');
  const seen = juliet.take();
  t.true(seen[0]?.toString().includes(`<item jid='${ROMEO}' subscription='remove'/>`));
  t.deepEqual(
    seen.slice(1).map(({ from, type }) => [from?.full, type]),
    [[`${ROMEO}/orchard`, 'unavailable']],
  );
  t.deepEqual(
    romeo
      .take()
      .filter(({ kind }) => kind === 'presence')
      .map(({ from, type }) => [from?.full, type]),
    [
      [JULIET, 'unsubscribe'],
      [`${JULIET}/balcony`, 'unavailable'],
      [JULIET, 'unsubscribed'],
    ],
  );
  t.is(core.im.roster.state(jid(ROMEO), jid(JULIET)), 'none');
  t.is(core.im.roster.item(jid(JULIET), jid(ROMEO)), undefined);
});

test('versions: nothing when nothing changed, all when something did (section 2.6)', async (t) => {
  const { juliet } = await verona();
  await juliet.iq('set', query("<item jid='a@b'/>"));
  const all = await juliet.iq('get', query('', ''));
  const version = all.child('query', 'jabber:iq:roster')?.attrs['ver'] as string;
  t.truthy(version);
  same(t, [await juliet.iq('get', query('', version))], [`<iq type='result' id='*' from='*' to='*'/>`]);
  await juliet.iq('set', query("<item jid='c@d'/>"));
  const more = await juliet.iq('get', query('', version));
  t.is(more.child('query', 'jabber:iq:roster')?.getChildElements().length, 2);
  t.not(more.child('query', 'jabber:iq:roster')?.attrs['ver'], version);
});

test('a contact who waits for an answer is in no roster', async (t) => {
  const { juliet, romeo } = await verona();
  await juliet.iq('get', query());
  romeo.send(`<presence to='${JULIET}' type='subscribe'/>`);
  t.deepEqual(
    juliet.take().map(({ kind, type }) => [kind, type]),
    [['presence', 'subscribe']],
  );
  same(t, [await juliet.iq('get', query())], [`<iq type='result' id='*' from='*' to='*'>${query('', '0')}</iq>`]);
});

test('versioning and pre-approval are announced to those who have authenticated', async (t) => {
  const { xmpp } = await verona();
  const stream = xmpp.stream();
  stream.got(t, "<header from='capulet.lit'/>", '<features/>');
  stream.authenticate(JULIET);
  stream.got(
    t,
    "<header from='capulet.lit'/>",
    "<features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><ver xmlns='urn:xmpp:features:rosterver'/><sub xmlns='urn:xmpp:features:pre-approval'/></features>",
  );
});
