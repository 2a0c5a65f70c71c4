/** The broker as its clients see it, over sockets: MQTT 5, 3.1.1 and 3.1. */
import test from 'ava';
import { type ConnectOptions, connectPacket, MqttTestServer } from '#test/helpers/mqtt.ts';

const ANONYMOUS = 'mqtt: { anonymous: [mqtt] }';
const FOR_EVER = 0xffffffff;
const versions = [3, 4, 5] as const;
const durable = (clientId: string): ConnectOptions => ({
  clientId,
  clean: false,
  properties: { sessionExpiryInterval: FOR_EVER },
});

for (const protocolVersion of versions) {
  test(`version ${protocolVersion}: messages of each QoS reach a subscriber`, async (t) => {
    await using server = await MqttTestServer.start(ANONYMOUS);
    const subscriber = await server.connect({ protocolVersion, clientId: 's' });
    const publisher = await server.connect({ protocolVersion, clientId: 'p' });
    t.deepEqual(await subscriber.subscribe({ topic: 'a/+', qos: 2 }), [2]);
    await publisher.publish('a/0', 'zero');
    t.is(await subscriber.message(), 'a/0 zero');
    await publisher.publish('a/1', 'one', { qos: 1 });
    const one = await subscriber.expect('publish');
    t.is(one.qos, 1);
    subscriber.send({ cmd: 'puback', messageId: one.messageId ?? 0 });
    await publisher.publish('a/2', 'two', { qos: 2 });
    const two = await subscriber.expect('publish');
    t.is(two.qos, 2);
    subscriber.send({ cmd: 'pubrec', messageId: two.messageId ?? 0 });
    const { messageId } = await subscriber.expect('pubrel');
    t.is(messageId, two.messageId);
    subscriber.send({ cmd: 'pubcomp', messageId: two.messageId ?? 0 });
    await subscriber.ping();
    t.is(server.broker().sessions.get('/s')?.outgoing.inFlight, 0);
  });

  test(`version ${protocolVersion}: retained messages are kept, replaced and taken away`, async (t) => {
    await using server = await MqttTestServer.start(ANONYMOUS);
    const client = await server.connect({ protocolVersion, clientId: 'c' });
    await client.publish('r/1', 'old', { retain: true, qos: 1 });
    await client.publish('r/1', 'new', { retain: true, qos: 1 });
    await client.publish('r/2', 'gone', { retain: true, qos: 1 });
    await client.publish('r/2', '', { retain: true, qos: 1 });
    await client.subscribe('r/#');
    const kept = await client.expect('publish');
    t.deepEqual([kept.topic, String(kept.payload), kept.retain], ['r/1', 'new', true]);
    await client.ping();
    t.is(client.received.length, 0);
  });

  test(`version ${protocolVersion}: a session is there again, with what came meanwhile`, async (t) => {
    await using server = await MqttTestServer.start(ANONYMOUS);
    const options = { ...durable('s'), protocolVersion };
    const first = await server.connect(options);
    t.false(first.present);
    await first.subscribe({ topic: 'q', qos: 1 });
    first.break();
    const publisher = await server.connect({ clientId: 'p' });
    await publisher.publish('q', 'one', { qos: 1 });
    await publisher.publish('q', 'two', { qos: 2 });
    await publisher.publish('q', 'none', { qos: 0 });
    const again = await server.connect(options);
    if (protocolVersion > 3) t.true(again.present);
    t.is(await again.message(), 'q one');
    t.is(await again.message(), 'q two');
  });
}

test('a restart loses neither sessions nor messages nor retained ones', async (t) => {
  await using server = await MqttTestServer.start(ANONYMOUS);
  const first = await server.connect(durable('s'));
  await first.subscribe({ topic: 'q/#', qos: 2 });
  await first.disconnect();
  const publisher = await server.connect({ clientId: 'p' });
  await publisher.publish('q/1', 'one', { qos: 1, retain: true });
  await publisher.publish('q/2', 'two', { qos: 2 });
  await server.restart();
  const again = await server.connect(durable('s'));
  t.true(again.present);
  const one = await again.expect('publish');
  const two = await again.expect('publish');
  t.deepEqual([one.topic, two.topic], ['q/1', 'q/2']);
  t.false(one.dup);
  again.send({ cmd: 'pubrec', messageId: two.messageId ?? 0 });
  await again.expect('pubrel');
  await server.restart();
  const third = await server.connect(durable('s'));
  const repeated = await third.expect('publish');
  t.deepEqual([repeated.topic, repeated.dup, repeated.messageId], ['q/1', true, one.messageId]);
  t.is((await third.expect('pubrel')).messageId, two.messageId);
  const other = await server.connect({ clientId: 'o' });
  await other.subscribe('q/1');
  t.is(await other.message(), 'q/1 one');
});

