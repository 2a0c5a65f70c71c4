/** CONNECT and CONNACK: MQTT 5 and 3.1.1 sections 3.1 and 3.2. */
import { connect } from 'node:net';
import { bytes } from '#test/vectors/mqtt/bytes.ts';
import type { IPublishPacket } from 'mqtt-packet';
import { ends, pending, publish, type Scene, seconds, stage, take, text, write } from './scene.ts';

const { both, five, four } = stage(`
mqtt: { anonymous: [mqtt] }
`);

/** Sends bytes over a connection of its own and returns all that comes until the server closes it. */
function exchange(scene: Scene, sent: string): Promise<Buffer> {
  const socket = connect({ host: '127.0.0.1', port: scene.server.port('mqtt') });
  socket.write(bytes(sent));
  const parts: Buffer[] = [];
  socket.on('data', (part: Buffer) => parts.push(part));
  return new Promise((resolve, reject) => {
    socket.once('close', () => resolve(Buffer.concat(parts)));
    socket.once('error', reject);
  });
}

both('[MQTT-3.1.0-2, MQTT311-3.1.0-2] a second CONNECT ends the connection', async (t, scene) => {
  const client = await scene.connect('a');
  write(client, scene.version === 5 ? '10 [ "MQTT" 05 02 003c 00 "c" ]' : '10 [ "MQTT" 04 02 003c "c" ]');
  await ends(t, client, scene.version, 0x82);
});

five(
  '[MQTT-3.1.2-1, MQTT-3.1.2-2, MQTT-3.2.2-6, MQTT-3.2.2-7] an unknown protocol is told so and closed',
  async (t, scene) => {
    for (const [sent, code] of [
      ['10 [ "MQTT" 06 02 003c 00 "c" ]', 0x84],
      ['10 [ "MQTX" 05 02 003c 00 "c" ]', 0x84],
    ] as const) {
      const answer = await exchange(scene, sent);
      if (answer.length === 0) continue;
      t.is(answer[0], 0x20, sent);
      t.is(answer[2], 0, sent);
      t.true([code, 1].includes(answer[3] ?? 0), sent);
    }
  },
);

four(
  '[MQTT311-3.1.2-1, MQTT311-3.1.2-2, MQTT311-3.2.2-4, MQTT311-3.2.2-5] an unknown level is answered with 0x01 and closed',
  async (t, scene) => {
    t.deepEqual(await exchange(scene, '10 [ "MQTT" 02 02 003c "c" ]'), Buffer.from([0x20, 2, 0, 1]));
    t.not((await exchange(scene, '10 [ "MQTX" 04 02 003c "c" ]'))[3], 0);
  },
);

both(
  '[MQTT-3.1.2-4, MQTT-3.2.2-2, MQTT311-3.1.2-6, MQTT311-3.2.2-1] a clean start discards the session',
  async (t, scene) => {
    const topic = scene.topic();
    const first = await scene.stay('a');
    await first.subscribe({ topic, qos: 1 });
    await first.disconnect();
    const publisher = await scene.connect('p');
    await publisher.publish(topic, 'old', { qos: 1 });
    const clean = await scene.connect('a', { clean: true });
    t.false(clean.present);
    t.is(clean.reason, 0);
    await publisher.publish(topic, 'new', { qos: 1 });
    t.deepEqual(await pending(clean), []);
  },
);

both(
  '[MQTT-3.1.2-5, MQTT-3.2.2-3, MQTT-4.1.0-1, MQTT-4.5.0-1, MQTT311-3.1.2-4, MQTT311-3.1.2-5, MQTT311-3.2.2-2, MQTT311-4.5.0-1] a session goes on with its subscriptions and messages',
  async (t, scene) => {
    const topic = scene.topic();
    const first = await scene.stay('a');
    t.false(first.present);
    await first.subscribe({ topic, qos: 2 });
    await first.disconnect();
    const publisher = await scene.connect('p');
    for (const qos of [1, 2] as const) await publisher.publish(topic, `at ${qos}`, { qos });
    const again = await scene.stay('a');
    t.true(again.present);
    t.is(again.reason, 0);
    t.is(text(await take(again)), 'at 1');
    t.is(text(await take(again)), 'at 2');
    await publisher.publish(topic, 'live', { qos: 1 });
    t.is(text(await take(again)), 'live');
  },
);

both(
  '[MQTT-3.1.2-6, MQTT-3.1.3-2, MQTT311-3.1.3-2, MQTT311-3.2.2-3] without a session of that client id a new one begins',
  async (t, scene) => {
    const topic = scene.topic();
    const first = await scene.stay('a');
    await first.subscribe({ topic, qos: 1 });
    const other = await scene.stay('b');
    t.false(other.present);
    publish(first, topic, 'for a', { qos: 1 });
    t.is(text((await first.next()) as IPublishPacket), 'for a');
    t.deepEqual(await pending(other), []);
  },
);

