import test from 'ava';
import { reasonCodes } from '#protocols/mqtt/packet/reason-codes.ts';
import type { ClientPacket, Publish } from '#protocols/mqtt/packet/types.ts';
import { MemoryData } from '#src/store/memory.ts';
import { Fixture, settled } from './fixture.ts';

const UP = (more = '', topics = '[{filter: "#", direction: out, qos: 2, remote_prefix: up/}]'): string =>
  `mqtt_uplinks: {up: {addresses: there, notifications: "off", topics: ${topics}, ${more}}}`;

const shown = (packet: ClientPacket): string =>
  packet.type === 'publish' ? `${packet.topic} ${packet.payload.toString()} ${flags(packet)}` : packet.type;
const flags = ({ dup, packetId, qos, retain }: Publish): string =>
  `q${qos}${packetId > 0 ? ` #${packetId}` : ''}${dup ? ' dup' : ''}${retain ? ' retain' : ''}`;

test('messages go out with the prefix of the other side, at the lower of both QoS', async (t) => {
  const fixture = await Fixture.open(t, UP('', '[{filter: a/#, qos: 1, remote_prefix: up/}]'));
  fixture.uplinks.open();
  const peer = await fixture.peer();
  await peer.accept();
  fixture.publish('a/1', 'one', { qos: 2 });
  fixture.publish('a/2', 'two', { qos: 1, retain: true });
  fixture.publish('a/3', 'three', { qos: 0 });
  fixture.publish('b', 'stays');
  t.deepEqual((await peer.rest()).map(shown).toSorted(), [
    'up/a/1 one q1 #1',
    'up/a/2 two q1 #2 retain',
    'up/a/3 three q0',
  ]);
});

test('a publisher is answered when the message is on the disk of the uplink', async (t) => {
  const fixture = await Fixture.open(t, UP());
  fixture.uplinks.open();
  fixture.broker.wrote = false;
  fixture.publish('x', 'kept');
  t.true(fixture.broker.wrote);
  fixture.broker.wrote = false;
  fixture.publish('x', 'not kept', { qos: 0 });
  t.false(fixture.broker.wrote);
});

test('nothing is sent before it is durable', async (t) => {
  const fixture = await Fixture.open(t, UP());
  fixture.uplinks.open();
  const peer = await fixture.peer();
  await peer.accept();
  await settled();
  fixture.publish('x', '1');
  const { groups } = fixture.store.stats;
  const publish = await peer.take('publish');
  t.is(publish.topic, 'up/x');
  t.true(fixture.store.stats.groups > groups);
});

test('QoS 1 without the session: what was not acknowledged is sent again as new', async (t) => {
  const fixture = await Fixture.open(t, UP());
  fixture.uplinks.open();
  const first = await fixture.peer();
  await first.accept();
  for (const text of ['1', '2', '3']) fixture.publish('x', text);
  t.deepEqual((await first.rest()).map(shown), ['up/x 1 q1 #1', 'up/x 2 q1 #2', 'up/x 3 q1 #3']);
  first.ack('puback', 2);
  first.cut();
  fixture.clock.pass(2000);
  const second = await fixture.peer();
  await second.accept({ sessionPresent: false });
  t.deepEqual((await second.rest()).map(shown), ['up/x 1 q1 #1', 'up/x 3 q1 #3']);
});

test('with the session: sent again with DUP and the same identifiers, in order, before what is new [MQTT-4.4.0-1]', async (t) => {
  const fixture = await Fixture.open(t, UP());
  fixture.uplinks.open();
  const first = await fixture.peer();
  await first.accept();
  for (const text of ['1', '2', '3']) fixture.publish('x', text);
  await first.rest();
  first.ack('puback', 1);
  first.cut();
  fixture.publish('x', '4');
  fixture.clock.pass(2000);
  const second = await fixture.peer();
  t.false((await second.accept({ sessionPresent: true })).cleanStart);
  t.deepEqual((await second.rest()).map(shown), ['up/x 2 q1 #2 dup', 'up/x 3 q1 #3 dup', 'up/x 4 q1 #4']);
  for (const id of [2, 3, 4]) second.ack('puback', id);
  await settled();
  t.is(fixture.uplink().state.waiting, 0);
  t.is(fixture.uplink().state.bytes, 0);
});