test('QoS 2: a repeated PUBLISH is not routed twice, also after a restart', async (t) => {
  await using server = await MqttTestServer.start(ANONYMOUS);
  const publisher = await server.connect(durable('p'));
  const subscriber = await server.connect({ clientId: 's' });
  await subscriber.subscribe('x');
  const publish = { cmd: 'publish', topic: 'x', payload: 'once', qos: 2, retain: false, messageId: 7 } as const;
  publisher.send({ ...publish, dup: false });
  await publisher.expect('pubrec');
  publisher.send({ ...publish, dup: true });
  t.is((await publisher.expect('pubrec')).messageId, 7);
  t.is(await subscriber.message(), 'x once');
  await subscriber.ping();
  t.is(subscriber.received.length, 0);
  await server.restart();
  const again = await server.connect(durable('p'));
  const listener = await server.connect({ clientId: 's' });
  await listener.subscribe('x');
  again.send({ ...publish, dup: true });
  await again.expect('pubrec');
  await listener.ping();
  t.is(listener.received.length, 0);
  again.send({ cmd: 'pubrel', messageId: 7 });
  t.is((await again.expect('pubcomp')).reasonCode ?? 0, 0);
  again.send({ cmd: 'pubrel', messageId: 7 });
  t.is((await again.expect('pubcomp')).reasonCode, 0x92);
});

test('the window of the client is kept', async (t) => {
  await using server = await MqttTestServer.start(ANONYMOUS);
  const subscriber = await server.connect({ clientId: 's', properties: { receiveMaximum: 2 } });
  await subscriber.subscribe({ topic: 'w', qos: 1 });
  const publisher = await server.connect({ clientId: 'p' });
  for (const text of ['1', '2', '3', '4']) await publisher.publish('w', text, { qos: 1 });
  const first = await subscriber.expect('publish');
  t.is(await subscriber.message(), 'w 2');
  await subscriber.ping();
  t.is(subscriber.received.length, 0);
  subscriber.send({ cmd: 'puback', messageId: first.messageId ?? 0 });
  t.is(await subscriber.message(), 'w 3');
});

test('queues are bounded, and what is dropped is counted', async (t) => {
  await using server = await MqttTestServer.start('mqtt: { anonymous: [mqtt], max_queued: 2 }');
  const subscriber = await server.connect(durable('s'));
  await subscriber.subscribe({ topic: 'w', qos: 1 });
  await subscriber.disconnect();
  const publisher = await server.connect({ clientId: 'p' });
  for (const text of ['1', '2', '3']) await publisher.publish('w', text, { qos: 1 });
  t.is(server.broker().drops.queue_full, 1);
  await server.reload('mqtt: { anonymous: [mqtt], max_queued: 2, queue_full: drop_oldest }');
  await publisher.publish('w', '4', { qos: 1 });
  t.is(server.broker().drops.queue_full, 2);
  const again = await server.connect(durable('s'));
  t.is(await again.message(), 'w 2');
  t.is(await again.message(), 'w 4');
});

test('a second connection takes the session over', async (t) => {
  await using server = await MqttTestServer.start(ANONYMOUS);
  const first = await server.connect({ clientId: 'c' });
  const second = await server.connect({ clientId: 'c' });
  t.is(await first.ended(), 0x8e);
  await second.ping();
  t.is(server.broker().sessions.size, 1);
});

test('a client without identifier is given one', async (t) => {
  await using server = await MqttTestServer.start(ANONYMOUS);
  const client = await server.connect();
  t.regex(client.connack?.properties?.assignedClientIdentifier ?? '', /^auto-[0-9a-f]{24}$/);
  const older = await server.connect({ protocolVersion: 4 });
  t.is(older.reason, 0);
  const refused = await server.dial('mqtt', 4);
  refused.write(Buffer.from([0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 0, 0, 0, 0, 0]));
  t.is((await refused.expect('connack')).returnCode, 2);
});

