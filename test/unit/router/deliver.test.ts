/** RFC 6121 section 8.5: every cell of Table 1, then presence and iq. */
import test from 'ava';
import { errorOf, TestCore, type TestSession } from '#test/helpers/core.ts';
import { jid, same } from '#test/helpers/xml.ts';

const JULIET = 'juliet@capulet.lit';
const ROMEO = 'romeo@capulet.lit';

/**
 * Section 8.5.4, as the document prints it. O stored offline, E error, S silently ignored, D to the resource addressed, M to the most
 * available, A to all that are not negative. Of what it leaves open (`/`) the server takes: an error rather than silence for an account
 * that does not exist, storage rather than an error, the most available for normal and chat.
 */
const table = `
  account does not exist
   bare          | S/E | S/E | E   | S
   full          | S/E | S/E | S/E | S/E
  no active resources
   bare          | O/E | O/E | E   | S
   full no match | S/E | O/E | S/E | S/E
  negative resources only
   bare          | O/E | O/E | E   | S
   full match    | D   | D   | D   | D
   full no match | S/E | O/E | S/E | S/E
  one non-negative resource
   bare          | D   | D   | E   | D
   full match    | D   | D   | D   | D
   full no match | S/E | D   | S/E | S/E
  several non-negative resources
   bare          | M/A | M/A | E   | A
   full match    | D   | D/A | D   | D
   full no match | S/E | M/A | S/E | S/E`;

const types = ['normal', 'chat', 'groupchat', 'headline'] as const;
/** Priorities of Juliet's resources r0, r1, …; undefined where the account does not exist. */
const conditions: Readonly<Record<string, readonly number[] | undefined>> = {
  'account does not exist': undefined,
  'no active resources': [],
  'negative resources only': [-1, -5],
  'one non-negative resource': [0],
  'several non-negative resources': [1, 5, 5, -1],
};

interface Cell {
  readonly condition: string;
  readonly address: string;
  readonly type: (typeof types)[number];
  readonly allowed: readonly string[];
}

function cells(): readonly Cell[] {
  const found: Cell[] = [];
  let condition = '';
  for (const line of table.split('\n').map((one) => one.trim())) {
    const [address = '', ...columns] = line.split('|').map((part) => part.trim());
    if (columns.length === 0) condition = address;
    else
      for (const [index, type] of types.entries())
        found.push({ condition, address, type, allowed: (columns[index] ?? '').split('/') });
  }
  return found;
}

/** What happened to a message, in the letters of the table. */
async function outcome(
  priorities: readonly number[] | undefined,
  to: string,
  type: string,
): Promise<readonly string[]> {
  await using core = await TestCore.open({ accounts: priorities === undefined ? [ROMEO] : [JULIET, ROMEO] });
  const sessions = (priorities ?? []).map((priority, index) => core.login(`${JULIET}/r${index}`, priority));
  for (const session of sessions) session.take();
  const romeo = core.login(`${ROMEO}/orchard`);
  romeo.send(`<message to='${to}' type='${type}' id='m'><body>hi</body></message>`);
  const takers = sessions.flatMap((session, index) => (session.take().length === 1 ? [`r${index}`] : []));
  const [error] = romeo.take();
  if (core.im.offline.count(jid(JULIET)) === 1) return ['O'];
  if (error !== undefined) return errorOf(error) === 'service-unavailable/cancel' ? ['E'] : ['?'];
  if (takers.length === 0) return ['S'];
  const best = Math.max(...(priorities ?? []));
  const named = takers.length === 1 && (to.endsWith(`/${takers[0]}`) || sessions.length === 1);
  const letters = named ? ['D'] : [];
  const ofPriority = (accepts: (priority: number) => boolean) =>
    (priorities ?? []).flatMap((priority, index) => (accepts(priority) ? [`r${index}`] : []));
  if (takers.join() === ofPriority((priority) => priority === best).join()) letters.push('M');
  if (takers.join() === ofPriority((priority) => priority >= 0).join()) letters.push('A');
  return letters;
}

