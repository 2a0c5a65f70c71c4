/** PUBLISH: MQTT 5 and 3.1.1 section 3.3. */
import { pending, publish, seconds, stage, take, text, write } from './scene.ts';

const { both, five } = stage('mqtt: { anonymous: [mqtt], topic_aliases: 20 }');

both(
  '[MQTT-3.3.1-1, MQTT-3.3.1-3, MQTT-4.4.0-1, MQTT311-3.3.1-1, MQTT311-3.3.1-3, MQTT311-4.4.0-1] only what is sent again has DUP',
  async (t, scene) => {
    const topic = scene.topic();
    const first = await scene.stay('a');
    await first.subscribe({ topic, qos: 2 });
    const publisher = await scene.connect('p');
    publish(publisher, topic, 'with DUP', { qos: 1, dup: true });
    await publisher.expect('puback');
    const sent = await first.expect('publish');
    t.false(sent.dup);
    first.break();
    const again = await scene.stay('a');
    const repeated = await again.expect('publish');
    t.deepEqual([repeated.dup, repeated.messageId, text(repeated)], [true, sent.messageId, 'with DUP']);
  },
);

both(
  '[MQTT-3.3.1-2, MQTT-4.3.1-1, MQTT-2.2.1-2, MQTT311-3.3.1-2, MQTT311-4.3.1-1, MQTT311-2.3.1-5] QoS 0 comes without DUP and packet id',
  async (t, scene) => {
    const client = await scene.connect('a');
    await client.subscribe({ topic: scene.topic(), qos: 0 });
    const publisher = await scene.connect('p');
    await publisher.publish(scene.topic(), 'x', { qos: 1 });
    const packet = await client.expect('publish');
    t.deepEqual([packet.qos, packet.dup, packet.messageId], [0, false, undefined]);
  },
);

both(
  '[MQTT-3.3.1-5, MQTT-3.3.1-8, MQTT311-3.3.1-5, MQTT311-3.3.1-7, MQTT311-3.3.1-12, MQTT311-3.1.2-7] the last message with RETAIN is kept, others change nothing',
  async (t, scene) => {
    const publisher = await scene.connect('p');
    await publisher.publish(scene.topic(), 'one', { retain: true });
    await publisher.publish(scene.topic(), 'two', { qos: 1, retain: true });
    await publisher.publish(scene.topic(), 'not kept', { qos: 1 });
    await publisher.publish(scene.topic(), '', { qos: 1 });
    const later = await scene.connect('l');
    await later.subscribe({ topic: scene.topic(), qos: 1 });
    const packet = await take(later);
    t.deepEqual([text(packet), packet.retain, packet.qos], ['two', true, 1]);
    t.deepEqual(await pending(later), []);
    // Of QoS 0 it is kept as well, and the session of who published it does not matter.
    await publisher.publish(scene.topic(), 'three', { retain: true });
    await publisher.disconnect();
    const last = await scene.connect('m');
    await last.subscribe({ topic: scene.topic(), qos: 1 });
    t.is(text(await take(last)), 'three');
  },
);

both(
  '[MQTT-3.3.1-6, MQTT-3.3.1-7, MQTT311-3.3.1-10, MQTT311-3.3.1-11] an empty one with RETAIN takes it away, and is delivered',
  async (t, scene) => {
    const watcher = await scene.connect('w');
    await watcher.subscribe({ topic: scene.topic(), qos: 1 });
    const publisher = await scene.connect('p');
    await publisher.publish(scene.topic(), 'one', { qos: 1, retain: true });
    await publisher.publish(scene.topic(), '', { qos: 1, retain: true });
    t.is(text(await take(watcher)), 'one');
    t.is(text(await take(watcher)), '');
    const later = await scene.connect('l');
    await later.subscribe(scene.topic());
    t.deepEqual(await pending(later), []);
  },
);

both(
  '[MQTT-3.3.1-9, MQTT311-3.3.1-6, MQTT311-3.3.1-8] a new subscription brings what is retained, with RETAIN',
  async (t, scene) => {
    const publisher = await scene.connect('p');
    for (const name of ['a', 'b', 'b/c', 'd'])
      await publisher.publish(scene.topic(name), name, { qos: 1, retain: true });
    const later = await scene.connect('l');
    await later.subscribe({ topic: scene.topic('+'), qos: 1 }, { topic: scene.topic('b/#'), qos: 1 });
    const seen = new Set<string>();
    for (const packet of await pending(later)) {
      if (packet.cmd !== 'publish') continue;
      t.true(packet.retain);
      seen.add(text(packet));
    }
    t.deepEqual([...seen].toSorted(), ['a', 'b', 'b/c', 'd']);
  },
);

both('[MQTT-3.3.1-12, MQTT311-3.3.1-9] an established subscription gets it without RETAIN', async (t, scene) => {
  const watcher = await scene.connect('w');
  await watcher.subscribe(scene.topic());
  await (await scene.connect('p')).publish(scene.topic(), 'x', { retain: true });
  t.false((await take(watcher)).retain);
});

