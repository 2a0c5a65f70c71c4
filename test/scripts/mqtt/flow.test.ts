/** Delivery, its order and its window: MQTT 5 sections 3.3.4, 4.3 to 4.6 and 4.9; 3.1.1 sections 4.3 to 4.6. */
import type { IPublishPacket } from 'mqtt-packet';
import type { MqttTestClient } from '#test/helpers/mqtt.ts';
import { pending, publish, type Scene, seconds, stage, take, text } from './scene.ts';

const { both, five } = stage('mqtt: { anonymous: [mqtt], max_in_flight: 5, receive_maximum: 3 }');

/** A subscriber, and a publisher that has sent it these messages. */
async function sent(scene: Scene, texts: readonly string[], qos: 1 | 2 = 1): Promise<MqttTestClient> {
  const client = await scene.stay('a');
  await client.subscribe({ topic: scene.topic(), qos: 2 });
  const publisher = await scene.connect('p');
  for (const one of texts) await publisher.publish(scene.topic(), one, { qos });
  return client;
}

both(
  '[MQTT-2.2.1-4, MQTT-4.3.2-1, MQTT-4.3.2-2, MQTT-4.3.3-1, MQTT-4.3.3-2, MQTT311-2.3.1-1, MQTT311-2.3.1-4, MQTT311-4.3.2-1, MQTT311-4.3.3-1] packet ids of the server are not 0, and not two at once',
  async (t, scene) => {
    const client = await sent(scene, ['1', '2', '3', '4', '5'], 2);
    const ids = new Set<number>();
    for (let n = 0; n < 5; n++) {
      const { messageId = 0, dup } = await client.expect('publish');
      t.false(dup);
      ids.add(messageId);
    }
    t.is(ids.size, 5);
    t.false(ids.has(0));
  },
);

both(
  '[MQTT-4.3.2-3, MQTT-4.4.0-1, MQTT311-4.3.2-1, MQTT311-4.4.0-1] QoS 1: what is not acknowledged comes again, with its id, what is does not',
  async (t, scene) => {
    const client = await sent(scene, ['one', 'two']);
    const one = await client.expect('publish');
    const two = await client.expect('publish');
    client.send({ cmd: 'puback', messageId: one.messageId ?? 0 });
    await client.ping();
    client.break();
    const again = await scene.stay('a');
    const repeated = await take(again);
    t.deepEqual([text(repeated), repeated.messageId, repeated.dup], ['two', two.messageId, true]);
    await again.ping();
    again.break();
    t.deepEqual(await pending(await scene.stay('a')), []);
  },
);

both(
  '[MQTT-4.3.3-3, MQTT-4.3.3-4, MQTT-4.3.3-5, MQTT-4.3.3-6, MQTT311-4.3.3-1] QoS 2: PUBLISH until PUBREC, then PUBREL until PUBCOMP',
  async (t, scene) => {
    const client = await sent(scene, ['once'], 2);
    const { messageId = 0 } = await client.expect('publish');
    client.break();
    const second = await scene.stay('a');
    const repeated = await second.expect('publish');
    t.deepEqual([repeated.messageId, repeated.dup], [messageId, true]);
    second.send({ cmd: 'pubrec', messageId });
    t.is((await second.expect('pubrel')).messageId, messageId);
    second.break();
    const third = await scene.stay('a');
    t.is((await third.expect('pubrel')).messageId, messageId);
    third.send({ cmd: 'pubcomp', messageId });
    t.deepEqual(await pending(third), []);
    third.break();
    t.deepEqual(await pending(await scene.stay('a')), []);
  },
);

both('[MQTT-4.4.0-1, MQTT311-4.4.0-1] nothing is sent again while the connection lasts', async (t, scene) => {
  const client = await sent(scene, ['x']);
  await client.expect('publish');
  t.deepEqual(await pending(client), []);
});

