/** Topic names, filters and shared subscriptions: MQTT 5 sections 4.7 and 4.8; 3.1.1 section 4.7. */
import type { MqttTestClient } from '#test/helpers/mqtt.ts';
import { pending, publish, type Scene, stage, take, text } from './scene.ts';

const { both, five } = stage();

/** Which of these topics come through the filter. */
async function through(scene: Scene, filter: string, topics: readonly string[]): Promise<readonly string[]> {
  const name = `f${Math.floor(performance.now() * 1000)}`;
  const client = await scene.connect(name);
  await client.subscribe(filter);
  const publisher = await scene.connect(`${name}p`);
  for (const topic of topics) await publisher.publish(topic, topic);
  return (await pending(client)).flatMap((packet) => (packet.cmd === 'publish' ? [packet.topic] : []));
}

both(
  '[MQTT-3.3.2-3, MQTT311-3.3.2-3, MQTT-4.7.1-1, MQTT-4.7.1-2, MQTT311-4.7.1-2, MQTT311-4.7.1-3] what wildcards match',
  async (t, scene) => {
    const p = scene.topic('x');
    const all = [p, `${p}/`, `${p}/a`, `${p}/a/`, `${p}/a/b`, `${p}//b`, `${p}/a/b/c`, `${p}y`];
    const of = (...indexes: readonly number[]): readonly string[] => indexes.map((index) => all[index] ?? '');
    t.deepEqual(await through(scene, `${p}/#`, all), of(0, 1, 2, 3, 4, 5, 6));
    t.deepEqual(await through(scene, `${p}/+`, all), of(1, 2));
    t.deepEqual(await through(scene, `${p}/+/b`, all), of(4, 5));
    t.deepEqual(await through(scene, `${p}/+/#`, all), of(1, 2, 3, 4, 5, 6));
    t.deepEqual(await through(scene, `+/x/a`, all.slice(2, 3)), of(2));
    t.deepEqual(await through(scene, p, all), of(0));
  },
);

both('[MQTT-4.7.2-1, MQTT311-4.7.2-1] a wildcard at the beginning does not match topics with $', async (t, scene) => {
  const client = await scene.connect('a');
  await client.subscribe('#', '+/#', '+/broker/version', scene.topic());
  const watcher = await scene.connect('w');
  await watcher.subscribe('$SYS/broker/version');
  t.is((await take(watcher)).topic, '$SYS/broker/version');
  await watcher.publish(scene.topic(), 'end');
  for (const packet of await pending(client)) {
    if (packet.cmd === 'publish') t.false(packet.topic.startsWith('$'), packet.topic);
  }
});

both(
  '[MQTT-4.7.3-4, MQTT-1.5.4-3, MQTT311-4.7.3-4, MQTT311-1.5.3-3] topics are compared as they are: case, spaces, composition, U+FEFF',
  async (t, scene) => {
    const p = scene.topic();
    const all = [`${p}/A`, `${p}/a`, `${p}/ a`, `${p}/é`, `${p}/e\u0301`, `${p}/\uFEFFa`, `${p}//`, `${p}/.`];
    for (const topic of all) t.deepEqual(await through(scene, topic, all), [topic], JSON.stringify(topic));
    t.deepEqual(await through(scene, `${p}/#`, [`${p}/\uFEFFa`]), [`${p}/\uFEFFa`]);
  },
);

both(
  '[MQTT-4.7.3-1, MQTT-4.7.3-3, MQTT311-4.7.3-1, MQTT311-4.7.3-3] one character is a topic, and so are 65,535 bytes',
  async (t, scene) => {
    const long = `${scene.topic()}${'x'.repeat(65_535 - scene.topic().length)}`;
    t.deepEqual(await through(scene, long, [long]), [long]);
    t.deepEqual(await through(scene, '/', ['/']), ['/']);
  },
);

