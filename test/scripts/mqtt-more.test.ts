/** The broker over sockets: logins by method, WebSockets, times, limits, operators. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { generate, type Packet, parser } from 'mqtt-packet';
import { WebSocket } from 'ws';
import type { Cell, CommandError } from '#src/admin/commands.ts';
import { runCommand } from '#src/admin/run.ts';
import { adminParts, serverCommands } from '#src/server/admin.ts';
import { type ConnectOptions, connectPacket, type MqttTestClient, MqttTestServer } from '#test/helpers/mqtt.ts';
import { ScramClient } from './scram.ts';

const ANONYMOUS = 'mqtt: { anonymous: [mqtt] }';
const FOR_EVER = 0xffffffff;
const durable = (clientId: string): ConnectOptions => ({
  clientId,
  clean: false,
  properties: { sessionExpiryInterval: FOR_EVER },
});

/** What `mosquitto_passwd -b` makes of the password `montague`. */
const ROMEO =
  'romeo:$7$101$Pp9lXyRBOmuz7oUU$rW1/eiUlmr8hUw4CpjhvYZhYRcE7EfLRFAa36jgkDwmzqUF2VqfJ29PcDu0mXkmp80ZOuXqYVASOsdLkKSTPDA==';

/** What `mosquitto_passwd -H sha512` makes of the password `capulet`, as mosquitto 1.6 and earlier did. */
const JULIET =
  'juliet:$6$QRSjq9NqvBMxjdSW$nLlIA2cZ6diagYCRSXMeB1TfQhp+EOAmdNSVRmBikcku6YIJndFHIjjPjzUwZAGk3TTXfqBuYLNLQtVye50/qg==';

/** Answers the server's AUTH, the last message of the client. */
async function prove(client: MqttTestClient, scram: ScramClient, password: string): Promise<void> {
  const challenge = await client.expect('auth');
  if (challenge.reasonCode !== 0x18) throw new Error('no challenge');
  const data = Buffer.from(scram.final(String(challenge.properties?.authenticationData), password));
  client.send({
    cmd: 'auth',
    reasonCode: 0x18,
    properties: { authenticationMethod: 'SCRAM-SHA-256', authenticationData: data },
  });
}

async function scramClient(server: MqttTestServer, password: string) {
  const client = await server.dial('strict');
  const scram = new ScramClient('SHA-256', 'juliet', 'n,,', Buffer.alloc(0));
  const properties = { authenticationMethod: 'SCRAM-SHA-256', authenticationData: Buffer.from(scram.first()) };
  client.send(connectPacket({ clientId: 'c', properties }));
  await prove(client, scram, password);
  return { client, scram, connack: await client.expect('connack') };
}

test('SCRAM-SHA-256 in CONNECT and AUTH, and once more later', async (t) => {
  await using server = await MqttTestServer.start();
  await server.register('juliet@localhost');
  const { client, connack, scram } = await scramClient(server, 'secret');
  t.is(connack.reasonCode, 0);
  t.is(connack.properties?.authenticationMethod, 'SCRAM-SHA-256');
  t.is(String(connack.properties?.authenticationData), scram.serverFinal);
  t.not(server.broker().sessions.get('juliet/c'), undefined);
  const again = new ScramClient('SHA-256', 'juliet', 'n,,', Buffer.alloc(0));
  const properties = { authenticationMethod: 'SCRAM-SHA-256', authenticationData: Buffer.from(again.first()) };
  client.send({ cmd: 'auth', reasonCode: 0x19, properties });
  await prove(client, again, 'secret');
  const success = await client.expect('auth');
  t.is(success.reasonCode, 0);
  t.is(String(success.properties?.authenticationData), again.serverFinal);
  const wrong = new ScramClient('SHA-256', 'juliet', 'n,,', Buffer.alloc(0));
  client.send({
    cmd: 'auth',
    reasonCode: 0x19,
    properties: { authenticationMethod: 'SCRAM-SHA-256', authenticationData: Buffer.from(wrong.first()) },
  });
  await prove(client, wrong, 'wrong');
  t.is(await client.ended(), 0x87);
});

test('SCRAM: a wrong password, an unknown method, an AUTH that nobody asked for', async (t) => {
  await using server = await MqttTestServer.start(ANONYMOUS);
  await server.register('juliet@localhost');
  const { connack } = await scramClient(server, 'wrong');
  t.is(connack.reasonCode, 0x87);
  const unknown = await server.connect({ properties: { authenticationMethod: 'GS2-KRB5' } });
  t.is(unknown.reason, 0x8c);
  const client = await server.connect({ clientId: 'c' });
  client.send({ cmd: 'auth', reasonCode: 0x19, properties: { authenticationMethod: 'SCRAM-SHA-256' } });
  t.is(await client.ended(), 0x82);
});

