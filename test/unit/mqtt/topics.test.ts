import test from 'ava';
import fc from 'fast-check';
import { FewOrMany } from '#protocols/mqtt/topics/few.ts';
import { covers, matchesFilter, overlaps } from '#protocols/mqtt/topics/filters.ts';
import { type Retained, RetainedMessages } from '#protocols/mqtt/topics/retained.ts';
import { readShared, type ShareMember, ShareMembers } from '#protocols/mqtt/topics/shared.ts';
import { TopTopics } from '#protocols/mqtt/topics/top.ts';
import { type Granted, TopicTree } from '#protocols/mqtt/topics/tree.ts';

const granted = (filter: string, more: Partial<Granted> = {}): Granted => ({
  filter,
  qos: 0,
  noLocal: false,
  retainAsPublished: false,
  retainHandling: 0,
  id: undefined,
  ...more,
});

// MQTT 5 section 4.7.1 and 4.7.2, with their examples.
const matching: readonly (readonly [filter: string, topic: string, matches: boolean])[] = [
  ['sport/tennis/player1/#', 'sport/tennis/player1', true],
  ['sport/tennis/player1/#', 'sport/tennis/player1/ranking', true],
  ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
  ['sport/#', 'sport', true],
  ['#', 'sport', true],
  ['sport/tennis/+', 'sport/tennis/player1', true],
  ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
  ['sport/+', 'sport', false],
  ['sport/+', 'sport/', true],
  ['+/+', '/finance', true],
  ['/+', '/finance', true],
  ['+', '/finance', false],
  ['#', '$SYS/x', false],
  ['+/monitor/Clients', '$SYS/monitor/Clients', false],
  ['$SYS/#', '$SYS/x', true],
  ['$SYS/monitor/+', '$SYS/monitor/Clients', true],
  ['a//b', 'a//b', true],
  ['a/+/b', 'a//b', true],
  ['a', 'A', false],
];

for (const [filter, topic, matches] of matching) {
  test(`${filter} ${matches ? 'matches' : 'does not match'} ${topic}`, (t) => {
    const tree = new TopicTree<string>();
    tree.subscribe('s', granted(filter));
    t.is(tree.match(topic).length === 1, matches);
    t.is(matchesFilter(filter, topic), matches);
    t.is(overlaps(filter, topic), matches);
    const retained = retainedMessages();
    retained.put({ topic, payload: Buffer.from('x'), qos: 0, retain: true, properties: {} }, 0);
    t.is(retained.match(filter, 10, 0).length === 1, matches);
  });
}

const level = fc.constantFrom('a', 'b', '', '$x');
const name = fc
  .array(level, { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join('/'))
  .filter((topic) => topic !== '');
const filter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { minLength: 0, maxLength: 4 }), fc.boolean())
  .map(([levels, wild]) => [...levels, ...(wild ? ['#'] : [])].join('/'))
  .filter((text) => text !== '');

test('covering and overlapping agree with matching', (t) => {
  fc.assert(
    fc.property(filter, filter, name, (one, other, topic) => {
      const [left, right] = [matchesFilter(one, topic), matchesFilter(other, topic)];
      if (covers(one, other) && right) t.true(left, `${one} covers ${other}, but not ${topic}`);
      if (left && right) t.true(overlaps(one, other), `${one} and ${other} share ${topic}`);
    }),
    { numRuns: 3000 },
  );
});

test('the tree agrees with matching filter by filter, after any changes', (t) => {
  const step = fc.record({ add: fc.boolean(), filter, subscriber: fc.constantFrom('1', '2', '3') });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.array(name, { maxLength: 8 }), (steps, topics) => {
      const tree = new TopicTree<string>();
      const held = new Map<string, Set<string>>();
      for (const { add, filter: text, subscriber } of steps) {
        const filters = held.get(subscriber) ?? new Set();
        held.set(subscriber, filters);
        if (add) tree.subscribe(subscriber, granted(text));
        else t.is(tree.unsubscribe(subscriber, text), filters.has(text));
        if (add) filters.add(text);
        else filters.delete(text);
        for (const topic of topics) {
          const expected = [...held]
            .filter(([, all]) => [...all].some((each) => matchesFilter(each, topic)))
            .map(([who]) => who);
          t.deepEqual(
            tree
              .match(topic)
              .map((match) => match.subscriber)
              .toSorted(),
            expected.toSorted(),
          );
        }
      }
      t.is(
        tree.size,
        [...held.values()].reduce((sum, { size }) => sum + size, 0),
      );
    }),
    { numRuns: 200 },
  );
});

test('overlapping subscriptions of one subscriber are one match: highest QoS, all identifiers', (t) => {
  const tree = new TopicTree<string>();
  tree.subscribe('s', granted('a/+', { qos: 0, id: 1, noLocal: true }));
  tree.subscribe('s', granted('a/#', { qos: 2, id: 2 }));
  const [match, ...others] = tree.match('a/b');
  t.is(others.length, 0);
  t.like(match, { subscriber: 's', qos: 2, noLocal: false });
  t.deepEqual(
    match?.ids.toSorted((a, b) => a - b),
    [1, 2],
  );
});

