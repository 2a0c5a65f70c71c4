import { hostname } from 'node:os';
import test from 'ava';
import { jid, same } from '#test/helpers/xml.ts';
import { type TestSession, World } from './fixture.ts';

async function withSessions(): Promise<{
  readonly world: World;
  readonly phone: TestSession;
  readonly desk: TestSession;
}> {
  const world = await World.open();
  await world.accounts('juliet', 'romeo');
  const phone = world.connect(
    'juliet@example.org/phone',
    '<presence><show>away</show><status>out</status><priority>5</priority></presence>',
  );
  const desk = world.connect('juliet@example.org/desk', '<presence/>');
  world.connect('romeo@example.org/orchard');
  phone.received.length = 0;
  return { world, phone, desk };
}

test('sessions are listed', async (t) => {
  const { world } = await withSessions();
  await using open = world;
  t.deepEqual(await open.run('connected_users'), [
    'juliet@example.org/phone',
    'juliet@example.org/desk',
    'romeo@example.org/orchard',
  ]);
  t.is(await open.run('connected_users_number'), 3);
  t.is(((await open.run('connected_users_vhost', 'example.org')) as readonly string[]).length, 3);
  t.deepEqual(await open.run('connected_users_vhost', 'example.net'), []);
  t.deepEqual(await open.run('user_resources', 'juliet', 'example.org'), ['phone', 'desk']);
  t.is(await open.run('num_resources', 'juliet', 'example.org'), 2);
  t.is(await open.run('stats', 'onlineusers'), 2);
  t.is(await open.run('stats_host', 'onlineusers', 'example.org'), 2);
  t.is(await open.run('stats_host', 'onlineusers', 'example.net'), 0);
});

test('sessions are described with the columns that scripts know', async (t) => {
  const { world } = await withSessions();
  await using open = world;
  const rows = (await open.run('connected_users_info')) as readonly Record<string, unknown>[];
  t.deepEqual(Object.keys(rows[0] ?? {}), [
    'jid',
    'connection',
    'ip',
    'port',
    'priority',
    'node',
    'uptime',
    'status',
    'resource',
    'statustext',
  ]);
  t.like(rows[0], {
    jid: 'juliet@example.org/phone',
    connection: 'c2s_tls',
    ip: '192.0.2.7',
    port: 40_000,
    priority: 5,
    node: hostname(),
  });
  t.like(rows[0], { status: 'away', resource: 'phone', statustext: 'out' });
  t.like(rows[1], { status: 'available', priority: 0, statustext: '' });
  t.like(rows[2], { status: 'unavailable', priority: 'nil' });
  const own = (await open.run('user_sessions_info', 'juliet', 'example.org')) as readonly Record<string, unknown>[];
  t.deepEqual(
    own.map(({ resource }) => resource),
    ['phone', 'desk'],
  );
  t.false('jid' in (own[0] ?? {}));
});

test('one session is ended, with a reason', async (t) => {
  const { desk, phone, world } = await withSessions();
  await using open = world;
  t.true(await open.run('kick_session', 'juliet', 'example.org', 'phone', 'maintenance'));
  t.deepEqual(phone.closed, { condition: 'policy-violation', text: 'maintenance' });
  t.is(desk.closed, undefined);
  t.deepEqual(await open.run('user_resources', 'juliet', 'example.org'), ['desk']);
  t.is(
    await open.refused(t, 'kick_session', 'juliet', 'example.org', 'phone'),
    '404 juliet@example.org has no session "phone"',
  );
  t.is(await open.refused(t, 'kick_session', 'juliet', 'example.org', ''), '404 juliet@example.org has no session ""');
});

test('all sessions of an account are ended', async (t) => {
  const { desk, phone, world } = await withSessions();
  await using open = world;
  t.is(await open.run('kick_user', 'juliet', 'example.org'), 2);
  t.not(desk.closed, undefined);
  t.not(phone.closed, undefined);
  t.is(await open.run('kick_user', 'juliet', 'example.org'), 0);
});

test('a message goes out as if the sender had sent it, or waits', async (t) => {
  const { phone, world } = await withSessions();
  await using open = world;
  t.true(
    await open.run('send_message', 'chat', 'romeo@example.org/balcony', 'juliet@example.org', 'Hi', 'a < b & "c"'),
  );
  same(t, phone.received, [
    `<message type='chat' id='*' from='romeo@example.org/balcony' to='juliet@example.org'><subject>Hi</subject><body>a &lt; b &amp; "c"</body></message>`,
  ]);
  await open.run('kick_user', 'juliet', 'example.org');
  t.true(await open.run('send_message', 'chat', 'romeo@example.org', 'juliet@example.org', '', 'later'));
  t.is(await open.run('get_offline_count', 'juliet', 'example.org'), 1);
  t.is(open.parts.store.barrier(), undefined);
});

