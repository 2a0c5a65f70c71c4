import test from 'ava';
import { uplinkCommands } from '#protocols/mqtt/commands/uplinks.ts';
import { declareUplinkMetrics } from '#protocols/mqtt/uplink/metrics.ts';
import { addressOf, uplinkOptions } from '#protocols/mqtt/uplink/settings.ts';
import type { AdminParts } from '#src/admin/parts.ts';
import { Commands } from '#src/admin/commands.ts';
import { Metrics } from '#src/observe/metrics.ts';
import { MemoryData } from '#src/store/memory.ts';
import { Fixture, HOST, read, settled } from './fixture.ts';

const UP = (more = ''): string => `mqtt_uplinks: {up: {addresses: there, topics: [{filter: a/#}], ${more}}}`;
const QUIET = 'notifications: "off"';

test('notifications: the state is published here, retained', async (t) => {
  const fixture = await Fixture.open(t, UP());
  const topic = '$SYS/broker/connection/trivium-localhost-up/state';
  const seen = fixture.subscribe(topic);
  fixture.uplinks.open();
  const peer = await fixture.peer();
  const connect = await peer.accept();
  t.is(connect.will, undefined);
  peer.cut();
  t.deepEqual(
    seen.map(({ retain, text }) => `${text} ${retain}`),
    ['0 true', '1 true', '0 true'],
  );
  t.is(fixture.broker.retained.get(topic, 0)?.message.payload.toString(), '0');
  t.deepEqual(await peer.rest(), []);
});

test('notifications: on both sides, by a will where the connection breaks', async (t) => {
  const fixture = await Fixture.open(t, UP('notifications: both, notification_topic: state/%c, client_id: me'));
  fixture.uplinks.open();
  const peer = await fixture.peer();
  const { will } = await peer.accept();
  t.like(will, { topic: 'state/me', retain: true, delay: 0 });
  t.is(will?.payload.toString(), '0');
  t.like(await peer.take('publish'), { topic: 'state/me', retain: true });
  fixture.uplink().link.stop();
  t.is((await peer.take('publish')).payload.toString(), '0');
  await peer.take('disconnect');
});

test('notifications: what is retained goes with the uplink', async (t) => {
  const fixture = await Fixture.open(t, UP());
  fixture.uplinks.open();
  await (await fixture.peer()).accept();
  t.is(fixture.broker.retained.count, 1);
  fixture.reload('');
  t.is(fixture.broker.retained.count, 0);
  t.is([...fixture.uplinks].length, 0);
});

test('what was retained before goes out once, with the first connection', async (t) => {
  const data = new MemoryData();
  const before = await Fixture.open(t, UP(QUIET), data);
  before.publish('a/1', 'first', { retain: true, qos: 0 });
  before.publish('b', 'stays', { retain: true });
  before.uplinks.open();
  const first = await before.peer();
  await first.accept();
  t.like(await first.take('publish'), { topic: 'a/1', retain: true, qos: 1 });
  first.ack('puback', 1);
  first.cut();
  before.clock.pass(2000);
  const second = await before.peer();
  await second.accept({ sessionPresent: true });
  t.deepEqual(await second.rest(), []);
  await before.store.close();
  const after = await Fixture.open(t, UP(QUIET), data);
  after.uplinks.open();
  const third = await after.peer();
  await third.accept({ sessionPresent: true });
  t.deepEqual(await third.rest(), []);
});

test('reload: an uplink that is the same stays connected', async (t) => {
  const fixture = await Fixture.open(t, UP(QUIET));
  fixture.uplinks.open();
  const peer = await fixture.peer();
  await peer.accept();
  fixture.reload(`${UP(QUIET)}\nmqtt: {max_sessions: 5}`);
  await settled();
  t.false(peer.closed);
  t.is(fixture.connections, 0);
});

test('reload: one that changed connects anew and loses nothing', async (t) => {
  const fixture = await Fixture.open(t, UP(QUIET));
  fixture.uplinks.open();
  const first = await fixture.peer();
  await first.accept();
  fixture.publish('a/1', 'before');
  await first.take('publish');
  fixture.publish('a/2', 'in this turn');
  fixture.reload(UP(`${QUIET}, max_in_flight: 5`));
  fixture.publish('a/3', 'after');
  await first.take('disconnect');
  const second = await fixture.peer();
  await second.accept({ sessionPresent: true });
  const sent = (await second.rest()).map((packet) =>
    packet.type === 'publish' ? packet.payload.toString() : packet.type,
  );
  t.deepEqual(sent, ['before', 'in this turn', 'after']);
});

