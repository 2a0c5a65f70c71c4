import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { jid } from '#test/helpers/xml.ts';
import { settingsOf, World } from './fixture.ts';

function scratch(t: { teardown(fn: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), 'trivium-admin-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  return directory;
}

test('status tells version, process and hosts', async (t) => {
  await using world = await World.open();
  const text = await world.text('status');
  t.regex(text, /^Trivium \d+\.\d+\.\d+ is running, process \d+, since \S+Z, serving example\.org, example\.net$/);
});

test('hosts, listeners and figures', async (t) => {
  await using world = await World.open();
  t.deepEqual(await world.run('registered_vhosts'), ['example.org', 'example.net']);
  t.deepEqual(await world.run('listener_list'), []);
  t.is(await world.run('stats', 'processes'), 1);
  t.is(typeof (await world.run('stats', 'uptimeseconds')), 'number');
  t.regex(await world.refused(t, 'stats', 'constructor'), /^404 there is no figure "constructor": registeredusers,/);
  t.regex(await world.refused(t, 'stats_host', 'uptimeseconds', 'example.org'), /^404 there is no figure/);
});

test('stop asks for the stop, which ends everything in order', async (t) => {
  const world = await World.open();
  t.true(await world.run('stop'));
  await world.server.stopping;
  await world.server.stop('');
  t.is(await world.refused(t, 'backup', '/tmp/x'), '503 the store is closed');
});

const levels: readonly (readonly [given: string, level: string])[] = [
  ['debug', 'debug'],
  ['warning', 'warn'],
  ['none', 'off'],
  ['critical', 'fatal'],
  ['2', 'error'],
  ['5', 'debug'],
];

for (const [given, level] of levels) {
  test(`set_loglevel ${given}`, async (t) => {
    await using world = await World.open();
    t.is(await world.run('get_loglevel'), 'info');
    t.true(await world.run('set_loglevel', given));
    t.is(await world.run('get_loglevel'), level);
  });
}

test('a part of the program has a level of its own', async (t) => {
  await using world = await World.open();
  t.true(await world.run('set_loglevel', 'trace', 'c2s'));
  t.is(await world.run('get_loglevel'), 'info');
  t.is(await world.run('get_loglevel', 'c2s'), 'trace');
  t.is(await world.run('get_loglevel', 'store'), 'info');
  t.regex(await world.refused(t, 'set_loglevel', 'loud'), /^400 there is no level "loud": off, /);
  t.is(await world.refused(t, 'set_loglevel', 'info', 'No Part'), '400 there is no part "No Part"');
});

test('reload_config puts new settings in force', async (t) => {
  const next = settingsOf(
    `hosts: [example.org, example.net]\ndata: {directory: ${scratch(t)}}\nlisteners: []\nquotas: {roster_items: 1}\nlog: {level: warn}`,
  );
  await using world = await World.open({ reread: () => next });
  await world.accounts('juliet');
  t.true(await world.run('reload_config'));
  t.is(await world.run('get_loglevel'), 'warn');
  const { roster } = world.server.im;
  const item = { groups: [], state: 'none', listed: true } as const;
  t.is(roster.put(jid('juliet@example.org'), { jid: 'a@example.org', ...item }), undefined);
  t.like(roster.put(jid('juliet@example.org'), { jid: 'b@example.org', ...item }), {
    condition: 'resource-constraint',
  });
});

test('reload_config tells what is wrong, and the old settings stay', async (t) => {
  await using world = await World.open({ reread: () => ['trivium.yml:1:1: quotas: wrong'] });
  t.is(await world.refused(t, 'reload_config'), '400 trivium.yml:1:1: quotas: wrong');
  t.deepEqual(world.server.settings.hosts, ['example.org', 'example.net']);
});

test('a backup is written while the server serves, verified, and restored', async (t) => {
  const file = join(scratch(t), 'all.backup');
  const world = await World.open();
  await world.accounts('juliet');
  t.regex(await world.text('backup', file), /^\d+ entries, \d+ bytes, are in /);
  t.regex(await world.text('backup_verify', file), /is sound: \d+ entries/);
  await world.accounts('romeo');
  const session = world.connect('romeo@example.org/orchard', '<presence/>');
  t.regex(await world.text('restore', file), /^\d+ entries restored from .*; the server is stopped, start it again$/);
  await world.server.stopping;
  t.deepEqual(await world.parts.accounts.list('example.org', { limit: 10 }), ['juliet']);
  // Nothing of the old data comes back with the end of what was running.
  session.close();
  await world.server.stop('');
  t.deepEqual(
    world.rowsOf('romeo').filter((key) => key.includes('accounts')),
    [],
  );
});

test('a backup that is not sound disturbs nothing', async (t) => {
  const directory = scratch(t);
  const file = join(directory, 'broken');
  writeFileSync(file, 'no backup');
  await using world = await World.open();
  await world.accounts('juliet');
  const session = world.connect('juliet@example.org/phone', '<presence/>');
  t.regex(await world.refused(t, 'restore', file), /^400 .*the file ends early/);
  t.regex(await world.refused(t, 'backup_verify', file), /^400 /);
  t.regex(await world.refused(t, 'restore', join(directory, 'none')), /^500 ENOENT/);
  t.is(await world.refused(t, 'restore', 'relative'), '400 the file is to be named by its absolute path');
  t.regex(await world.refused(t, 'backup', join(directory, 'none', 'x')), /^500 ENOENT/);
  t.is(session.closed, undefined);
  t.true(await world.run('check_account', 'juliet', 'example.org'));
});