test('wills: sent when the connection breaks, not after a good-bye, but with 0x04', async (t) => {
  await using server = await MqttTestServer.start(ANONYMOUS);
  const watcher = await server.connect({ clientId: 'w' });
  await watcher.subscribe('will/#');
  const will = (name: string) =>
    ({ topic: `will/${name}`, payload: Buffer.from(name), qos: 0, retain: false }) as const;
  const broken = await server.connect({ clientId: 'a', will: will('broken') });
  broken.break();
  t.is(await watcher.message(), 'will/broken broken');
  const polite = await server.connect({ clientId: 'b', will: will('polite') });
  await polite.disconnect(0);
  const demanding = await server.connect({ clientId: 'c', will: will('demanding') });
  await demanding.disconnect(4);
  t.is(await watcher.message(), 'will/demanding demanding');
  const replaced = await server.connect({ clientId: 'd', will: will('replaced') });
  await server.connect({ clientId: 'd' });
  await replaced.ended();
  t.is(await watcher.message(), 'will/replaced replaced');
});

test('wills: one with a delay is not sent when the client comes back, and is when its session ends', async (t) => {
  await using server = await MqttTestServer.start(ANONYMOUS);
  const watcher = await server.connect({ clientId: 'w' });
  await watcher.subscribe('will');
  const options = (clean = false): ConnectOptions => ({
    ...durable('c'),
    clean,
    will: {
      topic: 'will',
      payload: Buffer.from('gone'),
      qos: 0,
      retain: false,
      properties: { willDelayInterval: 3600 },
    },
  });
  const first = await server.connect(options());
  first.break();
  const second = await server.connect(options());
  second.break();
  await watcher.ping();
  t.is(watcher.received.length, 0);
  await server.connect(options(true));
  t.is(await watcher.message(), 'will gone');
});

test('wills: one whose client was connected when the server stopped is sent by the next', async (t) => {
  await using server = await MqttTestServer.start(ANONYMOUS);
  const watcher = await server.connect(durable('w'));
  await watcher.subscribe({ topic: 'will', qos: 1 });
  await watcher.disconnect();
  await server.connect({ clientId: 'c', will: { topic: 'will', payload: Buffer.from('gone'), qos: 1, retain: false } });
  await server.restart();
  const again = await server.connect(durable('w'));
  t.is(await again.message(), 'will gone');
});

test('shared subscriptions: each message goes to one member; a member that leaves gives back', async (t) => {
  await using server = await MqttTestServer.start(ANONYMOUS);
  const one = await server.connect({ clientId: '1' });
  const two = await server.connect({ clientId: '2' });
  for (const member of [one, two]) await member.subscribe({ topic: '$share/g/jobs/#', qos: 1 });
  const publisher = await server.connect({ clientId: 'p' });
  for (const text of ['a', 'b', 'c', 'd']) await publisher.publish('jobs/x', text, { qos: 1 });
  await one.ping();
  await two.ping();
  t.deepEqual([one.received.length, two.received.length], [2, 2]);
  one.break();
  await two.message();
  await two.message();
  const back = [await two.message(), await two.message()];
  t.deepEqual(back.toSorted(), ['jobs/x a', 'jobs/x c']);
});

test('no local, retain as published, retain handling, subscription identifiers', async (t) => {
  await using server = await MqttTestServer.start(ANONYMOUS);
  const client = await server.connect({ clientId: 'c' });
  const other = await server.connect({ clientId: 'o' });
  await other.publish('t/r', 'kept', { retain: true });
  t.deepEqual(await client.subscribe({ topic: 't/#', nl: true, rap: true, rh: 2, id: 5 }), [0]);
  await client.publish('t/x', 'own');
  await other.publish('t/x', 'other', { retain: true });
  const got = await client.expect('publish');
  t.deepEqual([String(got.payload), got.retain, got.properties?.subscriptionIdentifier], ['other', true, 5]);
  t.deepEqual(await client.subscribe({ topic: 't/#', nl: true, rh: 1 }), [0]);
  await client.ping();
  t.is(client.received.length, 0);
  client.send({ cmd: 'subscribe', messageId: 2, subscriptions: [{ topic: '$share/g/t', qos: 0, nl: true }] });
  t.is(await client.ended(), 0x82);
});

