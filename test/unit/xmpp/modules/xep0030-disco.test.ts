import test from 'ava';
import { disco, type DiscoQuery } from '#protocols/xmpp/modules/xep0030-disco.ts';
import { defineModule } from '#src/plugin/contracts.ts';
import { errorOf, TestCore } from '#test/helpers/core.ts';
import { same } from '#test/helpers/xml.ts';

const INFO = 'http://jabber.org/protocol/disco#info';
const ITEMS = 'http://jabber.org/protocol/disco#items';
const info = (node = ''): string => `<query xmlns='${INFO}'${node === '' ? '' : ` node='${node}'`}/>`;
const items = (node = ''): string => `<query xmlns='${ITEMS}'${node === '' ? '' : ` node='${node}'`}/>`;
const both = `<feature var='${INFO}'/><feature var='${ITEMS}'/>`;

async function world(): Promise<TestCore> {
  const core = await TestCore.open({ accounts: ['juliet@capulet.lit', 'romeo@capulet.lit', 'paris@capulet.lit'] });
  core.start(disco, { name: 'Verona' });
  core.befriend('juliet@capulet.lit', 'romeo@capulet.lit');
  return core;
}

test('a host tells what it is and offers', async (t) => {
  await using core = await world();
  const juliet = core.login('juliet@capulet.lit/balcony');
  same(
    t,
    [await juliet.iq('get', info(), 'capulet.lit')],
    [
      `<iq type='result' id='*' from='capulet.lit' to='juliet@capulet.lit/balcony'><query xmlns='${INFO}'>
      <identity category='server' type='im' name='Verona'/>${both}</query></iq>`.replace(/\n\s*/g, ''),
    ],
  );
});

test('an account tells its owner and its subscribers that it is registered', async (t) => {
  await using core = await world();
  const expected = (to: string): string =>
    `<iq type='result' id='*' from='juliet@capulet.lit' to='${to}'><query xmlns='${INFO}'>` +
    `<identity category='account' type='registered'/>${both}</query></iq>`;
  for (const address of ['juliet@capulet.lit/balcony', 'romeo@capulet.lit/orchard']) {
    same(t, [await core.login(address).iq('get', info(), 'juliet@capulet.lit')], [expected(address)]);
  }
});

test('a stranger cannot tell an account from none (section 8)', async (t) => {
  await using core = await world();
  const paris = core.login('paris@capulet.lit/home');
  for (const query of [info(), items(), info('x'), items('x')]) {
    const [known, unknown] = [
      await paris.iq('get', query, 'juliet@capulet.lit'),
      await paris.iq('get', query, 'nobody@capulet.lit'),
    ];
    t.is(errorOf(known), 'service-unavailable/cancel');
    t.deepEqual(known.content, unknown.content);
  }
});

test('the items of an account are its available resources', async (t) => {
  await using core = await world();
  const juliet = core.login('juliet@capulet.lit/balcony');
  core.login('juliet@capulet.lit/chamber');
  core.connect('juliet@capulet.lit/silent');
  same(
    t,
    [await juliet.iq('get', items())],
    [
      `<iq type='result' id='*' from='juliet@capulet.lit' to='juliet@capulet.lit/balcony'><query xmlns='${ITEMS}'>` +
        `<item jid='juliet@capulet.lit/balcony'/><item jid='juliet@capulet.lit/chamber'/></query></iq>`,
    ],
  );
});

test('an unknown node is not found, a known one is mirrored', async (t) => {
  await using core = await world();
  const seen: (string | undefined)[] = [];
  const answers = (query: DiscoQuery) => {
    seen.push(query.from?.full);
    return query.node === 'music' && query.scope === 'host'
      ? { identities: [{ category: 'hierarchy', type: 'leaf' }], features: [], forms: [] }
      : undefined;
  };
  core.start(
    defineModule({
      name: 'music',
      description: '',
      specs: [],
      needs: [],
      start(scope) {
        scope.decide('disco/node-info', 'main', answers);
        scope.decide('disco/node-items', 'main', ({ node }) =>
          node === 'music' ? [{ jid: 'capulet.lit', node: 'a', name: 'A & B' }] : undefined,
        );
      },
    }),
  );
  const juliet = core.login('juliet@capulet.lit/balcony');
  for (const query of [info('other'), items('other')]) {
    t.is(errorOf(await juliet.iq('get', query, 'capulet.lit')), 'item-not-found/cancel');
    t.is(errorOf(await juliet.iq('get', query)), 'item-not-found/cancel');
  }
  same(
    t,
    [await juliet.iq('get', info('music'), 'capulet.lit'), await juliet.iq('get', items('music'), 'capulet.lit')],
    [
      `<iq type='result' id='*' from='*' to='*'><query xmlns='${INFO}' node='music'><identity category='hierarchy' type='leaf'/></query></iq>`,
      `<iq type='result' id='*' from='*' to='*'><query xmlns='${ITEMS}' node='music'><item jid='capulet.lit' node='a' name='A &amp; B'/></query></iq>`,
    ],
  );
  t.true(seen.every((from) => from === 'juliet@capulet.lit/balcony'));
});

test('modules add forms and items, and take them away when they leave', async (t) => {
  await using core = await world();
  const extra = defineModule({
    name: 'extra',
    description: '',
    specs: [],
    needs: [],
    start(scope) {
      scope.feature('host', 'urn:extra');
      scope.transform('disco/info', 'main', (value, { scope: kind }) =>
        kind === 'host'
          ? {
              ...value,
              forms: [{ type: 'result', formType: 'urn:form', fields: [{ name: 'n', values: ['1', '<2>'] }] }],
            }
          : value,
      );
      scope.transform('disco/items', 'main', (value, { scope: kind }) =>
        kind === 'host' ? [...value, { jid: 'rooms.capulet.lit', name: 'Rooms' }] : value,
      );
    },
  });
  core.start(extra);
  const juliet = core.login('juliet@capulet.lit/balcony');
  same(
    t,
    [await juliet.iq('get', info(), 'capulet.lit'), await juliet.iq('get', items(), 'capulet.lit')],
    [
      `<iq type='result' id='*' from='*' to='*'><query xmlns='${INFO}'><identity category='server' type='im' name='Verona'/>${both}<feature var='urn:extra'/>` +
        `<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>urn:form</value></field>` +
        `<field var='n'><value>1</value><value>&lt;2></value></field></x></query></iq>`,
      `<iq type='result' id='*' from='*' to='*'><query xmlns='${ITEMS}'><item jid='rooms.capulet.lit' name='Rooms'/></query></iq>`,
    ],
  );
  await core.loader.stop('extra', core.host());
  same(
    t,
    [await juliet.iq('get', info(), 'capulet.lit'), await juliet.iq('get', items(), 'capulet.lit')],
    [
      `<iq type='result' id='*' from='*' to='*'><query xmlns='${INFO}'><identity category='server' type='im' name='Verona'/>${both}</query></iq>`,
      `<iq type='result' id='*' from='*' to='*'><query xmlns='${ITEMS}'/></iq>`,
    ],
  );
});