five('[MQTT-4.8.2-1, MQTT-4.8.2-2] a share name is not empty and has no wildcard', async (t, scene) => {
  for (const filter of ['$share//x', '$share/g', '$share/g/', '$share/+/x', '$share/a#/x', '$share/']) {
    const client = await scene.connect('a');
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: filter, qos: 0 }] });
    const answer = await client.next();
    if (answer.cmd === 'suback') t.true(Number(answer.granted[0]) >= 0x80, filter);
    else t.is(answer.cmd, 'disconnect', filter);
  }
});

async function members(scene: Scene, qos: 0 | 1 | 2, names: readonly string[]): Promise<readonly MqttTestClient[]> {
  const clients: MqttTestClient[] = [];
  for (const name of names) {
    const client = await scene.stay(name);
    await client.subscribe({ topic: `$share/${scene.id('g')}/${scene.topic()}`, qos });
    clients.push(client);
  }
  return clients;
}

five('[MQTT-4.8.2-3] each message goes to one member, at most at the QoS that it was granted', async (t, scene) => {
  const [zero] = await members(scene, 0, ['a']);
  const [two] = await members(scene, 2, ['b']);
  if (zero === undefined || two === undefined) return t.fail();
  const publisher = await scene.connect('p');
  for (let n = 0; n < 10; n++) await publisher.publish(scene.topic(), `${n}`, { qos: 1 });
  const seen: string[] = [];
  for (const [client, granted] of [
    [zero, 0],
    [two, 1],
  ] as const) {
    for (const packet of await pending(client)) {
      if (packet.cmd !== 'publish') continue;
      t.is(packet.qos, granted);
      seen.push(text(packet));
    }
  }
  t.deepEqual(seen.toSorted(), ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
});

five('[MQTT-4.8.2-4] QoS 2 that a member has begun to receive is completed with that member', async (t, scene) => {
  const [a] = await members(scene, 2, ['a']);
  if (a === undefined) return t.fail();
  const publisher = await scene.connect('p');
  await publisher.publish(scene.topic(), 'mine', { qos: 2 });
  const { messageId = 0 } = await a.expect('publish');
  a.send({ cmd: 'pubrec', messageId });
  await a.expect('pubrel');
  const [b] = await members(scene, 2, ['b']);
  a.break();
  const again = await scene.stay('a');
  t.is((await again.expect('pubrel')).messageId, messageId);
  again.send({ cmd: 'pubcomp', messageId });
  t.deepEqual(await pending(b ?? again), []);
});

five('[MQTT-4.8.2-5] and given to nobody else when its session ends', async (t, scene) => {
  const [a, b] = await members(scene, 2, ['a', 'b']);
  if (a === undefined || b === undefined) return t.fail();
  const publisher = await scene.connect('p');
  publish(publisher, scene.topic(), '1', { qos: 2, messageId: 1 });
  publish(publisher, scene.topic(), '2', { qos: 2, messageId: 2 });
  await publisher.ping();
  const one = await a.expect('publish');
  const two = await b.expect('publish');
  // a has it: it has said so.
  a.send({ cmd: 'pubrec', messageId: one.messageId ?? 0 });
  await a.expect('pubrel');
  a.break();
  await (await scene.connect('a', { clean: true })).disconnect();
  b.send({ cmd: 'pubrec', messageId: two.messageId ?? 0 });
  await b.expect('pubrel');
  t.deepEqual(await pending(b), []);
});

five('[MQTT-4.8.2-6] a message that a member refuses is dropped', async (t, scene) => {
  const [a, b] = await members(scene, 1, ['a', 'b']);
  if (a === undefined || b === undefined) return t.fail();
  const publisher = await scene.connect('p');
  await publisher.publish(scene.topic(), 'refused', { qos: 1 });
  const all = [
    ...(await pending(a)).map((packet) => [a, packet] as const),
    ...(await pending(b)).map((packet) => [b, packet] as const),
  ];
  t.is(all.length, 1);
  for (const [client, { messageId = 0 }] of all) client.send({ cmd: 'puback', messageId, reasonCode: 0x83 });
  t.deepEqual([await pending(a), await pending(b)], [[], []]);
});
