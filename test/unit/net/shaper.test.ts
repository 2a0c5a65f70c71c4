import test from 'ava';
import { Shaper, Throttle } from '#src/net/shaper.ts';
import { Timers } from '#src/net/timers.ts';
import { HandClock } from './hand-clock.ts';

test('a burst passes at once, then the rate holds', (t) => {
  const shaper = new Shaper(1000, 5000, 0);
  t.is(shaper.take(5000, 0), 0);
  t.is(shaper.take(1000, 0), 1000);
  t.is(shaper.take(0, 1000), 0);
  t.is(shaper.take(500, 1000), 500);
});

test('credit grows with time up to the burst', (t) => {
  const shaper = new Shaper(1000, 2000, 0);
  t.is(shaper.take(2000, 0), 0);
  t.is(shaper.take(1500, 1500), 0);
  t.is(shaper.take(2000, 1_000_000), 0);
  t.is(shaper.take(1, 1_000_000), 1);
});

test('more than the burst is paid by waiting', (t) => {
  const shaper = new Shaper(1000, 1000, 0);
  t.is(shaper.take(64_000, 0), 63_000);
  t.is(shaper.take(0, 62_000), 1000);
});

test('a clock that goes back gives no credit and takes none', (t) => {
  const shaper = new Shaper(1000, 1000, 10_000);
  t.is(shaper.take(1000, 9000), 0);
  t.is(shaper.take(500, 9000), 500);
});

test('over a long time the rate is what passes', (t) => {
  const shaper = new Shaper(10_000, 20_000, 0);
  let now = 0;
  let passed = 0;
  while (now < 60_000) {
    const delay = shaper.take(1400, now);
    passed += 1400;
    now += delay === 0 ? 1 : delay;
  }
  t.true(passed <= 20_000 + 10_000 * 60 + 1400 && passed >= 10_000 * 60);
});

for (const [rate, burst] of [
  [0, 1],
  [-1, 1],
  [1, 0],
  [Number.NaN, 1],
  [1, Number.NaN],
] as const) {
  test(`a shaper of ${rate} bytes/s and ${burst} bytes is refused`, (t) => {
    t.throws(() => new Shaper(rate, burst, 0), { instanceOf: RangeError });
  });
}

test('a throttle pauses who sends too fast, and resumes when the debt is paid', (t) => {
  const clock = new HandClock();
  const events: string[] = [];
  const gate = { pause: () => events.push('pause'), resume: () => events.push('resume') };
  const timers = new Timers(() => t.fail(), clock);
  const throttle = new Throttle(gate, timers, new Shaper(1000, 1000, timers.now));
  throttle.received(1000);
  t.deepEqual(events, []);
  throttle.received(2000);
  clock.pass(1000);
  t.deepEqual(events, ['pause']);
  clock.pass(1250);
  t.deepEqual(events, ['pause', 'resume']);
  throttle.shaper = undefined;
  throttle.received(1_000_000);
  t.deepEqual(events, ['pause', 'resume']);
  throttle.shaper = new Shaper(1, 1, timers.now);
  throttle.received(10);
  throttle[Symbol.dispose]();
  clock.pass(60_000);
  t.deepEqual(events, ['pause', 'resume', 'pause']);
});
