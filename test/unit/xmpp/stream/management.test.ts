import test from 'ava';
import { TestStream } from '#test/helpers/xmpp.ts';
import { same } from '#test/helpers/xml.ts';
import { chat, ManagedClient, ManagedServer, SM } from './managed-client.ts';

const failed = (condition: string, h = ''): string =>
  `<failed xmlns='${SM}'${h}><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>`;
const r = `<r xmlns='${SM}'/>`;
const a = (h: number): string => `<a xmlns='${SM}' h='${h}'/>`;

test('announced after authentication, until it is in use', async (t) => {
  await using server = await ManagedServer.open();
  const stream = new TestStream(server.xmpp, {});
  t.false(stream.transport.take().join('').includes(SM));
  stream.authenticate('juliet@capulet.lit');
  t.regex(
    stream.transport.take().join(''),
    /<sm xmlns='urn:xmpp:sm:3'\/><sm xmlns='urn:xmpp:sm:2'\/>.*<csi xmlns='urn:xmpp:csi:0'\/>/,
  );
});

const enabling: readonly (readonly [
  what: string,
  options: Record<string, unknown>,
  attributes: string,
  answer: string,
])[] = [
  ['without resumption', {}, '', `<enabled xmlns='${SM}'/>`],
  ['resume is false', {}, "resume='false'", `<enabled xmlns='${SM}'/>`],
  ['resume', {}, "resume='true'", `<enabled xmlns='${SM}' id='*' resume='true' max='300'/>`],
  ['resume, the other spelling', {}, "resume='1'", `<enabled xmlns='${SM}' id='*' resume='true' max='300'/>`],
  ['a shorter time', {}, "resume='true' max='60'", `<enabled xmlns='${SM}' id='*' resume='true' max='60'/>`],
  ['a longer time', {}, "resume='true' max='3000'", `<enabled xmlns='${SM}' id='*' resume='true' max='3000'/>`],
  ['too long a time', {}, "resume='true' max='99999'", `<enabled xmlns='${SM}' id='*' resume='true' max='3600'/>`],
  ['nonsense for a time', {}, "resume='true' max='soon'", `<enabled xmlns='${SM}' id='*' resume='true' max='300'/>`],
  ['resumption is off', { resume: false }, "resume='true'", `<enabled xmlns='${SM}'/>`],
  [
    'a rule',
    { timeout_rule: 'max_sessions' },
    "resume='true' max='60'",
    `<enabled xmlns='${SM}' id='*' resume='true' max='10'/>`,
  ],
];
for (const [what, options, attributes, answer] of enabling) {
  test(`enable: ${what}`, async (t) => {
    await using server = await ManagedServer.open(options);
    const juliet = new ManagedClient(server, 'juliet@capulet.lit/balcony');
    juliet.bind();
    same(t, [await juliet.enable(attributes)], [answer]);
  });
}

test('enable: not before a resource is bound, not twice', async (t) => {
  await using server = await ManagedServer.open();
  const juliet = new ManagedClient(server, 'juliet@capulet.lit/balcony');
  juliet.send(`<enable xmlns='${SM}'/>`);
  juliet.got(t, failed('unexpected-request'));
  for (const element of [r, a(0)]) {
    juliet.send(element);
    juliet.got(t, failed('unexpected-request'));
  }
  juliet.bind();
  await juliet.enable();
  juliet.send(`<enable xmlns='${SM}'/>`, `<resume xmlns='${SM}' previd='${juliet.id}' h='0'/>`);
  juliet.got(t, failed('unexpected-request'), failed('unexpected-request'));
});

test('enable: nobody who has not authenticated', async (t) => {
  await using server = await ManagedServer.open();
  const stream = new TestStream(server.xmpp, {});
  stream.transport.take();
  stream.send(`<enable xmlns='${SM}'/>`);
  t.regex(stream.transport.take().join(''), /<not-authorized/);
});

test('version 2 is spoken to those who speak it', async (t) => {
  await using server = await ManagedServer.open();
  const juliet = new ManagedClient(server, 'juliet@capulet.lit/balcony');
  juliet.bind();
  juliet.send("<enable xmlns='urn:xmpp:sm:2'/>", '<presence/>', "<r xmlns='urn:xmpp:sm:2'/>");
  await server.settled();
  const came = juliet.take();
  t.is(came[0], "<enabled xmlns='urn:xmpp:sm:2'/>");
  t.is(came[2], "<r xmlns='urn:xmpp:sm:2'/>");
  t.is(came.at(-1), "<a xmlns='urn:xmpp:sm:2' h='1'/>");
});

