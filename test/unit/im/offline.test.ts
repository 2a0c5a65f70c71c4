/** XEP-0160: which messages wait, and how they come. */
import test from 'ava';
import { errorOf, TestCore } from '#test/helpers/core.ts';
import { jid } from '#test/helpers/xml.ts';

const JULIET = 'juliet@capulet.lit';
const ROMEO = 'romeo@capulet.lit';

async function verona(offline?: number): Promise<TestCore> {
  return TestCore.open({ accounts: [JULIET, ROMEO], ...(offline === undefined ? {} : { limits: { offline } }) });
}

const body = '<body>hi</body>';
const state = "<active xmlns='http://jabber.org/protocol/chatstates'/>";
const hint = (name: string): string => `<${name} xmlns='urn:xmpp:hints'/>`;

for (const [type, content, kept, refused] of [
  ['chat', body, true, false],
  ['normal', body, true, false],
  ['', body, true, false],
  ['strange', body, true, false],
  ['chat', state, false, false],
  ['chat', `${state}<thread>t</thread>`, false, false],
  ['chat', body + state, true, false],
  ['chat', "<received xmlns='urn:xmpp:receipts' id='1'/>", true, false],
  ['chat', '', false, false],
  ['chat', body + hint('no-store'), false, false],
  ['chat', body + hint('no-permanent-store'), true, false],
  ['chat', state + hint('store'), true, false],
  ['chat', state + hint('store') + hint('no-store'), false, false],
  ['headline', body, false, false],
  ['groupchat', body, false, true],
  ['error', body, false, false],
] as const) {
  test(`${type === '' ? 'no type' : type} with ${content === '' ? 'nothing' : content} is ${kept ? 'kept' : refused ? 'refused' : 'dropped'}`, async (t) => {
    await using core = await verona();
    const romeo = core.login(`${ROMEO}/orchard`);
    romeo.send(`<message to='${JULIET}'${type === '' ? '' : ` type='${type}'`}>${content}</message>`);
    t.is(core.im.offline.count(jid(JULIET)), kept ? 1 : 0);
    t.deepEqual(romeo.take().map(errorOf), refused ? ['service-unavailable/cancel'] : []);
  });
}

test('messages come in order, once, stamped with the time of their arrival', async (t) => {
  await using core = await verona();
  const romeo = core.login(`${ROMEO}/orchard`);
  for (const text of ['1', '2'])
    romeo.send(`<message to='${JULIET}' type='chat' id='${text}'><body>${text}</body></message>`);
  const before = Date.now();
  const juliet = core.connect(`${JULIET}/balcony`);
  juliet.available();
  const delay = "<delay xmlns='urn:xmpp:delay' from='capulet.lit' stamp='*'>Offline storage</delay>";
  juliet.got(
    t,
    `<presence from='${JULIET}/balcony' to='${JULIET}'/>`,
    ...['1', '2'].map(
      (text) =>
        `<message type='chat' id='${text}' from='${ROMEO}/orchard' to='${JULIET}'><body>${text}</body>${delay}</message>`,
    ),
  );
  t.is(core.im.offline.count(jid(JULIET)), 0);
  juliet.leave();
  const again = core.connect(`${JULIET}/balcony`);
  again.available();
  t.is(again.take().length, 1);
  t.true(before >= 0);
});

test('a negative priority does not take them, a later one does', async (t) => {
  await using core = await verona();
  core.login(`${ROMEO}/orchard`).send(`<message to='${JULIET}'>${body}</message>`);
  const juliet = core.login(`${JULIET}/balcony`, -1);
  t.is(core.im.offline.count(jid(JULIET)), 1);
  juliet.available(0);
  t.is(juliet.take().filter(({ kind }) => kind === 'message').length, 1);
});

test('with only negative resources messages wait (RFC 6121 section 8.5.2.1.1)', async (t) => {
  await using core = await verona();
  const juliet = core.login(`${JULIET}/balcony`, -1);
  core.login(`${ROMEO}/orchard`).send(`<message to='${JULIET}'>${body}</message>`);
  juliet.got(t);
  t.is(core.im.offline.count(jid(JULIET)), 1);
});

test('a session that takes no more leaves the rest for the next', async (t) => {
  await using core = await verona();
  const romeo = core.login(`${ROMEO}/orchard`);
  romeo.send(`<message to='${JULIET}'>${body}</message>`);
  const full = core.connect(`${JULIET}/full`);
  full.accepts = false;
  full.available();
  t.is(core.im.offline.count(jid(JULIET)), 1);
  const juliet = core.connect(`${JULIET}/balcony`);
  juliet.available();
  t.is(juliet.take().filter(({ kind }) => kind === 'message').length, 1);
});

test('a full storage refuses, and says so to the sender', async (t) => {
  await using core = await verona(1);
  const romeo = core.login(`${ROMEO}/orchard`);
  romeo.send(`<message to='${JULIET}' id='1'>${body}</message>`);
  romeo.send(`<message to='${JULIET}' id='2'>${body}</message>`);
  const [error, ...more] = romeo.take();
  t.is(error && errorOf(error), 'service-unavailable/cancel');
  t.is(error?.id, '2');
  t.deepEqual(more, []);
  t.deepEqual(core.im.offline.counters, { stored: 1, delivered: 0, refused: 1 });
});

test('declarations that a message leans on survive', async (t) => {
  await using core = await verona();
  core
    .login(`${ROMEO}/orchard`)
    .send(`<message xmlns='jabber:client' xmlns:x='urn:x' to='${JULIET}' xml:lang='it'>${body}<x:y/></message>`);
  const juliet = core.connect(`${JULIET}/balcony`);
  juliet.available();
  const message = juliet.take().find(({ kind }) => kind === 'message');
  t.is(message?.child('y', 'urn:x')?.getName(), 'y');
  t.is(message?.lang, 'it');
});

test('waiting messages go with their account', async (t) => {
  await using core = await verona();
  core.login(`${ROMEO}/orchard`).send(`<message to='${JULIET}'>${body}</message>`);
  core.accounts.remove('capulet.lit', 'juliet');
  t.is(core.im.offline.count(jid(JULIET)), 0);
});
