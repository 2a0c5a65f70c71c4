import test from 'ava';
import { Random } from '#test/kill9/random.ts';

test('the same seed gives the same numbers', (t) => {
  const draw = (seed: number): readonly number[] => {
    const random = new Random(seed);
    return Array.from({ length: 20 }, () => random.next());
  };
  t.deepEqual(draw(7), draw(7));
  t.notDeepEqual(draw(7), draw(8));
});

test('numbers are in their range and fill it', (t) => {
  const random = new Random(1);
  const numbers = Array.from({ length: 10_000 }, () => random.between(2, 4));
  t.true(numbers.every((number) => number >= 2 && number < 4));
  t.true(Math.min(...numbers) < 2.01 && Math.max(...numbers) > 3.99);
});

test('nothing can be picked from nothing', (t) => {
  t.throws(() => new Random(1).pick([]), { message: 'nothing to choose from' });
});
