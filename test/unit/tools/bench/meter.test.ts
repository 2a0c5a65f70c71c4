import test from 'ava';
import { parseStat, treeOf } from '#tools/bench/meter.ts';

const line = (pid: number, name: string, parent: number, user: number, system: number): string =>
  `${pid} (${name}) S ${parent} 1 1 0 -1 4194560 900 0 0 0 ${user} ${system} 7 7 20 0 1 0 12345 1000 200\n`;

test('a stat line gives the parent and the CPU time in microseconds', (t) => {
  t.deepEqual(parseStat(line(42, 'node', 7, 150, 50)), { pid: 42, parent: 7, cpu: 2_000_000 });
});

test('a command name with spaces and parentheses does not shift the fields', (t) => {
  t.deepEqual(parseStat(line(42, 'a) S 1 (b', 7, 1, 2)), { pid: 42, parent: 7, cpu: 30_000 });
});

test('what is no stat line is nothing', (t) => {
  for (const text of ['', '42', '42 (cut', '42 (cut) S']) t.is(parseStat(text), undefined, text);
});

test('a tree is a process and all below it, in whatever order they are listed', (t) => {
  const processes = [
    { pid: 4, parent: 3, cpu: 0 },
    { pid: 3, parent: 2, cpu: 0 },
    { pid: 2, parent: 1, cpu: 0 },
    { pid: 9, parent: 1, cpu: 0 },
  ];
  t.deepEqual(treeOf(2, processes), [2, 3, 4]);
});
