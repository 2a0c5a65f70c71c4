import test from 'ava';
import { errorOf } from '#test/helpers/core.ts';
import { jid, stanza } from '#test/helpers/xml.ts';
import { chat, ManagedClient, ManagedServer } from './managed-client.ts';

const TO = 'juliet@capulet.lit/balcony';
const message = (type: string, content = '<body>x</body>'): string =>
  `<message from='romeo@capulet.lit/orchard' to='${TO}' type='${type}' id='1'>${content}</message>`;
const iq = (type: string): string =>
  `<iq from='romeo@capulet.lit/orchard' to='${TO}' type='${type}' id='1'><query xmlns='x'/></iq>`;
const presence = (type: string): string => `<presence from='romeo@capulet.lit/orchard' to='${TO}'${type}/>`;

/** What becomes of a stanza that was never acknowledged: `stored`, an error to its sender, or nothing. */
const fates: readonly (readonly [what: string, xml: string, fate: string | undefined])[] = [
  ['chat', message('chat'), 'stored'],
  ['normal', message('normal'), 'stored'],
  ['of no type', message('normal').replace(" type='normal'", ''), 'stored'],
  ['headline', message('headline'), undefined],
  ['groupchat', message('groupchat'), undefined],
  [
    'error',
    message('error', "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"),
    undefined,
  ],
  ['a chat state', message('chat', "<active xmlns='http://jabber.org/protocol/chatstates'/>"), undefined],
  ['not to be stored', message('chat', "<body>x</body><no-store xmlns='urn:xmpp:hints'/>"), undefined],
  ['a get', iq('get'), 'service-unavailable/cancel'],
  ['a set', iq('set'), 'service-unavailable/cancel'],
  ['a result', iq('result'), undefined],
  ['an iq error', iq('error'), undefined],
  ['presence', presence(''), undefined],
  ['unavailable', presence(" type='unavailable'"), undefined],
  ['subscribed', presence(" type='subscribed'"), undefined],
];
for (const [what, xml, fate] of fates) {
  test(`never acknowledged: ${what}`, async (t) => {
    await using server = await ManagedServer.open();
    const { core } = server.xmpp;
    const juliet = await server.login(TO);
    const romeo = core.login('romeo@capulet.lit/orchard');
    juliet.acknowledge();
    juliet.drop();
    t.true(core.registry.find(jid(TO))?.deliver(stanza(xml)));
    server.clock.pass(301_000);
    await server.settled();
    const answers = romeo.take().filter((one) => one.type === 'error');
    t.deepEqual(answers.map(errorOf), fate === undefined || fate === 'stored' ? [] : [fate]);
    t.is(core.im.offline.count(jid('juliet@capulet.lit')), fate === 'stored' ? 1 : 0);
    t.deepEqual(server.stored, []);
    t.deepEqual(core.faults, []);
  });
}

test('a message that finds no room in the offline store goes back to its sender', async (t) => {
  await using server = await ManagedServer.open();
  const { core } = server.xmpp;
  const juliet = await server.login(TO);
  const romeo = core.login('romeo@capulet.lit/orchard');
  juliet.drop();
  for (let index = 0; index < 1001; index += 1) core.registry.find(jid(TO))?.deliver(stanza(message('chat')));
  server.clock.pass(301_000);
  t.deepEqual(
    romeo
      .take()
      .map(errorOf)
      .filter((error) => error !== undefined),
    ['service-unavailable/cancel'],
  );
});

test('another device gets it, late, in order and with the time of its sending', async (t) => {
  await using server = await ManagedServer.open();
  const juliet = await server.login(TO);
  const hall = await server.login('juliet@capulet.lit/hall');
  const romeo = await server.login('romeo@capulet.lit/orchard');
  juliet.drop();
  romeo.send(chat(TO, 'one'), chat(TO, 'two'));
  await server.settled();
  t.deepEqual(hall.bodies(), []);
  hall.acknowledge();
  server.clock.pass(301_000);
  await server.settled();
  const came = hall.take().filter((xml) => xml.startsWith('<message'));
  t.is(came.length, 2);
  t.regex(
    came[0] ?? '',
    /to='juliet@capulet.lit'.*<body>one<.*<delay xmlns='urn:xmpp:delay' from='capulet.lit' stamp='2027-01-15T08:00:00.000Z'>/,
  );
  t.regex(came[1] ?? '', /<body>two</);
});

/** Two devices of juliet; what the second has got when both are gone, and what is in the offline store then. */
const copies: readonly (readonly [
  what: string,
  setting: { carbons: boolean; to: string; read: boolean },
  twice: number,
  stored: number,
])[] = [
  ['to the account, the other device has read it', { carbons: false, to: 'juliet@capulet.lit', read: true }, 1, 0],
  ['to the account, nobody has read it', { carbons: false, to: 'juliet@capulet.lit', read: false }, 1, 1],
  ['a carbon that was read', { carbons: true, to: TO, read: true }, 1, 0],
  ['a carbon that nobody read', { carbons: true, to: TO, read: false }, 1, 1],
];
for (const [what, { carbons, read, to }, times, stored] of copies) {
  for (const first of ['balcony', 'hall']) {
    test(`nothing lost and nothing twice: ${what}, ${first} goes first`, async (t) => {
      await using server = await ManagedServer.open();
      const { core } = server.xmpp;
      const balcony = await server.login(TO);
      const hall = await server.login('juliet@capulet.lit/hall');
      for (const { stream } of [balcony, hall])
        if (stream.stream.session !== undefined) stream.stream.session.carbons = carbons;
      const romeo = await server.login('romeo@capulet.lit/orchard');
      balcony.acknowledge();
      hall.acknowledge();
      romeo.send(chat(to, 'one'));
      await server.settled();
      const came = hall.take().filter((xml) => xml.includes('<body>one<')).length;
      if (read) hall.acknowledge();
      const leave = first === 'balcony' ? [balcony, hall] : [hall, balcony];
      for (const client of leave) {
        client.drop();
        client.stream.stream.session?.finish();
        for (const session of core.registry.of('juliet@capulet.lit'))
          if (session.jid.resource === client.address.split('/')[1]) session.close();
        await server.settled();
      }
      const again = hall.take().filter((xml) => xml.includes('<body>one<')).length;
      t.is(came + again, times);
      t.is(core.im.offline.count(jid('juliet@capulet.lit')), stored);
    });
  }
}

test('a device without stream management has what it was handed', async (t) => {
  await using server = await ManagedServer.open();
  const balcony = await server.login(TO);
  const hall = new ManagedClient(server, 'juliet@capulet.lit/hall');
  hall.bind();
  hall.send('<presence/>');
  const romeo = await server.login('romeo@capulet.lit/orchard');
  romeo.send(chat('juliet@capulet.lit', 'one'));
  balcony.drop();
  server.clock.pass(301_000);
  t.deepEqual(hall.bodies(), ['one']);
  t.is(server.xmpp.core.im.offline.count(jid('juliet@capulet.lit')), 0);
});
