/** What valid settings give: defaults, units, hosts, environment, files, command line, and bounds on what is read. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { loadSettingsFile } from '#src/settings/load.ts';
import { formatProblem } from '#src/settings/problem.ts';
import { accessData, accessSection, aclSection } from '#src/settings/access.ts';
import {
  accountsSection,
  dataSection,
  limitsSection,
  logSection,
  registrationSection,
  tlsSection,
} from '#src/settings/schema.ts';
import type { ListenerSettings } from '#src/settings/listeners.ts';
import { declarations, gatewaySection, problemsIn, settingsOf } from '#test/unit/settings/fixture.ts';

test('without a file everything has its default', (t) => {
  const { settings } = loadSettingsFile(undefined, declarations, { env: {} });
  t.deepEqual(settings?.hosts, ['localhost']);
  t.is(settings?.of(dataSection).directory, 'data');
  t.is(settings?.of(tlsSection, 'localhost').min_version, '1.2');
  t.is(settings?.of(limitsSection).stanza_size, 262_144);
  const listeners = settings?.named('listeners') as readonly ListenerSettings[];
  t.deepEqual(
    listeners.map(({ kind, address, port, path, tls }) => [
      kind,
      port === undefined ? path : `${address} ${port}`,
      tls,
    ]),
    [
      ['c2s', ':: 5222', 'required'],
      ['c2s', ':: 5223', 'direct'],
      ['admin', 'admin.sock', 'off'],
      ['http', '127.0.0.1 9090', 'off'],
    ],
  );
});

test('an empty file, only comments, and empty sections are all defaults', (t) => {
  for (const text of ['', '# nothing\n', 'log:\nlimits:\n  connections:\n', 'hosts:\n', '---\n...\n']) {
    t.deepEqual(settingsOf(text).toJSON(), settingsOf('').toJSON(), text);
  }
});

for (const [text, wait, room, speed] of [
  ['gateway: {wait: 1500ms, room: 0, speed: 5}', 1500, 0, 5],
  ['gateway: {wait: 1.5s, room: 1KB, speed: 3KB/s}', 1500, 1024, 3072],
  ['gateway: {wait: 1h, room: 0.5MB, speed: 1mb}', 3_600_000, 524_288, 1_048_576],
  ['gateway: {wait: 2m, room: 64K, speed: 10B/s}', 120_000, 65_536, 10],
] as const) {
  test(`units: ${text}`, (t) => {
    const gateway = settingsOf(text).of(gatewaySection);
    t.deepEqual([gateway.wait, gateway.room, gateway.speed], [wait, room, speed]);
  });
}

test('a host sees its own options over those for all', (t) => {
  const settings = settingsOf(`
gateway: {title: All, peers: [a, b], ratio: 0.1}
registration: {enabled: true}
hosts:
  a.example: {gateway: {title: Own, peers: [c]}, registration: {enabled: false}}
  B.example:
`);
  t.deepEqual(settings.hosts, ['a.example', 'b.example']);
  const own = settings.of(gatewaySection, 'a.example');
  t.deepEqual([own.title, own.peers, own.ratio], ['Own', ['c'], 0.1]);
  t.is(settings.of(gatewaySection, 'b.example').title, 'All');
  t.is(settings.of(gatewaySection).title, 'All');
  t.false(settings.of(registrationSection, 'a.example').enabled);
  t.true(settings.of(registrationSection, 'b.example').enabled);
});

test('hosts can be a plain list', (t) => {
  t.deepEqual(settingsOf('hosts: [a.example, b.example]').hosts, ['a.example', 'b.example']);
});

test('a mistake for all is told once, not again for each host', (t) => {
  const text =
    'gateway: {ratio: 5}\nhosts:\n  a.example: {gateway: {title: Own}}\n  b.example: {gateway: {title: Own}}';
  t.deepEqual(problemsIn(text), ['trivium.yml:1:18: gateway.ratio: expected a number from 0 to 1, got 5']);
});

test('a name that only a host defines is known there and nowhere else', (t) => {
  const host = 'hosts:\n  a.example:\n    acl: {staff: {user: juliet}}\n    access: {c2s: {allow: staff}}\n';
  t.deepEqual(problemsIn(host), []);
  t.deepEqual(problemsIn(`${host}  b.example:\n    access: {c2s: {allow: staff}}\n`), [
    'trivium.yml:6:27: hosts."b.example".access.c2s.allow: there is no "staff" in acl',
  ]);
});

test('one value stands for a list of one', (t) => {
  const { acl } = settingsOf('acl:\n  staff: {user: juliet@localhost, ip: 10.0.0.0/8}').toJSON() as {
    acl: Record<string, unknown>;
  };
  t.deepEqual(acl['staff'], [{ user: ['juliet@localhost'], ip: ['10.0.0.0/8'] }]);
});

test('a host replaces such a list, written in either way', (t) => {
  const settings = settingsOf(
    'acl:\n  staff: {user: juliet}\nhosts:\n  a.example:\n    acl: {staff: {server: a.example}}',
  );
  t.deepEqual(settings.of(aclSection, 'a.example')['staff'], [{ server: ['a.example'] }]);
  t.deepEqual(settings.of(aclSection, 'a.example').local, [{ registered: true }]);
});

test('access rules in the shape that the rules are compiled from', (t) => {
  const settings = settingsOf(
    'acl: {admin: {user_glob: "*@a"}}\naccess: {uploads: [{deny: [blocked]}, {value: fast, for: all}]}',
  );
  const { acl, access } = accessData(settings.of(aclSection), settings.of(accessSection));
  t.deepEqual(acl['admin'], [{ userGlob: ['*@a'] }]);
  t.deepEqual(access['uploads'], [{ deny: ['blocked'] }, { value: 'fast', for: ['all'] }]);
  t.deepEqual(access['c2s'], [{ deny: ['blocked'] }, { allow: ['all'] }]);
  t.is(access['constructor'], undefined);
});

test('modules: default ones are on, listed ones with their options, false turns off', (t) => {
  t.deepEqual([...settingsOf('').modules('localhost')], [['ping', { timeout: 10_000 }]]);
  t.deepEqual(
    [...settingsOf('modules: {echo: , ping: {timeout: 5s}}').modules('localhost')],
    [
      ['ping', { timeout: 5000 }],
      ['echo', { times: 1 }],
    ],
  );
  const settings = settingsOf(
    'modules: {echo: true}\nhosts:\n  a.example: {modules: {ping: false, echo: {times: 3}}}\n  b.example:',
  );
  t.deepEqual([...settings.modules('a.example')], [['echo', { times: 3 }]]);
  t.deepEqual([...settings.modules('b.example').keys()], ['ping', 'echo']);
});

test('values from the environment, only where {env: NAME} asks for them', (t) => {
  const env = { PORT: '7001', ENABLED: 'true', TITLE: '007', SECRET: '0123', WAIT: '5s' };
  const text =
    'gateway: {port: {env: PORT}, title: {env: TITLE}, password: {env: SECRET}, wait: {env: WAIT}}\nregistration: {enabled: {env: ENABLED}}';
  const settings = settingsOf(text, { env });
  const { port, title, password, wait } = settings.of(gatewaySection);
  t.deepEqual([port, title, password, wait], [7001, '007', '0123', 5000]);
  t.true(settings.of(registrationSection).enabled);
  t.deepEqual(problemsIn('gateway: {port: {env: PORT}}', { env: { PORT: 'x' } }), [
    'trivium.yml:1:17: gateway.port: expected a whole number from 1 to 65535, got "x"',
  ]);
});

test('a secret in a file beside the settings, without its last line end', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'trivium-settings-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'password'), 'hunter2\n');
  writeFileSync(join(directory, 'empty'), '\n');
  const file = join(directory, 'trivium.yml');
  writeFileSync(file, 'gateway:\n  password: {file: password}\n');
  t.is(loadSettingsFile(file, declarations, { env: {} }).settings?.of(gatewaySection).password, 'hunter2');
  writeFileSync(file, 'gateway:\n  password: {file: empty}\n');
  t.deepEqual(loadSettingsFile(file, declarations, { env: {} }).problems?.map(formatProblem), [
    `${file}:2:20: gateway.password: the file "empty" is empty`,
  ]);
});

test('a secret that looks like a number keeps its zeros', (t) => {
  t.is(settingsOf('gateway: {password: 00123}').of(gatewaySection).password, '00123');
});

test('the main file is missing, a directory, or too large', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'trivium-settings-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const large = join(directory, 'large.yml');
  writeFileSync(large, '#'.repeat(1024 * 1024 + 1));
  const told = (path: string): readonly string[] | undefined =>
    loadSettingsFile(path, declarations, { env: {} }).problems?.map(formatProblem);
  t.deepEqual(told('/nonexistent/trivium.yml'), [
    '/nonexistent/trivium.yml:1:1: cannot read the settings: it does not exist',
  ]);
  t.deepEqual(told(directory), [`${directory}:1:1: cannot read the settings: it is not a file`]);
  t.deepEqual(told(large), [`${large}:1:1: cannot read the settings: it is larger than 1048576 bytes`]);
});

test('includes: the including file wins, a later include over an earlier one, positions stay', (t) => {
  const files: Readonly<Record<string, string>> = {
    '/etc/t/one.yml': 'gateway: {title: one, ratio: 0.1}\nlog: {level: warn}',
    '/etc/t/sub/two.yml': 'include: ../three.yml\ngateway: {title: two, ratio: 0.2, wait: 9s}',
    '/etc/t/three.yml': 'gateway: {speed: 7}',
  };
  const read = (path: string): string => {
    const text = files[path];
    if (text === undefined) throw Object.assign(new Error('no'), { code: 'ENOENT' });
    return text;
  };
  const main = '/etc/t/trivium.yml';
  const settings = settingsOf('include: [one.yml, sub/two.yml]\ngateway: {title: main}', {
    env: {},
    read: (path) => read(path.replace(process.cwd(), '/etc/t')),
  });
  const { title, ratio, wait, speed } = settings.of(gatewaySection);
  t.deepEqual([title, ratio, wait, speed], ['main', 0.2, 9000, 7]);
  t.is(settings.of(logSection).level, 'warn');
  t.is(settings.files.length, 4);
  const told = (text: string, extra: Readonly<Record<string, string>>): readonly string[] =>
    problemsIn(text, {
      env: {},
      read: (path) => extra[path.replace(process.cwd(), '/etc/t')] ?? read(path.replace(process.cwd(), '/etc/t')),
    }).map((line) => line.replaceAll(process.cwd(), '/etc/t'));
  t.deepEqual(told('include: bad.yml', { '/etc/t/bad.yml': '\ngateway: {ratio: 9}' }), [
    '/etc/t/bad.yml:2:18: gateway.ratio: expected a number from 0 to 1, got 9',
  ]);
  t.deepEqual(told('include: [none.yml]', {}), [
    'trivium.yml:1:11: include: cannot read "none.yml": it does not exist',
  ]);
  t.deepEqual(told('include: trivium.yml', { [main]: '' }), [
    'trivium.yml:1:10: include: "trivium.yml" includes itself',
  ]);
  t.deepEqual(told('include: [5]', {}), ['trivium.yml:1:11: include: expected the path of a settings file']);
});

test('options of the command line win, and say so when they are wrong', (t) => {
  t.is(
    settingsOf('data: {directory: a}', { env: {}, overrides: { data: { directory: 'b' } } }).of(dataSection).directory,
    'b',
  );
  t.deepEqual(
    problemsIn('', { env: {}, overrides: { log: { level: 'inf' } } }).map((line) => line.split(',')[0]),
    ['command line:1:1: log.level: expected one of off'],
  );
});

test('the port offset moves what is listened on, but no port of a peer and not port 0', (t) => {
  const text = 'listeners: [{kind: c2s, port: 5222}, {kind: c2s, port: 0}]\ngateway: {port: 7000}';
  const settings = settingsOf(text, { env: {}, portOffset: 20_000 });
  t.deepEqual(
    (settings.named('listeners') as readonly ListenerSettings[]).map(({ port }) => port),
    [25_222, 0],
  );
  t.is(settings.of(gatewaySection).port, 7000);
  t.deepEqual(problemsIn(text, { env: {}, portOffset: 65_000 }), [
    'trivium.yml:1:31: listeners[0].port: 5222 moved by the port offset 65000 is not a port',
  ]);
});

test('settings are frozen to the last value', (t) => {
  const settings = settingsOf('hosts:\n  a.example: {gateway: {peers: [x]}}');
  const frozen = (value: unknown): boolean =>
    typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen));
  for (const section of settings.sectionNames) t.true(frozen(settings.named(section)), section);
  t.true(frozen(settings.of(gatewaySection, 'a.example')));
  t.throws(() => Object.assign(settings.of(accountsSection).scram_iterations, { sha_1: 1 }), { instanceOf: TypeError });
});

test('aliases are expanded within bounds', (t) => {
  t.deepEqual(
    settingsOf('gateway: {peers: &p [a]}\nhosts:\n  b.example: {gateway: {peers: *p}}').of(gatewaySection, 'b.example')
      .peers,
    ['a'],
  );
  const bomb = Array.from(
    { length: 12 },
    (_, level) =>
      `a${level}: &a${level} [${Array(9)
        .fill(level === 0 ? 'x' : `*a${level - 1}`)
        .join(', ')}]`,
  ).join('\n');
  t.regex(problemsIn(bomb).join('\n'), /more than 1000 aliases/);
  t.regex(problemsIn('log: &a [*a]').join('\n'), /nested deeper than 32 levels/);
  t.regex(problemsIn(`log: ${'['.repeat(40)}${']'.repeat(40)}`).join('\n'), /nested deeper than 32 levels/);
  t.regex(problemsIn(`tls: {certificates: [${'x, '.repeat(100_001)}]}`).join('\n'), /more than 100000 values/);
  t.deepEqual(problemsIn('x'.repeat(1024 * 1024 + 1)), ['trivium.yml:1:1: the file is larger than 1 MB']);
});

for (const piece of [
  '[',
  '{',
  '- ',
  '? ',
  '{a: ',
  '&a ',
  '*a ',
  '"',
  '>',
  'a:\n',
  '%',
  '---\n',
  '!\u001b',
  '\u0000',
  '\u001b[2J',
  '\ud800',
]) {
  test(`hostile YAML is refused in words: ${JSON.stringify(piece)} many times`, (t) => {
    const told = problemsIn(piece.repeat(10_000));
    t.true(told.length > 0);
    for (const line of told) t.regex(line, /^trivium\.yml:\d+:\d+: [^\u0000-\u001f\u007f-\u009f]{5,300}$/);
  });
}
