import test from 'ava';
import { type Timed, Timers } from '#src/net/timers.ts';
import { HandClock } from './hand-clock.ts';

class Item implements Timed {
  readonly fired: number[] = [];
  readonly #clock: HandClock;
  readonly #then: (() => void) | undefined;

  constructor(clock: HandClock, then?: () => void) {
    this.#clock = clock;
    this.#then = then;
  }

  onTimeout(): void {
    this.fired.push(this.#clock.elapsed());
    this.#then?.();
  }
}

function wheel() {
  const clock = new HandClock();
  const faults: unknown[] = [];
  return { clock, faults, timers: new Timers((error) => faults.push(error), clock) };
}

for (const delay of [0, 1, 249, 250, 251, 1000, 59_999, 128_000, 128_001, 300_000, 3_600_000]) {
  test(`an item waits for ${delay} ms, never shorter and two ticks longer at most`, (t) => {
    const { clock, timers } = wheel();
    clock.pass(1100);
    const item = new Item(clock);
    const started = clock.elapsed();
    timers.add(item, delay);
    clock.pass(delay + 500);
    t.is(item.fired.length, 1);
    const waited = (item.fired[0] ?? 0) - started;
    t.true(waited >= delay && waited <= delay + 500, `${waited}`);
    clock.pass(300_000);
    t.is(item.fired.length, 1);
    t.is(timers.size, 0);
  });
}

test('adding an item again moves it', (t) => {
  const { clock, timers } = wheel();
  const item = new Item(clock);
  timers.add(item, 1000);
  clock.pass(750);
  timers.add(item, 1000);
  t.is(timers.size, 1);
  clock.pass(500);
  t.is(item.fired.length, 0);
  clock.pass(750);
  t.is(item.fired.length, 1);
});

test('a removed item does not fire, and removing it twice does no harm', (t) => {
  const { clock, timers } = wheel();
  const [first, second, third] = [new Item(clock), new Item(clock), new Item(clock)];
  for (const item of [first, second, third]) timers.add(item, 1000);
  timers.remove(second);
  timers.remove(second);
  t.false(timers.has(second));
  clock.pass(2000);
  t.deepEqual([first.fired.length, second.fired.length, third.fired.length], [1, 0, 1]);
});

test('an item may add itself again, and remove others of the same tick', (t) => {
  const { clock, timers } = wheel();
  const victim = new Item(clock);
  const recurring: Item = new Item(clock, () => timers.add(recurring, 1000));
  const killer = new Item(clock, () => timers.remove(victim));
  timers.add(victim, 1000);
  // The newest of a slot comes first.
  timers.add(killer, 1000);
  timers.add(recurring, 1000);
  clock.pass(3500);
  t.is(victim.fired.length, 0);
  t.is(killer.fired.length, 1);
  t.is(recurring.fired.length, 3);
});

test('one that fails does not keep the others from firing', (t) => {
  const { clock, faults, timers } = wheel();
  const fine = new Item(clock);
  timers.add(fine, 1000);
  timers.add(
    new Item(clock, () => {
      throw new Error('a bug');
    }),
    1000,
  );
  timers.add(new Item(clock), 1000);
  clock.pass(2000);
  t.is(fine.fired.length, 1);
  t.deepEqual(faults.map(String), ['Error: a bug']);
});

test('a process that was stopped for an hour catches up at once', (t) => {
  const { clock, timers } = wheel();
  const [soon, later, never] = [new Item(clock), new Item(clock), new Item(clock)];
  timers.add(soon, 1000);
  timers.add(later, 200_000);
  timers.add(never, 7_200_000);
  clock.pass(3_600_000, 3_600_000);
  t.deepEqual([soon.fired.length, later.fired.length, never.fired.length], [1, 1, 0]);
  const next = new Item(clock);
  timers.add(next, 1000);
  clock.pass(1500);
  t.is(next.fired.length, 1);
  clock.pass(3_600_000);
  t.is(never.fired.length, 1);
});

test('a change of the wall clock moves no timeout', (t) => {
  const { clock, timers } = wheel();
  const item = new Item(clock);
  timers.add(item, 10_000);
  clock.setWall(1);
  clock.pass(5000);
  t.is(item.fired.length, 0);
  t.is(timers.now, 5001);
  clock.pass(5500);
  t.is(item.fired.length, 1);
});

test('many items fire each in its order of time', (t) => {
  const { clock, timers } = wheel();
  const items = Array.from({ length: 5000 }, (_, index) => ({
    delay: ((index * 7919) % 400_000) + 1,
    item: new Item(clock),
  }));
  for (const { delay, item } of items) timers.add(item, delay);
  const started = clock.elapsed();
  clock.pass(401_000);
  t.true(
    items.every(
      ({ delay, item }) =>
        item.fired.length === 1 &&
        (item.fired[0] ?? 0) - started >= delay &&
        (item.fired[0] ?? 0) - started <= delay + 500,
    ),
  );
});

test('what is due at once is called a few at a time, the event loop going round between them', async (t) => {
  const { clock, timers } = wheel();
  const items = Array.from({ length: 100 }, () => new Item(clock));
  for (const item of items) timers.add(item, 1000);
  const fired = (): number => items.filter((item) => item.fired.length > 0).length;
  clock.pass(2000);
  const first = fired();
  t.true(first > 0 && first < 50, `${first}`);
  // One that is removed meanwhile is not called.
  timers.remove(items.find(({ fired: times }) => times.length === 0) as Item);
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  t.is(fired(), 99);
  t.is(timers.size, 0);
});

test('after its disposal the clock stands still', (t) => {
  const { clock, timers } = wheel();
  timers.add(new Item(clock), 1000);
  timers[Symbol.dispose]();
  t.false(clock.running);
  t.is(timers.size, 0);
});