four('[MQTT311-3.1.2-6] a session with Clean Session is over with its connection', async (t, scene) => {
  const first = await scene.connect('a', { clean: true });
  await first.subscribe({ topic: scene.topic(), qos: 1 });
  await first.disconnect();
  const again = await scene.connect('a', { clean: false });
  t.false(again.present);
});

five('[MQTT-3.1.2-23, MQTT-4.1.0-2] the session is kept for its expiry, and no longer', async (t, scene) => {
  const options = (expiry: number) => ({ clean: false, properties: { sessionExpiryInterval: expiry } });
  await (await scene.connect('long', options(60))).disconnect();
  await (await scene.connect('short', options(1))).disconnect();
  await (await scene.connect('none', options(0))).disconnect();
  t.true((await scene.connect('long', options(60))).present);
  t.false((await scene.connect('none', options(0))).present);
  await seconds(1.5);
  t.false((await scene.connect('short', options(1))).present);
});

five('[MQTT-3.1.2-23] DISCONNECT may change the expiry, but not from 0', async (t, scene) => {
  const first = await scene.connect('a', { clean: false, properties: { sessionExpiryInterval: 60 } });
  await first.disconnect(0, { sessionExpiryInterval: 0 });
  const again = await scene.connect('a', { clean: false });
  t.false(again.present);
  again.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 60 } });
  t.is(await again.ended(), 0x82);
});

both(
  '[MQTT-3.1.2-22, MQTT-3.2.2-22, MQTT311-3.1.2-24] a client that is silent for one and a half keep alives is put out',
  async (t, scene) => {
    const watcher = await scene.connect('w');
    await watcher.subscribe({ topic: scene.topic('will'), qos: 1 });
    const start = performance.now();
    const will = { topic: scene.topic('will'), payload: Buffer.from('gone'), qos: 1 as const, retain: false };
    const client = await scene.connect('a', { keepalive: 1, will });
    await ends(t, client, scene.version, 0x8d);
    t.true(performance.now() - start >= 1400);
    // As if the network had failed.
    t.is(text(await take(watcher)), 'gone');
  },
);

five(
  '[MQTT-3.1.2-28, MQTT-3.1.2-29] Response Information only for who asks, Reason Strings only for who takes them',
  async (t, scene) => {
    const silent = await scene.connect('a', {
      properties: { requestProblemInformation: false, requestResponseInformation: false },
    });
    t.is(silent.connack?.properties?.responseInformation, undefined);
    silent.send({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [
        { topic: '$share/g', qos: 0 },
        { topic: scene.topic(), qos: 1 },
      ],
    });
    publish(silent, '$SYS/forbidden', 'x', { qos: 1 });
    publish(silent, scene.topic('nobody'), 'x', { qos: 2, messageId: 2 });
    silent.send({ cmd: 'unsubscribe', messageId: 3, unsubscriptions: ['none'] });
    silent.send({ cmd: 'pubrel', messageId: 77 });
    const answers = [];
    while (answers.length < 4 && !silent.closed) {
      const packet = await silent.next().catch(() => undefined);
      if (packet === undefined) break;
      answers.push(packet);
    }
    for (const packet of answers) {
      if (packet.cmd === 'disconnect') continue;
      const properties = 'properties' in packet ? (packet.properties ?? {}) : {};
      t.false('reasonString' in properties || 'userProperties' in properties, packet.cmd);
    }
    t.true(answers.length > 0);
  },
);

both('[MQTT-3.1.3-5, MQTT311-3.1.3-5] client ids of 1 to 23 letters and digits are taken', async (t, scene) => {
  for (const clientId of ['0', 'Z', '0123456789abcdefghijklm', 'nopqrstuvwxyzABCDEFGHIJ', 'KLMNOPQRSTUVWXYZ0123456']) {
    t.is((await scene.connect('', { clientId })).reason, 0, clientId);
  }
});

five(
  '[MQTT-3.1.3-6, MQTT-3.1.3-7, MQTT-3.2.2-16] who has no client id is given one that is nobody else’s',
  async (t, scene) => {
    const ids: string[] = [];
    for (let n = 0; n < 2; n++) {
      const client = await scene.dial();
      write(client, '10 [ "MQTT" 05 00 0000 ( 11 0000003c ) "" ]');
      const { reasonCode, properties } = await client.expect('connack');
      t.is(reasonCode, 0);
      ids.push(properties?.assignedClientIdentifier ?? '');
      await client.disconnect();
    }
    t.true(ids.every((id) => id.length > 0));
    t.not(ids[0], ids[1]);
    t.true((await scene.connect('', { clientId: ids[0] ?? '', clean: false })).present);
  },
);

