/** SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK: MQTT 5 and 3.1.1 sections 3.8 to 3.11. */
import { pending, publish, stage, take, text } from './scene.ts';

const { both, five } = stage('mqtt: { anonymous: [mqtt], acl: [{ filter: "secret/#", allow: false }] }');

both(
  '[MQTT-3.8.4-1, MQTT-3.8.4-2, MQTT-3.8.4-5, MQTT-3.8.4-6, MQTT-3.8.4-7, MQTT-3.9.3-1, MQTT-3.9.3-2, MQTT-2.2.1-6, MQTT311-3.8.4-1, MQTT311-3.8.4-2, MQTT311-3.8.4-4, MQTT311-3.8.4-5, MQTT311-3.9.3-1, MQTT311-3.9.3-2, MQTT311-2.3.1-7] one SUBACK with a code for each filter, in order',
  async (t, scene) => {
    const client = await scene.connect('a');
    client.send({
      cmd: 'subscribe',
      messageId: 4711,
      subscriptions: [
        { topic: scene.topic('a'), qos: 2 },
        { topic: 'secret/x', qos: 1 },
        { topic: scene.topic('b/#'), qos: 0 },
        { topic: scene.topic('+'), qos: 1 },
      ],
    });
    const { messageId, granted } = await client.expect('suback');
    t.is(messageId, 4711);
    t.deepEqual(granted, [2, scene.version === 5 ? 0x87 : 0x80, 0, 1]);
    // As a sequence of single ones: those that were granted hold.
    const publisher = await scene.connect('p');
    await publisher.publish(scene.topic('b/c'), 'b');
    t.is(text(await take(client)), 'b');
  },
);

both('[MQTT-3.8.4-3, MQTT311-3.8.4-3] the same filter again replaces the subscription', async (t, scene) => {
  const client = await scene.connect('a');
  await client.subscribe({ topic: scene.topic(), qos: 2 });
  await client.subscribe({ topic: scene.topic(), qos: 1 });
  const publisher = await scene.connect('p');
  await publisher.publish(scene.topic(), 'once', { qos: 2 });
  t.is((await take(client)).qos, 1);
  t.deepEqual(await pending(client), []);
});

both('[MQTT-3.8.4-4, MQTT311-3.8.4-3] with it retained messages come again, and no other is lost', async (t, scene) => {
  const publisher = await scene.connect('p');
  await publisher.publish(scene.topic(), 'kept', { qos: 1, retain: true });
  const client = await scene.connect('a');
  await client.subscribe({ topic: scene.topic(), qos: 1 });
  t.is(text(await take(client)), 'kept');
  for (let n = 0; n < 20; n++) publish(publisher, scene.topic(), `live ${n}`, { qos: 1, messageId: n + 1 });
  client.send({ cmd: 'subscribe', messageId: 9, subscriptions: [{ topic: scene.topic(), qos: 1 }] });
  const seen: string[] = [];
  let kept = 0;
  while (kept < 1 || seen.length < 20) {
    const packet = await client.next();
    if (packet.cmd !== 'publish') continue;
    client.send({ cmd: 'puback', messageId: packet.messageId ?? 0 });
    if (packet.retain) kept++;
    else seen.push(text(packet));
  }
  t.deepEqual(
    seen,
    Array.from({ length: 20 }, (_, n) => `live ${n}`),
  );
});

five('[MQTT-3.8.3-3] No Local: not to who published it, by client id', async (t, scene) => {
  const client = await scene.connect('a');
  await client.subscribe({ topic: scene.topic(), nl: true });
  await client.publish(scene.topic(), 'own');
  await (await scene.connect('b')).publish(scene.topic(), 'of b');
  t.is(text(await take(client)), 'of b');
  t.deepEqual(await pending(client), []);
});