both(
  '[MQTT-4.3.2-5] QoS 1: after PUBACK the same packet id is another message, whatever DUP says',
  async (t, scene) => {
    const client = await scene.connect('a');
    await client.subscribe(scene.topic());
    const publisher = await scene.connect('p');
    for (const dup of [false, true]) {
      publish(publisher, scene.topic(), 'new', { qos: 1, messageId: 5, dup });
      await publisher.expect('puback');
      t.is(text(await take(client)), 'new');
    }
  },
);

both(
  '[MQTT-4.3.3-10, MQTT-4.3.3-12, MQTT311-4.3.3-2] QoS 2: the same packet id is the same message until PUBREL, another after it',
  async (t, scene) => {
    const client = await scene.connect('a');
    await client.subscribe(scene.topic());
    const publisher = await scene.stay('p');
    for (let n = 0; n < 3; n++) {
      publish(publisher, scene.topic(), 'once', { qos: 2, messageId: 5, dup: n > 0 });
      t.is((await publisher.expect('pubrec')).messageId, 5);
    }
    publisher.break();
    const again = await scene.stay('p');
    publish(again, scene.topic(), 'once', { qos: 2, messageId: 5, dup: true });
    await again.expect('pubrec');
    again.send({ cmd: 'pubrel', messageId: 5 });
    t.is((await again.expect('pubcomp')).messageId, 5);
    t.is(text(await take(client)), 'once');
    await again.publish(scene.topic(), 'another', { qos: 2, messageId: 5 });
    t.is(text(await take(client)), 'another');
    t.deepEqual(await pending(client), []);
  },
);

five('[MQTT-4.3.3-9] QoS 2: after a PUBREC of 0x80 or more the packet id is free', async (t, scene) => {
  const publisher = await scene.connect('p');
  t.is(await publisher.publish('$SYS/x', 'refused', { qos: 2, messageId: 5 }).catch(() => 0x90), 0x90);
  const client = await scene.connect('a');
  await client.subscribe(scene.topic());
  if (publisher.closed) return;
  await publisher.publish(scene.topic(), 'new', { qos: 2, messageId: 5 });
  t.is(text(await take(client)), 'new');
});

five('[MQTT-4.4.0-2, MQTT-3.3.4-9] a PUBACK or PUBREC of 0x80 or more ends the delivery', async (t, scene) => {
  const client = await sent(scene, ['refused 1'], 1);
  const one = await client.expect('publish');
  client.send({ cmd: 'puback', messageId: one.messageId ?? 0, reasonCode: 0x80 });
  const publisher = await scene.connect('q');
  await publisher.publish(scene.topic(), 'refused 2', { qos: 2 });
  const two = await client.expect('publish');
  client.send({ cmd: 'pubrec', messageId: two.messageId ?? 0, reasonCode: 0x97 });
  t.deepEqual(await pending(client), []);
  client.break();
  t.deepEqual(await pending(await scene.stay('a')), []);
});

five('[MQTT-4.3.3-7, MQTT-4.3.3-13] a message whose delivery has begun does not expire', async (t, scene) => {
  const client = await scene.stay('a');
  await client.subscribe({ topic: scene.topic(), qos: 2 });
  const publisher = await scene.connect('p');
  await publisher.publish(scene.topic(), 'begun', { qos: 2, properties: { messageExpiryInterval: 1 } });
  const { messageId } = await client.expect('publish');
  client.break();
  await seconds(1.2);
  const again = await scene.stay('a');
  const repeated = await take(again);
  t.deepEqual([text(repeated), repeated.messageId], ['begun', messageId]);
});