test('overlapping subscriptions give one copy, at the highest QoS', async (t) => {
  await using server = await MqttTestServer.start(ANONYMOUS);
  const client = await server.connect({ clientId: 'c' });
  await client.subscribe({ topic: 'o/+', qos: 0, id: 1 });
  await client.subscribe({ topic: 'o/#', qos: 1, id: 2 });
  const other = await server.connect({ clientId: 'o' });
  await other.publish('o/1', 'x', { qos: 2 });
  const got = await client.expect('publish');
  t.is(got.qos, 1);
  const ids = [got.properties?.subscriptionIdentifier].flat().map(Number);
  t.deepEqual(
    ids.toSorted((a, b) => a - b),
    [1, 2],
  );
  await client.ping();
  t.is(client.received.length, 0);
});

test('reasons: nobody subscribed, a topic of the server, too many in flight', async (t) => {
  await using server = await MqttTestServer.start('mqtt: { anonymous: [mqtt], receive_maximum: 2 }');
  const client = await server.connect({ clientId: 'c' });
  t.is(client.connack?.properties?.receiveMaximum, 2);
  t.is(await client.publish('nobody', 'x', { qos: 1 }), 0x10);
  t.is(await client.publish('$SYS/x', 'x', { qos: 1 }), 0x90);
  t.is(await client.publish('$SYS/x', 'x', { qos: 2 }), 0x90);
  for (const messageId of [1, 2, 3]) {
    client.send({ cmd: 'publish', topic: 'x', payload: 'x', qos: 2, dup: false, retain: false, messageId });
  }
  t.is(await client.ended(), 0x93);
});

test('topic aliases, both ways', async (t) => {
  await using server = await MqttTestServer.start(ANONYMOUS);
  const subscriber = await server.connect({ clientId: 's', properties: { topicAliasMaximum: 1 } });
  await subscriber.subscribe('long/#');
  const publisher = await server.connect({ clientId: 'p' });
  t.is(publisher.connack?.properties?.topicAliasMaximum, 100);
  await publisher.publish('long/topic', '1', { properties: { topicAlias: 3 } });
  publisher.send({
    cmd: 'publish',
    topic: '',
    payload: '2',
    qos: 0,
    dup: false,
    retain: false,
    properties: { topicAlias: 3 },
  });
  const first = await subscriber.expect('publish');
  t.deepEqual([first.topic, first.properties?.topicAlias], ['long/topic', 1]);
  const second = await subscriber.expect('publish');
  t.deepEqual([second.topic, second.properties?.topicAlias, String(second.payload)], ['', 1, '2']);
});

test('a packet larger than the client takes is dropped and counted', async (t) => {
  await using server = await MqttTestServer.start(ANONYMOUS);
  const client = await server.connect({ clientId: 'c', properties: { maximumPacketSize: 60 } });
  await client.subscribe({ topic: 'm', qos: 1 });
  const other = await server.connect({ clientId: 'o' });
  await other.publish('m', 'x'.repeat(100), { qos: 1 });
  await other.publish('m', 'small', { qos: 1 });
  t.is(await client.message(), 'm small');
  t.is(server.broker().drops.too_large, 1);
});

test('logins: user names, wrong passwords, no user name, hosts apart', async (t) => {
  await using server = await MqttTestServer.start('hosts: { localhost: {}, other.example: {} }');
  await server.register('juliet@localhost');
  await server.register('juliet@other.example');
  const password = Buffer.from('secret');
  t.is((await server.connect({ username: 'juliet', password, clientId: 'c' })).reason, 0);
  t.is((await server.connect({ username: 'juliet@localhost', password, clientId: 'd' })).reason, 0);
  t.is((await server.connect({ username: 'juliet', password: Buffer.from('x') })).reason, 0x86);
  t.is((await server.connect({ username: 'romeo', password, protocolVersion: 4 })).reason, 4);
  t.is((await server.connect({})).reason, 0x87);
  t.is((await server.connect({ protocolVersion: 4 })).reason, 5);
  const here = await server.connect({ username: 'juliet', password, clientId: 'here' });
  const there = await server.connect({ username: 'juliet@other.example', password, clientId: 'there' });
  await here.subscribe('#');
  await there.publish('t', 'secret');
  await here.publish('t', 'own');
  t.is(await here.message(), 't own');
  t.is(server.broker('other.example').sessions.size, 1);
});