test('what waits survives the process, stopped in order: only what was sent is marked', async (t) => {
  const data = new MemoryData();
  const before = await Fixture.open(t, UP('max_in_flight: 2'), data);
  before.uplinks.open();
  const first = await before.peer();
  await first.accept();
  for (const text of ['1', '2', '3']) before.publish('x', text);
  t.deepEqual((await first.rest()).map(shown), ['up/x 1 q1 #1', 'up/x 2 q1 #2']);
  before.uplinks.stop();
  await first.take('disconnect');
  await before.store.close();
  const after = await Fixture.open(t, UP('max_in_flight: 10'), data);
  after.uplinks.open();
  const second = await after.peer();
  await second.accept({ sessionPresent: true });
  t.deepEqual((await second.rest()).map(shown), ['up/x 1 q1 #1 dup', 'up/x 2 q1 #2 dup', 'up/x 3 q1 #3']);
});

test('what waits survives a process that was killed, in its order', async (t) => {
  const data = new MemoryData();
  const before = await Fixture.open(t, UP('max_in_flight: 2'), data);
  before.uplinks.open();
  const first = await before.peer();
  await first.accept();
  for (const text of ['1', '2', '3', '4']) before.publish('x', text);
  await first.rest();
  first.ack('puback', 1);
  await settled();
  const copy = new MemoryData();
  for (const [key, value] of data.entries) copy.entries.set(key, value);
  const after = await Fixture.open(t, UP('max_in_flight: 2'), copy);
  after.uplinks.open();
  t.is(after.uplink().state.bytes, before.uplink().state.bytes);
  const second = await after.peer();
  await second.accept({ sessionPresent: true });
  t.deepEqual((await second.rest()).map(shown), ['up/x 2 q1 #2 dup', 'up/x 3 q1 #3 dup']);
  for (const id of [2, 3]) second.ack('puback', id);
  t.deepEqual((await second.rest()).map(shown), ['up/x 4 q1 #4']);
});

test('QoS 2: PUBLISH, PUBREC, PUBREL, PUBCOMP', async (t) => {
  const fixture = await Fixture.open(t, UP());
  fixture.uplinks.open();
  const peer = await fixture.peer();
  await peer.accept();
  fixture.publish('x', '1', { qos: 2 });
  t.is(shown(await peer.take('publish')), 'up/x 1 q2 #1');
  peer.ack('pubrec', 1);
  t.is((await peer.take('pubrel')).packetId, 1);
  t.is(fixture.uplink().inFlight, 1);
  peer.ack('pubcomp', 1);
  await settled();
  t.is(fixture.uplink().inFlight, 0);
  t.true(fixture.uplink().idle);
});

test('QoS 2: after PUBREC the message is never sent again, only PUBREL, over restarts too [MQTT-4.3.3-4]', async (t) => {
  const data = new MemoryData();
  const before = await Fixture.open(t, UP(), data);
  before.uplinks.open();
  const first = await before.peer();
  await first.accept();
  before.publish('x', '1', { qos: 2 });
  before.publish('x', '2', { qos: 2 });
  await first.rest();
  first.ack('pubrec', 1);
  await first.take('pubrel');
  first.cut();
  before.clock.pass(2000);
  const second = await before.peer();
  await second.accept({ sessionPresent: true });
  t.deepEqual((await second.rest()).map(shown), ['pubrel', 'up/x 2 q2 #2 dup']);
  await before.store.close();
  const after = await Fixture.open(t, UP(), data);
  after.uplinks.open();
  const third = await after.peer();
  await third.accept({ sessionPresent: true });
  t.deepEqual((await third.rest()).map(shown), ['pubrel', 'up/x 2 q2 #2 dup']);
  third.ack('pubcomp', 1);
  third.ack('pubrec', 2);
  t.deepEqual((await third.rest()).map(shown), ['pubrel']);
  third.ack('pubcomp', 2);
  await settled();
  t.true(after.uplink().idle);
});

test('QoS 2: a session that the other broker has lost leaves no PUBREL', async (t) => {
  const fixture = await Fixture.open(t, UP());
  fixture.uplinks.open();
  const first = await fixture.peer();
  await first.accept();
  fixture.publish('x', '1', { qos: 2 });
  await first.take('publish');
  first.ack('pubrec', 1);
  await first.take('pubrel');
  first.cut();
  fixture.clock.pass(2000);
  const second = await fixture.peer();
  await second.accept({ sessionPresent: false });
  t.deepEqual(await second.rest(), []);
  t.true(fixture.uplink().idle);
});

