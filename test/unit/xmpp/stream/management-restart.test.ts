import test from 'ava';
import { chat, ManagedClient, ManagedServer, SM } from './managed-client.ts';

const r = `<r xmlns='${SM}'/>`;

for (const end of ['killed', 'restarted'] as const) {
  test(`${end}: the session goes on as if nothing had been`, async (t) => {
    const first = await ManagedServer.open();
    const juliet = await first.login('juliet@capulet.lit/balcony');
    const romeo = await first.login('romeo@capulet.lit/orchard');
    juliet.send(
      '<presence><priority>5</priority><status>here</status></presence>',
      "<presence to='room@chat.verona.lit/me'/>",
    );
    const before = juliet.stream.stream.session;
    if (before === undefined) return t.fail();
    before.carbons = true;
    before.interested = true;
    juliet.send("<iq type='get' id='x' to='capulet.lit'><query xmlns='nothing'/></iq>", r);
    await first.settled();
    juliet.acknowledge();
    romeo.acknowledge();
    romeo.send(chat('juliet@capulet.lit/balcony', 'one'), chat('juliet@capulet.lit/balcony', 'two'), r);
    await first.settled();
    romeo.take();
    const [h] = juliet.take().flatMap((xml) => (xml.startsWith('<message') ? [juliet.handled - 1] : []));
    await using second = await first[end]();

    t.is(second.xmpp.core.registry.size, 2);
    const nurse = second.xmpp.login('nurse@capulet.lit/hall');
    nurse.transport.take();
    // `two` was lost on the way.
    t.is(await juliet.resume(second, h), `<resumed xmlns='${SM}' previd='${juliet.id}' h='4'/>`);
    juliet.handled = h ?? 0;
    await second.settled();
    t.deepEqual(juliet.bodies(), ['two']);
    const after = juliet.stream.stream.session;
    t.deepEqual(
      [after?.priority, after?.carbons, after?.interested, [...(after?.directed ?? [])]],
      [5, true, true, ['room@chat.verona.lit/me']],
    );
    t.is(after?.presence?.child('status')?.getText(), 'here');
    nurse.got(t);
    juliet.acknowledge();
    t.is(await romeo.resume(second), `<resumed xmlns='${SM}' previd='${romeo.id}' h='3'/>`);
    romeo.send(chat('juliet@capulet.lit/balcony', 'three'));
    await second.settled();
    t.deepEqual(juliet.bodies(), ['three']);
    juliet.acknowledge();
    t.is(juliet.stream.stream.session?.management?.queue.length, 0);
    t.deepEqual(second.xmpp.core.faults, []);
    if (end === 'killed') await first[Symbol.asyncDispose]();
  });
}

test('killed before the commit: nothing was acknowledged, nothing was delivered', async (t) => {
  await using first = await ManagedServer.open();
  const juliet = await first.login('juliet@capulet.lit/balcony');
  const romeo = await first.login('romeo@capulet.lit/orchard');
  juliet.acknowledge();
  await first.settled();
  romeo.send(chat('juliet@capulet.lit', 'one'), chat('nurse@capulet.lit', 'two'), r);
  await using second = await first.killed();
  t.deepEqual(juliet.bodies(), []);
  t.deepEqual(
    romeo.take().filter((xml) => xml.startsWith('<a ')),
    [],
  );
  t.regex(await romeo.resume(second), / h='1'\/>$/);
  t.regex(await juliet.resume(second), /^<resumed/);
  romeo.send(chat('juliet@capulet.lit', 'one'), chat('nurse@capulet.lit', 'two'));
  await second.settled();
  t.deepEqual(juliet.bodies(), ['one']);
  const nurse = new ManagedClient(second, 'nurse@capulet.lit/hall');
  nurse.bind();
  nurse.send('<presence/>');
  t.deepEqual(nurse.bodies(), ['two']);
});

test('presence that is not stored leaves no hole in the numbers', async (t) => {
  await using first = await ManagedServer.open();
  const juliet = await first.login('juliet@capulet.lit/balcony');
  const romeo = await first.login('romeo@capulet.lit/orchard');
  juliet.acknowledge();
  await first.settled();
  const seen = juliet.handled;
  romeo.send(
    chat('juliet@capulet.lit/balcony', 'one'),
    '<presence><status>a</status></presence>',
    chat('juliet@capulet.lit/balcony', 'two'),
    '<presence><status>b</status></presence>',
    r,
  );
  await first.settled();
  // None of it arrived.
  juliet.take();
  juliet.handled = seen;
  await using second = await first.killed();
  t.regex(await juliet.resume(second), /^<resumed/);
  t.deepEqual(
    juliet.take().filter((xml) => xml.startsWith('<message')),
    [],
    'not before the new numbers are in the store',
  );
  await second.settled();
  const came = juliet.take();
  t.deepEqual(
    came.flatMap((xml) => /<body>(\w+)/.exec(xml)?.[1] ?? []),
    ['one', 'two'],
  );
  t.true(
    came.some((xml) => xml.startsWith('<presence') && xml.includes('>b<')),
    'presence as it is now',
  );
  juliet.acknowledge();
  t.false(juliet.stream.transport.closed);
  t.is(juliet.stream.stream.session?.management?.queue.length, 0);
  await using third = await second.killed();
  t.regex(await juliet.resume(third), /^<resumed/);
  t.deepEqual(juliet.bodies(), []);
});

