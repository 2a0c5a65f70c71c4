import test from 'ava';
import { sizeProblems } from '#tools/check-sizes.ts';

const file = (path: string, lines: number) => ({ path, text: 'x\n'.repeat(lines) });
const entry = (lines: number, why = 'one table') => ({ path: 'src/a.ts', lines, why });

test('a file over 300 lines needs an entry', (t) => {
  t.deepEqual(sizeProblems([file('src/a.ts', 300)], []), []);
  t.deepEqual(sizeProblems([file('src/a.ts', 301)], []), ['src/a.ts: 301 lines, 300 are allowed']);
  t.deepEqual(sizeProblems([file('src/a.ts', 301)], [entry(301)]), []);
});

test('the list may only shrink', (t) => {
  t.regex(sizeProblems([file('src/a.ts', 320)], [entry(310)]).join(), /grew from 310 to 320/);
  t.regex(sizeProblems([file('src/a.ts', 310)], [entry(320)]).join(), /shrank/);
  t.regex(sizeProblems([file('src/a.ts', 299)], [entry(320)]).join(), /remove its entry/);
  t.regex(sizeProblems([], [entry(320)]).join(), /does not exist/);
  t.regex(sizeProblems([file('src/a.ts', 320)], [entry(320, '')]).join(), /no reason/);
});
