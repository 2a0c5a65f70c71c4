import test from 'ava';
import { Stream } from '#test/kill9/ledger.ts';
import { numberIn, payloadOf, RetainedTopic, SharedTopic, Topic } from '#test/kill9/mqtt/topic.ts';

test('a payload tells its number, and a damaged one none', (t) => {
  const payload = payloadOf('load/p0', 11);
  t.is(numberIn('load/p0', payload), 11);
  t.is(numberIn('load/p1', payload), undefined);
  t.is(numberIn('load/p0', payload.slice(0, -1)), undefined);
  t.is(numberIn('load/p0', ''), undefined);
});

test('what is published is outstanding at every subscriber', (t) => {
  const topic = new Topic('load/p0', 1, false);
  topic.streams.push(...['a', 'b'].map((name) => new Stream('load/p0', 'p0', name, name, 'at-least-once')));
  topic.next();
  topic.next();
  topic.streams[0]?.take(1);
  t.deepEqual(
    topic.streams.map(({ outstanding }) => outstanding),
    [1, 2],
  );
});

test('retained is what was acknowledged last, or something later', (t) => {
  const topic = new RetainedTopic('retained/p0', 1, true);
  t.true(topic.allows(''));
  for (let n = 1; n <= 5; n++) topic.next();
  topic.acknowledged = 3;
  t.deepEqual(
    [1, 2, 3, 4, 5, 6].map((n) => topic.allows(topic.payload(n))),
    [false, false, true, true, true, false],
  );
  t.false(topic.allows(''));
  for (let n = 6; n <= 8; n++) topic.next();
  t.true(topic.allows(''), 'the seventh takes it away');
  topic.acknowledged = 8;
  t.false(topic.allows(''));
});

test('a share group gets a message of QoS 2 once, over all its members', (t) => {
  const topic = new SharedTopic('shared/q2', 2, false);
  for (let n = 1; n <= 4; n++) topic.next();
  t.is(topic.take('a', 1), undefined);
  t.is(topic.take('b', 3), undefined);
  t.is(topic.take('a', 3), 'duplicate');
  t.is(topic.take('a', 2), 'out of order');
  t.is(topic.take('a', 5), 'never sent');
  t.deepEqual(topic.missing(10), [4]);
  t.is(topic.outstanding, 1);
});

test('and one of QoS 1 at least once', (t) => {
  const topic = new SharedTopic('shared/q1', 1, false);
  topic.next();
  t.deepEqual(
    ['a', 'b'].map((member) => topic.take(member, 1)),
    [undefined, undefined],
  );
  t.is(topic.duplicates, 1);
  t.is(topic.outstanding, 0);
});