test('presence that was sent and not stored may be acknowledged; a message that came meanwhile is not taken for it', async (t) => {
  await using first = await ManagedServer.open();
  const juliet = await first.login('juliet@capulet.lit/balcony');
  const romeo = await first.login('romeo@capulet.lit/orchard');
  juliet.acknowledge();
  await first.settled();
  romeo.send('<presence><status>a</status></presence>', '<presence><status>b</status></presence>');
  t.is(juliet.take().filter((xml) => xml.startsWith('<presence')).length, 2);
  await using second = await first.killed();
  const nurse = await second.login('nurse@capulet.lit/hall');
  nurse.send(chat('juliet@capulet.lit/balcony', 'one'));
  await second.settled();
  await using third = await second.killed();
  t.regex(await juliet.resume(third), /^<resumed/);
  await third.settled();
  t.deepEqual(juliet.bodies(), ['one']);
  juliet.acknowledge();
  t.false(juliet.stream.transport.closed);
});

test('a session whose time was over when the server came back ends as at any other time', async (t) => {
  await using first = await ManagedServer.open();
  const juliet = await first.login('juliet@capulet.lit/balcony');
  const romeo = await first.login('romeo@capulet.lit/orchard');
  juliet.acknowledge();
  juliet.drop();
  romeo.send(chat('juliet@capulet.lit/balcony', 'one'), chat('juliet@capulet.lit', 'two'), r);
  await first.settled();
  await using second = await first.killed(301_000);
  t.is(second.xmpp.core.registry.size, 1, 'romeo had a stream to the end');
  t.is(
    await juliet.resume(second),
    `<failed xmlns='${SM}' h='1'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>`,
  );
  t.regex(await romeo.resume(second), /^<resumed/);
  await second.settled();
  t.true(romeo.take().some((xml) => xml.includes("from='juliet@capulet.lit/balcony'") && xml.includes('unavailable')));
  juliet.bind();
  juliet.send('<presence/>');
  t.deepEqual(juliet.bodies(), ['one', 'two']);
  await second.settled();
  t.is(second.stored.filter((key) => key.includes(juliet.id)).length, 0);
});

test('what is left of its time counts', async (t) => {
  await using first = await ManagedServer.open();
  const juliet = await first.login('juliet@capulet.lit/balcony');
  juliet.drop();
  await first.settled();
  await using second = await first.killed(200_000);
  t.is(second.xmpp.core.registry.size, 1);
  second.clock.pass(101_000);
  t.is(second.xmpp.core.registry.size, 0);
});

test('an ended session is remembered over a restart', async (t) => {
  await using first = await ManagedServer.open();
  const juliet = await first.login('juliet@capulet.lit/balcony');
  juliet.send('<presence/>', '<presence/>');
  juliet.stream.stream.onEnd();
  await first.settled();
  await using second = await first.killed();
  t.regex(await juliet.resume(second), /^<failed xmlns='urn:xmpp:sm:3' h='3'>/);
});

test('an offline message is in the store once, wherever the server dies', async (t) => {
  await using first = await ManagedServer.open();
  const romeo = await first.login('romeo@capulet.lit/orchard');
  romeo.send(chat('juliet@capulet.lit', 'one'), r);
  await first.settled();
  const juliet = new ManagedClient(first, 'juliet@capulet.lit/balcony');
  juliet.bind();
  await juliet.enable();
  await first.settled();
  juliet.send('<presence/>');
  await using early = await first.killed();
  t.regex(await juliet.resume(early), / h='0'\/>$/);
  juliet.send('<presence/>');
  await early.settled();
  await using late = await early.killed();
  t.regex(await juliet.resume(late, 0), / h='1'\/>$/);
  juliet.handled = 0;
  await late.settled();
  t.deepEqual(juliet.bodies(), ['one']);
  t.is(late.xmpp.core.im.offline.count((await import('#test/helpers/xml.ts')).jid('juliet@capulet.lit')), 0);
});

test('sessions that are not to be kept are not', async (t) => {
  await using first = await ManagedServer.open({ persistent: false });
  const juliet = await first.login('juliet@capulet.lit/balcony');
  juliet.send('<presence/>', r);
  await first.settled();
  t.deepEqual(first.stored, []);
  juliet.drop();
  t.regex(await juliet.resume(), /^<resumed/);
  await using second = await first.killed();
  t.is(second.xmpp.core.registry.size, 0);
});

test('what comes and is acknowledged between two commits costs no write', async (t) => {
  await using server = await ManagedServer.open();
  const juliet = await server.login('juliet@capulet.lit/balcony');
  const romeo = server.xmpp.login('romeo@capulet.lit/orchard');
  await server.settled();
  const { groups, operations } = server.xmpp.core.store.stats;
  romeo.send('<presence><status>a</status></presence>');
  juliet.acknowledge();
  await server.settled();
  t.is(server.xmpp.core.store.stats.groups, groups);
  // A message: the stanza and the counters; its acknowledgement: the same again.
  romeo.send(chat('juliet@capulet.lit', 'one'));
  await server.settled();
  juliet.acknowledge();
  await server.settled();
  t.is(server.xmpp.core.store.stats.groups, groups + 2);
  t.is(server.xmpp.core.store.stats.operations, operations + 4);
});
