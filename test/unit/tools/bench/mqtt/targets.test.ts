import test from 'ava';
import { targets } from '#tools/bench/mqtt/targets.ts';
import { summarize } from '#tools/bench/report.ts';
import type { Measurement, Result } from '#tools/bench/result.ts';

function measured(scene: string, server: string, result: Omit<Result, 'operations'>): Measurement {
  return { scene, kind: 'pairs', server, round: 0, outcome: { result: { operations: 1, ...result } } };
}

test('a target is met or missed by the figures of one run', (t) => {
  const found = targets(
    summarize([
      measured('pairs 100 q0 w=10', 'ours', { serverCpu: 4 }),
      measured('pairs 100 q0 w=10', 'theirs', { serverCpu: 10 }),
      measured('fan-out 1→200 q0 w=5', 'ours', { serverCpu: 4 }),
      measured('fan-out 1→200 q0 w=5', 'theirs', { serverCpu: 10 }),
      measured('idle', 'ours', { memory: 7 * 1024 }),
      measured('filters 1000', 'ours', { serverCpu: 5 }),
      measured('filters 100000', 'ours', { serverCpu: 10 }),
    ]),
    'ours',
    'theirs',
  );
  const told = new Map(found.map(({ text, found: value, holds }) => [text, [value, holds]]));
  t.deepEqual(told.get('pairs, QoS 0, window 10: 2 times theirs or more'), [2.5, true]);
  t.deepEqual(told.get('fan-out, QoS 0, window 5: 5 times theirs or more'), [2.5, false]);
  t.deepEqual(told.get('KB of an idle client: 6 or less'), [7, false]);
  t.deepEqual(told.get('100,000 filters against 1,000: 3 times or less'), [2, true]);
  t.deepEqual(told.get('pairs, QoS 1, window 10: 2 times theirs or more'), [undefined, false]);
});
