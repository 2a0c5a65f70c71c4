/** The commands of XEP-0191; what a block does is tested in test/unit/im. */
import test from 'ava';
import { blocking } from '#protocols/xmpp/modules/xep0191-blocking.ts';
import { errorOf, TestCore } from '#test/helpers/core.ts';
import { same } from '#test/helpers/xml.ts';

const JULIET = 'juliet@capulet.lit';
const ROMEO = 'romeo@capulet.lit';
const LIST = "<blocklist xmlns='urn:xmpp:blocking'/>";
const items = (...jids: readonly string[]): string => jids.map((jid) => `<item jid='${jid}'/>`).join('');
const block = (inner: string): string => `<block xmlns='urn:xmpp:blocking'>${inner}</block>`;
const unblock = (inner: string): string => `<unblock xmlns='urn:xmpp:blocking'>${inner}</unblock>`;
const push = (to: string, payload: string): string =>
  `<iq type='set' id='*' from='${JULIET}' to='${to}'>${payload}</iq>`;
const result = (payload = ''): string =>
  `<iq type='result' id='*' from='${JULIET}' to='${JULIET}/balcony'>${payload}</iq>`;

async function verona(blocked = 100): Promise<TestCore> {
  const core = await TestCore.open({ accounts: [JULIET, ROMEO], limits: { blocked } });
  core.start(blocking);
  return core;
}

test('the list: empty, filled, emptied one by one and at once; whoever asked for it is told', async (t) => {
  await using core = await verona();
  const [chamber, silent, balcony] = ['chamber', 'silent', 'balcony'].map((resource) =>
    core.connect(`${JULIET}/${resource}`),
  );
  if (chamber === undefined || silent === undefined || balcony === undefined) return t.fail();
  same(t, [await balcony.iq('get', LIST)], [result(LIST)]);
  await chamber.iq('get', LIST);
  same(t, [await balcony.iq('set', block(items('Romeo@Montague.lit', 'iago@shakespeare.lit')))], [result()]);
  t.is(core.store.barrier(), undefined);
  const both = items('romeo@montague.lit', 'iago@shakespeare.lit');
  balcony.got(t, push(`${JULIET}/balcony`, block(both)));
  chamber.got(t, push(`${JULIET}/chamber`, block(both)));
  silent.got(t);
  same(t, [await balcony.iq('get', LIST)], [result(`<blocklist xmlns='urn:xmpp:blocking'>${both}</blocklist>`)]);
  same(t, [await balcony.iq('set', unblock(items('iago@shakespeare.lit')))], [result()]);
  chamber.got(t, push(`${JULIET}/chamber`, unblock(items('iago@shakespeare.lit'))));
  same(
    t,
    [await balcony.iq('get', LIST)],
    [result(`<blocklist xmlns='urn:xmpp:blocking'>${items('romeo@montague.lit')}</blocklist>`)],
  );
  same(t, [await balcony.iq('set', unblock(''))], [result()]);
  chamber.got(t, push(`${JULIET}/chamber`, unblock('')));
  same(t, [await balcony.iq('get', LIST)], [result(LIST)]);
});

for (const [payload, condition] of [
  [block(''), 'bad-request/modify'],
  [block('<item/>'), 'bad-request/modify'],
  [block("<thing jid='a@b'/>"), 'bad-request/modify'],
  [block(items('a@b', 'c@@d')), 'jid-malformed/modify'],
  [unblock('<item/>'), 'bad-request/modify'],
  [unblock(items('@')), 'jid-malformed/modify'],
  [block(items('a.lit', 'b.lit', 'c.lit')), 'resource-constraint/wait'],
] as const) {
  test(`${payload} is refused, and nothing changes`, async (t) => {
    await using core = await verona(2);
    const juliet = core.login(`${JULIET}/balcony`);
    t.is(errorOf(await juliet.iq('set', payload)), condition);
    same(t, [await juliet.iq('get', LIST)], [result(LIST)]);
  });
}

test('nobody sees or changes the list of another', async (t) => {
  await using core = await verona();
  const romeo = core.login(`${ROMEO}/orchard`);
  t.is(errorOf(await romeo.iq('get', LIST, JULIET)), 'forbidden/auth');
  t.is(errorOf(await romeo.iq('set', block(items('a@b')), JULIET)), 'forbidden/auth');
  t.is(errorOf(await romeo.iq('set', unblock(''), JULIET)), 'forbidden/auth');
});

test('it is announced', async (t) => {
  await using core = await verona();
  t.true(core.host().features.has('host', 'urn:xmpp:blocking'));
});