test('a stanza goes out with the addresses given', async (t) => {
  const { phone, world } = await withSessions();
  await using open = world;
  const xml = `<message from='x@y' to='z@y' type='headline'><x xmlns='urn:x'><y a='1'/></x><body>News</body></message>`;
  t.true(await open.run('send_stanza', 'news.example.org', 'juliet@example.org/phone', xml));
  same(t, phone.received, [
    `<message from='news.example.org' to='juliet@example.org/phone' type='headline'><x xmlns='urn:x'><y a='1'/></x><body>News</body></message>`,
  ]);
  phone.received.length = 0;
  t.true(
    await open.run(
      'send_stanza',
      'news.example.org',
      'juliet@example.org/phone',
      `<presence xmlns='jabber:client'><show>dnd</show></presence>`,
    ),
  );
  same(t, phone.received, [
    `<presence from='news.example.org' to='juliet@example.org/phone'><show>dnd</show></presence>`,
  ]);
});

const SENDERS = ['romeo@example.org', 'juliet@example.org/phone'] as const;
const deep = `<message>${'<a>'.repeat(70)}${'</a>'.repeat(70)}</message>`;
const badStanzas: readonly (readonly [what: string, xml: string, error: RegExp])[] = [
  ['no XML', 'hello', /^400 the stanza is refused: /],
  ['nothing', '', /^400 the stanza is refused: /],
  ['cut off', '<message><body>', /^400 the stanza is refused: /],
  ['two of them', '<message/><message/>', /^400 the stanza is refused: /],
  ['a DTD', '<!DOCTYPE m [<!ENTITY e "x">]><message>&e;</message>', /^400 the stanza is refused: restricted-xml/],
  ['an unknown entity', '<message><body>&e;</body></message>', /^400 the stanza is refused: /],
  ['a comment', '<message><!-- x --></message>', /^400 the stanza is refused: restricted-xml/],
  ['too deep', deep, /^400 the stanza is refused: policy-violation/],
  [
    'too large',
    `<message><body>${'x'.repeat(262_144)}</body></message>`,
    /^400 the stanza is refused: policy-violation/,
  ],
  ['too many elements', `<message>${'<a/>'.repeat(10_001)}</message>`, /^400 the stanza is refused: policy-violation/],
  ['another element', '<stream/>', /^400 "stream" is no message, presence or iq/],
  ['another namespace', `<message xmlns='urn:x'/>`, /^400 "message" is no message/],
  ['a prefix', `<c:message xmlns:c='jabber:client'/>`, /^400 "message" is no message/],
  ['an unbound prefix', '<message><x:y/></message>', /^400 the stanza is refused: /],
  ['an iq without id', `<iq type='get'><query xmlns='urn:x'/></iq>`, /^400 an iq needs/],
  ['an iq of no type', `<iq id='1' type='ask'><query xmlns='urn:x'/></iq>`, /^400 an iq needs/],
  ['a control character', '<message><body>\u0001</body></message>', /^400 the stanza is refused: /],
];

for (const [what, xml, error] of badStanzas) {
  test(`send_stanza refuses ${what}`, async (t) => {
    const { phone, world } = await withSessions();
    await using open = world;
    t.regex(await open.refused(t, 'send_stanza', ...SENDERS, xml), error);
    t.is(phone.received.length, 0);
  });
}

const badMessages: readonly (readonly [given: readonly string[], error: string])[] = [
  [['shout', 'a@b', 'c@d', '', 'x'], '400 there is no type "shout"'],
  [['chat', '@', 'juliet@example.org', '', 'x'], '400 the sender "@" is no address'],
  [['chat', 'a@b', 'juliet@', '', 'x'], '400 the receiver "juliet@" is no address'],
  [['chat', 'a@b', 'nobody@example.org', '', 'x'], '503 service-unavailable'],
  [['chat', 'a@b', 'x@elsewhere.example', '', 'x'], '404 remote-server-not-found'],
  [['chat', 'a@b', 'juliet@example.org', '', 'x'.repeat(262_145)], '400 the body has at most 262144 bytes'],
];

for (const [given, error] of badMessages) {
  test(`send_message refuses: ${error}`, async (t) => {
    const { world } = await withSessions();
    await using open = world;
    const told = await open.refused(t, 'send_message', ...given);
    t.true(told.startsWith(error), told);
  });
}

