import test from 'ava';
import { report, summarize } from '#tools/bench/report.ts';
import type { Measurement } from '#tools/bench/result.ts';

const chat = (server: string, round: number, serverCpu: number): Measurement => ({
  scene: 'chat plain w=1',
  kind: 'chat',
  server,
  round,
  outcome: {
    result: { operations: 10, perSecond: 1000, serverCpu, p50: 1, p99: 2, generatorCpu: 20, generatorShare: 0.4 },
  },
});

test('a summary holds the medians of the rounds', (t) => {
  const [summary] = summarize([chat('a', 0, 30), chat('a', 1, 10), chat('a', 2, 20)]);
  t.is(summary?.cpu, 20);
  t.is(summary?.rounds, 3);
});

test('a ratio says how many times the peer costs what the row costs', (t) => {
  const table = report(summarize([chat('trivium', 0, 10), chat('ejabberd', 0, 85)]), ['ejabberd']);
  const [, , trivium, ejabberd] = table.split('\n');
  t.regex(trivium ?? '', /trivium +1,000 +10\.0 .* 8\.50 /);
  t.regex(ejabberd ?? '', /ejabberd +1,000 +85\.0/);
});

test('a failed round is told and does not count', (t) => {
  const failed: Measurement = { ...chat('a', 1, 0), outcome: { error: '3 of 9 messages were lost' } };
  const [summary] = summarize([chat('a', 0, 30), failed]);
  t.is(summary?.cpu, 30);
  t.deepEqual(summary?.failures, ['3 of 9 messages were lost']);
  t.true(report(summarize([failed]), []).includes('a (1 failed)'));
});