test('WebSocket: packets cut anywhere, binary only, the subprotocol is needed', async (t) => {
  await using server = await MqttTestServer.start('mqtt: { anonymous: [http] }');
  const url = `ws://127.0.0.1:${server.port('http')}/mqtt`;
  const socket = new WebSocket(url, 'mqtt');
  const parse = parser({ protocolVersion: 5 });
  const packets: Packet[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  parse.on('packet', (packet: Packet) => {
    packets.push(packet);
    if (packets.length === 3) resolve();
  });
  socket.on('message', (data: Buffer) => parse.parse(data));
  await new Promise((opened) => socket.once('open', opened));
  t.is(socket.protocol, 'mqtt');
  const bytes = Buffer.concat([
    generate(connectPacket({ clientId: 'w' }), { protocolVersion: 5 }),
    generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] }, { protocolVersion: 5 }),
    generate({ cmd: 'publish', topic: 'a', payload: 'x', qos: 0, dup: false, retain: false }, { protocolVersion: 5 }),
  ]);
  for (const byte of bytes) socket.send(Buffer.from([byte]));
  await promise;
  t.deepEqual(
    packets.map(({ cmd }) => cmd),
    ['connack', 'suback', 'publish'],
  );
  socket.send('text');
  const code = await new Promise((closed) => socket.once('close', closed));
  t.is(code, 1003);
  t.is(server.broker().sessions.size, 0);
  const refused = new WebSocket(url, 'other');
  const error = await new Promise<Error>((failed) => refused.once('error', failed));
  t.regex(error.message, /400/);
});

test('a client that keeps silent for one and a half times its keep alive is gone, and its will is sent', async (t) => {
  await using server = await MqttTestServer.start(ANONYMOUS);
  const watcher = await server.connect({ clientId: 'w' });
  await watcher.subscribe('will');
  const silent = await server.connect({
    clientId: 's',
    keepalive: 1,
    will: { topic: 'will', payload: Buffer.from('silent'), qos: 0, retain: false },
  });
  t.is(await silent.ended(), 0x8d);
  t.is(await watcher.message(), 'will silent');
});

test('the server may shorten the keep alive of MQTT 5', async (t) => {
  await using server = await MqttTestServer.start('mqtt: { anonymous: [mqtt], keep_alive: 60s }');
  t.is((await server.connect({ keepalive: 0 })).connack?.properties?.serverKeepAlive, 60);
  t.is((await server.connect({ keepalive: 61 })).connack?.properties?.serverKeepAlive, 60);
  t.is((await server.connect({ keepalive: 30 })).connack?.properties?.serverKeepAlive, undefined);
});

test('a session expires, and what it had with it', async (t) => {
  await using server = await MqttTestServer.start(ANONYMOUS);
  const watcher = await server.connect({ clientId: 'w' });
  await watcher.subscribe('will');
  const client = await server.connect({
    clientId: 'c',
    clean: false,
    properties: { sessionExpiryInterval: 1 },
    will: {
      topic: 'will',
      payload: Buffer.from('expired'),
      qos: 0,
      retain: false,
      properties: { willDelayInterval: 100 },
    },
  });
  await client.subscribe({ topic: 'q', qos: 1 });
  client.break();
  t.is(await watcher.message(), 'will expired');
  t.is(server.broker().sessions.get('/c'), undefined);
  t.is(server.broker().subscriptions.size, 1);
});

test('messages expire while they wait, and others tell what is left', async (t) => {
  await using server = await MqttTestServer.start(ANONYMOUS);
  const first = await server.connect(durable('s'));
  await first.subscribe({ topic: 'e', qos: 1 });
  await first.disconnect();
  const publisher = await server.connect({ clientId: 'p' });
  await publisher.publish('e', 'short', { qos: 1, properties: { messageExpiryInterval: 1 } });
  await publisher.publish('e', 'long', { qos: 1, properties: { messageExpiryInterval: 1000 } });
  const started = server.broker().now;
  // The broker's own clock has to pass the second: waited for by its next will.
  await publisher.subscribe('tick');
  const ticking = await server.connect({
    clientId: 't',
    clean: false,
    properties: { sessionExpiryInterval: 2 },
    will: { topic: 'tick', payload: Buffer.from(''), qos: 0, retain: false, properties: { willDelayInterval: 2 } },
  });
  ticking.break();
  await publisher.expect('publish');
  t.true(server.broker().now - started >= 1000);
  const again = await server.connect(durable('s'));
  const long = await again.expect('publish');
  t.is(String(long.payload), 'long');
  const left = long.properties?.messageExpiryInterval ?? 0;
  t.true(left >= 990 && left < 1000, `${left} seconds are left`);
  t.is(server.broker().drops.expired, 1);
});

