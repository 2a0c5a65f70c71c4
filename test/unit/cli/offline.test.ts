import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Operator, SETTINGS } from './fixture.ts';

test('account commands work on the data of a server that is stopped', async (t) => {
  const operator = new Operator(t);
  t.deepEqual(await operator.run('register', 'juliet', 'localhost', 'secret'), {
    code: 0,
    out: 'User juliet@localhost successfully registered\n',
    err: '',
  });
  t.deepEqual(await operator.run('register', 'juliet', 'localhost', 'x'), {
    code: 1,
    out: '',
    err: 'Error: User juliet@localhost already registered\n',
  });
  t.like(await operator.run('check-password', 'juliet', 'localhost', 'secret'), { code: 0, out: '' });
  t.like(await operator.run('check_password', 'juliet', 'localhost', 'wrong'), { code: 1, out: '', err: '' });
  t.like(await operator.run('change_password', 'juliet', 'localhost', '"new"'), { code: 0 });
  t.like(await operator.run('check_password', 'juliet', 'localhost', '"new"'), { code: 0 });
  t.like(await operator.run('add_rosteritem', 'juliet', 'localhost', 'romeo', 'example.org', 'Romeo', 'a;b', 'both'), {
    code: 0,
  });
  t.like(await operator.run('get_roster', 'juliet', 'localhost'), {
    code: 0,
    out: 'romeo@example.org\tRomeo\tboth\tnone\ta;b\n',
  });
  t.like(await operator.run('get_offline_count', 'juliet', 'localhost', '--json'), { code: 0, out: '0\n' });
  t.like(await operator.run('ban_account', 'juliet', 'localhost', 'a reason'), { code: 0 });
  t.regex((await operator.run('get_ban_details', 'juliet', 'localhost')).out, /^reason\ta reason\n/);
  t.like(await operator.run('unban_account', 'juliet', 'localhost'), { code: 0 });
  t.like(await operator.run('unregister', 'juliet', 'localhost'), { code: 0 });
  t.like(await operator.run('registered_users', 'localhost'), { code: 0, out: '' });
});

test('a backup by a relative path, and its restoration into other data', async (t) => {
  const operator = new Operator(t);
  await operator.run('register', 'juliet', 'localhost', 'secret');
  t.like(await operator.run('backup', 'all.backup'), { code: 0 });
  t.true(existsSync(join(operator.directory, 'all.backup')));
  const other = join(operator.directory, 'other');
  const on = ['--config', operator.config, '--data', other];
  t.like(await operator.trivium([...on, 'backup_verify', 'all.backup']), { code: 0 });
  t.like(await operator.trivium([...on, 'restore', 'all.backup']), { code: 0 });
  t.like(await operator.trivium([...on, 'registered_users', 'localhost']), { code: 0, out: 'juliet\n' });
  writeFileSync(join(operator.directory, 'broken'), 'x');
  t.like(await operator.trivium([...on, 'restore', 'broken']), { code: 1 });
  t.like(await operator.trivium([...on, 'registered_users', 'localhost', '--json']), { code: 0, out: '["juliet"]\n' });
});

test('a password comes from the standard input', async (t) => {
  const operator = new Operator(t);
  const on = ['--config', operator.config, '--data', operator.data];
  t.like(await operator.trivium(['register', ...on, 'juliet', 'localhost', '-'], 'pass word\nmore'), { code: 0 });
  t.like(await operator.run('check_password', 'juliet', 'localhost', 'pass word'), { code: 0 });
});

test('two commands at once wait for one another', async (t) => {
  const operator = new Operator(t);
  const names = ['a', 'b', 'c'];
  const ended = await Promise.all(names.map((name) => operator.run('register', name, 'localhost', 'secret')));
  t.deepEqual(
    ended.map(({ code }) => code),
    [0, 0, 0],
  );
  t.like(await operator.run('registered_users', 'localhost'), { out: 'a\nb\nc\n' });
});

test('a command that needs a server says that there is none', async (t) => {
  const operator = new Operator(t);
  for (const command of ['status', 'connected_users', 'stop']) {
    t.deepEqual(await operator.run(command), {
      code: 3,
      out: '',
      err: `Trivium cannot be reached with the data in ${operator.data}: it is not running\n`,
    });
  }
  t.false(existsSync(operator.data));
});