five('[MQTT-3.8.3-4] No Local on a shared subscription is a Protocol Error', async (t, scene) => {
  const client = await scene.connect('a');
  client.send({
    cmd: 'subscribe',
    messageId: 1,
    subscriptions: [{ topic: `$share/g/${scene.topic()}`, qos: 0, nl: true }],
  });
  t.is(await client.ended(), 0x82);
});

both(
  '[MQTT-3.10.4-1, MQTT-3.10.4-2, MQTT-3.10.4-4, MQTT-3.10.4-5, MQTT-2.2.1-6, MQTT311-3.10.4-1, MQTT311-3.10.4-2, MQTT311-3.10.4-4, MQTT311-3.10.4-5, MQTT311-2.3.1-7] UNSUBSCRIBE ends exactly what it names, and is always answered',
  async (t, scene) => {
    const client = await scene.connect('a');
    await client.subscribe(scene.topic('+'), scene.topic('x'), scene.topic('X'));
    const publisher = await scene.connect('p');
    const unsubscribe = async (messageId: number, filter: string): Promise<void> => {
      client.send({ cmd: 'unsubscribe', messageId, unsubscriptions: [filter] });
      t.is((await client.expect('unsuback')).messageId, messageId);
    };
    // Another filter that matches the same topics is another filter.
    await unsubscribe(10, scene.topic('#'));
    await unsubscribe(11, scene.topic('+'));
    await publisher.publish(scene.topic('y'), 'nobody');
    await publisher.publish(scene.topic('x'), 'still');
    t.is(text(await take(client)), 'still');
    await unsubscribe(12, scene.topic('x'));
    await unsubscribe(13, scene.topic('x'));
    await publisher.publish(scene.topic('x'), 'nobody');
    await publisher.publish(scene.topic('X'), 'end');
    t.is(text(await take(client)), 'end');
    t.deepEqual(await pending(client), []);
  },
);

five('[MQTT-3.11.3-1, MQTT-3.11.3-2, MQTT-3.10.4-6] UNSUBACK: one code for each filter, in order', async (t, scene) => {
  const client = await scene.connect('a');
  await client.subscribe(scene.topic('a'), scene.topic('b'));
  client.send({
    cmd: 'unsubscribe',
    messageId: 7,
    unsubscriptions: [scene.topic('a'), scene.topic('none'), scene.topic('b'), scene.topic('b')],
  });
  const packet = await client.expect('unsuback');
  t.is(packet.messageId, 7);
  t.deepEqual(packet.granted, [0, 0x11, 0, 0x11]);
});

both('[MQTT-3.10.4-6, MQTT311-3.10.4-6] several filters in one packet all end', async (t, scene) => {
  const client = await scene.connect('a');
  await client.subscribe(scene.topic('a'), scene.topic('b'), scene.topic('c'));
  client.send({ cmd: 'unsubscribe', messageId: 7, unsubscriptions: [scene.topic('a'), scene.topic('b')] });
  await client.expect('unsuback');
  const publisher = await scene.connect('p');
  for (const name of ['a', 'b', 'c']) await publisher.publish(scene.topic(name), name);
  t.is(text(await take(client)), 'c');
  t.deepEqual(await pending(client), []);
});

both('[MQTT-3.10.4-3, MQTT311-3.10.4-3] what is on its way is completed after UNSUBSCRIBE', async (t, scene) => {
  const client = await scene.stay('a');
  await client.subscribe({ topic: scene.topic(), qos: 2 });
  const publisher = await scene.connect('p');
  await publisher.publish(scene.topic(), 'begun', { qos: 2 });
  const { messageId = 0 } = await client.expect('publish');
  client.send({ cmd: 'unsubscribe', messageId: 7, unsubscriptions: [scene.topic()] });
  await client.expect('unsuback');
  client.send({ cmd: 'pubrec', messageId });
  t.is((await client.expect('pubrel')).messageId, messageId);
  client.break();
  const again = await scene.stay('a');
  t.is((await again.expect('pubrel')).messageId, messageId);
  again.send({ cmd: 'pubcomp', messageId });
  t.deepEqual(await pending(again), []);
});
