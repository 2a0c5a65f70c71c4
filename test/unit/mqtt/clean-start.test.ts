import test from 'ava';
import { TestMqtt } from './fixture.ts';

test('[MQTT-3.1.2-4] a client that began anew finds no older session, whenever the server is killed', async (t) => {
  const mqtt = await TestMqtt.open();
  const lasting = { clientId: 'c', cleanStart: false, sessionExpiry: 600 };
  const old = mqtt.connect(lasting);
  old.say({
    type: 'subscribe',
    packetId: 1,
    userProperties: [],
    subscriptions: [{ filter: 'a', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 }],
  });
  await mqtt.committed();
  t.deepEqual(
    old.take().map(({ cmd }) => cmd),
    ['connack', 'suback'],
  );

  const clean = mqtt.connect({ clientId: 'c', cleanStart: true });
  t.true(old.ended);
  // Nothing is promised before it is on the disk.
  t.deepEqual(clean.take(), []);
  await mqtt.committed();
  t.like(clean.next(), { cmd: 'connack', sessionPresent: false });
  t.is(mqtt.broker.sessions.size, 1);

  await using after = await TestMqtt.open({ data: mqtt.crash() });
  t.is(after.broker.sessions.size, 0);
  t.like(after.connect(lasting).next(), { cmd: 'connack', sessionPresent: false });
  await mqtt.core[Symbol.asyncDispose]();
});