test('QoS 2: PUBREC of what is not known gets PUBREL, so that the other broker can forget it', async (t) => {
  const fixture = await Fixture.open(t, UP());
  fixture.uplinks.open();
  const peer = await fixture.peer();
  await peer.accept();
  peer.ack('pubrec', 77);
  const pubrel = await peer.take('pubrel');
  t.deepEqual([pubrel.packetId, pubrel.reason], [77, reasonCodes.packetIdentifierNotFound]);
});

test('acknowledgements with a reason that refuses end the exchange and are counted', async (t) => {
  const fixture = await Fixture.open(t, UP());
  fixture.uplinks.open();
  const peer = await fixture.peer();
  await peer.accept();
  fixture.publish('x', '1');
  fixture.publish('x', '2', { qos: 2 });
  await peer.rest();
  peer.send({ type: 'puback', packetId: 1, reason: reasonCodes.quotaExceeded });
  peer.send({ type: 'pubrec', packetId: 2, reason: reasonCodes.notAuthorized });
  t.deepEqual(await peer.rest(), []);
  t.true(fixture.uplink().idle);
  t.is(fixture.uplink().counters.dropped.refused, 2);
});

for (const [what, settings, connack, expected] of [
  ['the Receive Maximum of the other broker', '', { receiveMaximum: 3 }, 3],
  ['its own settings', 'max_in_flight: 2', { receiveMaximum: 10 }, 2],
  ['the 20 of MQTT 3.1.1', 'version: "3.1.1", max_in_flight: 1000, bridge_bit: false', {}, 20],
] as const) {
  test(`the window is that of ${what}`, async (t) => {
    const fixture = await Fixture.open(t, UP(settings));
    fixture.uplinks.open();
    const peer = await fixture.peer();
    await peer.accept(connack);
    for (let number = 1; number <= 30; number++) fixture.publish('x', String(number));
    t.is((await peer.rest()).length, expected);
    peer.ack('puback', 2);
    t.deepEqual((await peer.rest()).map(shown), [`up/x ${expected + 1} q1 #${expected + 1}`]);
  });
}

test('a broker that takes QoS 1 at most gets QoS 1, and no RETAIN where it has none', async (t) => {
  const fixture = await Fixture.open(t, UP());
  fixture.uplinks.open();
  const peer = await fixture.peer();
  await peer.accept({ maximumQos: 1, retainAvailable: false });
  fixture.publish('x', '1', { qos: 2, retain: true });
  t.is(shown(await peer.take('publish')), 'up/x 1 q1 #1');
  peer.ack('puback', 1);
  await settled();
  t.true(fixture.uplink().idle);
});

test('RETAIN can be left out', async (t) => {
  const fixture = await Fixture.open(t, UP('retain: false'));
  fixture.uplinks.open();
  const peer = await fixture.peer();
  await peer.accept();
  fixture.publish('x', '1', { retain: true });
  t.is(shown(await peer.take('publish')), 'up/x 1 q1 #1');
});

test('a message that is larger than the other broker takes is dropped and holds up nothing [MQTT-3.1.2-24]', async (t) => {
  const fixture = await Fixture.open(t, UP());
  fixture.uplinks.open();
  const peer = await fixture.peer();
  await peer.accept({ maximumPacketSize: 100 });
  fixture.publish('x', 'y'.repeat(100));
  fixture.publish('x', 'small');
  t.is(shown(await peer.take('publish')), 'up/x small q1 #2');
  t.is(fixture.uplink().counters.dropped.too_large, 1);
});