test('a roster is read and changed, and its owner is told', async (t) => {
  const { phone, world } = await withSessions();
  await using open = world;
  phone.interested = true;
  t.true(
    await open.run(
      'add_rosteritem',
      'juliet',
      'example.org',
      'romeo',
      'example.org',
      'Romeo M.',
      'Friends;Verona;Friends',
      'both',
    ),
  );
  t.deepEqual(await open.run('get_roster', 'juliet', 'example.org'), [
    {
      jid: 'romeo@example.org',
      nick: 'Romeo M.',
      subscription: 'both',
      pending: 'none',
      groups: ['Friends', 'Verona'],
    },
  ]);
  t.true(phone.received.some((one) => one.kind === 'iq' && one.type === 'set'));
  t.true(await open.run('add_rosteritem', 'juliet', 'example.org', 'romeo', 'example.org', '', '', 'none'));
  t.deepEqual(await open.run('get_roster', 'juliet', 'example.org'), [
    { jid: 'romeo@example.org', nick: '', subscription: 'none', pending: 'none', groups: [] },
  ]);
  t.true(await open.run('delete_rosteritem', 'juliet', 'example.org', 'romeo', 'example.org'));
  t.deepEqual(await open.run('get_roster', 'juliet', 'example.org'), []);
  t.is(open.parts.store.barrier(), undefined);
});

test('what is pending is told', async (t) => {
  await using world = await World.open();
  await world.accounts('juliet');
  const { roster } = world.server.im;
  for (const [contact, state] of [
    ['a', 'none+in'],
    ['b', 'none+out'],
    ['c', 'none+out+in'],
    ['d', 'to'],
  ] as const) {
    roster.put(jid('juliet@example.org'), {
      jid: `${contact}@example.org`,
      groups: [],
      state,
      listed: state !== 'none+in',
    });
  }
  const rows = (await world.run('get_roster', 'juliet', 'example.org')) as readonly Record<string, string>[];
  t.deepEqual(
    rows.map(({ pending, subscription }) => [subscription, pending]),
    [
      ['none', 'in'],
      ['none', 'out'],
      ['none', 'both'],
      ['to', 'none'],
    ],
  );
});

test('presence follows a subscription that an operator makes and ends', async (t) => {
  await using world = await World.open();
  await world.accounts('juliet', 'romeo');
  const juliet = world.connect('juliet@example.org/phone', '<presence/>');
  const romeo = world.connect('romeo@example.org/orchard', '<presence/>');
  await world.run('add_rosteritem', 'juliet', 'example.org', 'romeo', 'example.org', '', '', 'from');
  same(t, romeo.received.splice(0), [`<presence from='juliet@example.org/phone' to='romeo@example.org'/>`]);
  await world.run('add_rosteritem', 'romeo', 'example.org', 'juliet', 'example.org', '', '', 'both');
  same(t, juliet.received.splice(0), [`<presence from='romeo@example.org/orchard' to='juliet@example.org'/>`]);
  // The new subscription to her is asked for with a probe, which her server answers.
  same(t, romeo.received.splice(0), [`<presence from='juliet@example.org/phone' to='romeo@example.org/orchard'/>`]);
  await world.run('add_rosteritem', 'juliet', 'example.org', 'romeo', 'example.org', '', '', 'none');
  same(t, romeo.received.splice(0), [
    `<presence type='unavailable' from='juliet@example.org/phone' to='romeo@example.org'/>`,
  ]);
});

const badItems: readonly (readonly [given: readonly string[], error: string])[] = [
  [['juliet', 'example.org', 'romeo', 'example.org', '', '', 'all'], '400 "all" is none of none, from, to, both'],
  [['juliet', 'example.org', 'juliet', 'example.org', '', '', 'both'], '400 an account is no contact of its own'],
  [['juliet', 'example.org', 'a b', 'example.org', '', '', 'both'], '400 "a b@example.org" is no address'],
  [['nobody', 'example.org', 'romeo', 'example.org', '', '', 'both'], '404 there is no account nobody@example.org'],
  [
    ['juliet', 'example.org', 'romeo', 'example.org', 'x'.repeat(1024), '', 'both'],
    '400 a name or a group has at most 1023 bytes',
  ],
  [
    ['juliet', 'example.org', 'romeo', 'example.org', '', Array.from({ length: 65 }, (_, n) => n).join(';'), 'both'],
    '400 a contact has at most 64 groups',
  ],
];

for (const [given, error] of badItems) {
  test(`add_rosteritem refuses: ${error}`, async (t) => {
    const { world } = await withSessions();
    await using open = world;
    t.is(await open.refused(t, 'add_rosteritem', ...given), error);
  });
}

test('a roster that is full takes no more', async (t) => {
  await using world = await World.open({ settings: 'quotas: {roster_items: 1}' });
  await world.accounts('juliet');
  await world.run('add_rosteritem', 'juliet', 'example.org', 'a', 'example.org', '', '', 'none');
  t.is(
    await world.refused(t, 'add_rosteritem', 'juliet', 'example.org', 'b', 'example.org', '', '', 'none'),
    '503 resource-constraint: the roster is full',
  );
  t.is(
    await world.refused(t, 'delete_rosteritem', 'juliet', 'example.org', 'b', 'example.org'),
    '404 b@example.org is no contact of juliet@example.org',
  );
});