test('a packet that is too large, announced or sent, ends the connection', async (t) => {
  await using server = await MqttTestServer.start('mqtt: { anonymous: [mqtt], max_packet_size: 1KB }');
  const client = await server.connect({ clientId: 'c' });
  t.is(client.connack?.properties?.maximumPacketSize, 1024);
  client.write(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]));
  t.is(await client.ended(), 0x95);
  const early = await server.dial();
  early.write(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]));
  await early.ended();
  t.is(early.received.length, 0);
});

test('a subscriber that does not read loses messages of QoS 0, which is counted, and holds up nobody', async (t) => {
  const settings = 'mqtt: { anonymous: [mqtt] }\nlimits: { session_queue: 64KB }';
  await using server = await MqttTestServer.start(settings);
  const frozen = await server.connect({ clientId: 'frozen' });
  await frozen.subscribe('f');
  frozen.freeze();
  const publisher = await server.connect({ clientId: 'p' });
  await publisher.subscribe('f');
  const payload = 'x'.repeat(50_000);
  for (let count = 0; server.broker().drops.slow === 0 && count < 2000; count++) {
    await publisher.publish('f', payload);
    await publisher.message();
  }
  t.true(server.broker().drops.slow > 0);
  t.false(frozen.closed);
});

test('a client that is not allowed more sessions or subscriptions is told so', async (t) => {
  await using server = await MqttTestServer.start('mqtt: { anonymous: [mqtt], max_sessions: 2, max_subscriptions: 1 }');
  const client = await server.connect({ clientId: '1' });
  t.deepEqual(await client.subscribe('a', 'b'), [0, 0x97]);
  t.deepEqual(await client.subscribe({ topic: 'a', qos: 1 }), [1]);
  await server.connect({ clientId: '2' });
  t.is((await server.connect({ clientId: '3' })).reason, 0x97);
  t.is((await server.connect({ clientId: '3', protocolVersion: 4 })).reason, 3);
});

test('retained messages: no room is told, retained ones are kept within the limit', async (t) => {
  await using server = await MqttTestServer.start('mqtt: { anonymous: [mqtt], retained_count: 1 }');
  const client = await server.connect({ clientId: 'c' });
  t.is(await client.publish('a', 'x', { qos: 1, retain: true }), 0x10);
  t.is(await client.publish('b', 'x', { qos: 1, retain: true }), 0x97);
  t.is(await client.publish('a', 'y', { qos: 1, retain: true }), 0x10);
});

test('a rate of messages holds the reader up, and loses nothing', async (t) => {
  await using server = await MqttTestServer.start('mqtt: { anonymous: [mqtt], message_rate: 20 }');
  const client = await server.connect({ clientId: 'c' });
  const other = await server.connect({ clientId: 'o' });
  await other.subscribe('r');
  for (let count = 0; count < 30; count++) {
    client.send({ cmd: 'publish', topic: 'r', payload: String(count), qos: 0, dup: false, retain: false });
  }
  for (let count = 0; count < 30; count++) t.is(await other.message(), `r ${count}`);
});

test('properties of a message reach its subscribers', async (t) => {
  await using server = await MqttTestServer.start(ANONYMOUS);
  const client = await server.connect({ clientId: 'c', properties: { requestResponseInformation: true } });
  t.is(client.connack?.properties?.responseInformation, 'responses/-/c');
  await client.subscribe('p');
  const properties = {
    payloadFormatIndicator: true,
    contentType: 'text/plain',
    responseTopic: 'answer',
    correlationData: Buffer.from([1, 2]),
    userProperties: { a: ['1', '2'], b: '3' },
  };
  await client.publish('p', 'text', { properties });
  const got = client.received.find(({ cmd }) => cmd === 'publish') ?? (await client.next());
  t.like(got.cmd === 'publish' ? got.properties : {}, {
    contentType: 'text/plain',
    responseTopic: 'answer',
    correlationData: Buffer.from([1, 2]),
  });
  t.deepEqual({ ...(got.cmd === 'publish' ? got.properties?.userProperties : {}) }, { a: ['1', '2'], b: '3' });
});

async function command(
  t: ExecutionContext,
  server: MqttTestServer,
  name: string,
  ...args: readonly (string | number)[]
) {
  const found = serverCommands().find(name);
  if (found === undefined) throw new Error(`no command ${name}`);
  t.log(name, ...args);
  return (await runCommand(found, adminParts(server.server), args)).value;
}

