/** A client that floods: it is held back for the others, and its bytes arrive as they were, though what they are read into is used again. */
import { createHash } from 'node:crypto';
import test from 'ava';
import { type MqttTestClient, MqttTestServer } from '#test/helpers/mqtt.ts';

const MESSAGES = 6000;
const DIGEST = 20;
/** Of most messages; a few are larger than a buffer. */
const LARGEST = 40_000;
const HUGE = 150_000;
/** Messages at QoS 1 that a client may send before it has to wait for answers, beside those of QoS 0. */
const EVERY = 50;

/** The n-th message: from a few bytes to more than half a buffer, each telling what it has to be. */
function payloadOf(n: number): Buffer {
  const size = n % 101 === 0 ? HUGE + n : n % 7 === 0 ? (n * 7919) % LARGEST : n % 300;
  const body = Buffer.alloc(size, `${n}.`);
  return Buffer.concat([createHash('sha1').update(body).digest(), body]);
}

function isWhole(payload: Buffer | string): boolean {
  const bytes = Buffer.from(payload);
  return createHash('sha1').update(bytes.subarray(DIGEST)).digest().equals(bytes.subarray(0, DIGEST));
}

/** Takes publications, acknowledging them, until the last of QoS 1 has come. */
async function drain(client: MqttTestClient, last: number): Promise<{ whole: number; broken: number; at1: number }> {
  const counts = { whole: 0, broken: 0, at1: 0 };
  while (counts.at1 < last) {
    const { messageId = 0, payload, qos } = await client.expect('publish');
    counts[isWhole(payload) ? 'whole' : 'broken'] += 1;
    if (qos === 0) continue;
    client.send({ cmd: 'puback', messageId });
    counts.at1 += 1;
  }
  return counts;
}

const gauge = async (server: MqttTestServer, name: string): Promise<number> =>
  Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(await server.server.metrics.render())?.[1]);

test('what a flooding client publishes is whole for each kind of subscriber, now and later', async (t) => {
  t.timeout(120_000);
  await using server = await MqttTestServer.start('mqtt: { anonymous: [mqtt], max_queued: 10000 }');
  const online = await server.connect({ clientId: 'online' });
  await online.subscribe({ topic: 'flood/#', qos: 1 });
  const member = await server.connect({ clientId: 'member' });
  await member.subscribe({ topic: '$share/g/flood/#', qos: 1 });
  const lasting = { clientId: 'offline', clean: false, properties: { sessionExpiryInterval: 600 } };
  const offline = await server.connect(lasting);
  await offline.subscribe({ topic: 'flood/#', qos: 1 });
  offline.send({ cmd: 'disconnect' });
  await offline.ended();

  const flooder = await server.connect({ clientId: 'flooder', protocolVersion: 4 });
  const taken = [drain(online, MESSAGES / EVERY), drain(member, MESSAGES / EVERY)] as const;
  for (let n = 0; n < MESSAGES; n++) {
    const at1 = n % EVERY === 0;
    const common = { cmd: 'publish', payload: payloadOf(n), dup: false, retain: n % 500 === 0 } as const;
    flooder.send({ ...common, topic: `flood/${n % 500}`, qos: at1 ? 1 : 0, messageId: at1 ? n + 1 : 0 });
    // The server and this test are one process: it has to come to read.
    if (n % 600 === 599) await flooder.ping();
  }
  for (const each of taken) {
    const { broken, whole } = await each;
    t.is(broken, 0);
    t.true(whole >= MESSAGES / EVERY);
  }
  t.true((await gauge(server, 'trivium_mqtt_held_back_total')) >= 16);
  t.is(await gauge(server, 'trivium_mqtt_flooding_clients'), 1);

  const { broken, whole } = await drain(await server.connect(lasting), MESSAGES / EVERY);
  t.deepEqual([broken, whole], [0, MESSAGES / EVERY]);
  const late = await server.connect({ clientId: 'late' });
  await late.subscribe({ topic: 'flood/0', qos: 0 });
  const retained = await late.expect('publish');
  t.true(retained.retain && isWhole(retained.payload));
  flooder.break();
  await late.ping();
});
