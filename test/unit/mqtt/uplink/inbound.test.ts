import test from 'ava';
import { reasonCodes } from '#protocols/mqtt/packet/reason-codes.ts';
import { MemoryData } from '#src/store/memory.ts';
import { Fixture, settled } from './fixture.ts';

const UP = (topics: string, more = ''): string =>
  `mqtt_uplinks: {up: {addresses: there, notifications: "off", topics: ${topics}, ${more}}}`;
const IN = '[{filter: cmd/#, direction: in, qos: 2, remote_prefix: site/, local_prefix: cloud/}]';

test('what is subscribed to there, and what comes of it', async (t) => {
  const fixture = await Fixture.open(t, UP(IN));
  const seen = fixture.subscribe('#');
  fixture.uplinks.open();
  const peer = await fixture.peer();
  await peer.accept();
  const { subscriptions } = await peer.grant();
  t.deepEqual(subscriptions, [
    { filter: 'site/cmd/#', qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 0 },
  ]);
  peer.publish('site/cmd/x', 'one');
  peer.publish('site/cmd/y', 'two', { qos: 1, packetId: 7, retain: true });
  t.is((await peer.take('puback')).packetId, 7);
  t.deepEqual(seen, [
    { topic: 'cloud/cmd/x', text: 'one', qos: 0, retain: false },
    { topic: 'cloud/cmd/y', text: 'two', qos: 1, retain: true },
  ]);
});

test('what nobody asked for is acknowledged, counted, and published nowhere', async (t) => {
  const fixture = await Fixture.open(t, UP(IN));
  const seen = fixture.subscribe('#');
  const system = fixture.subscribe('$SYS/#');
  fixture.uplinks.open();
  const peer = await fixture.peer();
  await peer.accept();
  await peer.grant();
  peer.publish('elsewhere', 'x', { qos: 1, packetId: 1 });
  peer.publish('$SYS/broker/version', 'x');
  t.is((await peer.take('puback')).reason, reasonCodes.success);
  t.deepEqual([...seen, ...system], []);
  t.is(fixture.uplink().counters.unasked, 2);
});

test('a subscription that the session there has already is not made again; one that is gone is ended', async (t) => {
  const fixture = await Fixture.open(t, UP('[{filter: a, direction: in}, {filter: b, direction: in}]'));
  fixture.uplinks.open();
  const first = await fixture.peer();
  await first.accept();
  t.is((await first.grant()).subscriptions.length, 2);
  fixture.reload(UP('[{filter: b, direction: in}, {filter: c, direction: in}]'));
  const second = await fixture.peer();
  await second.accept({ sessionPresent: true });
  t.deepEqual((await second.take('unsubscribe')).filters, ['a']);
  t.deepEqual(
    (await second.take('subscribe')).subscriptions.map(({ filter }) => filter),
    ['c'],
  );
});

test('a subscription that was refused is asked for again with the next connection', async (t) => {
  const fixture = await Fixture.open(t, UP('[{filter: a, direction: in}, {filter: b, direction: in}]'));
  fixture.uplinks.open();
  const first = await fixture.peer();
  await first.accept();
  const { packetId } = await first.take('subscribe');
  first.send({ type: 'suback', packetId, reasons: [reasonCodes.notAuthorized, reasonCodes.grantedQos1] });
  first.cut();
  fixture.clock.pass(2000);
  const second = await fixture.peer();
  await second.accept({ sessionPresent: true });
  t.deepEqual(
    (await second.take('subscribe')).subscriptions.map(({ filter }) => filter),
    ['a'],
  );
});

test('PUBACK comes when the message is on the disk, where a subscriber has it stored', async (t) => {
  const chain = `mqtt_uplinks:
  up: {addresses: there, notifications: "off", topics: [{filter: "#", direction: in}]}
  further: {addresses: elsewhere, start: manual, notifications: "off", relay: true, topics: [{filter: "#"}]}`;
  const fixture = await Fixture.open(t, chain);
  fixture.uplinks.open();
  const peer = await fixture.peer();
  await peer.accept();
  await peer.grant();
  await settled();
  const { groups } = fixture.store.stats;
  peer.publish('x', 'one', { qos: 1, packetId: 1 });
  await peer.take('puback');
  t.is(fixture.uplink('further').state.waiting, 1);
  t.true(fixture.store.stats.groups > groups);
});

test('acknowledgements come in the order of the messages [MQTT-4.6.0-2]', async (t) => {
  const fixture = await Fixture.open(t, UP(IN));
  fixture.uplinks.open();
  const peer = await fixture.peer();
  await peer.accept();
  await peer.grant();
  peer.publish('site/cmd/x', 'two', { qos: 2, packetId: 5 });
  for (const packetId of [9, 3, 4]) peer.publish('site/cmd/x', 'one', { qos: 1, packetId });
  t.deepEqual(
    (await peer.rest()).map((packet) => ('packetId' in packet ? [packet.type, packet.packetId] : [])),
    [
      ['pubrec', 5],
      ['puback', 9],
      ['puback', 3],
      ['puback', 4],
    ],
  );
});

