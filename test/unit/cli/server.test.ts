import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Operator, SETTINGS } from './fixture.ts';

test('commands reach the server that runs, and stop ends it', async (t) => {
  const operator = new Operator(t);
  const { exit, lines } = await operator.start();
  t.is(lines.at(-1), 'Trivium ready');
  t.true(
    lines.some((line) => /^ {2}c2s +127\.0\.0\.1:\d+ {2}\(c2s, TLS required\)$/.test(line)),
    lines.join('\n'),
  );
  t.true(lines.some((line) => line.startsWith('Add a user with: ')));
  t.like(await operator.run('register', 'juliet', 'localhost', 'secret'), {
    code: 0,
    out: 'User juliet@localhost successfully registered\n',
  });
  t.like(await operator.run('register', 'juliet', 'localhost', 'secret'), {
    code: 1,
    err: 'Error: User juliet@localhost already registered\n',
  });
  t.like(await operator.run('register', 'juliet', 'localhost', 'secret', '--json'), {
    code: 1,
    out: '{"status":"error","code":409,"message":"User juliet@localhost already registered"}\n',
  });
  t.like(await operator.run('send_message', 'chat', 'romeo@example.org', 'juliet@localhost', '', '- hi -'), {
    code: 0,
    out: '',
  });
  t.like(await operator.run('get_offline_count', 'juliet', 'localhost'), { code: 0, out: '1\n' });
  t.like(await operator.run('connected_users_number', '--json'), { code: 0, out: '0\n' });
  t.like(await operator.run('backup', 'live.backup'), { code: 0 });
  t.regex((await operator.run('status')).out, /^Trivium \S+ is running, process \d+, /);
  t.like(await operator.run('check'), {
    code: 1,
    out: `host example.org: ${operator.data}/certificates/example.org.crt is self-signed\n`,
  });
  t.deepEqual(await operator.run('stop'), { code: 0, out: '', err: '' });
  // The command ends when the server has let go of everything.
  t.like(await operator.run('registered_users', 'localhost'), { code: 0, out: 'juliet\n' });
  t.is(await exit, 0);
});

test('settings are read again, and wrong ones change nothing', async (t) => {
  const operator = new Operator(t);
  const { exit } = await operator.start();
  operator.configure(`${SETTINGS}log: { level: debug }\n`);
  t.like(await operator.run('reload_config'), { code: 0 });
  t.like(await operator.run('get_loglevel'), { out: 'debug\n' });
  t.like(await operator.run('set_loglevel', 'warning'), { code: 0 });
  t.like(await operator.run('get_loglevel'), { out: 'warn\n' });
  const taken = await occupied(t);
  operator.configure(`${SETTINGS}  # more\n`.replace('port: 0 }', `port: ${taken} }`));
  const { code, err } = await operator.run('reload_config');
  t.is(code, 1);
  t.is(err, `Error: listener c2s cannot listen on 127.0.0.1:${taken}: it is in use by another program\n`);
  t.like(await operator.run('stop'), { code: 0 });
  t.is(await exit, 0);
});

/** A port that somebody else has. */
async function occupied(t: ExecutionContext): Promise<number> {
  const server = createServer();
  t.teardown(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

test('a port in use keeps the server from starting: exit code 1, and a line that names listener, address and port', async (t) => {
  const port = await occupied(t);
  const operator = new Operator(t, SETTINGS.replace('port: 0', `port: ${port}`));
  const { code, err, out } = await operator.run('start');
  t.is(code, 1);
  t.is(err, `Trivium cannot start: listener c2s cannot listen on 127.0.0.1:${port}: it is in use by another program\n`);
  t.notRegex(out, /Trivium ready/);
  const check = await operator.run('check');
  t.is(check.code, 1);
  t.true(
    check.out.includes(`listener c2s cannot listen on 127.0.0.1:${port}: it is in use by another program\n`),
    check.out,
  );
});

test('a second server on the same data is refused', async (t) => {
  const operator = new Operator(t);
  const { child, exit } = await operator.start();
  const { code, err } = await operator.run('start');
  t.is(code, 1);
  t.regex(err, /^Trivium cannot start: .* is in use by another process/);
  t.like(await operator.run('status'), { code: 0 });
  child.kill('SIGTERM');
  t.is(await exit, 0);
});

test('a server that does not answer: exit code 3, and a text that says so', async (t) => {
  const operator = new Operator(t);
  const { child } = await operator.start();
  child.kill('SIGSTOP');
  const [status, register] = await Promise.all([
    operator.run('status'),
    operator.run('register', 'juliet', 'localhost', 'secret'),
  ]);
  t.deepEqual(status, {
    code: 3,
    out: '',
    err: `Trivium cannot be reached with the data in ${operator.data}: it does not answer\n`,
  });
  t.deepEqual(register, {
    code: 3,
    out: '',
    err: `Trivium cannot be reached with the data in ${operator.data}: another process has the data open, but it does not answer\n`,
  });
  child.kill('SIGCONT');
  t.like(await operator.run('status'), { code: 0 });
});

test('restore into a server that runs ends it, and the next start has the data of the backup', async (t) => {
  const operator = new Operator(t);
  const first = await operator.start();
  await operator.run('register', 'juliet', 'localhost', 'secret');
  t.like(await operator.run('backup', 'one.backup'), { code: 0 });
  await operator.run('register', 'romeo', 'localhost', 'secret');
  writeFileSync(join(operator.directory, 'broken'), 'x');
  t.like(await operator.run('restore', 'broken'), { code: 1 });
  t.regex(
    (await operator.run('restore', 'one.backup')).out,
    /^\d+ entries restored from .*; the server is stopped, start it again\n$/,
  );
  t.is(await first.exit, 0);
  const second = await operator.start();
  t.like(await operator.run('registered_users', 'localhost'), { code: 0, out: 'juliet\n' });
  await operator.run('stop');
  t.is(await second.exit, 0);
});

test('a server whose data has a long path takes commands too', async (t) => {
  const operator = new Operator(t, SETTINGS, join('a'.repeat(100), 'b'.repeat(100)));
  const { exit } = await operator.start();
  t.like(await operator.run('status'), { code: 0 });
  t.like(await operator.run('stop'), { code: 0 });
  t.is(await exit, 0);
});