test('a client learns the id of its session when a restart would bring it back', async (t) => {
  await using server = await ManagedServer.open();
  const juliet = new ManagedClient(server, 'juliet@capulet.lit/balcony');
  juliet.bind();
  juliet.send(`<enable xmlns='${SM}' resume='true'/>`);
  juliet.got(t);
  await server.settled();
  juliet.got(t, `<enabled xmlns='${SM}' id='*' resume='true' max='300'/>`);
  t.true(server.stored.some((key) => key.startsWith('sm-session')));
});

test('counts stanzas, and nothing else', async (t) => {
  await using server = await ManagedServer.open();
  const juliet = await server.login('juliet@capulet.lit/balcony');
  juliet.send(r);
  juliet.got(t, a(1));
  juliet.send(
    chat('romeo@capulet.lit', 'one'),
    chat('romeo@capulet.lit', 'two'),
    "<active xmlns='urn:xmpp:csi:0'/>",
    r,
    r,
  );
  await server.settled();
  juliet.got(t, a(3));
});

test('h begins again at zero behind 2^32 - 1', async (t) => {
  await using server = await ManagedServer.open();
  const juliet = await server.login('juliet@capulet.lit/balcony');
  const management = juliet.stream.stream.session?.management;
  if (management === undefined) return t.fail();
  management.inbound = 2 ** 32 - 1;
  juliet.send('<presence/>', r);
  await server.settled();
  t.true(juliet.take().includes(a(0)));
  // Outbound: as if the client had been sent that many.
  juliet.acknowledge();
  management.queue.renumber(2 ** 32 - 2);
  management.resume(juliet.stream.stream, 2 ** 32 - 2);
  management.replay();
  const romeo = await server.login('romeo@capulet.lit/orchard');
  juliet.take();
  romeo.send(chat('juliet@capulet.lit/balcony', 'one'), chat('juliet@capulet.lit/balcony', 'two'));
  await server.settled();
  t.deepEqual(juliet.bodies(), ['one', 'two']);
  juliet.send(a(1));
  t.is(management.queue.length, 0);
  t.false(juliet.stream.transport.closed);
});

test('an acknowledgement waits until what it counts is in the store', async (t) => {
  await using server = await ManagedServer.open();
  const juliet = await server.login('juliet@capulet.lit/balcony');
  juliet.send(chat('nurse@capulet.lit', 'stored'), r);
  juliet.got(t);
  t.false([...server.data.entries.values()].some((value) => String(value).includes('stored')));
  await server.settled();
  juliet.got(t, a(2));
  const values = [...server.data.entries.values()].map(String);
  t.true(
    values.some((value) => value.includes('<body>stored</body>')),
    'the message',
  );
  t.true(values.includes('[2,3,3]'), 'and, with it, what is counted');
});

test('a message goes out when a crash cannot undo it', async (t) => {
  await using server = await ManagedServer.open();
  const juliet = await server.login('juliet@capulet.lit/balcony');
  const romeo = await server.login('romeo@capulet.lit/orchard');
  juliet.acknowledge();
  romeo.send(chat('juliet@capulet.lit/balcony', 'soft'), '<presence><status>here</status></presence>');
  t.deepEqual(juliet.bodies(), [], 'nothing before the group is committed, and nothing overtakes it');
  await server.settled();
  const came = juliet.take();
  t.is(came.length, 3);
  t.regex(came[0] ?? '', /<body>soft<\/body>/);
  t.regex(came[1] ?? '', /^<presence/);
  t.is(came[2], r);
});

test('presence alone waits for nothing, and is not stored', async (t) => {
  await using server = await ManagedServer.open();
  const juliet = await server.login('juliet@capulet.lit/balcony');
  const romeo = server.xmpp.login('romeo@capulet.lit/orchard');
  t.is(juliet.take().filter((xml) => xml.startsWith('<presence')).length, 1);
  const groups = server.xmpp.core.store.stats.groups;
  romeo.send('<presence><status>here</status></presence>');
  t.is(juliet.take().length, 1);
  await server.settled();
  t.is(server.xmpp.core.store.stats.groups, groups);
});

test('asks for acknowledgement behind the first stanza, then one at a time', async (t) => {
  await using server = await ManagedServer.open();
  const juliet = await server.login('juliet@capulet.lit/balcony');
  const romeo = await server.login('romeo@capulet.lit/orchard');
  juliet.acknowledge();
  const count = async (body: string): Promise<number> => {
    romeo.send(chat('juliet@capulet.lit/balcony', body));
    await server.settled();
    return juliet.take().filter((xml) => xml === r).length;
  };
  t.deepEqual([await count('1'), await count('2'), await count('3')], [1, 0, 0]);
  juliet.send(a(juliet.handled - 2));
  juliet.got(t, r);
  juliet.send(a(juliet.handled - 2));
  juliet.got(t);
  juliet.send(a(juliet.handled));
  juliet.got(t);
});