five('[MQTT-3.3.1-10, MQTT-3.3.1-11] Retain Handling: 1 only for a new subscription, 2 never', async (t, scene) => {
  await (await scene.connect('p')).publish(scene.topic(), 'kept', { qos: 1, retain: true });
  const client = await scene.connect('a');
  await client.subscribe({ topic: scene.topic(), rh: 2 });
  t.deepEqual(await pending(client), []);
  await client.subscribe({ topic: scene.topic(), rh: 1 });
  t.deepEqual(await pending(client), []);
  client.send({ cmd: 'unsubscribe', messageId: 1, unsubscriptions: [scene.topic()] });
  await client.expect('unsuback');
  await client.subscribe({ topic: scene.topic(), rh: 1 });
  t.is(text(await take(client)), 'kept');
  await client.subscribe({ topic: scene.topic(), rh: 0 });
  t.is(text(await take(client)), 'kept');
});

five('[MQTT-3.3.1-13] Retain As Published leaves the flag as it was', async (t, scene) => {
  const client = await scene.connect('a');
  await client.subscribe({ topic: scene.topic(), rap: true });
  const publisher = await scene.connect('p');
  await publisher.publish(scene.topic(), 'on', { retain: true });
  await publisher.publish(scene.topic(), 'off');
  t.deepEqual([(await take(client)).retain, (await take(client)).retain], [true, false]);
});

both(
  '[MQTT-3.3.2-3, MQTT-3.8.4-8, MQTT311-3.3.2-3, MQTT311-3.8.4-6] the topic matches the filter; the QoS is the lesser one',
  async (t, scene) => {
    const client = await scene.connect('a');
    const publisher = await scene.connect('p');
    for (const granted of [0, 1, 2] as const) {
      await client.subscribe({ topic: scene.topic(`${granted}/+`), qos: granted });
      for (const qos of [0, 1, 2] as const) {
        await publisher.publish(scene.topic(`${granted}/x`), `${qos}`, { qos });
        const packet = await take(client);
        t.deepEqual([packet.topic, packet.qos], [scene.topic(`${granted}/x`), Math.min(granted, qos)]);
      }
    }
  },
);

five(
  '[MQTT-3.3.2-4, MQTT-3.3.2-15, MQTT-3.3.2-16, MQTT-3.3.2-17, MQTT-3.3.2-18, MQTT-3.3.2-20] properties reach every subscriber unaltered and in order',
  async (t, scene) => {
    const properties = {
      payloadFormatIndicator: true,
      responseTopic: scene.topic('answer'),
      correlationData: Buffer.from([0, 255, 1]),
      contentType: 'application/x-☃',
      userProperties: { b: ['2', '1'], a: '3', '': '' },
    };
    const clients = [await scene.connect('a'), await scene.connect('b')];
    for (const [n, client] of clients.entries()) await client.subscribe({ topic: scene.topic(), qos: n as 0 | 1 });
    await (await scene.connect('p')).publish(scene.topic(), 'ü', { qos: 1, properties });
    for (const client of clients) {
      const found = (await take(client)).properties;
      const { correlationData, userProperties, ...texts } = properties;
      t.like(found, texts);
      t.deepEqual(found?.correlationData, correlationData);
      t.deepEqual({ ...found?.userProperties }, userProperties);
    }
  },
);

five('[MQTT-3.3.2-4] a payload format of 0, or none, is not made up', async (t, scene) => {
  const client = await scene.connect('a');
  await client.subscribe(scene.topic());
  await (await scene.connect('p')).publish(scene.topic(), 'x');
  const { properties } = await take(client);
  t.is(properties?.payloadFormatIndicator, undefined);
});

five(
  '[MQTT-3.3.2-5, MQTT-3.3.2-6, MQTT-4.3.3-13] a message waits no longer than its expiry, and comes with what is left of it',
  async (t, scene) => {
    const first = await scene.stay('a');
    await first.subscribe({ topic: scene.topic(), qos: 2 });
    await first.disconnect();
    const publisher = await scene.connect('p');
    await publisher.publish(scene.topic(), 'milk', { qos: 1, properties: { messageExpiryInterval: 1 } });
    await publisher.publish(scene.topic(), 'fish', { qos: 2, properties: { messageExpiryInterval: 1 } });
    await publisher.publish(scene.topic(), 'honey', { qos: 1, properties: { messageExpiryInterval: 100 } });
    await publisher.publish(scene.topic('kept'), 'ice', {
      qos: 1,
      retain: true,
      properties: { messageExpiryInterval: 1 },
    });
    await seconds(2.1);
    const again = await scene.stay('a');
    const packet = await take(again);
    t.is(text(packet), 'honey');
    t.true(
      [97, 98].includes(packet.properties?.messageExpiryInterval ?? 0),
      String(packet.properties?.messageExpiryInterval),
    );
    await again.subscribe(scene.topic('kept'));
    t.deepEqual(await pending(again), []);
  },
);