test('QoS 2: published once, however often it comes, over connections and restarts [MQTT-4.3.3-10]', async (t) => {
  const data = new MemoryData();
  const before = await Fixture.open(t, UP(IN), data);
  const seen = before.subscribe('#');
  before.uplinks.open();
  const first = await before.peer();
  await first.accept();
  await first.grant();
  first.publish('site/cmd/x', 'once', { qos: 2, packetId: 4 });
  await first.take('pubrec');
  first.publish('site/cmd/x', 'once', { qos: 2, packetId: 4, dup: true });
  await first.take('pubrec');
  first.cut();
  before.clock.pass(2000);
  const second = await before.peer();
  await second.accept({ sessionPresent: true });
  second.publish('site/cmd/x', 'once', { qos: 2, packetId: 4, dup: true });
  await second.take('pubrec');
  t.is(seen.length, 1);
  t.is(before.uplink().counters.repeated, 2);
  await before.store.close();
  const after = await Fixture.open(t, UP(IN), data);
  const later = after.subscribe('#');
  after.uplinks.open();
  const third = await after.peer();
  await third.accept({ sessionPresent: true });
  third.publish('site/cmd/x', 'once', { qos: 2, packetId: 4, dup: true });
  await third.take('pubrec');
  third.ack('pubrel', 4);
  t.is((await third.take('pubcomp')).reason, reasonCodes.success);
  t.deepEqual(later, []);
  third.publish('site/cmd/x', 'another', { qos: 2, packetId: 4 });
  await third.take('pubrec');
  t.deepEqual(
    later.map(({ text }) => text),
    ['another'],
  );
});

test('QoS 2: PUBREL of what is not known gets PUBCOMP', async (t) => {
  const fixture = await Fixture.open(t, UP(IN));
  fixture.uplinks.open();
  const peer = await fixture.peer();
  await peer.accept();
  await peer.grant();
  peer.ack('pubrel', 8);
  t.is((await peer.take('pubcomp')).reason, reasonCodes.packetIdentifierNotFound);
});

test('QoS 2: a session that the other broker has lost leaves no identifiers in use', async (t) => {
  const fixture = await Fixture.open(t, UP(IN));
  const seen = fixture.subscribe('#');
  fixture.uplinks.open();
  const first = await fixture.peer();
  await first.accept();
  await first.grant();
  first.publish('site/cmd/x', 'old', { qos: 2, packetId: 4 });
  await first.take('pubrec');
  first.cut();
  fixture.clock.pass(2000);
  const second = await fixture.peer();
  await second.accept({ sessionPresent: false });
  await second.grant();
  second.publish('site/cmd/x', 'new', { qos: 2, packetId: 4 });
  await second.take('pubrec');
  t.deepEqual(
    seen.map(({ text }) => text),
    ['old', 'new'],
  );
});

test('loop guard: what came through an uplink does not go back through it', async (t) => {
  const fixture = await Fixture.open(t, UP('[{filter: "#", direction: both}]'));
  const seen = fixture.subscribe('#');
  fixture.uplinks.open();
  const peer = await fixture.peer();
  await peer.accept();
  await peer.grant();
  peer.publish('x', 'from there', { qos: 1, packetId: 1 });
  fixture.publish('x', 'from here');
  const packets = await peer.rest();
  t.deepEqual(
    packets.map((packet) => (packet.type === 'publish' ? packet.payload.toString() : packet.type)).toSorted(),
    ['from here', 'puback'],
  );
  t.deepEqual(
    seen.map(({ text }) => text),
    ['from there', 'from here'],
  );
});

test('loop guard: it holds for a new uplink of the same name, whose old one published', async (t) => {
  const fixture = await Fixture.open(t, UP('[{filter: "#", direction: both}]', 'relay: true'));
  fixture.uplinks.open();
  const first = await fixture.peer();
  await first.accept();
  await first.grant();
  const old = fixture.uplink();
  fixture.reload(UP('[{filter: "#", direction: both}]', 'relay: true, keep_alive: 30s'));
  const second = await fixture.peer();
  await second.accept({ sessionPresent: true });
  fixture.broker.publish({ topic: 'x', payload: Buffer.from('late'), qos: 1, retain: false, properties: {} }, old);
  t.deepEqual(await second.rest(), []);
});

const TWO = (relay: boolean): string => `mqtt_uplinks:
  up: {addresses: "one:1", notifications: "off", topics: [{filter: "#", direction: both}]}
  down: {addresses: "two:2", notifications: "off", relay: ${relay}, topics: [{filter: "#", direction: both}]}`;

for (const relay of [false, true]) {
  test(`loop guard: from one uplink to another ${relay ? 'where its settings say so' : 'never'}`, async (t) => {
    const fixture = await Fixture.open(t, TWO(relay));
    fixture.uplinks.open();
    const peers = [await fixture.peer(), await fixture.peer()];
    for (const peer of peers) {
      await peer.accept();
      await peer.grant();
    }
    const [one, two] = peers;
    one?.publish('x', 'from one', { qos: 1, packetId: 1 });
    const atTwo = (await two?.rest()) ?? [];
    t.deepEqual(
      atTwo.map(({ type }) => type),
      relay ? ['publish'] : [],
    );
    two?.publish('x', 'from two', { qos: 1, packetId: 1 });
    t.deepEqual(
      ((await one?.rest()) ?? []).map(({ type }) => type),
      ['puback'],
    );
  });
}
