import test from 'ava';
import { jid, stanza } from '#test/helpers/xml.ts';
import { World } from './fixture.ts';

test('an account is made, found, checked, renamed and listed', async (t) => {
  await using world = await World.open();
  t.is(
    await world.run('register', 'juliet', 'example.org', 'secret'),
    'User juliet@example.org successfully registered',
  );
  t.true(await world.run('check_account', 'juliet', 'example.org'));
  t.false(await world.run('check_account', 'romeo', 'example.org'));
  t.true(await world.run('check_password', 'juliet', 'example.org', 'secret'));
  t.false(await world.run('check_password', 'juliet', 'example.org', 'Secret'));
  t.true(await world.run('change_password', 'juliet', 'example.org', 'other'));
  t.true(await world.run('check_password', 'juliet', 'example.org', 'other'));
  await world.run('register', 'romeo', 'example.org', 'secret');
  t.deepEqual(await world.run('registered_users', 'example.org'), ['juliet', 'romeo']);
  t.deepEqual(await world.run('registered_users', 'example.net'), []);
  t.is(await world.run('stats', 'registeredusers'), 2);
  t.is(await world.run('stats_host', 'registeredusers', 'example.org'), 2);
});

test('an account is acknowledged when it is on the disk', async (t) => {
  await using world = await World.open();
  await world.run('register', 'juliet', 'example.org', 'secret');
  t.is(world.parts.store.barrier(), undefined);
  t.not(world.rowsOf('juliet').length, 0);
});

test('names are the same in every spelling', async (t) => {
  await using world = await World.open();
  t.is(
    await world.run('register', 'Juliet', 'EXAMPLE.org', 'secret'),
    'User juliet@example.org successfully registered',
  );
  t.is(
    await world.refused(t, 'register', 'JULIET', 'example.org', 'secret'),
    '409 User juliet@example.org already registered',
  );
});

const refusals: readonly (readonly [command: readonly [string, ...string[]], error: string])[] = [
  [['register', 'a b', 'example.org', 'x'], '400 "a b" is no user name'],
  [['register', '', 'example.org', 'x'], '400 "" is no user name'],
  [['register', 'juliet', 'example.com', 'x'], '404 the host "example.com" is not served'],
  [['register', 'juliet', 'a@b', 'x'], '404 the host "a@b" is not served'],
  [['register', 'juliet', 'example.org', ''], '400 not-acceptable: a password has at least 1 characters'],
  [['register', 'juliet', 'example.org'], '400 the argument password is missing'],
  [['register', 'juliet', 'example.org', 'x', 'y'], '400 takes 3 arguments, 4 are given'],
  [['unregister', 'nobody', 'example.org'], '404 there is no account nobody@example.org'],
  [['change_password', 'nobody', 'example.org', 'x'], '404 there is no account nobody@example.org'],
  [['ban_account', 'nobody', 'example.org', 'x'], '404 there is no account nobody@example.org'],
  [['unban_account', 'romeo', 'example.org'], '404 romeo@example.org is not banned'],
  [['ban_ip', 'example.org'], '400 "example.org" is no IP address'],
  [['ban_ip', '192.0.2.1', 'soon'], '400 the argument seconds is not a whole number'],
  [['ban_ip', '192.0.2.1', '-1'], '400 a ban lasts no negative time'],
  [['get_last', 'nobody', 'example.org'], '404 there is no account nobody@example.org'],
];

for (const [[name, ...given], error] of refusals) {
  test(`${name} ${JSON.stringify(given)} is refused`, async (t) => {
    await using world = await World.open();
    await world.accounts('romeo');
    t.is(await world.refused(t, name, ...given), error);
  });
}

test('secrets are not logged, commands are', async (t) => {
  await using world = await World.open();
  await world.run('register', 'juliet', 'example.org', 'hunter2');
  await world.run('change_password', 'juliet', 'example.org', 'hunter3');
  const text = world.logged.join('');
  t.regex(text, /"command":"register"/);
  t.regex(text, /juliet/);
  await world.run('send_message', 'chat', 'romeo@example.org', 'juliet@example.org', 'wherefore', 'art thou');
  t.notRegex(world.logged.join(''), /hunter|wherefore|thou/);
});

