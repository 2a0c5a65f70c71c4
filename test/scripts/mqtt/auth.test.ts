/** Enhanced authentication: MQTT 5 sections 3.15 and 4.12, with SCRAM (RFC 5802, RFC 7677) as the method. */
import { Buffer } from 'node:buffer';
import type { MqttTestClient } from '#test/helpers/mqtt.ts';
import { ScramClient } from '../scram.ts';
import { pending, publish, type Scene, stage } from './scene.ts';

const { five } = stage('mqtt: { anonymous: [mqtt] }');
const METHOD = 'SCRAM-SHA-256';
const PASSWORD = 'pencil';

async function account(scene: Scene): Promise<string> {
  const user = scene.id('user');
  await scene.server.register(`${user}@localhost`, PASSWORD);
  return user;
}

/** Sends CONNECT with the first message of SCRAM, and answers the challenge. @returns the exchange */
async function begin(
  client: MqttTestClient,
  clientId: string,
  user: string,
  password = PASSWORD,
): Promise<ScramClient> {
  const scram = new ScramClient('SHA-256', user, 'n,,', Buffer.alloc(0));
  client.send({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 5,
    clean: true,
    keepalive: 0,
    clientId,
    properties: { authenticationMethod: METHOD, authenticationData: Buffer.from(scram.first()) },
  });
  await answer(client, scram, password);
  return scram;
}

async function answer(client: MqttTestClient, scram: ScramClient, password: string): Promise<void> {
  const { reasonCode, properties } = await client.expect('auth');
  if (reasonCode !== 0x18 || properties?.authenticationMethod !== METHOD) throw new Error('no challenge of the method');
  const final = scram.final(String(properties.authenticationData), password);
  client.send({
    cmd: 'auth',
    reasonCode: 0x18,
    properties: { authenticationMethod: METHOD, authenticationData: Buffer.from(final) },
  });
}

five('[MQTT-4.12.0-1] an unknown method is refused and closed', async (t, scene) => {
  const client = await scene.connect('a', { properties: { authenticationMethod: 'GS2-KRB5' } });
  t.true([0x8c, 0x87].includes(client.reason ?? 0));
  await client.ended();
});

five(
  '[MQTT-4.12.0-2, MQTT-4.12.0-5, MQTT-3.15.2-1, MQTT-3.2.0-1] AUTH goes back and forth until CONNACK, with the method in each',
  async (t, scene) => {
    const user = await account(scene);
    const client = await scene.dial('strict');
    const scram = await begin(client, scene.id('a'), user);
    const { reasonCode, properties } = await client.expect('connack');
    t.is(reasonCode, 0);
    t.is(properties?.authenticationMethod, METHOD);
    t.is(String(properties?.authenticationData), scram.serverFinal);
  },
);

five('[MQTT-4.12.0-4, MQTT-3.1.4-6] a wrong password is refused and closed', async (t, scene) => {
  const user = await account(scene);
  const client = await scene.dial('strict');
  await begin(client, scene.id('a'), user, 'guess');
  const { reasonCode } = await client.expect('connack');
  t.true([0x86, 0x87].includes(reasonCode ?? 0));
  await client.ended();
});

five('[MQTT-3.1.2-30, MQTT-4.12.0-4] nothing but AUTH and DISCONNECT before CONNACK', async (t, scene) => {
  const user = await account(scene);
  const client = await scene.dial('strict');
  const scram = new ScramClient('SHA-256', user, 'n,,', Buffer.alloc(0));
  const properties = { authenticationMethod: METHOD, authenticationData: Buffer.from(scram.first()) };
  client.send({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 5,
    clean: true,
    keepalive: 0,
    clientId: scene.id('a'),
    properties,
  });
  await client.expect('auth');
  publish(client, scene.topic(), 'too early');
  const watcher = await scene.connect('w');
  await watcher.subscribe(scene.topic());
  await client.ended();
  t.deepEqual(await pending(watcher), []);
  for (const packet of client.received) t.true(packet.cmd === 'connack' || packet.cmd === 'disconnect', packet.cmd);
});

five('[MQTT-4.12.0-6, MQTT-4.12.0-7] without a method there is no AUTH, and none is taken', async (t, scene) => {
  const client = await scene.connect('a');
  t.is(client.connack?.properties?.authenticationMethod, undefined);
  client.send({ cmd: 'auth', reasonCode: 0x19, properties: { authenticationMethod: METHOD } });
  t.is(await client.ended(), 0x82);
});

async function authenticated(scene: Scene): Promise<{ readonly client: MqttTestClient; readonly user: string }> {
  const user = await account(scene);
  const client = await scene.dial('strict');
  await begin(client, scene.id('a'), user);
  await client.expect('connack');
  return { client, user };
}

five('[MQTT-4.12.1-1] re-authentication while the session goes on', async (t, scene) => {
  const { client, user } = await authenticated(scene);
  const scram = new ScramClient('SHA-256', user, 'n,,', Buffer.alloc(0));
  client.send({
    cmd: 'auth',
    reasonCode: 0x19,
    properties: { authenticationMethod: METHOD, authenticationData: Buffer.from(scram.first()) },
  });
  await answer(client, scram, PASSWORD);
  const done = await client.expect('auth');
  t.is(done.reasonCode, 0);
  t.is(String(done.properties?.authenticationData), scram.serverFinal);
  t.deepEqual(await pending(client), []);
});

five('[MQTT-4.12.1-1] the method may not change', async (t, scene) => {
  const { client } = await authenticated(scene);
  client.send({
    cmd: 'auth',
    reasonCode: 0x19,
    properties: { authenticationMethod: 'SCRAM-SHA-1', authenticationData: Buffer.from('x') },
  });
  t.is(await client.ended(), 0x82);
});

five('[MQTT-4.12.1-2] one that fails ends the connection', async (t, scene) => {
  const { client, user } = await authenticated(scene);
  const scram = new ScramClient('SHA-256', user, 'n,,', Buffer.alloc(0));
  client.send({
    cmd: 'auth',
    reasonCode: 0x19,
    properties: { authenticationMethod: METHOD, authenticationData: Buffer.from(scram.first()) },
  });
  await answer(client, scram, 'guess');
  t.is(await client.ended(), 0x87);
});

five('[MQTT-3.15.2-2, MQTT-3.15.2-3] AUTH of the server has no words that could be too many', async (t, scene) => {
  const user = await account(scene);
  const client = await scene.dial('strict');
  const scram = new ScramClient('SHA-256', user, 'n,,', Buffer.alloc(0));
  const properties = {
    authenticationMethod: METHOD,
    authenticationData: Buffer.from(scram.first()),
    maximumPacketSize: 200,
  };
  client.send({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 5,
    clean: true,
    keepalive: 0,
    clientId: scene.id('a'),
    properties,
  });
  const packet = await client.expect('auth');
  t.is(packet.properties?.reasonString, undefined);
  t.is(packet.properties?.userProperties, undefined);
  t.true((packet.length ?? 0) + 2 <= 200);
});