test('data that is not there is not made by looking at it', async (t) => {
  const operator = new Operator(t);
  t.deepEqual(await operator.run('registered_users', 'localhost'), {
    code: 1,
    out: '',
    err: `Error: there is no data in ${operator.data}, and no server that runs\n`,
  });
  t.false(existsSync(operator.data));
});

test('without an admin listener a running server cannot be reached', async (t) => {
  const operator = new Operator(t, 'listeners: []');
  const { code, err } = await operator.run('status');
  t.is(code, 3);
  t.regex(err, /the settings have no listener of kind admin/);
});

const usage: readonly (readonly [args: readonly string[], error: RegExp])[] = [
  [[], /^trivium: which command\?\nTry: trivium help\n$/],
  [['nonsense'], /^trivium: Unknown command: nonsense\n/],
  [['registre', 'a', 'b', 'c'], /^trivium: Did you mean register\?\n/],
  [['register', 'a', 'b'], /^trivium: Not enough non-option arguments: got 2, need at least 3\n/],
  [['register', 'a', 'b', 'c', 'd'], /^trivium: Unknown argument: d\n/],
  [['register', 'a', 'b', 'c', '--colour'], /^trivium: Unknown argument: colour\n/],
  [['start', 'now'], /^trivium: Unknown (?:command|argument): now\n/],
  [['status', '--data'], /^trivium: Not enough arguments following: data\n/],
  [['config', '--port-offset', 'x'], /^trivium: the port offset is a whole number\n/],
  [['ban_ip', '192.0.2.1', 'soon'], /^ban_ip: the argument seconds is not a whole number\n/],
];

for (const [args, error] of usage) {
  test(`wrong usage: trivium ${args.join(' ')}`, async (t) => {
    const { code, err, out } = await new Operator(t).trivium(args);
    t.is(code, 2);
    t.regex(err, error);
    t.is(out, '');
  });
}

test('wrong settings: exit code 2 and one line with file, line, column and cause', async (t) => {
  const operator = new Operator(t, `${SETTINGS}quotas:\n  roster_itmes: 5\n`);
  for (const command of [['start'], ['check'], ['config'], ['registered_users', 'localhost']] as const) {
    const { code, err, out } = await operator.run(...command);
    t.is(code, 2);
    t.is(out, '');
    t.regex(err, /^[^\n]*trivium\.yml:7:3: quotas\.roster_itmes: [^\n]+roster_items[^\n]*\n$/, command[0]);
  }
});

test('help for one command, for all, and for none', async (t) => {
  const operator = new Operator(t);
  t.regex(
    (await operator.trivium(['help', 'kick-session'])).out,
    /^trivium kick_session <user> <host> <resource> \[reason\]\n\nEnd one session/,
  );
  const all = await operator.trivium(['help']);
  t.is(all.code, 0);
  t.regex(all.out, /trivium delete_rosteritem/);
  t.deepEqual(await operator.trivium(['help', 'nonsense']), {
    code: 2,
    out: '',
    err: 'trivium: there is no command nonsense\nTry: trivium help\n',
  });
});

test('the settings in force are printed', async (t) => {
  const operator = new Operator(t, `${SETTINGS}log: { level: warn }\n`);
  const { code, out } = await operator.run('config');
  t.is(code, 0);
  t.regex(out, /^log:\n {2}level: warn$/m);
  const json = JSON.parse((await operator.run('config', '--json')).out) as { data: { directory: string } };
  t.is(json.data.directory, operator.data);
});

test('the documents that are implemented are printed', async (t) => {
  const { code, out } = await new Operator(t).trivium(['features']);
  t.is(code, 0);
  t.regex(out, /^XEP-0199\t2\.0\.1\tcomplete\tXMPP Ping\txmpp\tping$/m);
});

test('check finds certificates, directories and ports that are wrong', async (t) => {
  const operator = new Operator(t, SETTINGS.replace('localhost, example.org', 'localhost'));
  t.like(await operator.run('check'), { code: 0, out: 'nothing found: 1 hosts, 2 listeners\n' });
  mkdirSync(join(operator.data, 'certificates'), { recursive: true });
  writeFileSync(join(operator.data, 'certificates', 'bad.pem'), 'nothing');
  operator.configure(SETTINGS);
  const { code, out } = await operator.run('check');
  t.is(code, 1);
  t.regex(out, /^certificate .*bad\.pem: /m);
  t.regex(out, /^host example\.org: no certificate covers it/m);
});