test('an expiry counts while the message waits; what has expired is not sent (MQTT 5 section 3.3.2.3.3)', async (t) => {
  const fixture = await Fixture.open(t, UP());
  fixture.trouble = 'down';
  fixture.uplinks.open();
  await settled();
  fixture.publish('x', 'short', { properties: { messageExpiry: 5 } });
  fixture.publish('x', 'long', { properties: { messageExpiry: 100 } });
  await settled();
  fixture.trouble = undefined;
  fixture.clock.pass(10_000);
  const peer = await fixture.peer();
  await peer.accept();
  const publish = await peer.take('publish');
  t.is(publish.payload.toString(), 'long');
  t.true(
    (publish.properties.messageExpiry ?? 0) >= 89 && (publish.properties.messageExpiry ?? 0) <= 90,
    String(publish.properties.messageExpiry),
  );
  t.is(fixture.uplink().counters.dropped.expired, 1);
});

test('all properties of a message go through', async (t) => {
  const fixture = await Fixture.open(t, UP());
  fixture.uplinks.open();
  const peer = await fixture.peer();
  await peer.accept();
  const properties = {
    payloadFormat: 1,
    contentType: 'text/plain',
    responseTopic: 'answers',
    correlationData: Buffer.from([1, 2, 3]),
    userProperties: [
      ['a', '1'],
      ['a', '2'],
    ],
  } as const;
  fixture.publish('x', 'text', { properties });
  t.deepEqual((await peer.take('publish')).properties, properties);
});

test('the queue has a bound in bytes: the newest message is dropped and counted', async (t) => {
  const fixture = await Fixture.open(t, UP('max_queued_size: 1KB'));
  fixture.trouble = 'down';
  fixture.uplinks.open();
  for (let number = 1; number <= 20; number++) fixture.publish('x', String(number));
  await settled();
  const { counters, state } = fixture.uplink();
  t.true(state.bytes <= 1024);
  t.is(state.waiting + counters.dropped.queue_size, 20);
  t.true(counters.dropped.queue_size > 0);
  t.is(state.read(1, 1)[0]?.value.message.payload.toString(), '1');
});

test('or the oldest one, of those that are not on their way', async (t) => {
  const fixture = await Fixture.open(t, UP('max_queued_size: 1KB, queue_full: drop_oldest, max_in_flight: 2'));
  fixture.uplinks.open();
  const peer = await fixture.peer();
  await peer.accept();
  for (const number of [1, 2]) fixture.publish('x', String(number));
  t.deepEqual((await peer.rest()).map(shown), ['up/x 1 q1 #1', 'up/x 2 q1 #2']);
  for (let number = 3; number <= 40; number++) fixture.publish('x', String(number));
  await settled();
  const { counters, state } = fixture.uplink();
  t.true(state.bytes <= 1024);
  t.is(state.waiting + counters.dropped.queue_size, 40);
  peer.ack('puback', 1);
  peer.ack('puback', 2);
  const rest = await peer.rest();
  const kept = 40 - (state.waiting - 2);
  t.true(kept > 2 && rest.length === 2);
  t.is(state.read(1, 50).at(-1)?.value.message.payload.toString(), '40');
});

test('QoS 0 is not kept while there is no connection, unless it is asked for', async (t) => {
  const fixture = await Fixture.open(t, UP());
  fixture.trouble = 'down';
  fixture.uplinks.open();
  fixture.publish('x', 'lost', { qos: 0 });
  t.is(fixture.uplink().counters.dropped.offline, 1);
  t.is(fixture.uplink().state.waiting, 0);
  fixture.reload(UP('queue_qos0: true'));
  fixture.publish('x', 'kept', { qos: 0 });
  await settled();
  fixture.trouble = undefined;
  fixture.clock.pass(2000);
  const peer = await fixture.peer();
  await peer.accept();
  t.is(shown(await peer.take('publish')), 'up/x kept q0');
  await settled();
  t.true(fixture.uplink().idle);
});

test('messages stay in the queue while the other broker reads slowly; those of QoS 0 are dropped', async (t) => {
  const fixture = await Fixture.open(t, UP('max_in_flight: 100'));
  fixture.uplinks.open();
  const peer = await fixture.peer();
  await peer.accept();
  await settled();
  Object.assign(peer.line, { buffered: 2 << 20 });
  fixture.publish('x', '1');
  fixture.publish('x', '0', { qos: 0 });
  t.deepEqual(await peer.rest(), []);
  t.is(fixture.uplink().counters.dropped.slow, 1);
  Object.assign(peer.line, { buffered: 0 });
  peer.line.handler.onDrain?.();
  t.is(shown(await peer.take('publish')), 'up/x 1 q1 #1');
});
