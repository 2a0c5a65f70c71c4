/** What stands in a log: levels by scope, no secret, no control character, one line an event. */
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import test from 'ava';
import { createLog, type LogOptions, type RootLog } from '#src/observe/log.ts';
import { Secret } from '#src/observe/redact.ts';

function recorded(options: LogOptions = {}): { readonly log: RootLog; readonly lines: string[] } {
  const lines: string[] = [];
  return { log: createLog({ format: 'json', ...options, sink: { write: (text) => void lines.push(text) } }), lines };
}

function parsed(lines: readonly string[]): readonly Record<string, unknown>[] {
  return lines.map((line) => {
    const { time, ...rest } = JSON.parse(line) as Record<string, unknown>;
    if (typeof time !== 'string' || Number.isNaN(Date.parse(time))) throw new Error(`no time in ${line}`);
    return rest;
  });
}

test('a JSON line has level, scope, message and fields', (t) => {
  const { log, lines } = recorded();
  log.info('started');
  log.scope('c2s').with({ connection: 7 }).warn('slow', { queued: 5 });
  t.deepEqual(parsed(lines), [
    { level: 'info', msg: 'started' },
    { level: 'warn', scope: 'c2s', connection: 7, msg: 'slow', queued: 5 },
  ]);
});

test('every severity is written at trace, none at off', (t) => {
  const { log, lines } = recorded({ level: 'trace' });
  const all = (): void => {
    for (const severity of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const) log[severity](severity);
  };
  all();
  t.deepEqual(
    parsed(lines).map(({ level }) => level),
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal'],
  );
  log.setLevel(undefined, 'off');
  all();
  t.is(lines.length, 6);
});

test('the level of a scope changes while logs of it are in use', (t) => {
  const { log, lines } = recorded({ scopes: { store: 'error' } });
  const c2s = log.scope('c2s').with({ connection: 1 });
  t.false(c2s.debugEnabled);
  c2s.debug('hidden');
  log.setLevel('c2s', 'debug');
  t.true(c2s.debugEnabled);
  t.false(c2s.traceEnabled);
  t.false(log.debugEnabled);
  c2s.debug('shown');
  log.scope('store').warn('hidden');
  log.setLevel(undefined, 'warn');
  c2s.debug('a scope with its own level does not follow');
  log.info('hidden');
  t.deepEqual(
    parsed(lines).map(({ msg }) => msg),
    ['shown', 'a scope with its own level does not follow'],
  );
  t.deepEqual(
    [...log.levels()],
    [
      ['', 'warn'],
      ['store', 'error'],
      ['c2s', 'debug'],
    ],
  );
});

test('new settings take over all levels', (t) => {
  const { log } = recorded({ scopes: { a: 'debug' } });
  const [a, b] = [log.scope('a'), log.scope('b')];
  log.setLevels('warn', { b: 'trace' });
  t.deepEqual([a.infoEnabled, b.traceEnabled], [false, true]);
});

test('no field is computed into a line when its level is off', (t) => {
  const { log, lines } = recorded({ level: 'info' });
  const fields = {
    get costly(): string {
      throw new Error('read');
    },
  };
  t.notThrows(() => log.debug('hidden', fields));
  t.deepEqual(lines, []);
});

for (const name of [
  'password',
  'Password',
  'newPassword',
  'secret',
  'token',
  'access_token',
  'sasl',
  'initial_response',
  'authorization',
  'storedKey',
  'ha1',
  'cookie',
]) {
  test(`the field ${name} is masked at any depth`, (t) => {
    const { log, lines } = recorded();
    log.info('login', { [name]: 'hunter2', inner: { list: [{ [name]: 'hunter2' }] } });
    log.with({ [name]: 'hunter2' }).info('again');
    t.notRegex(lines.join(''), /hunter2/);
    t.like(parsed(lines)[0], { [name]: '[redacted]' });
  });
}

test('a Secret prints itself nowhere', (t) => {
  const { log, lines } = recorded();
  const value = new Secret('hunter2');
  log.info(`in a text: ${String(value)}`, { value, list: [value] });
  t.notRegex(
    `${lines.join('')}${inspect(value)}${JSON.stringify({ value })}${inspect({ value }, { showHidden: true })}`,
    /hunter2/,
  );
  t.is(value.reveal(), 'hunter2');
});

