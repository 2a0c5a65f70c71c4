import test from 'ava';
import { clientStateIndication } from '#protocols/xmpp/modules/xep0352-client-state-indication.ts';
import { stanza } from '#test/helpers/xml.ts';
import { TestXmpp, type TestStream } from '#test/helpers/xmpp.ts';

const TO = 'juliet@capulet.lit/balcony';
const ROMEO = 'romeo@capulet.lit/orchard';
const STATES = 'http://jabber.org/protocol/chatstates';
const CSI = 'urn:xmpp:csi:0';
const inactive = `<inactive xmlns='${CSI}'/>`;
const active = `<active xmlns='${CSI}'/>`;

interface World extends AsyncDisposable {
  readonly server: TestXmpp;
  readonly juliet: TestStream;
  /** Gives juliet's session stanzas, and tells what of them came to her at once. */
  deliver(...xml: readonly string[]): readonly string[];
}

async function world(options = {}): Promise<World> {
  const server = await TestXmpp.open({ accounts: ['juliet@capulet.lit', 'romeo@capulet.lit'] });
  server.start(clientStateIndication, options);
  const juliet = server.login(TO);
  return {
    server,
    juliet,
    deliver(...all) {
      for (const xml of all) juliet.stream.session?.deliver(stanza(xml));
      return juliet.transport.take();
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const message = (content: string, type = 'chat', from = ROMEO): string =>
  `<message from='${from}' to='${TO}' type='${type}'>${content}</message>`;
const presence = (content = '', from = ROMEO, type = ''): string =>
  `<presence from='${from}' to='${TO}'${type}>${content}</presence>`;
const event = (node: string, id: string, from = 'romeo@capulet.lit'): string =>
  message(
    `<event xmlns='http://jabber.org/protocol/pubsub#event'><items node='${node}'><item id='${id}'/></items></event>`,
    'headline',
    from,
  );
const carbon = (inner: string): string =>
  message(
    `<received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' type='chat'>${inner}</message></forwarded></received>`,
    'chat',
    'juliet@capulet.lit',
  );

test('announced to those who have authenticated', async (t) => {
  await using server = await TestXmpp.open({ accounts: ['juliet@capulet.lit'] });
  server.start(clientStateIndication);
  const stream = server.stream();
  t.false(stream.transport.take().join('').includes(CSI));
  stream.authenticate('juliet@capulet.lit');
  t.true(stream.transport.take().join('').includes(`<csi xmlns='${CSI}'/>`));
  stream.send(inactive);
  t.false(stream.transport.closed, 'nothing to say yet, and nothing wrong');
});

/** What happens to a stanza for an inactive client. */
const rules: readonly (readonly [what: string, xml: string, then: 'held' | 'dropped' | 'sent'])[] = [
  ['presence', presence('<show>away</show>'), 'held'],
  ['unavailable presence', presence('', ROMEO, " type='unavailable'"), 'held'],
  ['a subscription request', presence('', 'romeo@capulet.lit', " type='subscribe'"), 'sent'],
  ['a subscription answer', presence('', 'romeo@capulet.lit', " type='unsubscribed'"), 'sent'],
  ['a presence error', presence("<error type='cancel'/>", ROMEO, " type='error'"), 'sent'],
  ['a chat state', message(`<composing xmlns='${STATES}'/>`), 'dropped'],
  ['a chat state with a thread', message(`<active xmlns='${STATES}'/><thread>t</thread>`), 'dropped'],
  ['a chat state in a room', message(`<composing xmlns='${STATES}'/>`, 'groupchat'), 'dropped'],
  ['a chat state as a carbon', carbon(`<composing xmlns='${STATES}'/>`), 'dropped'],
  ['a body', message('<body>soft</body>'), 'sent'],
  ['a body with a chat state', message(`<body>soft</body><active xmlns='${STATES}'/>`), 'sent'],
  ['a body as a carbon', carbon('<body>soft</body>'), 'sent'],
  ['a receipt', message("<received xmlns='urn:xmpp:receipts' id='1'/>"), 'sent'],
  ['a call', message("<propose xmlns='urn:xmpp:jingle-message:0' id='1'/>"), 'sent'],
  ['a subject', message('<subject>love</subject>', 'groupchat'), 'sent'],
  ['a message error', message(`<error type='cancel'/><composing xmlns='${STATES}'/>`, 'error'), 'sent'],
  ['an empty message', `<message from='${ROMEO}' to='${TO}'/>`, 'sent'],
  ['a notification of a contact', event('urn:xmpp:avatar:metadata', 'a'), 'held'],
  ['a notification of the own account', event('urn:xmpp:bookmarks:1', 'a', 'juliet@capulet.lit'), 'held'],
  ['a notification of a service', event('news', 'a', 'pubsub.capulet.lit'), 'sent'],
  ['a notification with a body', event('news', 'a').replace('<event', '<body>news</body><event'), 'sent'],
  ['a request', `<iq from='capulet.lit' to='${TO}' type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>`, 'sent'],
];
for (const [what, xml, then] of rules) {
  test(`inactive: ${what} is ${then}`, async (t) => {
    await using all = await world();
    t.is(all.deliver(xml).length, 1, 'while active');
    all.juliet.send(inactive);
    t.is(all.deliver(xml).length, then === 'sent' ? 1 : 0);
    all.juliet.send(active);
    t.is(all.juliet.transport.take().length, then === 'held' ? 1 : 0);
    t.is(all.deliver(xml).length, 1, 'while active again');
  });
}

test('the last of each counts', async (t) => {
  await using all = await world();
  all.juliet.send(inactive);
  all.deliver(
    presence('<status>1</status>'),
    presence('<status>2</status>', 'romeo@capulet.lit/other'),
    event('mood', 'x'),
    presence('<status>3</status>'),
    event('mood', 'y'),
    event('tune', 'x'),
    event('bookmarks', 'x', 'juliet@capulet.lit'),
    event('bookmarks', 'y', 'juliet@capulet.lit'),
    event('bookmarks', 'x', 'juliet@capulet.lit'),
  );
  all.juliet.send(active);
  all.juliet.got(
    t,
    presence('<status>3</status>'),
    presence('<status>2</status>', 'romeo@capulet.lit/other'),
    event('mood', 'y'),
    event('tune', 'x'),
    event('bookmarks', 'x', 'juliet@capulet.lit'),
    event('bookmarks', 'y', 'juliet@capulet.lit'),
  );
});

test('what matters comes behind what was held', async (t) => {
  await using all = await world();
  all.juliet.send(inactive);
  t.deepEqual(
    all
      .deliver(
        presence(),
        message(`<composing xmlns='${STATES}'/>`),
        message('<body>soft</body>'),
        presence('<show>away</show>'),
      )
      .map((xml) => xml.slice(0, 9)),
    ['<presence', '<message '],
  );
  all.juliet.send(active);
  all.juliet.got(t, presence('<show>away</show>'));
});

test('what was held comes before the answer to what the client asks next', async (t) => {
  await using all = await world();
  all.juliet.send(inactive);
  all.deliver(presence());
  all.juliet.send(active);
  all.juliet.send("<iq type='get' id='x' to='capulet.lit'><query xmlns='nothing'/></iq>");
  t.deepEqual(
    all.juliet.transport.take().map((xml) => xml.slice(0, 3)),
    ['<pr', '<iq'],
  );
});

test('no more is held than the settings say', async (t) => {
  await using all = await world({ limit: 2 });
  all.juliet.send(inactive);
  const from = (resource: string): string => presence('', `romeo@capulet.lit/${resource}`);
  t.is(all.deliver(from('1'), from('2'), from('1')).length, 0);
  t.is(all.deliver(from('3')).length, 3);
});

test('each rule can be turned off', async (t) => {
  await using all = await world({ presence: false, notifications: false, chat_states: false });
  all.juliet.send(inactive);
  t.is(all.deliver(presence(), event('mood', 'x'), message(`<composing xmlns='${STATES}'/>`)).length, 3);
});

test('inactive twice is inactive, active twice is active', async (t) => {
  await using all = await world();
  all.juliet.send(inactive);
  all.deliver(presence());
  all.juliet.send(inactive);
  t.deepEqual(all.juliet.transport.take(), []);
  all.juliet.send(active);
  t.is(all.juliet.transport.take().length, 1);
  all.juliet.send(active);
  t.deepEqual(all.juliet.transport.take(), []);
});
