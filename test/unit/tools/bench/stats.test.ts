import test from 'ava';
import { Samples, median } from '#tools/bench/stats.ts';

test('the median of an odd and an even number of values', (t) => {
  t.is(median([9, 1, 5]), 5);
  t.is(median([4, 1, 2, 3]), 2.5);
  t.is(median([]), undefined);
});

test('quantiles are by nearest rank, in any order of arrival', (t) => {
  const samples = new Samples();
  for (let n = 100; n > 0; n--) samples.add(n);
  t.is(samples.quantile(0.5), 50);
  t.is(samples.quantile(0.99), 99);
  t.is(samples.quantile(1), 100);
});

test('samples grow past their first size and stop at their limit', (t) => {
  const samples = new Samples(10_000);
  for (let n = 1; n <= 10_005; n++) samples.add(n);
  t.is(samples.length, 10_000);
  t.is(samples.dropped, 5);
  t.is(samples.quantile(1), 10_000);
});

test('no samples, no quantile', (t) => {
  t.true(Number.isNaN(new Samples().quantile(0.5)));
});