test('reload: a stopped uplink stays stopped', async (t) => {
  const fixture = await Fixture.open(t, UP(QUIET));
  fixture.uplinks.open();
  await (await fixture.peer()).accept();
  fixture.uplink().link.stop();
  fixture.reload(UP(`${QUIET}, keep_alive: 30s`));
  await settled();
  t.is(fixture.uplink().link.phase, 'stopped');
});

test('reload: one that is new begins', async (t) => {
  const fixture = await Fixture.open(t, '');
  fixture.uplinks.open();
  fixture.reload(UP(QUIET));
  await (await fixture.peer()).accept();
  t.is(fixture.uplink().link.phase, 'connected');
});

/** Runs a command by name. */
async function run(fixture: Fixture, name: string, args: Readonly<Record<string, string>>): Promise<unknown> {
  const command = new Commands(uplinkCommands).find(name);
  const { store, uplinks } = fixture;
  const router = { host: (domain: string) => (domain === HOST ? {} : undefined) };
  const parts = { store, router, services: { mqtt: { uplinks } } };
  return await command?.run(parts as unknown as AdminParts, { host: HOST, ...args });
}

test('commands: list, status, stop, start', async (t) => {
  const fixture = await Fixture.open(t, UP(QUIET));
  fixture.trouble = 'there:1883 refuses connections';
  fixture.uplinks.open();
  fixture.publish('a/1', 'waits');
  await settled();
  t.like(await run(fixture, 'mqtt_bridge_list', {}), [
    { name: 'up', state: 'waiting', address: 'there:1883', queued: 1, problem: 'there:1883 refuses connections' },
  ]);
  t.true(await run(fixture, 'mqtt_bridge_stop', { name: 'up' }));
  t.like(await run(fixture, 'mqtt_bridge_status', { name: 'up' }), {
    state: 'stopped',
    failed: 1,
    sent: 0,
    dropped_expired: 0,
  });
  fixture.trouble = undefined;
  t.true(await run(fixture, 'mqtt-bridge-start', { name: 'up' }));
  await (await fixture.peer()).accept();
  t.like(await run(fixture, 'mqtt_bridge_status', { name: 'up' }), { state: 'connected', connected: 1, problem: '' });
  await t.throwsAsync(run(fixture, 'mqtt_bridge_status', { name: 'down' }), { message: 'there is no uplink "down"' });
  await t.throwsAsync(run(fixture, 'mqtt_bridge_list', { host: 'elsewhere.example' }), { message: /is not served/ });
});

test('commands: what is kept for an uplink that is gone is shown, and can be forgotten', async (t) => {
  const fixture = await Fixture.open(t, UP(QUIET));
  fixture.trouble = 'down';
  fixture.uplinks.open();
  fixture.publish('a/1', 'waits');
  await settled();
  await t.throwsAsync(run(fixture, 'mqtt_bridge_forget', { name: 'up' }), { message: /take it out first/ });
  fixture.reload('');
  await settled();
  t.like(await run(fixture, 'mqtt_bridge_list', {}), [{ name: 'up', state: 'removed', queued: 1 }]);
  t.is(await run(fixture, 'mqtt_bridge_forget', { name: 'up' }), 1);
  t.deepEqual(await run(fixture, 'mqtt_bridge_list', {}), []);
  await t.throwsAsync(run(fixture, 'mqtt_bridge_forget', { name: 'up' }), { message: /nothing is kept/ });
});

test('commands: an uplink that is added stays over a restart, until it is removed', async (t) => {
  const data = new MemoryData();
  const before = await Fixture.open(t, UP(QUIET), data);
  before.uplinks.open();
  await (await before.peer()).accept();
  const cloud = JSON.stringify({ addresses: 'cloud', password: 'secret', username: 'me', topics: [{ filter: 'b/#' }] });
  t.true(await run(before, 'mqtt_bridge_add', { name: 'cloud', uplink: cloud }));
  t.is((await (await before.peer()).accept()).username, 'me');
  // What is wrong is told as it is for the settings; what these name is theirs.
  await t.throwsAsync(run(before, 'mqtt_bridge_add', { name: 'bad', uplink: '{addresses: x, topic: []}' }), {
    message: /unknown option.*topics/,
  });
  await t.throwsAsync(run(before, 'mqtt_bridge_add', { name: 'a b', uplink: cloud }), { message: /a name of letters/ });
  await t.throwsAsync(run(before, 'mqtt_bridge_add', { name: 'up', uplink: cloud }), { message: /in the settings/ });
  await t.throwsAsync(run(before, 'mqtt_bridge_remove', { name: 'up' }), { message: /was added/ });
  for (const bytes of data.entries.values()) t.false(Buffer.from(bytes).includes('secret'));

  const after = await Fixture.open(t, UP(QUIET), data);
  await after.uplinks.restore();
  after.uplinks.open();
  t.deepEqual(
    [...after.uplinks].map(({ uplink }) => uplink.options.name),
    ['up', 'cloud'],
  );
  t.true(await run(after, 'mqtt_bridge_add', { name: 'cloud', uplink: '{addresses: elsewhere}' }));
  t.like(await run(after, 'mqtt_bridge_status', { name: 'cloud' }), { address: 'elsewhere:1883' });
  t.true(await run(after, 'mqtt_bridge_remove', { name: 'cloud' }));
  t.is([...after.uplinks].length, 1);
});