const cells = (value: unknown, column: string): readonly Cell[] =>
  (value as readonly Readonly<Record<string, Cell>>[]).map((row) => row[column] ?? '');

test('commands: clients, subscriptions, retained messages', async (t) => {
  await using server = await MqttTestServer.start(ANONYMOUS);
  const run = (name: string, ...args: readonly (string | number)[]) => command(t, server, name, 'localhost', ...args);
  const client = await server.connect(durable('c'));
  await client.subscribe({ topic: 'a/#', qos: 1 }, { topic: '$share/g/b', qos: 0 });
  t.deepEqual(cells(await run('mqtt_list_clients'), 'client_id'), ['c']);
  t.like(await run('mqtt_client_info', 'c'), { version: '5.0', listener: 'mqtt', subs: 2, connected: 'true' });
  t.deepEqual(cells(await run('mqtt_list_subscriptions', 'c'), 'filter'), ['a/#', '$share/g/b']);
  t.deepEqual(cells(await run('mqtt_list_subscriptions', 'a/#'), 'client_id'), ['c']);
  t.deepEqual(await run('mqtt_share_groups'), [{ group: 'g', filter: 'b', members: ['c'] }]);
  t.is(await run('mqtt_publish', 'operator', 'a/x', 'hello', 1, 'true', 'text/plain'), 1);
  const got = await client.expect('publish');
  t.deepEqual([String(got.payload), got.properties?.contentType], ['hello', 'text/plain']);
  t.deepEqual(cells(await run('mqtt_list_retained'), 'topic'), ['a/x']);
  t.like(await run('mqtt_get_retained', 'a/x'), { payload: 'hello', encoding: 'text' });
  t.is(await run('mqtt_delete_retained', 'a/#'), 1);
  const error = await t.throwsAsync<CommandError>(run('mqtt_get_retained', 'a/x'));
  t.is(error?.code, 404);
  t.true(await run('mqtt_kick', 'c'));
  t.is(await client.ended(), 0x98);
  await run('mqtt_publish', '', 'a/x', 'later', 1);
  t.is(await run('mqtt_queue_purge', 'c'), 2);
  t.true(await run('mqtt_delete_session', 'c'));
  t.deepEqual(await run('mqtt_list_clients'), []);
});

test('commands: imports of the files of mosquitto', async (t) => {
  await using server = await MqttTestServer.start();
  const passwords = join(server.directory, 'passwords');
  writeFileSync(passwords, `${ROMEO}\n${JULIET}\nbroken:$6$c2FsdA==$aGFzaA==\n`);
  t.deepEqual(cells(await command(t, server, 'mqtt_import_passwords', 'localhost', passwords), 'result'), [
    'imported',
    'imported',
    'skipped',
  ]);
  // The right password of the older kind of hash gives the account all that others have: SCRAM works from then on.
  const { accounts } = server.server.core;
  t.is((await server.connect({ username: 'juliet', password: Buffer.from('montague') })).reason, 0x86);
  t.is(accounts.scramVerifier('localhost', 'juliet', 'SHA-256').keys.length, 0);
  t.is((await server.connect({ username: 'juliet', password: Buffer.from('capulet') })).reason, 0);
  t.is(accounts.scramVerifier('localhost', 'juliet', 'SHA-256').keys.length, 1);
  t.is((await server.connect({ username: 'juliet', password: Buffer.from('capulet') })).reason, 0);
  t.is((await server.connect({ username: 'romeo', password: Buffer.from('montague') })).reason, 0);
  t.is((await server.connect({ username: 'romeo', password: Buffer.from('capulet') })).reason, 0x86);
  const acl = join(server.directory, 'acl');
  writeFileSync(
    acl,
    'topic read public/#\nuser romeo\ntopic write out/+\ntopic deny out/secret\npattern readwrite own/%u/#\nbad line\n',
  );
  t.deepEqual(cells(await command(t, server, 'mqtt_import_acl', 'localhost', acl), 'result'), [
    'imported',
    'imported',
    'imported',
    'imported',
    'skipped',
  ]);
  await server.reload('mqtt: { acl_default: deny }');
  const romeo = await server.connect({ username: 'romeo', password: Buffer.from('montague'), clientId: 'r' });
  t.is(await romeo.publish('out/x', 'x', { qos: 1 }), 0x10);
  t.is(await romeo.publish('out/secret', 'x', { qos: 1 }), 0x87);
  t.deepEqual(await romeo.subscribe('own/romeo/x', 'own/juliet/x', 'public/x'), [0, 0x87, 0x87]);
});
