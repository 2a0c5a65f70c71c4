/** Wills: MQTT 5 sections 3.1.2.5, 3.1.3.2 and 3.14; 3.1.1 section 3.1.2.5. */
import type { IConnectPacket } from 'mqtt-packet';
import { pending, type Scene, seconds, stage, take, text } from './scene.ts';

const { both, five } = stage();

type Will = NonNullable<IConnectPacket['will']>;

function willOf(scene: Scene, more: Partial<Will> = {}): Will {
  return { topic: scene.topic('will'), payload: Buffer.from('gone'), qos: 1, retain: false, ...more };
}

both(
  '[MQTT-3.1.2-7, MQTT-3.1.2-8, MQTT-3.1.2-14, MQTT311-3.1.2-8, MQTT311-3.1.2-16] the will of who breaks off is published, at its QoS, not retained',
  async (t, scene) => {
    const watcher = await scene.connect('w');
    await watcher.subscribe({ topic: scene.topic('will'), qos: 2 });
    for (const qos of [0, 1, 2] as const) {
      (await scene.connect('a', { will: willOf(scene, { qos }) })).break();
      const packet = await take(watcher);
      t.deepEqual([text(packet), packet.qos, packet.retain], ['gone', qos, false]);
    }
    const later = await scene.connect('l');
    await later.subscribe(scene.topic('will'));
    t.deepEqual(await pending(later), []);
  },
);

both('[MQTT-3.1.2-15, MQTT311-3.1.2-17] a will to be retained is', async (t, scene) => {
  const watcher = await scene.connect('w');
  await watcher.subscribe(scene.topic('will'));
  (await scene.connect('a', { will: willOf(scene, { retain: true }) })).break();
  t.is(text(await take(watcher)), 'gone');
  const later = await scene.connect('l');
  await later.subscribe(scene.topic('will'));
  t.true((await take(later)).retain);
});

both(
  '[MQTT-3.1.2-10, MQTT-3.14.4-3, MQTT311-3.1.2-10, MQTT311-3.1.2-12, MQTT311-3.14.4-3] DISCONNECT takes the will away',
  async (t, scene) => {
    const watcher = await scene.connect('w');
    await watcher.subscribe({ topic: scene.topic('will'), qos: 1 });
    await (await scene.connect('a', { will: willOf(scene) })).disconnect();
    (await scene.connect('b', { will: willOf(scene, { payload: Buffer.from('of b') }) })).break();
    t.is(text(await take(watcher)), 'of b');
    // And one that is published is no longer there: the next connection of b has none.
    (await scene.connect('b')).break();
    (await scene.connect('c', { will: willOf(scene, { payload: Buffer.from('of c') }) })).break();
    t.is(text(await take(watcher)), 'of c');
    t.deepEqual(await pending(watcher), []);
  },
);

five('[MQTT-3.1.2-8] DISCONNECT with another reason than 0x00 does not', async (t, scene) => {
  const watcher = await scene.connect('w');
  await watcher.subscribe(scene.topic('will'));
  await (await scene.connect('a', { will: willOf(scene) })).disconnect(0x04);
  t.is(text(await take(watcher)), 'gone');
});

both('[MQTT-3.1.2-8, MQTT311-3.1.2-8] the will is published when the server ends the connection', async (t, scene) => {
  const watcher = await scene.connect('w');
  await watcher.subscribe(scene.topic('will'));
  const client = await scene.connect('a', { will: willOf(scene) });
  client.write(Buffer.from([0x00, 0x00]));
  await client.ended();
  t.is(text(await take(watcher)), 'gone');
  const first = await scene.connect('same', { will: willOf(scene, { payload: Buffer.from('taken over') }) });
  await scene.connect('same');
  await first.ended();
  t.is(text(await take(watcher)), 'taken over');
});

five(
  '[MQTT-3.1.2-8, MQTT-3.1.3-9] a delayed will waits, and is not sent when the client comes back in time',
  async (t, scene) => {
    const watcher = await scene.connect('w');
    await watcher.subscribe(scene.topic('will'));
    const properties = { sessionExpiryInterval: 60 };
    const will = willOf(scene, { properties: { willDelayInterval: 1 } });
    const start = performance.now();
    (await scene.connect('a', { will, properties })).break();
    (await scene.connect('b', { will: { ...will, payload: Buffer.from('came back') }, properties })).break();
    t.true((await scene.connect('b', { clean: false, properties })).present);
    t.is(text(await take(watcher)), 'gone');
    t.true(performance.now() - start >= 950);
    await seconds(0.3);
    t.deepEqual(await pending(watcher), []);
  },
);

five('[MQTT-3.1.2-8] a delayed will is sent at once when its session ends', async (t, scene) => {
  const watcher = await scene.connect('w');
  await watcher.subscribe(scene.topic('will'));
  const delayed = (payload: string): Will =>
    willOf(scene, { payload: Buffer.from(payload), properties: { willDelayInterval: 600 } });
  (await scene.connect('a', { will: delayed('no session') })).break();
  t.is(text(await take(watcher)), 'no session');
  (await scene.connect('b', { will: delayed('clean start'), properties: { sessionExpiryInterval: 600 } })).break();
  await scene.connect('b', { clean: true });
  t.is(text(await take(watcher)), 'clean start');
});

five(
  '[MQTT-3.1.3-10, MQTT-3.3.2-18] the properties of a will go with it, user properties in their order',
  async (t, scene) => {
    const watcher = await scene.connect('w');
    await watcher.subscribe(scene.topic('will'));
    const properties = {
      payloadFormatIndicator: true,
      contentType: 'text/plain',
      responseTopic: scene.topic('answer'),
      correlationData: Buffer.from([1, 2, 3]),
      userProperties: { z: ['1', '2'], a: '3' },
    };
    (await scene.connect('a', { will: willOf(scene, { properties }) })).break();
    const found = (await take(watcher)).properties;
    t.like(found, { payloadFormatIndicator: true, contentType: 'text/plain', responseTopic: scene.topic('answer') });
    t.deepEqual(found?.correlationData, properties.correlationData);
    t.deepEqual({ ...found?.userProperties }, properties.userProperties);
  },
);

five('[MQTT-3.1.2-7] a will survives a restart of the server', async (t, scene) => {
  await scene.stay('a', { will: willOf(scene) });
  const watcher = await scene.stay('w');
  await watcher.subscribe({ topic: scene.topic('will'), qos: 1 });
  await scene.server.restart();
  t.is(text(await take(await scene.stay('w'))), 'gone');
});
