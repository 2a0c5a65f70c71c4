import test from 'ava';
import { jid, element } from '#test/helpers/xml.ts';
import { chat, ManagedClient, ManagedServer, SM } from './managed-client.ts';

const failed = (condition: string, h = ''): string =>
  `<failed xmlns='${SM}'${h}><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>`;
const r = `<r xmlns='${SM}'/>`;

test('what the client did not get is sent again, in order and with the time of its sending', async (t) => {
  await using server = await ManagedServer.open();
  const juliet = await server.login('juliet@capulet.lit/balcony');
  const romeo = await server.login('romeo@capulet.lit/orchard');
  juliet.acknowledge();
  const seen = juliet.handled;
  romeo.send(chat('juliet@capulet.lit/balcony', 'one'), '<presence><show>away</show></presence>');
  await server.settled();
  // Lost on the way.
  juliet.take();
  juliet.handled = seen;
  juliet.stream.stream.onClosed();
  romeo.send(chat('juliet@capulet.lit', 'two'));
  server.clock.pass(10_000);
  const answer = await juliet.resume();
  t.is(answer, `<resumed xmlns='${SM}' previd='${juliet.id}' h='1'/>`);
  await server.settled();
  const came = juliet
    .take()
    .map((xml) => element(xml))
    .filter((one) => one.getName() !== 'r');
  t.deepEqual(
    came.map((one) => one.getName()),
    ['message', 'presence', 'message'],
  );
  t.is(came[0]?.getChildText('body'), 'one');
  t.is(came[2]?.getChildText('body'), 'two');
  t.is(came[2]?.getChild('delay', 'urn:xmpp:delay')?.attrs['stamp'], new Date(1_800_000_000_000).toISOString());
  juliet.acknowledge();
  romeo.send(chat('juliet@capulet.lit', 'three'));
  await server.settled();
  t.deepEqual(juliet.bodies(), ['three']);
  juliet.acknowledge();
  t.false(juliet.stream.transport.closed);
});

test('what the client got is not sent again', async (t) => {
  await using server = await ManagedServer.open();
  const juliet = await server.login('juliet@capulet.lit/balcony');
  const romeo = await server.login('romeo@capulet.lit/orchard');
  romeo.send(chat('juliet@capulet.lit', 'one'), chat('juliet@capulet.lit', 'two'));
  await server.settled();
  t.deepEqual(juliet.bodies(), ['one', 'two']);
  juliet.drop();
  t.regex(await juliet.resume(server, juliet.handled - 1), /^<resumed/);
  t.deepEqual(juliet.bodies(), ['two']);
});

test('presence stays while there is no stream, and goes at the end of the time', async (t) => {
  await using server = await ManagedServer.open();
  const juliet = await server.login('juliet@capulet.lit/balcony', "resume='true' max='60'");
  const romeo = server.xmpp.login('romeo@capulet.lit/orchard');
  juliet.drop();
  server.clock.pass(59_000);
  romeo.got(t);
  server.clock.pass(2_000);
  romeo.got(t, "<presence from='juliet@capulet.lit/balcony' to='romeo@capulet.lit' type='unavailable'/>");
  t.is(await juliet.resume(), failed('item-not-found', " h='1'"));
  await server.settled();
  t.deepEqual(server.stored, []);
});

test('a session without resumption ends with its stream', async (t) => {
  await using server = await ManagedServer.open();
  const juliet = await server.login('juliet@capulet.lit/balcony', '');
  const romeo = server.xmpp.login('romeo@capulet.lit/orchard');
  romeo.send(chat('juliet@capulet.lit/balcony', 'one'));
  juliet.drop();
  romeo.got(t, "<presence from='juliet@capulet.lit/balcony' to='romeo@capulet.lit' type='unavailable'/>");
  const hall = new ManagedClient(server, 'juliet@capulet.lit/hall');
  hall.bind();
  hall.send('<presence/>');
  t.deepEqual(hall.bodies(), ['one'], 'nobody acknowledged it');
  await server.settled();
  t.deepEqual(server.stored, []);
});

test('a stream that was closed is not resumed', async (t) => {
  await using server = await ManagedServer.open();
  const juliet = await server.login('juliet@capulet.lit/balcony');
  juliet.stream.stream.onEnd();
  t.is(server.xmpp.core.registry.size, 0);
  t.is(await juliet.resume(), failed('item-not-found', " h='1'"));
});

test('the old stream ends with a conflict', async (t) => {
  await using server = await ManagedServer.open();
  const juliet = await server.login('juliet@capulet.lit/balcony');
  const romeo = server.xmpp.login('romeo@capulet.lit/orchard');
  const old = juliet.stream;
  juliet.send(chat('romeo@capulet.lit', 'last words'));
  t.is(await juliet.resume(), `<resumed xmlns='${SM}' previd='${juliet.id}' h='2'/>`);
  t.regex(old.transport.take().join(''), /<conflict/);
  t.true(old.transport.closed);
  t.true(
    [...server.data.entries.values()].map(String).some((value) => value.startsWith('[2,')),
    'what it tells is in the store',
  );
  old.stream.onClosed();
  t.is(server.xmpp.core.registry.size, 2);
  t.deepEqual(
    romeo.transport.take().map((xml) => xml.slice(0, 8)),
    ['<message'],
    'nobody sees anything',
  );
});