for (const { address, allowed, condition, type } of cells()) {
  test(`${condition}, ${address}, ${type}: ${allowed.join(' or ')}`, async (t) => {
    const to = address === 'bare' ? JULIET : `${JULIET}/${address === 'full match' ? 'r0' : 'other'}`;
    const letters = await outcome(conditions[condition], to, type);
    t.true(
      letters.some((letter) => allowed.includes(letter)),
      `happened: ${letters.join() || 'something else'}`,
    );
  });
}

test('the table has all of its 52 cells', (t) => t.is(cells().length, 52));

for (const [type, to] of [
  ['error', JULIET],
  ['error', `${JULIET}/other`],
] as const) {
  test(`a message of type ${type} to ${to} is ignored`, async (t) => {
    t.deepEqual(await outcome([0], to, type), ['S']);
  });
}

test('a message of type error reaches the resource that it names', async (t) => {
  t.true((await outcome([0], `${JULIET}/r0`, 'error')).includes('D'));
});

test('the address of a message is not rewritten (section 8.5.2.1.1)', async (t) => {
  await using core = await TestCore.open({ accounts: [JULIET, ROMEO] });
  const juliet = core.login(`${JULIET}/balcony`);
  core.login(`${ROMEO}/orchard`).send(`<message to='${JULIET}'><body>hi</body></message>`);
  juliet.got(t, `<message from='${ROMEO}/orchard' to='${JULIET}'><body>hi</body></message>`);
});

test('a session that takes no more counts as absent', async (t) => {
  await using core = await TestCore.open({ accounts: [JULIET, ROMEO] });
  const full = core.login(`${JULIET}/full`, 5);
  full.accepts = false;
  core.login(`${ROMEO}/orchard`).send(`<message to='${JULIET}/full' type='chat'><body>hi</body></message>`);
  t.is(core.im.offline.count(jid(JULIET)), 1);
});

async function two(): Promise<{ core: TestCore; juliet: TestSession; romeo: TestSession }> {
  const core = await TestCore.open({ accounts: [JULIET, ROMEO] });
  const juliet = core.login(`${JULIET}/balcony`);
  const romeo = core.login(`${ROMEO}/orchard`);
  return { core, juliet, romeo };
}

for (const type of ['', " type='unavailable'"]) {
  test(`presence${type}: to the account for all available resources, to a resource for it alone, else silence`, async (t) => {
    const { core, juliet, romeo } = await two();
    const connected = core.connect(`${JULIET}/connected`);
    const send = (to: string): void => romeo.send(`<presence to='${to}'${type}/>`);
    send(JULIET);
    juliet.got(t, `<presence from='${ROMEO}/orchard' to='${JULIET}'${type}/>`);
    connected.got(t);
    send(`${JULIET}/connected`);
    connected.got(t, `<presence from='${ROMEO}/orchard' to='${JULIET}/connected'${type}/>`);
    send(`${JULIET}/other`);
    send('nobody@capulet.lit');
    for (const session of [juliet, connected, romeo]) session.got(t);
  });
}

for (const type of ['subscribed', 'unsubscribe', 'unsubscribed'] as const) {
  test(`${type} to a resource that is not there is ignored (section 8.5.3.2.2)`, async (t) => {
    const { core, juliet, romeo } = await two();
    const states = { subscribed: 'none+out', unsubscribe: 'from', unsubscribed: 'to' } as const;
    core.contact(JULIET, ROMEO, states[type]);
    juliet.interested = true;
    for (const session of [juliet, romeo]) session.take();
    core.inject(`<presence from='${ROMEO}' to='${JULIET}/other' type='${type}'/>`);
    juliet.got(t);
    t.is(core.im.roster.state(jid(JULIET), jid(ROMEO)), states[type]);
    core.inject(`<presence from='${ROMEO}' to='${JULIET}/balcony' type='${type}'/>`);
    t.is(core.im.roster.state(jid(JULIET), jid(ROMEO)), type === 'subscribed' ? 'to' : 'none');
  });
}

test('a subscription request to a resource counts for the account (section 3.1.3)', async (t) => {
  const { core, juliet } = await two();
  core.inject(`<presence from='${ROMEO}/orchard' to='${JULIET}/other' type='subscribe'/>`);
  juliet.got(t, `<presence from='${ROMEO}' to='${JULIET}' type='subscribe'/>`);
});