five('[MQTT-3.3.4-9, MQTT-4.9.0-1, MQTT-4.9.0-2] no more than Receive Maximum are on their way', async (t, scene) => {
  const client = await scene.connect('a', { properties: { receiveMaximum: 2 } });
  await client.subscribe({ topic: scene.topic(), qos: 2 });
  const publisher = await scene.connect('p');
  for (const one of ['1', '2', '3', '4']) await publisher.publish(scene.topic(), one, { qos: one === '2' ? 2 : 1 });
  const first = (await pending(client)) as readonly IPublishPacket[];
  t.deepEqual(first.map(text), ['1', '2']);
  client.send({ cmd: 'puback', messageId: first[0]?.messageId ?? 0 });
  const [third, ...none] = (await pending(client)) as readonly IPublishPacket[];
  t.deepEqual([third && text(third), none.length], ['3', 0]);
  // PUBREC gives no room, PUBCOMP does.
  client.send({ cmd: 'pubrec', messageId: first[1]?.messageId ?? 0 });
  t.deepEqual(
    (await pending(client)).map(({ cmd }) => cmd),
    ['pubrel'],
  );
  client.send({ cmd: 'pubcomp', messageId: first[1]?.messageId ?? 0 });
  t.is(text(await take(client)), '4');
});

five('[MQTT-3.3.4-10, MQTT-4.9.0-3] with no room left everything else goes on, QoS 0 too', async (t, scene) => {
  const client = await scene.connect('a', { properties: { receiveMaximum: 1 } });
  await client.subscribe({ topic: scene.topic(), qos: 1 });
  const publisher = await scene.connect('p');
  await publisher.publish(scene.topic(), 'fills', { qos: 1 });
  await publisher.publish(scene.topic(), 'waits', { qos: 1 });
  await client.expect('publish');
  t.deepEqual(await client.subscribe(scene.topic('other')), [0]);
  await client.publish(scene.topic('nobody'), 'x', { qos: 2 });
  await publisher.publish(scene.topic('other'), 'zero');
  t.is(text(await take(client)), 'zero');
});

five('[MQTT-3.3.4-7] more than the server’s Receive Maximum end the connection', async (t, scene) => {
  const client = await scene.connect('a');
  t.is(client.connack?.properties?.receiveMaximum, 3);
  for (let messageId = 1; messageId <= 4; messageId++) publish(client, scene.topic(), 'x', { qos: 2, messageId });
  t.is(await client.ended(), 0x93);
});

both(
  '[MQTT-4.6.0-5, MQTT-4.6.0-6, MQTT311-4.6.0-5, MQTT311-4.6.0-6] messages of a client come in its order',
  async (t, scene) => {
    const client = await scene.connect('a');
    await client.subscribe({ topic: scene.topic(), qos: 2 });
    const publisher = await scene.connect('p');
    const expected: string[] = [];
    for (let n = 0; n < 30; n++) {
      publish(publisher, scene.topic(), `${n}`, { qos: 1, messageId: n + 1 });
      expected.push(`${n}`);
    }
    const found: string[] = [];
    for (let n = 0; n < 30; n++) found.push(text(await take(client)));
    t.deepEqual(found, expected);
  },
);

both(
  '[MQTT-4.6.0-5, MQTT311-4.6.0-1] also after a reconnection, what is sent again before what waits',
  async (t, scene) => {
    const client = await sent(scene, ['1', '2', '3', '4', '5', '6', '7']);
    for (let n = 0; n < 5; n++) await client.expect('publish');
    client.break();
    const again = await scene.stay('a');
    const found: string[] = [];
    for (let n = 0; n < 7; n++) found.push(text(await take(again)));
    t.deepEqual(found, ['1', '2', '3', '4', '5', '6', '7']);
  },
);

both(
  '[MQTT-4.6.0-2, MQTT-4.6.0-3, MQTT311-4.6.0-2, MQTT311-4.6.0-3] acknowledgements come in the order of the messages',
  async (t, scene) => {
    const client = await scene.connect('a');
    for (const messageId of [3, 1]) publish(client, scene.topic(), 'x', { qos: 1, messageId });
    for (const messageId of [9, 4]) publish(client, scene.topic(), 'x', { qos: 2, messageId });
    t.deepEqual(
      [await client.expect('puback'), await client.expect('puback')].map(({ messageId }) => messageId),
      [3, 1],
    );
    t.deepEqual(
      [await client.expect('pubrec'), await client.expect('pubrec')].map(({ messageId }) => messageId),
      [9, 4],
    );
  },
);
