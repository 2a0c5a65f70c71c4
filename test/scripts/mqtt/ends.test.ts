/** PINGREQ, DISCONNECT and the handling of errors: MQTT 5 sections 3.12, 3.14 and 4.13; 3.1.1 sections 3.12, 3.14 and 4.8. */
import { ends, pending, publish, stage, take, text, write } from './scene.ts';

const { both, five, four } = stage('mqtt: { anonymous: [mqtt] }');

both('[MQTT-3.12.4-1, MQTT311-3.12.4-1] PINGREQ is answered', async (t, scene) => {
  const client = await scene.connect('a');
  write(client, 'c0 00 c0 00');
  await client.expect('pingresp');
  t.is((await client.expect('pingresp')).length, 0);
});

both(
  '[MQTT-3.14.4-1, MQTT-3.14.4-2, MQTT311-3.14.4-1, MQTT311-3.14.4-2] after DISCONNECT the connection ends and nothing more is heard',
  async (t, scene) => {
    const watcher = await scene.connect('w');
    await watcher.subscribe(scene.topic());
    const client = await scene.connect('a');
    write(client, `e0 00 30 [ "${scene.topic()}" ${scene.version === 5 ? '00' : ''} 'too late' ]`);
    t.is(await client.ended(), undefined);
    t.deepEqual(await pending(watcher), []);
  },
);

five('[MQTT-3.14.1-1] reserved bits of DISCONNECT: 0x81', async (t, scene) => {
  const client = await scene.connect('a');
  write(client, 'e1 00');
  t.is(await client.ended(), 0x81);
});

five('[MQTT-3.14.2-1, MQTT-3.14.2-2] the server says why it ends, without a session expiry', async (t, scene) => {
  const client = await scene.stay('a');
  await scene.stay('a');
  const packet = await client.expect('disconnect');
  t.is(packet.reasonCode, 0x8e);
  t.is(packet.properties?.sessionExpiryInterval, undefined);
  await client.ended();
  t.deepEqual(client.received, []);
});

both(
  '[MQTT-4.13.1-1, MQTT-4.13.2-1, MQTT311-4.8.0-1] a violation ends the connection, and what came behind it is not processed',
  async (t, scene) => {
    const watcher = await scene.connect('w');
    await watcher.subscribe(scene.topic());
    const client = await scene.connect('a');
    const properties = scene.version === 5 ? '00' : '';
    write(
      client,
      `30 [ "${scene.topic()}" ${properties} 'before' ] 36 [ "x" 0001 ${properties} ] 30 [ "${scene.topic()}" ${properties} 'behind' ]`,
    );
    await ends(t, client, scene.version, 0x81);
    t.is(text(await take(watcher)), 'before');
    t.deepEqual(await pending(watcher), []);
  },
);

four('[MQTT311-3.3.5-2] a PUBLISH that is not allowed is acknowledged or ends the connection', async (t, scene) => {
  const client = await scene.connect('a');
  publish(client, '$SYS/x', 'x', { qos: 1 });
  const answer = await client.next().catch(() => undefined);
  t.is(answer?.cmd ?? 'closed', client.closed ? 'closed' : 'puback');
});

five(
  '[MQTT-3.4.2-1, MQTT-3.5.2-1, MQTT-3.6.2-1, MQTT-3.7.2-1] reasons of acknowledgements are those of the packet',
  async (t, scene) => {
    const client = await scene.connect('a');
    publish(client, scene.topic('nobody'), 'x', { qos: 1, messageId: 1 });
    t.true([0, 0x10].includes((await client.expect('puback')).reasonCode ?? 0));
    publish(client, scene.topic('nobody'), 'x', { qos: 2, messageId: 2 });
    t.true([0, 0x10].includes((await client.expect('pubrec')).reasonCode ?? 0));
    client.send({ cmd: 'pubrel', messageId: 2 });
    t.is((await client.expect('pubcomp')).reasonCode ?? 0, 0);
    client.send({ cmd: 'pubrel', messageId: 3 });
    t.is((await client.expect('pubcomp')).reasonCode, 0x92);
    // A PUBREC for a packet id that is not in use is answered with PUBREL 0x92 (section 3.6.2.1).
    client.send({ cmd: 'pubrec', messageId: 4711 });
    t.is((await client.expect('pubrel')).reasonCode, 0x92);
  },
);

both('[MQTT-4.1.0-1, MQTT311-4.1.0-1, MQTT311-4.1.0-2] a session stays while its connection does', async (t, scene) => {
  const client = await scene.connect('a');
  await client.subscribe({ topic: scene.topic(), qos: 1 });
  const publisher = await scene.connect('p');
  for (let n = 0; n < 3; n++) {
    await publisher.publish(scene.topic(), `${n}`, { qos: 1 });
    t.is(text(await take(client)), `${n}`);
  }
});