five('[MQTT-3.3.2-7] an alias does not outlive its connection', async (t, scene) => {
  const first = await scene.stay('a');
  await first.publish(scene.topic(), 'x', { properties: { topicAlias: 1 } });
  await first.disconnect();
  const again = await scene.stay('a');
  write(again, '30 [ "" ( 23 0001 ) ]');
  t.is(await again.ended(), 0x82);
});

five('[MQTT-3.3.2-12] every alias up to the maximum of CONNACK is taken', async (t, scene) => {
  const watcher = await scene.connect('w');
  await watcher.subscribe(scene.topic('+'));
  const client = await scene.connect('a');
  const most = client.connack?.properties?.topicAliasMaximum ?? 0;
  t.is(most, 20);
  for (let alias = 1; alias <= most; alias++)
    publish(client, scene.topic(`${alias}`), 'named', { properties: { topicAlias: alias } });
  for (let alias = most; alias >= 1; alias--) publish(client, '', 'by alias', { properties: { topicAlias: alias } });
  for (let alias = 1; alias <= most; alias++) t.is((await take(watcher)).topic, scene.topic(`${alias}`));
  for (let alias = most; alias >= 1; alias--) {
    const packet = await take(watcher);
    t.deepEqual([packet.topic, text(packet)], [scene.topic(`${alias}`), 'by alias']);
  }
});

five(
  '[MQTT-3.1.2-26, MQTT-3.1.2-27, MQTT-3.3.2-11] the server uses aliases up to the client’s maximum, none without one',
  async (t, scene) => {
    const [none, three] = [
      await scene.connect('none'),
      await scene.connect('three', { properties: { topicAliasMaximum: 3 } }),
    ];
    for (const client of [none, three]) await client.subscribe(scene.topic('+'));
    const publisher = await scene.connect('p');
    const names = [1, 2, 3, 4, 5, 1, 2, 3, 4, 5].map(String);
    for (const name of names) await publisher.publish(scene.topic(name), name);
    const known = new Map<number, string>();
    for (const name of names) {
      const plain = await take(none);
      t.deepEqual([plain.topic, plain.properties?.topicAlias], [scene.topic(name), undefined]);
      const { topic, properties } = await take(three);
      const alias = properties?.topicAlias;
      if (alias !== undefined) t.true(alias >= 1 && alias <= 3);
      if (alias !== undefined && topic !== '') known.set(alias, topic);
      t.is(topic === '' ? known.get(alias ?? 0) : topic, scene.topic(name));
    }
  },
);

both(
  '[MQTT-3.3.4-1, MQTT-2.2.1-5, MQTT-4.3.2-4, MQTT-4.3.3-8, MQTT-4.3.3-11, MQTT311-3.3.4-1, MQTT311-2.3.1-6, MQTT311-4.3.2-2, MQTT311-4.3.3-2] each QoS is answered as it should be, with its packet id',
  async (t, scene) => {
    const client = await scene.connect('a');
    publish(client, scene.topic(), 'zero');
    t.deepEqual(await pending(client), []);
    publish(client, scene.topic(), 'one', { qos: 1, messageId: 65_535 });
    t.is((await client.expect('puback')).messageId, 65_535);
    publish(client, scene.topic(), 'two', { qos: 2, messageId: 256 });
    t.is((await client.expect('pubrec')).messageId, 256);
    client.send({ cmd: 'pubrel', messageId: 256 });
    t.is((await client.expect('pubcomp')).messageId, 256);
  },
);

both(
  '[MQTT-3.3.4-2, MQTT311-3.3.5-1] overlapping subscriptions: the highest QoS of all that match',
  async (t, scene) => {
    const client = await scene.connect('a');
    await client.subscribe(
      { topic: scene.topic('#'), qos: 1 },
      { topic: scene.topic('+'), qos: 2 },
      { topic: scene.topic('x'), qos: 0 },
    );
    const publisher = await scene.connect('p');
    await publisher.publish(scene.topic('x'), 'once', { qos: 2 });
    const copies = (await pending(client)).flatMap((packet) => (packet.cmd === 'publish' ? [packet.qos] : []));
    t.is(Math.max(...copies), 2);
  },
);

five(
  '[MQTT-3.3.4-3, MQTT-3.3.4-4, MQTT-3.3.4-5] the identifiers of all subscriptions that match come along',
  async (t, scene) => {
    const client = await scene.connect('a');
    await client.subscribe({ topic: scene.topic('#'), id: 1 });
    await client.subscribe({ topic: scene.topic('+'), id: 268_435_455 });
    await client.subscribe({ topic: scene.topic('x') });
    const publisher = await scene.connect('p');
    await publisher.publish(scene.topic('x'), 'x');
    await publisher.publish(scene.topic('end/end'), 'end');
    const ids: unknown[] = [];
    for (let packet = await take(client); text(packet) !== 'end'; packet = await take(client)) {
      ids.push(packet.properties?.subscriptionIdentifier);
    }
    t.deepEqual(new Set(ids.flat().filter((id) => id !== undefined)), new Set([1, 268_435_455]));
  },
);
