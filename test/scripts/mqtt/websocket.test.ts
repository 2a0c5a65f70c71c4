/** MQTT over WebSocket: MQTT 5 and 3.1.1 section 6. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { bytes } from '#test/vectors/mqtt/bytes.ts';
import { type Scene, stage, take, text } from './scene.ts';

const { both } = stage('mqtt: { anonymous: [mqtt, http] }');

async function open(scene: Scene, protocols: readonly string[] = ['mqtt']): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${scene.server.port('http')}/mqtt`, [...protocols]);
  await once(socket, 'open');
  return socket;
}

function connectOf(scene: Scene): Buffer {
  return bytes(`10 [ "MQTT" 0${scene.version} 02 0000 ${scene.version === 5 ? '00' : ''} "${scene.id('ws')}" ]`);
}

/** The next `count` bytes, whatever frames they come in; all frames have to be binary. */
async function read(socket: WebSocket, count: number): Promise<Buffer> {
  let all = Buffer.alloc(0);
  while (all.length < count) {
    const [data, binary] = (await once(socket, 'message')) as [Buffer, boolean];
    if (!binary) throw new Error('a text frame of the server');
    all = Buffer.concat([all, data]);
  }
  return all;
}

both('[MQTT-6.0.0-4, MQTT311-6.0.0-4] the subprotocol that the server chooses is mqtt', async (t, scene) => {
  const socket = await open(scene, ['other', 'mqtt']);
  t.is(socket.protocol, 'mqtt');
  socket.terminate();
});

both('[MQTT-6.0.0-3, MQTT311-6.0.0-3] who does not offer it is not served', async (t, scene) => {
  const socket = new WebSocket(`ws://127.0.0.1:${scene.server.port('http')}/mqtt`, ['other']);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.once('error', (error) => t.regex(error.message, /400/));
  await closed;
  t.is(socket.protocol, '');
});

both(
  '[MQTT-6.0.0-1, MQTT311-6.0.0-1] packets come in binary frames; a text frame ends the connection',
  async (t, scene) => {
    const socket = await open(scene);
    socket.send(connectOf(scene));
    t.is((await read(socket, 4))[0], 0x20);
    socket.send('text');
    await once(socket, 'close');
    t.pass();
  },
);

both(
  '[MQTT-6.0.0-2, MQTT-4.2-1, MQTT311-6.0.0-2, MQTT311-7.1.1-1] packets need not begin and end with frames',
  async (t, scene) => {
    const watcher = await scene.connect('w');
    await watcher.subscribe(scene.topic());
    const socket = await open(scene);
    const properties = scene.version === 5 ? '00' : '';
    const publish = (payload: string): Buffer => bytes(`30 [ "${scene.topic()}" ${properties} '${payload}' ]`);
    const stream = Buffer.concat([connectOf(scene), publish('one'), publish('two'), publish('three')]);
    for (const byte of stream.subarray(0, 40)) socket.send(Buffer.of(byte));
    socket.send(stream.subarray(40));
    for (const expected of ['one', 'two', 'three']) t.is(text(await take(watcher)), expected);
    socket.terminate();
  },
);
