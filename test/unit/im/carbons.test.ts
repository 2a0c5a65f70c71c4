/** XEP-0280: who gets copies of what. */
import test from 'ava';
import { TestCore, type TestSession } from '#test/helpers/core.ts';

const JULIET = 'juliet@capulet.lit';
const ROMEO = 'romeo@capulet.lit';
const MUC = 'http://jabber.org/protocol/muc#user';

/** Juliet with three devices: two with carbons, one without. */
async function verona() {
  const core = await TestCore.open({ accounts: [JULIET, ROMEO] });
  const [balcony, chamber, old] = ['balcony', 'chamber', 'old'].map((resource) =>
    core.login(`${JULIET}/${resource}`),
  ) as [TestSession, TestSession, TestSession];
  for (const session of [balcony, chamber]) session.carbons = true;
  const romeo = core.login(`${ROMEO}/orchard`);
  const clear = (): void => {
    for (const session of [balcony, chamber, old, romeo]) session.take();
  };
  clear();
  return { core, balcony, chamber, old, romeo, clear };
}

const carbon = (direction: string, to: string, inner: string, type = " type='chat'"): string =>
  `<message from='${JULIET}' to='${to}'${type}><${direction} xmlns='urn:xmpp:carbons:2'>` +
  `<forwarded xmlns='urn:xmpp:forward:0'>${inner.replace('<message', "<message xmlns='jabber:client'")}</forwarded></${direction}></message>`;

test('what comes to one device is copied to the others that want it', async (t) => {
  const { balcony, chamber, old, romeo } = await verona();
  romeo.send(`<message to='${JULIET}/balcony' type='chat' id='m'><body>hi</body></message>`);
  const original = `<message type='chat' id='m' from='${ROMEO}/orchard' to='${JULIET}/balcony'><body>hi</body></message>`;
  balcony.got(t, original);
  chamber.got(t, carbon('received', `${JULIET}/chamber`, original));
  old.got(t);
  romeo.got(t);
});

test('what one device sends is copied to the others, not to itself', async (t) => {
  const { balcony, chamber, old, romeo } = await verona();
  balcony.send(`<message to='${ROMEO}' type='chat'><body>hi</body></message>`);
  const original = `<message type='chat' from='${JULIET}/balcony' to='${ROMEO}'><body>hi</body></message>`;
  chamber.got(t, carbon('sent', `${JULIET}/chamber`, original));
  romeo.got(t, original);
  balcony.got(t);
  old.got(t);
  old.send(`<message to='${ROMEO}' type='chat'><body>from old</body></message>`);
  t.deepEqual([balcony.take().length, chamber.take().length, old.take().length], [1, 1, 0]);
});

test('a message to the account reaches its devices once each', async (t) => {
  const { balcony, chamber, old, romeo } = await verona();
  romeo.send(`<message to='${JULIET}' type='chat'><body>hi</body></message>`);
  t.deepEqual(
    [balcony, chamber, old].map((session) => session.take().length),
    [1, 1, 1],
  );
});

test('devices with less priority get copies', async (t) => {
  const { balcony, chamber, old, romeo, clear } = await verona();
  balcony.available(5);
  clear();
  romeo.send(`<message to='${JULIET}' type='chat'><body>hi</body></message>`);
  t.falsy(balcony.take()[0]?.child('received', 'urn:xmpp:carbons:2'));
  t.truthy(chamber.take()[0]?.child('received', 'urn:xmpp:carbons:2'));
  old.got(t);
});

test('a message that waits in storage is copied to devices of negative priority', async (t) => {
  await using core = await TestCore.open({ accounts: [JULIET, ROMEO] });
  const juliet = core.login(`${JULIET}/balcony`, -1);
  juliet.carbons = true;
  core.login(`${ROMEO}/orchard`).send(`<message to='${JULIET}' type='chat'><body>hi</body></message>`);
  t.truthy(juliet.take()[0]?.child('received', 'urn:xmpp:carbons:2'));
});

test('a message to oneself is copied once, and not to its sender', async (t) => {
  const { balcony, chamber, old } = await verona();
  balcony.send(`<message to='${JULIET}/old' type='chat'><body>note</body></message>`);
  t.truthy(chamber.take()[0]?.child('received', 'urn:xmpp:carbons:2'));
  balcony.got(t);
  t.is(old.take().length, 1);
});

for (const [what, type, content, copied] of [
  ['a chat without a body', 'chat', "<x xmlns='urn:x'/>", true],
  ['a chat with nothing', 'chat', '', true],
  ['a normal message with a body', 'normal', '<body>b</body>', true],
  ['a normal message without one', 'normal', "<x xmlns='urn:x'/>", false],
  ['a receipt', 'normal', "<received xmlns='urn:xmpp:receipts' id='1'/>", true],
  ['a chat state', 'normal', "<active xmlns='http://jabber.org/protocol/chatstates'/>", true],
  ['a marker', 'normal', "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>", true],
  ['an error', 'error', '<body>b</body>', true],
  ['a direct invitation', 'normal', "<x xmlns='jabber:x:conference' jid='r@c'/>", true],
  ['a mediated invitation', 'normal', `<x xmlns='${MUC}'><invite from='a@b'/></x>`, true],
  ['a private message of a room', 'chat', `<body>b</body><x xmlns='${MUC}'/>`, false],
  ['a private chat', 'chat', "<body>b</body><private xmlns='urn:xmpp:carbons:2'/>", false],
  ['a chat with no-copy', 'chat', "<body>b</body><no-copy xmlns='urn:xmpp:hints'/>", false],
  ['a headline', 'headline', '<body>b</body>', false],
  ['groupchat', 'groupchat', '<body>b</body>', false],
  ['a carbon copy', 'chat', "<sent xmlns='urn:xmpp:carbons:2'/>", false],
] as const) {
  test(`${what} is ${copied ? '' : 'not '}copied on its way in`, async (t) => {
    const { balcony, chamber, core } = await verona();
    core.inject(`<message from='room@chat.lit/nick' to='${JULIET}/balcony' type='${type}'>${content}</message>`);
    t.is(balcony.take().length, 1);
    t.is(chamber.take().length, copied ? 1 : 0);
  });
}

test('a private message to an occupant of a room is copied on its way out', async (t) => {
  const { balcony, chamber } = await verona();
  balcony.send(`<message to='${ROMEO}/orchard' type='chat'><body>b</body><x xmlns='${MUC}'/></message>`);
  t.is(chamber.take().length, 1);
});

test('a refused message leaves no copy', async (t) => {
  const { balcony, chamber } = await verona();
  balcony.send("<message to='a@nowhere.lit' type='chat'><body>b</body></message>");
  t.is(balcony.take()[0]?.type, 'error');
  t.deepEqual(
    chamber.take().filter(({ type }) => type !== 'error' && type !== 'chat'),
    [],
  );
});

test('the answer to a copy goes nowhere (section 10.3)', async (t) => {
  const { balcony, chamber, romeo } = await verona();
  chamber.send(`<message to='${JULIET}' type='error'><error type='cancel'/></message>`);
  for (const session of [balcony, chamber, romeo]) session.got(t);
});

test('declarations travel with the copy', async (t) => {
  const { chamber, romeo } = await verona();
  romeo.send(
    `<message xmlns='jabber:client' xmlns:x='urn:x' to='${JULIET}/balcony' type='chat'><body>b</body><x:y/></message>`,
  );
  const copy = chamber.take()[0]?.child('received', 'urn:xmpp:carbons:2')?.getChild('forwarded')?.getChild('message');
  t.is(copy?.getChild('y')?.getNS(), 'urn:x');
});
