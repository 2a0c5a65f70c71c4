import test from 'ava';
import { reasonCodes } from '#protocols/mqtt/packet/reason-codes.ts';
import { MemoryData } from '#src/store/memory.ts';
import { Fixture, settled } from './fixture.ts';

const UP = (more: string, addresses = 'there'): string =>
  `mqtt_uplinks: {up: {addresses: ${addresses}, notifications: "off", topics: [{filter: a/#}], ${more}}}`;

test('CONNECT of MQTT 5: an old session is ended first, then one begins that is kept', async (t) => {
  const settings = UP(
    'client_id: site-%d, username: me, password: secret, keep_alive: 90s, session_expiry: 2h, receive_maximum: 7',
  );
  const fixture = await Fixture.open(t, settings);
  fixture.uplinks.open();
  const purge = await fixture.anyPeer();
  t.like(await purge.accept(), { clientId: 'site-localhost', cleanStart: true, sessionExpiry: 0 });
  await purge.take('disconnect');
  const first = await fixture.anyPeer();
  t.like(first.to, { host: 'there', port: 1883, kind: 'uplink', name: 'up' });
  t.is(first.to.tls, undefined);
  const connect = await first.accept();
  t.like(connect, {
    version: 5,
    bridge: false,
    clientId: 'site-localhost',
    username: 'me',
    keepAlive: 90,
    sessionExpiry: 7200,
    receiveMaximum: 7,
    maximumPacketSize: 100_000,
    cleanStart: false,
  });
  t.is(connect.password?.toString(), 'secret');
  t.is(connect.will, undefined);
  first.cut();
  fixture.clock.pass(2000);
  t.false((await (await fixture.peer()).accept({ sessionPresent: true })).cleanStart);
});

test('the session outlives the process', async (t) => {
  const data = new MemoryData();
  const before = await Fixture.open(t, UP(''), data);
  before.uplinks.open();
  await (await before.peer()).accept();
  await settled();
  await before.store.close();
  const after = await Fixture.open(t, UP(''), data);
  after.uplinks.open();
  t.false((await (await after.anyPeer()).take('connect')).cleanStart);
});

test('another client identifier is another session', async (t) => {
  const fixture = await Fixture.open(t, UP('client_id: one'));
  fixture.uplinks.open();
  await (await fixture.peer()).accept();
  fixture.reload(UP('client_id: two'));
  const connect = await (await fixture.anyPeer()).take('connect');
  t.is(connect.clientId, 'two');
  t.true(connect.cleanStart);
});

test('a clean start with every connection, where that is asked for', async (t) => {
  const fixture = await Fixture.open(t, UP('clean_start: true'));
  fixture.uplinks.open();
  for (let times = 0; times < 2; times++) {
    const peer = await fixture.anyPeer();
    t.like(await peer.accept(), { cleanStart: true, sessionExpiry: 0 });
    peer.cut();
    fixture.clock.pass(2000);
  }
});

test('MQTT 3.1.1: an old session is ended first, then one begins that is kept; a bridge tells so', async (t) => {
  const fixture = await Fixture.open(t, UP('version: "3.1.1"'));
  fixture.uplinks.open();
  const purge = await fixture.anyPeer();
  t.like(await purge.accept(), { version: 4, bridge: true, cleanStart: true });
  await purge.take('disconnect');
  const peer = await fixture.anyPeer();
  t.like(await peer.accept(), { version: 4, bridge: true, cleanStart: false });
  await settled();
  t.is(fixture.uplink().link.phase, 'connected');
  t.is(fixture.uplink().counters.connected, 1);
});

test('a broker that refuses the private bit is asked without it', async (t) => {
  const fixture = await Fixture.open(t, UP('version: "3.1.1", clean_start: true'));
  fixture.uplinks.open();
  const first = await fixture.anyPeer();
  t.true((await first.accept({ reason: reasonCodes.unsupportedProtocolVersion })).bridge);
  t.true(first.closed);
  t.false((await (await fixture.anyPeer()).accept()).bridge);
  await settled();
  t.is(fixture.uplink().link.phase, 'connected');
});