const refusals: readonly (readonly [what: string, attributes: (id: string) => string, answer: string])[] = [
  ['unknown', () => "previd='nobody' h='0'", failed('item-not-found')],
  ['no previd', () => "h='0'", failed('bad-request')],
  ['no h', (id) => `previd='${id}'`, failed('bad-request')],
  ['h is no number', (id) => `previd='${id}' h='x'`, failed('bad-request')],
  ['h is too large', (id) => `previd='${id}' h='99999999999'`, failed('bad-request')],
];
for (const [what, attributes, answer] of refusals) {
  test(`resume: ${what}; then the client may bind`, async (t) => {
    await using server = await ManagedServer.open();
    const juliet = await server.login('juliet@capulet.lit/balcony');
    juliet.drop();
    const again = new ManagedClient(server, 'juliet@capulet.lit/hall');
    again.send(`<resume xmlns='${SM}' ${attributes(juliet.id)}/>`);
    await server.settled();
    again.got(t, answer);
    again.bind();
    t.regex(await again.enable(), /^<enabled/);
  });
}

test('resume: of another account', async (t) => {
  await using server = await ManagedServer.open();
  const juliet = await server.login('juliet@capulet.lit/balcony');
  const romeo = new ManagedClient(server, 'romeo@capulet.lit/orchard');
  romeo.send(`<resume xmlns='${SM}' previd='${juliet.id}' h='0'/>`);
  await server.settled();
  romeo.got(t, failed('item-not-found'));
  t.false(juliet.stream.transport.closed);
  juliet.stream.stream.onEnd();
  romeo.send(`<resume xmlns='${SM}' previd='${juliet.id}' h='0'/>`);
  await server.settled();
  romeo.got(t, failed('item-not-found'));
});

test('resume: more is acknowledged than was sent', async (t) => {
  await using server = await ManagedServer.open();
  const juliet = await server.login('juliet@capulet.lit/balcony');
  juliet.drop();
  t.regex(
    await juliet.resume(server, 50),
    /<undefined-condition.*<handled-count-too-high xmlns='urn:xmpp:sm:3' h='50' send-count='3'\/>/,
  );
  t.true(juliet.stream.transport.closed);
  t.regex(await juliet.resume(), /^<resumed/, 'the session is none the worse for it');
});

test('resume: a client that has forgotten some of what it got goes on from there', async (t) => {
  await using server = await ManagedServer.open();
  const juliet = await server.login('juliet@capulet.lit/balcony');
  const romeo = await server.login('romeo@capulet.lit/orchard');
  juliet.acknowledge();
  juliet.drop();
  romeo.send(chat('juliet@capulet.lit', 'one'));
  juliet.handled = 1;
  t.regex(await juliet.resume(), /^<resumed/);
  await server.settled();
  t.deepEqual(juliet.bodies(), ['one']);
  juliet.acknowledge();
  t.false(juliet.stream.transport.closed);
  t.is(juliet.stream.stream.session?.management?.queue.length, 0);
});

test('the session is at its new address', async (t) => {
  await using server = await ManagedServer.open();
  const juliet = await server.login('juliet@capulet.lit/balcony');
  juliet.drop();
  const session = server.xmpp.core.registry.find(jid('juliet@capulet.lit/balcony'));
  await juliet.resume();
  t.is(juliet.stream.stream.session, session as never);
  juliet.send(`<iq type='get' id='x' to='capulet.lit'><query xmlns='nothing'/></iq>`, r);
  await server.settled();
  t.regex(juliet.take().join(''), /<a xmlns='urn:xmpp:sm:3' h='2'\/><iq type='error'/);
});

test('a kick ends a session without a stream', async (t) => {
  await using server = await ManagedServer.open();
  const juliet = await server.login('juliet@capulet.lit/balcony');
  juliet.drop();
  for (const session of server.xmpp.core.registry.of('juliet@capulet.lit')) session.close();
  t.is(server.xmpp.core.registry.size, 0);
  t.is(server.xmpp.server.managements.size, 0);
});

test('an account that is removed takes its sessions along', async (t) => {
  await using server = await ManagedServer.open();
  const juliet = await server.login('juliet@capulet.lit/balcony');
  juliet.drop();
  server.xmpp.core.accounts.remove('capulet.lit', 'juliet');
  await server.settled();
  t.is(server.xmpp.core.registry.of('juliet@capulet.lit').length, 0);
  t.deepEqual(server.stored, []);
});

test('the same resource again, without resumption: what was not acknowledged comes to it', async (t) => {
  await using server = await ManagedServer.open();
  const juliet = await server.login('juliet@capulet.lit/balcony');
  const romeo = await server.login('romeo@capulet.lit/orchard');
  juliet.acknowledge();
  juliet.drop();
  romeo.send(chat('juliet@capulet.lit/balcony', 'one'), chat('juliet@capulet.lit', 'two', 'normal'));
  const again = new ManagedClient(server, 'juliet@capulet.lit/balcony');
  again.bind();
  await again.enable();
  again.send('<presence/>');
  await server.settled();
  t.deepEqual(again.bodies(), ['one', 'two']);
});

test('sessions that await resumption make room for new ones', async (t) => {
  await using server = await ManagedServer.open();
  const { registry } = server.xmpp.core;
  const lost = [];
  for (let index = 0; index < 10; index += 1) lost.push(await server.login(`juliet@capulet.lit/${index}`));
  lost[3]?.drop();
  lost[5]?.drop();
  const resources = (): readonly string[] => registry.of('juliet@capulet.lit').map(({ jid: { resource } }) => resource);
  await server.login('juliet@capulet.lit/a');
  t.deepEqual(resources(), ['0', '1', '2', '4', '5', '6', '7', '8', '9', 'a']);
  await server.login('juliet@capulet.lit/5');
  t.is(resources().at(-1), '5');
  const last = new ManagedClient(server, 'juliet@capulet.lit/b');
  last.stream.bind('b');
  t.regex(last.take().join(''), /resource-constraint/);
});