test('metrics', async (t) => {
  const fixture = await Fixture.open(t, UP(QUIET));
  const metrics = new Metrics();
  declareUplinkMetrics(metrics, fixture.uplinks);
  fixture.uplinks.open();
  await (await fixture.peer()).accept();
  fixture.publish('a/1', 'waits');
  await settled();
  const text = await metrics.render();
  for (const line of [
    'trivium_mqtt_uplink_connected{host="localhost",uplink="up"} 1',
    'trivium_mqtt_uplink_queued{host="localhost",uplink="up"} 1',
    'trivium_mqtt_uplink_in_flight{host="localhost",uplink="up"} 1',
    'trivium_mqtt_uplink_messages_total{host="localhost",uplink="up",direction="out"} 1',
    'trivium_mqtt_uplink_dropped_total{host="localhost",uplink="up",reason="offline"} 0',
  ])
    t.true(text.includes(line), line);
});

for (const [what, text, problem] of [
  ['an address that is none', 'mqtt_uplinks: {up: {addresses: "http://x"}}', /expected host, host:port/],
  ['a port that is none', 'mqtt_uplinks: {up: {addresses: "x:70000"}}', /expected host, host:port/],
  ['no address', 'mqtt_uplinks: {up: {addresses: []}}', /addresses/],
  ['a filter that is none', 'mqtt_uplinks: {up: {addresses: x, topics: [{filter: "a#"}]}}', /expected a topic filter/],
  [
    'a prefix with wildcards',
    'mqtt_uplinks: {up: {addresses: x, topics: [{filter: a, local_prefix: "+/"}]}}',
    /without wildcards/,
  ],
  [
    'a prefix that makes the filter invalid',
    'mqtt_uplinks: {up: {addresses: x, topics: [{filter: "#", local_prefix: a}]}}',
    /local prefix/,
  ],
  ['neither filter nor prefixes', 'mqtt_uplinks: {up: {addresses: x, topics: [{direction: out}]}}', /both prefixes/],
  ['a shared filter on the way out', 'mqtt_uplinks: {up: {addresses: x, topics: [{filter: $share/a/b}]}}', /shared/],
  [
    'bounds in the wrong order',
    'mqtt_uplinks: {up: {addresses: x, reconnect_min: 5s, reconnect_max: 1s}}',
    /less than reconnect_min/,
  ],
  ['an unknown option', 'mqtt_uplinks: {up: {addresses: x, adress: y}}', /adress/],
] as const) {
  test(`settings: ${what} is refused`, (t) => {
    t.throws(() => read(text), { message: problem });
  });
}

test('settings: defaults, and what a host has of its own', (t) => {
  const settings = read('hosts: {a.example: {mqtt_uplinks: {up: {addresses: x}}}, b.example: {}}');
  t.deepEqual(uplinkOptions(settings, 'b.example'), []);
  const [up] = uplinkOptions(settings, 'a.example');
  t.like(up, {
    name: 'up',
    clientId: 'trivium-a.example-up',
    version: 5,
    start: 'automatic',
    maxInFlight: 20,
    keepAlive: 60,
  });
});

test('settings: addresses', (t) => {
  t.deepEqual(addressOf('x', 1883), { host: 'x', port: 1883 });
  t.deepEqual(addressOf('x:1', 1883), { host: 'x', port: 1 });
  t.deepEqual(addressOf('[::1]', 1883), { host: '::1', port: 1883 });
  t.deepEqual(addressOf('[2001:db8::1]:8884', 1883), { host: '2001:db8::1', port: 8884 });
});