test('so is one that hangs up; the next time it is asked with it again', async (t) => {
  const fixture = await Fixture.open(t, UP('version: "3.1.1", clean_start: true'));
  fixture.uplinks.open();
  for (const bit of [true, false, true]) {
    const peer = await fixture.anyPeer();
    t.is((await peer.take('connect')).bridge, bit);
    peer.cut();
    fixture.clock.pass(2000);
  }
});

test('addresses are tried in turn, with growing pauses', async (t) => {
  const fixture = await Fixture.open(t, UP('reconnect_min: 2s', '["one:1", "two:2", "[::1]:3"]'));
  fixture.trouble = 'one:1 refuses connections';
  fixture.uplinks.open();
  await settled();
  t.deepEqual(fixture.dialled, ['one:1']);
  t.is(fixture.uplink().link.lastError, 'one:1 refuses connections');
  t.is(fixture.uplink().link.phase, 'waiting');
  fixture.clock.pass(1000);
  await settled();
  t.is(fixture.dialled.length, 1);
  for (let times = 0; times < 3; times++) {
    fixture.clock.pass(2500);
    await settled();
  }
  t.deepEqual(fixture.dialled, ['one:1', 'two:2', '::1:3', 'one:1']);
  t.is(fixture.uplink().counters.failed, 4);
});

for (const [what, same, purged] of [
  ['each has its own session: with another address a new one begins', false, [true, true, true]],
  ['they share the session of a cluster', true, [true, false, false]],
] as const) {
  test(`several addresses: ${what}`, async (t) => {
    const fixture = await Fixture.open(t, UP(`same_session: ${same}`, '["one:1", "two:2"]'));
    fixture.uplinks.open();
    for (const expected of purged) {
      let peer = await fixture.anyPeer();
      t.is((await peer.accept({ sessionPresent: !expected })).cleanStart, expected);
      if (expected) {
        await peer.take('disconnect');
        peer = await fixture.anyPeer();
        t.false((await peer.accept()).cleanStart);
      }
      peer.cut();
      fixture.clock.pass(2000);
    }
  });
}

test('a refusal is told and tried again later', async (t) => {
  const fixture = await Fixture.open(t, UP(''));
  fixture.uplinks.open();
  const first = await fixture.peer();
  await first.accept({ reason: reasonCodes.badUserNameOrPassword });
  t.true(first.closed);
  t.is(fixture.uplink().link.lastError, 'it refused the connection: badUserNameOrPassword');
  fixture.clock.pass(2000);
  await (await fixture.peer()).accept();
  await settled();
  t.is(fixture.uplink().link.lastError, '');
});

test('a broker that does not answer CONNECT is given up', async (t) => {
  const fixture = await Fixture.open(t, UP('connect_timeout: 10s'));
  fixture.uplinks.open();
  const peer = await fixture.peer();
  await peer.take('connect');
  fixture.clock.pass(9500);
  t.false(peer.closed);
  fixture.clock.pass(1000);
  t.true(peer.closed);
  t.is(fixture.uplink().link.lastError, 'it did not answer CONNECT in time');
});

test('keep alive: a broker that does not answer PINGREQ is given up', async (t) => {
  const fixture = await Fixture.open(t, UP('keep_alive: 20s'));
  fixture.uplinks.open();
  const peer = await fixture.peer();
  await peer.accept();
  for (let times = 0; times < 3; times++) {
    fixture.clock.pass(10_500);
    await peer.take('pingreq');
    peer.send({ type: 'pingresp' });
  }
  fixture.clock.pass(10_500);
  await peer.take('pingreq');
  t.false(peer.closed);
  fixture.clock.pass(10_500);
  t.true(peer.closed);
  t.is(fixture.uplink().link.lastError, 'it did not answer PINGREQ');
});

test('the keep alive that the other broker wants holds [MQTT-3.1.2-21]', async (t) => {
  const fixture = await Fixture.open(t, UP('keep_alive: 20m'));
  fixture.uplinks.open();
  const peer = await fixture.peer();
  await peer.accept({ serverKeepAlive: 10 });
  fixture.clock.pass(5500);
  await peer.take('pingreq');
  t.pass();
});