test('accounts that are disabled or removed are put out', async (t) => {
  await using server = await MqttTestServer.start();
  await server.register('juliet@localhost');
  const password = Buffer.from('secret');
  const client = await server.connect({ username: 'juliet', password, ...durable('c') });
  server.server.core.accounts.ban('localhost', 'juliet', 'spam', 'admin');
  t.is(await client.ended(), 0x98);
  t.is((await server.connect({ username: 'juliet', password })).reason, 0x8a);
  server.server.core.accounts.remove('localhost', 'juliet');
  t.is(server.broker().sessions.size, 0);
});

test('access list: settings and commands, at once', async (t) => {
  const acl = `
mqtt:
  anonymous: [mqtt]
  acl_default: deny
  acl:
    - { action: publish, filter: 'out/%c/#' }
    - { action: subscribe, filter: 'in/%c/#' }
`;
  await using server = await MqttTestServer.start(acl);
  const client = await server.connect({ clientId: 'c1' });
  t.deepEqual(await client.subscribe('in/c1/x', 'in/c2/x', '#', 'in/+/x'), [0, 0x87, 0x87, 0x87]);
  t.is(await client.publish('out/c1/x', 'x', { qos: 1 }), 0x10);
  t.is(await client.publish('out/c2/x', 'x', { qos: 1 }), 0x87);
  t.is(await client.publish('out/c2/x', 'x', { qos: 2 }), 0x87);
  const id = server.broker().acl.add({ who: '*', action: 'all', filter: '#', allow: true });
  t.is(await client.publish('out/c2/x', 'x', { qos: 1 }), 0x10);
  t.deepEqual(await client.subscribe('#'), [0]);
  server.broker().acl.delete(id);
  await client.publish('out/c1/x', 'x', { qos: 1 });
  await client.ping();
  t.is(client.received.length, 0);
  const older = await server.connect({ clientId: 'c3', protocolVersion: 4 });
  t.deepEqual(await older.subscribe('#'), [0x80]);
  await older.publish('out/c1/x', 'x', { qos: 2 });
});

test('the first packet is CONNECT, of a known version, or the connection ends', async (t) => {
  await using server = await MqttTestServer.start(ANONYMOUS);
  const silent = await server.dial();
  silent.send({ cmd: 'pingreq' });
  await silent.ended();
  t.is(silent.received.length, 0);
  const strange = await server.dial('mqtt', 4);
  strange.write(Buffer.from([0x10, 14, 0, 4, 0x4d, 0x51, 0x54, 0x54, 9, 2, 0, 0, 0, 2, 0x61, 0x62]));
  const answer = await strange.expect('connack');
  t.is(answer.returnCode, 1);
  await strange.ended();
  const twice = await server.connect({ clientId: 'c' });
  twice.send(connectPacket({ clientId: 'c' }));
  t.is(await twice.ended(), 0x82);
});

test('TLS: the same broker, with the host that was asked for', async (t) => {
  await using server = await MqttTestServer.start();
  await server.register('juliet@localhost');
  const client = await server.connect({ listener: 'mqtts', username: 'juliet', password: Buffer.from('secret') });
  t.is(client.reason, 0);
});

test('session expiry: what DISCONNECT says, and what the server allows', async (t) => {
  await using server = await MqttTestServer.start('mqtt: { anonymous: [mqtt], session_expiry: 100s }');
  const client = await server.connect(durable('c'));
  t.is(client.connack?.properties?.sessionExpiryInterval, 100);
  await client.disconnect(0, { sessionExpiryInterval: 0 });
  t.is(server.broker().sessions.size, 0);
  const other = await server.connect({ clientId: 'd' });
  await other.disconnect();
  t.is(server.broker().sessions.size, 0);
});

test('$SYS tells a new subscriber what is, and who is online', async (t) => {
  await using server = await MqttTestServer.start(ANONYMOUS);
  const client = await server.connect({ clientId: 'c' });
  await client.subscribe('$SYS/broker/clients/connected', '$SYS/clients/+/+/status');
  t.is(await client.message(), '$SYS/broker/clients/connected 1');
  t.is(await client.message(), '$SYS/clients/-/c/status online');
  const other = await server.connect({ clientId: 'o' });
  t.is(await client.message(), '$SYS/clients/-/o/status online');
  await other.disconnect();
  t.is(await client.message(), '$SYS/clients/-/o/status offline');
});