test('a client that does not acknowledge is cut off, and keeps its session', async (t) => {
  await using server = await ManagedServer.open({ ack_timeout: '10s' });
  const juliet = await server.login('juliet@capulet.lit/balcony');
  const romeo = await server.login('romeo@capulet.lit/orchard');
  juliet.acknowledge();
  romeo.send(chat('juliet@capulet.lit/balcony', 'soft'));
  await server.settled();
  server.clock.pass(11_000);
  t.true(juliet.stream.transport.closed);
  t.regex(juliet.take().at(-1) ?? '', /<connection-timeout/);
  t.regex(await juliet.resume(), /^<resumed /);
});

const acknowledging: readonly (readonly [what: string, element: string, answer: RegExp])[] = [
  [
    'more than was sent',
    a(100),
    /<undefined-condition[^>]*\/><text.*You acknowledged 100 stanzas, but I only sent you \d+ so far.*<handled-count-too-high xmlns='urn:xmpp:sm:3' h='100' send-count='\d+'\/>/,
  ],
  ['one more than was sent', a(4), /<handled-count-too-high xmlns='urn:xmpp:sm:3' h='4' send-count='3'\/>/],
  ['nothing', `<a xmlns='${SM}'/>`, /<bad-format/],
  ['no number', `<a xmlns='${SM}' h='many'/>`, /<bad-format/],
  ['less than nothing', `<a xmlns='${SM}' h='-1'/>`, /<bad-format/],
  ['more than an unsignedInt', `<a xmlns='${SM}' h='4294967296'/>`, /<bad-format/],
];
for (const [what, element, answer] of acknowledging) {
  test(`acknowledges ${what}`, async (t) => {
    await using server = await ManagedServer.open();
    const juliet = await server.login('juliet@capulet.lit/balcony');
    juliet.send(element);
    t.regex(juliet.take().join(''), answer);
    t.true(juliet.stream.transport.closed);
    t.is(server.xmpp.core.registry.size, 0);
    await server.settled();
    t.deepEqual(server.stored, []);
  });
}

test('an old acknowledgement changes nothing', async (t) => {
  await using server = await ManagedServer.open();
  const juliet = await server.login('juliet@capulet.lit/balcony');
  juliet.send(a(0), a(1), a(0));
  t.false(juliet.stream.transport.closed);
});

test('what does not fit into the queue ends the session, and goes elsewhere in order', async (t) => {
  await using server = await ManagedServer.open({ queue: 20 });
  const juliet = await server.login('juliet@capulet.lit/balcony');
  const romeo = await server.login('romeo@capulet.lit/orchard');
  juliet.acknowledge();
  const bodies = Array.from({ length: 25 }, (_, index) => `m${index}`);
  for (const body of bodies) romeo.send(chat('juliet@capulet.lit/balcony', body));
  await server.settled();
  t.true(juliet.stream.transport.closed);
  t.regex(juliet.take().at(-1) ?? '', /<resource-constraint/);
  const hall = new ManagedClient(server, 'juliet@capulet.lit/hall');
  hall.bind();
  hall.send('<presence/>');
  t.deepEqual(hall.bodies(), bodies);
});

test('a slow reader gets no more than it can take, and the rest when it has', async (t) => {
  await using server = await ManagedServer.open();
  const juliet = await server.login('juliet@capulet.lit/balcony');
  const romeo = await server.login('romeo@capulet.lit/orchard');
  juliet.acknowledge();
  const { transport } = juliet.stream;
  transport.buffered = server.xmpp.server.options.queueBytes;
  romeo.send(chat('juliet@capulet.lit/balcony', 'one'), chat('juliet@capulet.lit/balcony', 'two'));
  await server.settled();
  t.deepEqual(juliet.take(), [r]);
  transport.buffered = 0;
  juliet.acknowledge();
  t.deepEqual(juliet.bodies(), ['one', 'two']);
});

test('offline messages come in portions that fit into the queue', async (t) => {
  await using server = await ManagedServer.open({ queue: 16 });
  const romeo = server.xmpp.login('romeo@capulet.lit/orchard');
  const bodies = Array.from({ length: 40 }, (_, index) => `m${index}`);
  for (const body of bodies) romeo.send(chat('juliet@capulet.lit', body));
  const juliet = new ManagedClient(server, 'juliet@capulet.lit/balcony');
  juliet.bind();
  await juliet.enable();
  juliet.send('<presence/>');
  const came: string[] = [];
  for (let turn = 0; turn < 12; turn += 1) {
    await server.settled();
    came.push(...juliet.bodies());
    juliet.send(a(juliet.handled));
  }
  t.deepEqual(came, bodies);
  t.false(juliet.stream.transport.closed);
});
