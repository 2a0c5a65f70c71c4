import test from 'ava';
import { MemoryGuard } from '#protocols/mqtt/memory-guard.ts';
import { Timers } from '#src/net/timers.ts';
import { TestClock, TestMqtt } from './fixture.ts';

test('memory is short while there is more than the limit', (t) => {
  const clock = new TestClock();
  using timers = new Timers((error) => t.fail(String(error)), clock);
  let used = 10;
  const guard = new MemoryGuard(
    timers,
    () => 100,
    () => used,
  );
  guard.start();
  clock.pass(2);
  t.false(guard.tight);
  used = 101;
  clock.pass(2);
  t.true(guard.tight);
  used = 100;
  clock.pass(2);
  t.false(guard.tight);
});

test('while memory is short nobody is let in, and queues in memory take no more', async (t) => {
  await using mqtt = await TestMqtt.open();
  const { broker, server } = mqtt;
  const subscriber = mqtt.connect({ clientId: 's', receiveMaximum: 1 });
  const subscription = { filter: 'a', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
  subscriber.say({ type: 'subscribe', packetId: 1, subscriptions: [subscription], userProperties: [] });
  server.memory.tight = true;
  const late = mqtt.connect({ clientId: 'late' });
  t.like(late.next(), { cmd: 'connack', reasonCode: 0x89 });
  for (const text of ['1', '2']) {
    broker.publish({ topic: 'a', payload: Buffer.from(text), qos: 1, retain: false, properties: {} }, undefined);
  }
  t.is(broker.drops.memory, 1);
  t.is(broker.sessions.get('/s')?.outgoing.waiting, 0);
});