test('what breaks the protocol ends the connection with its reason', async (t) => {
  const fixture = await Fixture.open(t, UP(''));
  fixture.uplinks.open();
  const peer = await fixture.peer();
  await peer.accept();
  peer.line.handler.onData(Buffer.from([0xf0, 0x00]));
  t.is((await peer.take('disconnect')).reason, reasonCodes.protocolError);
  t.true(peer.closed);
  t.regex(fixture.uplink().link.lastError, /^it broke the protocol: /);
});

test('a DISCONNECT of the other broker is told', async (t) => {
  const fixture = await Fixture.open(t, UP(''));
  fixture.uplinks.open();
  const peer = await fixture.peer();
  await peer.accept();
  peer.send({ type: 'disconnect', reason: reasonCodes.sessionTakenOver, reasonString: 'another one is here' });
  t.is(fixture.uplink().link.lastError, 'it said sessionTakenOver: another one is here');
});

test('stopping says good-bye; what is published meanwhile waits; starting sends it', async (t) => {
  const fixture = await Fixture.open(t, UP(''));
  fixture.uplinks.open();
  const first = await fixture.peer();
  await first.accept();
  fixture.uplink().link.stop();
  await first.take('disconnect');
  t.true(first.closed);
  fixture.publish('a/1', 'waits');
  await settled();
  fixture.clock.pass(600_000);
  t.is(fixture.connections, 0);
  t.is(fixture.uplink().state.waiting, 1);
  fixture.uplink().link.start();
  const second = await fixture.peer();
  await second.accept({ sessionPresent: true });
  t.is((await second.take('publish')).payload.toString(), 'waits');
});

test('stopping while it connects gives up', async (t) => {
  const fixture = await Fixture.open(t, UP(''));
  fixture.uplinks.open();
  fixture.uplink().link.stop();
  const peer = await fixture.anyPeer();
  await settled();
  t.true(peer.closed);
  t.is(fixture.uplink().link.phase, 'stopped');
});

test('a lazy uplink connects when something waits, and leaves after a silence', async (t) => {
  const fixture = await Fixture.open(t, UP('start: lazy, idle_timeout: 10s'));
  fixture.uplinks.open();
  await settled();
  t.is(fixture.uplink().link.phase, 'idle');
  t.deepEqual(fixture.dialled, []);
  fixture.publish('a/1', 'one');
  const peer = await fixture.peer();
  await peer.accept();
  await peer.take('publish');
  fixture.clock.pass(21_000);
  t.is(fixture.uplink().link.phase, 'connected');
  peer.ack('puback', 1);
  await settled();
  fixture.clock.pass(21_000);
  t.is(fixture.uplink().link.phase, 'idle');
  t.deepEqual(
    (await peer.rest()).map(({ type }) => type),
    ['disconnect'],
  );
  t.is(fixture.connections, 0);
});

test('an uplink that connects once is not connected again', async (t) => {
  const fixture = await Fixture.open(t, UP('start: once'));
  fixture.uplinks.open();
  const peer = await fixture.peer();
  await peer.accept();
  peer.cut();
  fixture.clock.pass(600_000);
  await settled();
  t.is(fixture.uplink().link.phase, 'stopped');
  t.is(fixture.connections, 0);
});

test('a manual uplink waits for its command', async (t) => {
  const fixture = await Fixture.open(t, UP('start: manual'));
  fixture.uplinks.open();
  await settled();
  t.deepEqual(fixture.dialled, []);
  fixture.uplink().link.start();
  await (await fixture.peer()).accept();
  t.is(fixture.uplink().link.phase, 'connected');
});

test('a TLS file that cannot be read is a failed attempt', async (t) => {
  const fixture = await Fixture.open(t, UP('tls: true, ca: /nowhere/ca.pem'));
  fixture.uplinks.open();
  await settled();
  t.regex(fixture.uplink().link.lastError, /ENOENT/);
  t.is(fixture.uplink().link.phase, 'waiting');
});

test('TLS: the other port, and the name to verify', async (t) => {
  const fixture = await Fixture.open(t, UP('tls: true, server_name: broker.example'));
  fixture.uplinks.open();
  const { to } = await fixture.peer();
  t.is(to.port, 8883);
  t.deepEqual(to.tls, { alpn: ['mqtt'], serverName: 'broker.example' });
});
