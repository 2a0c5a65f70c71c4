import test from 'ava';
import { escaped, plain } from '#src/cli/words.ts';

const valued = new Set(['--data']);

const lines: readonly (readonly [words: readonly string[], marked: readonly string[]])[] = [
  [[], []],
  [['status'], ['status']],
  [
    ['register', 'a', 'b', '-'],
    ['register', '*a', '*b', '*-'],
  ],
  [
    ['--data', 'D', 'register', 'a'],
    ['--data', 'D', 'register', '*a'],
  ],
  [
    ['register', 'a', '--data', 'D', 'b'],
    ['register', '*a', '--data', 'D', '*b'],
  ],
  [
    ['register', '--data=D', 'a', '--json'],
    ['register', '--data=D', '*a', '--json'],
  ],
  [
    ['send_message', 'chat', '--', '-x', '--data', '--'],
    ['send_message', '*chat', '*-x', '*--data', '*--'],
  ],
  [
    ['register', '', '"a"'],
    ['register', '*', '*"a"'],
  ],
];

for (const [words, marked] of lines) {
  test(`words: ${JSON.stringify(words)}`, (t) => {
    const result = escaped(words, valued);
    t.deepEqual(
      result,
      marked.map((word) => word.replace(/^\*/, '\0')),
    );
    t.deepEqual(
      result.map(plain),
      words.filter((word, index) => word !== '--' || words.indexOf('--') !== index),
    );
  });
}
