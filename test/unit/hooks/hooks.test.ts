import test from 'ava';
import { DecisionPoint, Hooks, NoticePoint, phases, TransformPoint } from '#src/hooks/hooks.ts';

test('the first answer wins, in the order of phases, then of registration', (t) => {
  const point = new DecisionPoint<number, string>('test');
  const asked: string[] = [];
  const add = (phase: (typeof phases)[number], name: string, answers: boolean) =>
    point.add(phase, () => {
      asked.push(name);
      return answers ? name : undefined;
    });
  t.is(point.ask(1), undefined);
  add('last', 'last', true);
  add('main', 'first main', false);
  add('main', 'second main', true);
  add('guard', 'guard', false);
  t.is(point.ask(1), 'second main');
  t.deepEqual(asked, ['guard', 'first main', 'second main']);
});

test('all phases, in order', (t) => {
  const point = new NoticePoint<undefined>('test');
  const told: string[] = [];
  for (const phase of phases.toReversed()) point.add(phase, () => told.push(phase));
  point.tell(undefined);
  t.deepEqual(told, ['guard', 'before', 'main', 'after', 'last']);
});

test('transforms hand on what the one before made', (t) => {
  const point = new TransformPoint<string, string>('test');
  t.is(point.apply('a', '!'), 'a');
  point.add('after', (value, input) => value + input);
  point.add('before', (value) => value.toUpperCase());
  t.is(point.apply('a', '!'), 'A!');
});

test('idle until somebody listens, and again when the last has left', (t) => {
  const point = new NoticePoint<number>('test');
  const seen: number[] = [];
  t.true(point.idle);
  const one = point.add('main', (value) => seen.push(value));
  const two = point.add('main', (value) => seen.push(value * 10));
  t.deepEqual([point.idle, point.size], [false, 2]);
  point.tell(1);
  one[Symbol.dispose]();
  one[Symbol.dispose]();
  point.tell(2);
  two[Symbol.dispose]();
  t.deepEqual([point.idle, point.size], [true, 0]);
  point.tell(3);
  t.deepEqual(seen, [1, 10, 20]);
});

test('the same function twice is two listeners, left one by one', (t) => {
  const point = new NoticePoint<number>('test');
  let calls = 0;
  const listener = (): void => void (calls += 1);
  const one = point.add('main', listener);
  point.add('main', listener);
  one[Symbol.dispose]();
  point.tell(1);
  t.is(calls, 1);
});

test('who leaves or comes while an event is told changes the next one only', (t) => {
  const point = new NoticePoint<number>('test');
  const seen: string[] = [];
  const first = point.add('main', () => {
    seen.push('first');
    first[Symbol.dispose]();
    point.add('main', () => seen.push('late'));
  });
  point.add('main', () => seen.push('second'));
  point.tell(1);
  t.deepEqual(seen, ['first', 'second']);
  point.tell(2);
  t.deepEqual(seen, ['first', 'second', 'second', 'late']);
});

test('a name is one point a host, whoever asks first', (t) => {
  const hooks = new Hooks();
  t.is(hooks.notice('message/sent'), hooks.notice('message/sent'));
  t.not(hooks.notice('message/sent'), new Hooks().notice('message/sent'));
  t.is(hooks.decision('stanza/inbound').event, 'stanza/inbound');
});