test('a subscription to the same filter replaces the one before', (t) => {
  const tree = new TopicTree<string>();
  t.is(tree.subscribe('s', granted('a', { qos: 1 })), undefined);
  t.is(tree.subscribe('s', granted('a', { qos: 0 }))?.qos, 1);
  t.is(tree.match('a')[0]?.qos, 0);
  t.is(tree.size, 1);
});

test('a filter of 65,535 slashes is walked, not recursed into', (t) => {
  const deep = '/'.repeat(65_535);
  const tree = new TopicTree<string>();
  tree.subscribe('s', granted(deep));
  t.is(tree.match(deep).length, 1);
  t.true(tree.unsubscribe('s', deep));
});

test('few or many entries: the same as a Map', (t) => {
  const key = fc.integer({ min: 0, max: 20 });
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), key), { maxLength: 60 }), (steps) => {
      const few = new FewOrMany<number, string>();
      const map = new Map<number, string>();
      for (const [add, at] of steps) {
        if (add) {
          few.set(at, `v${at}`);
          map.set(at, `v${at}`);
        } else t.is(few.delete(at), map.delete(at));
        t.is(few.size, map.size);
        t.is(few.get(at), map.get(at));
        t.is(few.has(at), map.has(at));
      }
      t.deepEqual([...few], [...map]);
      t.deepEqual([...few.keys(), ...few.values()], [...map.keys(), ...map.values()]);
    }),
  );
});

function retainedMessages(
  limits = { count: 100, bytes: 1000 },
  stored = new Map<string, Retained>(),
): RetainedMessages {
  const table = {
    put: (topic: string, retained: Retained) => void stored.set(topic, retained),
    delete: (topic: string) => void stored.delete(topic),
    async *load() {
      yield* stored;
    },
  };
  return new RetainedMessages(table, () => limits);
}

const message = (topic: string, text: string, messageExpiry?: number) => ({
  topic,
  payload: Buffer.from(text),
  qos: 0 as const,
  retain: true,
  properties: messageExpiry === undefined ? {} : { messageExpiry },
});

test('retained messages: limits of count and bytes, what is replaced makes room', (t) => {
  const retained = retainedMessages({ count: 2, bytes: 20 });
  t.true(retained.put(message('a', '12345'), 0));
  t.true(retained.put(message('b', '12345'), 0));
  t.false(retained.put(message('c', '1'), 0));
  t.true(retained.put(message('a', '1'), 0));
  t.is(retained.bytes, 8);
  t.false(retained.put(message('a', 'x'.repeat(20)), 0));
  t.true(retained.clear('b'));
  t.false(retained.clear('b'));
  t.is(retained.count, 1);
});

test('retained messages expire, and come back from the store without those that have', async (t) => {
  const stored = new Map<string, Retained>();
  const first = retainedMessages(undefined, stored);
  first.put(message('short', 'x', 10), 1000);
  first.put(message('long', 'x', 100), 1000);
  first.put(message('ever', 'x'), 1000);
  t.is(first.match('#', 10, 10_999).length, 3);
  t.is(first.match('#', 10, 11_000).length, 2);
  t.deepEqual([...stored.keys()], ['long', 'ever']);
  const second = retainedMessages(undefined, stored);
  await second.load(200_000);
  t.deepEqual([...stored.keys()], ['ever']);
  t.is(second.get('ever', 200_000)?.at, 1000);
});

class Member implements ShareMember {
  ready = true;
  connected = true;
  inFlight = 0;
}

test('share members: in turn, past those that are not ready, and to the least busy', (t) => {
  const [one, two, three] = [new Member(), new Member(), new Member()] as const;
  const members = new ShareMembers<Member>();
  for (const member of [one, two, three]) members.join(member, granted('a'));
  const turn = () => members.choose('round_robin')?.member;
  t.deepEqual(
    [turn(), turn(), turn(), turn()].map((member) => [one, two, three].indexOf(member as Member)),
    [0, 1, 2, 0],
  );
  two.ready = false;
  t.is(turn(), three);
  one.inFlight = 5;
  three.inFlight = 2;
  t.is(members.choose('least_in_flight')?.member, three);
  for (const member of [one, three]) member.ready = false;
  one.connected = false;
  t.deepEqual(new Set([turn(), turn(), turn(), turn()]), new Set([two, three]));
  for (const member of [two, three]) member.connected = false;
  t.not(turn(), undefined);
  members.leave(one);
  members.leave(two);
  members.leave(three);
  t.is(turn(), undefined);
});

test('names of shared subscriptions', (t) => {
  t.deepEqual(readShared('$share/group/a/#'), { name: 'group', filter: 'a/#' });
  t.is(readShared('$shared/group/a'), undefined);
  t.is(readShared('a/b'), undefined);
});

test('busy topics are found among many rare ones', (t) => {
  const top = new TopTopics();
  for (let round = 0; round < 100; round++) {
    top.note('busy');
    for (let rare = 0; rare < 50; rare++) top.note(`rare/${round}/${rare}`);
  }
  t.is(top.list(1)[0]?.[0], 'busy');
});