const unknown = "<query xmlns='urn:unknown'/>";

test('iq to an account or the host that nobody answers (section 8.5.2.1.3)', async (t) => {
  const { juliet, romeo } = await two();
  for (const to of [JULIET, 'capulet.lit', 'nobody@capulet.lit', `${JULIET}/other`, 'nobody@capulet.lit/x']) {
    for (const type of ['get', 'set'] as const)
      t.is(errorOf(await romeo.iq(type, unknown, to)), 'service-unavailable/cancel', to);
  }
  juliet.got(t);
});

test('iq with two children is no request (RFC 6120 section 8.2.3)', async (t) => {
  const { romeo } = await two();
  for (const to of [JULIET, 'capulet.lit'])
    t.is(errorOf(await romeo.iq('get', unknown + unknown, to)), 'bad-request/modify');
});

test('answers reach the resource that they name, else nobody, and are never answered', async (t) => {
  const { juliet, romeo } = await two();
  for (const type of ['result', 'error']) {
    romeo.send(`<iq to='${JULIET}/balcony' type='${type}' id='1'/>`);
    juliet.got(t, `<iq from='${ROMEO}/orchard' to='${JULIET}/balcony' type='${type}' id='1'/>`);
    for (const to of [JULIET, `${JULIET}/other`, 'nobody@capulet.lit', 'capulet.lit', 'nowhere.lit'])
      romeo.send(`<iq to='${to}' type='${type}' id='1'/>`);
    juliet.got(t);
    romeo.got(t);
  }
});

test('a message to the host is refused, an error and presence are dropped', async (t) => {
  const { romeo } = await two();
  romeo.send("<message to='capulet.lit'><body>hi</body></message>");
  t.deepEqual(romeo.take().map(errorOf), ['service-unavailable/cancel']);
  romeo.send("<message to='capulet.lit' type='error'/>");
  romeo.send("<presence to='capulet.lit'/>");
  romeo.got(t);
});

test('a bug of a handler costs its requester an error, and nobody else anything', async (t) => {
  const { core, romeo } = await two();
  const bug = new Error('bug');
  core.host().iq.add('host', 'get', 'urn:now', 'query', () => {
    throw bug;
  });
  core.host().iq.add('host', 'get', 'urn:later', 'query', () => Promise.reject(bug));
  for (const xmlns of ['urn:now', 'urn:later']) {
    t.is(errorOf(await romeo.iq('get', `<query xmlns='${xmlns}'/>`, 'capulet.lit')), 'internal-server-error/cancel');
  }
  t.deepEqual(core.faults, [bug, bug]);
});

test('hooks: who may receive, what is received, what nobody takes', async (t) => {
  const { core, juliet, romeo } = await two();
  const { hooks } = core.host();
  const seen: (readonly string[])[] = [];
  hooks
    .notice('message/received')
    .add('main', ({ bare, to }) => seen.push([bare, ...to.map(({ jid: { resource } }) => resource)]));
  hooks.transformation('message/inbound').add('main', (message) => message.withChild("<seen xmlns='urn:s'/>"));
  romeo.send(`<message to='${JULIET}' type='chat'><body>1</body></message>`);
  same(t, juliet.take(), [
    `<message type='chat' from='${ROMEO}/orchard' to='${JULIET}'><body>1</body><seen xmlns='urn:s'/></message>`,
  ]);
  juliet.leave();
  romeo.send(`<message to='${JULIET}' type='chat'><body>2</body></message>`);
  romeo.send(`<message to='${JULIET}' type='headline'><body>3</body></message>`);
  t.deepEqual(seen, [[JULIET, 'balcony'], [JULIET]]);
  const guard = hooks
    .decision('stanza/inbound')
    .add('guard', ({ type }) => (type === 'chat' ? { kind: 'refused', refusal: { condition: 'gone' } } : undefined));
  romeo.send(`<message to='${JULIET}' type='chat'><body>4</body></message>`);
  t.deepEqual(romeo.take().map(errorOf), ['gone/cancel']);
  guard[Symbol.dispose]();
});
