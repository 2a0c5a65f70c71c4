import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { askServer } from '#src/cli/client.ts';
import { LocalLines } from '#src/net/local-lines.ts';
import { World } from './fixture.ts';

/** The server of a world listening for operators. */
async function serving(t: ExecutionContext, depth = 0): Promise<{ readonly world: World; readonly path: string }> {
  const top = mkdtempSync(join(tmpdir(), 'trivium-socket-'));
  t.teardown(() => rmSync(top, { recursive: true }));
  const directory = join(top, ...Array.from({ length: depth }, () => 'a-rather-long-name-of-a-directory'));
  mkdirSync(directory, { recursive: true });
  const path = join(directory, 'admin.sock');
  const world = await World.open();
  t.teardown(() => world.server.stop(''));
  const place = { address: '::', port: undefined, path, mode: 0o600, proxyProtocol: false, backlog: 100 };
  await world.server.listeners.apply([{ name: 'admin', kind: 'admin', tls: 'off', ...place }]);
  return { world, path };
}

test('a command is carried out over the socket', async (t) => {
  const { path } = await serving(t);
  t.is(statSync(path).mode & 0o777, 0o600);
  t.deepEqual(await askServer(path, 'register', ['juliet', 'example.org', 'secret'], false), {
    ok: true,
    type: 'restuple',
    value: 'User juliet@example.org successfully registered',
  });
  t.deepEqual(await askServer(path, 'check-account', ['juliet', 'example.org'], false), {
    ok: true,
    type: 'rescode',
    value: true,
  });
  t.deepEqual(await askServer(path, 'register', ['juliet', 'example.org', 'secret'], false), {
    ok: false,
    code: 409,
    message: 'User juliet@example.org already registered',
  });
  t.like(await askServer(path, 'listener_list', [], false), {
    value: [{ name: 'admin', kind: 'admin', address: path, port: '', tls: 'off' }],
  });
});

test('a socket in a directory with a long path', async (t) => {
  const { path, world } = await serving(t, 8);
  t.true(Buffer.byteLength(path) > 200);
  t.true(statSync(path).isSocket());
  t.like(await askServer(path, 'connected_users_number', [], false), { ok: true, value: 0 });
  await world.server.stop('');
  t.like(await askServer(path, 'status', [], false), { unreachable: 'it is not running' });
  t.is(statSync(path, { throwIfNoEntry: false }), undefined);
});

test('after stop the connection ends when the server has stopped', async (t) => {
  const { path, world } = await serving(t);
  void world.server.stopping.then(() => world.server.stop(''));
  t.deepEqual(await askServer(path, 'stop', [], true), { ok: true, type: 'rescode', value: true });
  await t.throwsAsync(async () => world.parts.store.barrier(), { message: 'the store is closed' });
  t.like(await askServer(path, 'status', [], false), { unreachable: 'it is not running' });
});

/** Writes to the socket and gives all that it answers, the greeting included. */
function talk(path: string, text: string | Buffer): Promise<string> {
  const { promise, reject, resolve } = Promise.withResolvers<string>();
  const socket: Socket = connect(path);
  let heard = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk) => (heard += String(chunk)));
  socket.on('error', reject);
  socket.on('close', () => resolve(heard));
  socket.write(text);
  return promise;
}

