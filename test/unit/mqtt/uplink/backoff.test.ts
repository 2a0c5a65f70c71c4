import test from 'ava';
import { Backoff } from '#protocols/mqtt/uplink/backoff.ts';

/** Some pauses in a row. */
const pauses = (backoff: Backoff, count: number): readonly number[] =>
  Array.from({ length: count }, () => backoff.next());

test('pauses grow at most threefold, up to the longest', (t) => {
  const nearlyOne = (): number => 0.999_999_9;
  t.deepEqual(pauses(new Backoff(1000, 60_000, nearlyOne), 6), [3000, 9000, 27_000, 60_000, 60_000, 60_000]);
});

test('pauses are never shorter than the shortest', (t) => {
  t.deepEqual(pauses(new Backoff(1000, 60_000, () => 0), 3), [1000, 1000, 1000]);
});

test('two clients that lost their connection together come back at different times', (t) => {
  const backoff = (seed: number): readonly number[] =>
    pauses(new Backoff(1000, 60_000, () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647), 5);
  t.notDeepEqual(backoff(1), backoff(2));
});

test('a connection that held begins the pauses anew, one that was cut off at once does not', (t) => {
  const backoff = new Backoff(1000, 60_000, () => 0.5);
  pauses(backoff, 2);
  backoff.ended(10);
  t.is(backoff.next(), 5750);
  backoff.ended(5751);
  t.is(backoff.next(), 2000);
});
