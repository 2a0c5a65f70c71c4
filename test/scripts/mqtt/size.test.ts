/** What a client takes: Maximum Packet Size and the properties that give way to it (MQTT 5 sections 3.1.2.11.4 and 3.2.2.3.9 …). */
import { bytes } from '#test/vectors/mqtt/bytes.ts';
import { pending, publish, stage, take, text } from './scene.ts';

const { five } = stage('mqtt: { anonymous: [mqtt], acl: [{ filter: "secret/#", allow: false }] }');

five(
  '[MQTT-3.1.2-24, MQTT-3.1.2-25] a message that is too large is dropped as if it were delivered',
  async (t, scene) => {
    const client = await scene.stay('a', { properties: { maximumPacketSize: 60 } });
    await client.subscribe({ topic: scene.topic(), qos: 2 });
    const publisher = await scene.connect('p');
    for (const qos of [0, 1, 2] as const) {
      await publisher.publish(scene.topic(), 'x'.repeat(100), { qos });
      await publisher.publish(scene.topic(), `after ${qos}`, { qos });
      t.is(text(await take(client)), `after ${qos}`);
    }
    client.break();
    t.deepEqual(await pending(await scene.stay('a')), []);
  },
);

five('[MQTT-3.1.2-24] to the byte', async (t, scene) => {
  const topic = scene.topic('exact');
  // Fixed header 2, length and topic, property length 1.
  const room = 64 - 2 - 2 - topic.length - 1;
  const client = await scene.connect('a', { properties: { maximumPacketSize: 64 } });
  await client.subscribe(topic);
  const publisher = await scene.connect('p');
  await publisher.publish(topic, 'x'.repeat(room + 1));
  await publisher.publish(topic, 'y'.repeat(room));
  t.is(text(await take(client)), 'y'.repeat(room));
});

five('[MQTT-3.2.2-19, MQTT-3.2.2-20] a refusal leaves its words out where they do not fit', async (t, scene) => {
  for (const [size, words] of [
    [8, false],
    [1000, true],
  ] as const) {
    const client = await scene.dial('strict');
    client.write(bytes(`10 [ "MQTT" 05 02 0000 ( 27 ${size.toString(16).padStart(8, '0')} ) "c" ]`));
    const { properties, length = 0 } = await client.expect('connack');
    t.is(properties?.reasonString !== undefined, words, `with ${size}`);
    t.true(length + 2 <= size);
  }
});

five(
  '[MQTT-3.4.2-2, MQTT-3.4.2-3, MQTT-3.5.2-2, MQTT-3.5.2-3, MQTT-3.7.2-2, MQTT-3.7.2-3, MQTT-3.9.2-1, MQTT-3.9.2-2, MQTT-3.11.2-1, MQTT-3.11.2-2] so do all acknowledgements',
  async (t, scene) => {
    const sizes: number[] = [];
    const client = await scene.connect('a', { properties: { maximumPacketSize: 24 } });
    publish(client, 'secret/x', 'x', { qos: 1, messageId: 1 });
    publish(client, 'secret/x', 'x', { qos: 2, messageId: 2 });
    client.send({ cmd: 'pubrel', messageId: 99 });
    client.send({ cmd: 'subscribe', messageId: 3, subscriptions: [{ topic: 'secret/x', qos: 0 }] });
    client.send({ cmd: 'unsubscribe', messageId: 4, unsubscriptions: ['none'] });
    const answers = await pending(client);
    t.deepEqual(
      answers.map(({ cmd }) => cmd),
      ['puback', 'pubrec', 'pubcomp', 'suback', 'unsuback'],
    );
    for (const { length = 0 } of answers) sizes.push(length + 2);
    t.true(Math.max(...sizes) <= 24, String(sizes));
  },
);

five(
  '[MQTT-3.14.2-3, MQTT-3.14.2-4, MQTT-3.14.2-2, MQTT-3.6.2-2, MQTT-3.6.2-3] and DISCONNECT; PUBREL has no words at all',
  async (t, scene) => {
    const client = await scene.connect('a', { properties: { maximumPacketSize: 30 } });
    await client.subscribe({ topic: scene.topic(), qos: 2 });
    await (await scene.connect('p')).publish(scene.topic(), 'x', { qos: 2 });
    const { messageId = 0 } = await client.expect('publish');
    client.send({ cmd: 'pubrec', messageId });
    t.true(((await client.expect('pubrel')).length ?? 0) <= 4);
    const tight = await scene.connect('b', { properties: { maximumPacketSize: 24 } });
    tight.write(Buffer.from([0x00, 0x00]));
    await tight.ended();
    const [last] = tight.received;
    t.is(last?.cmd, 'disconnect');
    t.true((last?.length ?? 0) + 2 <= 24);
    t.is(last?.cmd === 'disconnect' ? last.properties?.sessionExpiryInterval : 0, undefined);
  },
);

five('[MQTT-2.2.2-1, MQTT-1.5.5-1] lengths are the shortest, and a Property Length of 0 is there', async (t, scene) => {
  const client = await scene.connect('a');
  await client.subscribe(scene.topic());
  await (await scene.connect('p')).publish(scene.topic(), 'x'.repeat(127));
  const packet = await client.expect('publish');
  t.is(packet.length, 2 + scene.topic().length + 1 + 127);
  t.is(text(packet), 'x'.repeat(127));
});

five('[MQTT-3.1.2-24, MQTT-3.2.0-1] who has no room for CONNACK is not served', async (t, scene) => {
  const client = await scene.dial();
  client.write(bytes('10 [ "MQTT" 05 02 0000 ( 27 00000008 ) "c" ]'));
  const { reasonCode, length = 0 } = await client.expect('connack');
  t.is(reasonCode, 0x95);
  t.true(length + 2 <= 8);
  await client.ended();
});