four('[MQTT311-3.1.3-6, MQTT311-3.1.3-7] who has no client id is served with Clean Session', async (t, scene) => {
  t.is((await scene.connect('', { clientId: '', clean: true })).reason, 0);
});

four('[MQTT311-3.1.3-8, MQTT311-3.1.3-9] and refused with 0x02 without it', async (t, scene) => {
  t.deepEqual(await exchange(scene, '10 [ "MQTT" 04 00 003c "" ]'), Buffer.from([0x20, 2, 0, 2]));
});

both('[MQTT-3.1.4-3, MQTT311-3.1.4-2] a second connection of the client id ends the first', async (t, scene) => {
  const first = await scene.connect('a');
  const second = await scene.connect('a');
  await ends(t, first, scene.version, 0x8e);
  await second.ping();
  t.false(second.closed);
});

both('[MQTT-3.1.4-4, MQTT311-3.1.4-3] and takes its session, or a new one', async (t, scene) => {
  const first = await scene.stay('a');
  await first.subscribe({ topic: scene.topic(), qos: 1 });
  t.true((await scene.stay('a')).present);
  t.false((await scene.stay('a', { clean: true })).present);
  // In 3.1.1 the one with a clean session ends with its connection.
  t.is((await scene.stay('a')).present, scene.version === 5);
});

both(
  '[MQTT-3.1.4-5, MQTT-3.2.0-1, MQTT-3.2.0-2, MQTT311-3.1.4-4, MQTT311-3.2.0-1] CONNACK comes first and once',
  async (t, scene) => {
    const topic = scene.topic();
    const stays = await scene.stay('a');
    await stays.subscribe({ topic, qos: 1 });
    await stays.disconnect();
    await (await scene.connect('p')).publish(topic, 'waits', { qos: 1 });
    // `connect` asserts that the first packet is CONNACK, although a message waits.
    const again = await scene.stay('a');
    t.is(text(await take(again)), 'waits');
    t.deepEqual(await pending(again), []);
  },
);

both(
  '[MQTT-3.1.4-2, MQTT-3.1.4-6, MQTT-3.14.0-1, MQTT311-3.1.4-5] after a refusal nothing more is processed',
  async (t, scene) => {
    const watcher = await scene.connect('w');
    await watcher.subscribe(scene.topic());
    const client = await scene.dial('strict');
    const refused = scene.version === 5 ? '10 [ "MQTT" 05 02 003c 00 "c" ]' : '10 [ "MQTT" 04 02 003c "c" ]';
    write(client, `${refused} 30 [ "${scene.topic()}" ${scene.version === 5 ? '00' : ''} 'too early' ]`);
    const answer = await client.expect('connack');
    t.is(answer.reasonCode ?? answer.returnCode, scene.version === 5 ? 0x87 : 5);
    t.false(answer.sessionPresent);
    await client.ended();
    t.deepEqual(client.received, []);
    t.deepEqual(await pending(watcher), []);
  },
);

both('[MQTT-3.2.2-1, MQTT-3.2.2-8] the flags of CONNACK are 0 but for Session Present', async (t, scene) => {
  const id = scene.id('raw');
  const properties = scene.version === 5 ? '( 11 0000003c )' : '';
  const connectPacket = `10 [ "MQTT" 0${scene.version} 00 0000 ${properties} "${id}" ]`;
  const end = scene.version === 5 ? 'e0 00' : 'e0 00';
  const first = await exchange(scene, `${connectPacket} ${end}`);
  const second = await exchange(scene, `${connectPacket} ${end}`);
  t.deepEqual([first[0], first[2], first[3]], [0x20, 0, 0]);
  t.deepEqual([second[0], second[2], second[3]], [0x20, 1, 0]);
});

both(
  '[MQTT-3.1.4-1, MQTT311-3.1.4-1, MQTT311-3.2.2-6] a CONNECT that is not well formed closes the connection',
  async (t, scene) => {
    const properties = scene.version === 5 ? '00' : '';
    const answer = await exchange(scene, `10 [ "MQTT" 0${scene.version} 03 003c ${properties} "c" ]`);
    if (scene.version === 4) t.is(answer.length, 0);
    if (answer.length > 0) t.is(answer[0], 0x20);
    t.not(answer[3], 0);
  },
);

both('[MQTT-3.1.0-1, MQTT311-3.1.0-1] a first packet that is no CONNECT closes the connection', async (t, scene) => {
  t.is((await exchange(scene, 'c0 00')).length, 0);
});

five('[MQTT-3.1.3-8] a client id that cannot be the resource of an address is refused with 0x85', async (t, scene) => {
  const client = await scene.connect('', { clientId: 'bell\u0007' });
  t.is(client.reason, 0x85);
  await client.ended();
});