test('bytes become their length, long text is cut, depth and lists are bounded, errors keep cause and code', (t) => {
  const { log, lines } = recorded();
  const deep = { a: { b: { c: { d: { e: { f: 1 } } } } } };
  const error = Object.assign(new Error('outer', { cause: new Error('inner') }), { code: 'EPIPE' });
  log.error('odd', {
    bytes: Buffer.from('hunter2'),
    long: 'x'.repeat(5000),
    deep,
    list: Array(500).fill(1),
    error,
    map: new Map([[1, 2]]),
    nothing: undefined,
  });
  const line = parsed(lines)[0] ?? {};
  t.is(line['bytes'], '<7 bytes>');
  t.true(String(line['long']).length < 2100);
  t.is((line['list'] as unknown[]).length, 50);
  t.regex(JSON.stringify(line['deep']), /…/);
  t.is(line['map'], '<1 entries>');
  t.like(line['error'], { type: 'Error', message: 'outer', code: 'EPIPE', cause: { message: 'inner' } });
});

test('an object with a cycle is cut at the depth limit', (t) => {
  const { log, lines } = recorded();
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  log.info('cycle', { cycle });
  t.is(lines.length, 1);
});

const nasty = 'a\nb\u001b[2J\u0007\u009b31m\u202etxt\u2028end';

for (const format of ['json', 'pretty'] as const) {
  test(`control characters cannot split or paint a ${format} line`, (t) => {
    const { log, lines } = recorded({ format });
    log.info(nasty, { field: nasty, [nasty]: 1, inner: { field: nasty } });
    log.scope(nasty).info('x');
    for (const line of lines) t.regex(line, /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+\n$/);
    t.is(lines.length, 2);
  });
}

test('a pretty line reads as time, level, scope, message, fields', (t) => {
  const { log, lines } = recorded({ format: 'pretty' });
  log.scope('c2s').info('session opened', { jid: 'juliet@localhost/balcony', tls: true, note: 'two words' });
  t.regex(
    lines[0] ?? '',
    /^\d\d:\d\d:\d\d\.\d{3} INFO {2}c2s: session opened jid=juliet@localhost\/balcony tls=true note="two words"\n$/,
  );
});

test('a pretty error has its stack below it, indented', (t) => {
  const { log, lines } = recorded({ format: 'pretty' });
  log.error('failed', { error: new Error('no\nway') });
  const [first, ...stack] = (lines[0] ?? '').trimEnd().split('\n');
  t.regex(first ?? '', /ERROR failed error=\{"type":"Error","message":"no\\nway"\}$/);
  t.true(stack.length > 0 && stack.every((line) => line.startsWith('    ')));
});

test('colours only when asked for', (t) => {
  const { log, lines } = recorded({ format: 'pretty', colour: true });
  log.warn('x');
  t.regex(lines[0] ?? '', /\u001b\[33mWARN \u001b\[0m/);
});

test('fields cannot take the place of the level, time, scope or message', (t) => {
  const { log, lines } = recorded();
  log.scope('c2s').info('real', { level: 'fatal', msg: 'false', scope: 'x', time: 0 });
  t.deepEqual(parsed(lines), [
    { level: 'info', scope: 'c2s', msg: 'real', level_: 'fatal', msg_: 'false', scope_: 'x', time_: 0 },
  ]);
});

test('a file is opened again after a rotation', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'trivium-log-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'logs', 'trivium.log');
  const log = createLog({ format: 'json', file });
  log.info('one');
  renameSync(file, `${file}.1`);
  log.info('two');
  log.reopen();
  log.info('three');
  log.flush();
  const messages = (path: string): unknown[] =>
    parsed(readFileSync(path, 'utf8').trimEnd().split('\n')).map(({ msg }) => msg);
  t.deepEqual(messages(`${file}.1`), ['one', 'two']);
  t.deepEqual(messages(file), ['three']);
});

test('scopes are bounded', (t) => {
  const { log } = recorded();
  t.throws(() => Array.from({ length: 1001 }, (_, index) => log.scope(`s${index}`)), {
    message: /more than 1000 log scopes/,
  });
});