test('unregister ends the sessions and forgets everything', async (t) => {
  await using world = await World.open();
  await world.accounts('juliet', 'romeo');
  const { blocking, documents, offline, roster } = world.server.im;
  const juliet = jid('juliet@example.org');
  await world.run('add_rosteritem', 'juliet', 'example.org', 'romeo', 'example.org', 'Romeo', 'Friends', 'both');
  await world.run('send_message', 'chat', 'romeo@example.org', 'juliet@example.org', '', 'later');
  t.is(offline.count(juliet), 1);
  blocking.block(juliet, [jid('iago@example.org')]);
  t.is(documents.put(juliet, new Map([['private', '<x/>']])), undefined);
  world.server.tokens.issue('example.org', 'juliet', 'agent', 'HT-SHA-256-NONE');
  await world.run('ban_account', 'juliet', 'example.org', 'test');
  await world.run('unban_account', 'juliet', 'example.org');
  const session = world.connect('juliet@example.org/phone', '<presence/>');
  await world.run('unregister', 'juliet', 'example.org');
  t.deepEqual(session.closed, { condition: 'not-authorized', text: 'the account was removed' });
  t.deepEqual(roster.of(juliet).items, Object.create(null));
  t.is(offline.count(juliet), 0);
  // Whatever else the server keeps by account: no key of the store names it any more, but those of others do.
  t.deepEqual(world.rowsOf('juliet'), []);
  t.not(world.rowsOf('romeo').length, 0);
  t.false(await world.run('check_account', 'juliet', 'example.org'));
});

test('a banned account loses its sessions, its details are kept, and it comes back', async (t) => {
  await using world = await World.open();
  await world.accounts('juliet', 'romeo');
  const session = world.connect('juliet@example.org/phone');
  t.true(await world.run('ban_account', 'juliet', 'example.org', 'spam'));
  t.deepEqual(session.closed, { condition: 'policy-violation', text: 'the account was disabled' });
  const details = (await world.run('get_ban_details', 'juliet', 'example.org')) as readonly Record<string, string>[];
  t.deepEqual(
    details.map(({ name }) => name),
    ['reason', 'bandate', 'bannedby'],
  );
  t.like(details[0], { value: 'spam' });
  t.is(await world.run('count_banned', 'example.org'), 1);
  t.deepEqual(await world.run('list_banned', 'example.org'), ['juliet']);
  t.not(world.server.core.accounts.banDetails('example.org', 'juliet'), undefined);
  t.true(await world.run('unban_account', 'juliet', 'example.org'));
  t.deepEqual(await world.run('get_ban_details', 'juliet', 'example.org'), []);
  t.deepEqual(await world.run('get_ban_details', 'romeo', 'example.org'), []);
  t.is(await world.run('count_banned', 'example.org'), 0);
});

test('addresses are banned and let in again', async (t) => {
  await using world = await World.open();
  t.true(await world.run('ban_ip', '192.0.2.1', '60', 'guessing'));
  t.true(await world.run('ban_ip', '2001:db8::1'));
  t.true(world.server.bans.isBanned('192.0.2.1'));
  const table = (await world.run('list_banned_ips')) as readonly Record<string, string>[];
  t.deepEqual(
    table.map(({ address, by, reason }) => [address, by, reason]),
    [
      ['192.0.2.1', 'operator', 'guessing'],
      ['2001:db8:0:0::/64', 'operator', ''],
    ],
  );
  t.is(table[1]?.['until'], 'never');
  t.is(await world.run('unban_ip', '192.0.2.1'), 1);
  t.is(await world.run('unban_ip', '192.0.2.1'), 0);
  t.false(world.server.bans.isBanned('192.0.2.1'));
});

test('the last time of an account', async (t) => {
  await using world = await World.open();
  await world.accounts('juliet');
  t.deepEqual(await world.run('get_last', 'juliet', 'example.org'), { timestamp: '', status: 'NOT FOUND' });
  const session = world.connect('juliet@example.org/phone', '<presence/>');
  t.like(await world.run('get_last', 'juliet', 'example.org'), { status: 'ONLINE' });
  world.server.im.presence.send(session, stanza("<presence type='unavailable'><status>bye</status></presence>"));
  world.server.im.last.put(jid('juliet@example.org'), 1_700_000_000_000, 'bye');
  session.close();
  t.like(await world.run('get_last', 'juliet', 'example.org'), { status: 'bye' });
});