const requests: readonly (readonly [what: string, line: string | Buffer, code: number, message: RegExp])[] = [
  ['an empty line', '\n', 400, /one line of JSON/],
  ['no JSON', 'GET / HTTP/1.1\r\n\r\n', 400, /one line of JSON/],
  ['no UTF-8', Buffer.from([0xff, 0xfe, 0x0a]), 400, /one line of JSON/],
  ['a number', '1\n', 400, /is an object/],
  ['null', 'null\n', 400, /is an object/],
  ['a list', '[]\n', 400, /is an object/],
  ['no command', '{}\n', 400, /names its command/],
  ['a command that is no text', '{"command":1}\n', 400, /names its command/],
  ['a long command', `{"command":"${'x'.repeat(65)}"}\n`, 400, /names its command/],
  ['something more', '{"command":"status","user":"x"}\n', 400, /nothing else/],
  ['a prototype', '{"command":"status","__proto__":{}}\n', 400, /nothing else/],
  ['an unknown command', '{"command":"toString"}\n', 404, /no command "toString"/],
  ['arguments that are no list', '{"command":"status","arguments":"x"}\n', 400, /list or an object/],
  ['null arguments', '{"command":"status","arguments":null}\n', 400, /list or an object/],
  ['too many arguments', '{"command":"status","arguments":["x"]}\n', 400, /takes 0 arguments/],
  [
    'an unknown argument',
    '{"command":"check_account","arguments":{"user":"a","host":"b","__proto__":"x"}}\n',
    400,
    /no argument "__proto__"/,
  ],
  [
    'an argument of the wrong type',
    '{"command":"check_account","arguments":[{"a":1},"example.org"]}\n',
    400,
    /argument user is not text/,
  ],
  [
    'deep nesting',
    `{"command":"check_account","arguments":[${'['.repeat(100_000)}${']'.repeat(100_000)},"x"]}\n`,
    400,
    /argument user is not text/,
  ],
  ['a line that is too long', `{"command":"${'x'.repeat(1 << 20)}`, 400, /at most 1048576 bytes/],
];

for (const [what, line, code, message] of requests) {
  test(`the socket refuses ${what}`, async (t) => {
    const { path, world } = await serving(t);
    const [greeting = '', reply = '', rest] = (await talk(path, line)).split('\n');
    t.like(JSON.parse(greeting), { protocol: 1 });
    const { code: told, message: text, ok } = JSON.parse(reply) as { ok: boolean; code: number; message: string };
    t.false(ok);
    t.is(told, code);
    t.regex(text, message);
    t.is(rest, '');
    t.like(await askServer(path, 'connected_users_number', [], false), { ok: true });
    t.deepEqual(
      world.logged.filter((one) => one.includes('"level":"error"')),
      [],
    );
  });
}

test('a request may come in pieces, and what follows it is not read', async (t) => {
  const { path } = await serving(t);
  using lines = await LocalLines.connect(path, 1000);
  t.like(JSON.parse((await lines.next()) ?? ''), { protocol: 1 });
  lines.write('{"comm');
  lines.write('and":"connected_users_number"}\n{"command":"stop"}\n');
  t.deepEqual(JSON.parse((await lines.next()) ?? ''), { ok: true, type: 'value', value: 0 });
  t.is(await lines.next(), undefined);
});

test('a client that goes away before the answer harms nobody', async (t) => {
  const { path, world } = await serving(t);
  const lines = await LocalLines.connect(path, 1000);
  lines.write('{"command":"register","arguments":["juliet","example.org","secret"]}\n');
  await lines.next();
  lines[Symbol.dispose]();
  t.like(await askServer(path, 'connected_users_number', [], false), { ok: true });
  t.deepEqual(
    world.logged.filter((one) => one.includes('"level":"error"')),
    [],
  );
});

test('operators who say nothing keep no others out for long, and are few', async (t) => {
  const { path } = await serving(t);
  const silent = await Promise.all(Array.from({ length: 64 }, () => LocalLines.connect(path, 1000)));
  for (const one of silent) await one.next();
  const [reply = ''] = (await talk(path, '')).split('\n');
  t.deepEqual(JSON.parse(reply), { ok: false, code: 503, message: 'too many operators at once' });
  const [first] = silent;
  first?.[Symbol.dispose]();
  for (const one of silent) one[Symbol.dispose]();
});

test('the socket is for the machine only: a connection from a network is closed unheard', async (t) => {
  const { world } = await serving(t);
  const place = { address: '127.0.0.1', port: 0, path: undefined, mode: 0, proxyProtocol: false, backlog: 16 };
  await world.server.listeners.apply([{ name: 'net', kind: 'admin', tls: 'off', ...place }]);
  const port = world.server.listeners.bound[0]?.boundPort ?? 0;
  const socket = connect(port, '127.0.0.1');
  const heard: string[] = [];
  socket.on('data', (chunk) => heard.push(chunk.toString()));
  await new Promise((resolve) => socket.on('close', resolve).on('error', () => undefined));
  t.deepEqual(heard, []);
});
