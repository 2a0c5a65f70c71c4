import { Readable } from 'node:stream';
import test from 'ava';
import type { Argument, CommandResult } from '#src/admin/commands.ts';
import { linesOf } from '#src/cli/output.ts';
import { fillSecrets, firstLine } from '#src/cli/password.ts';

const results: readonly (readonly [result: CommandResult, lines: readonly string[]])[] = [
  [{ type: 'rescode', value: true }, []],
  [{ type: 'restuple', value: 'done' }, ['done']],
  [{ type: 'value', value: 3 }, ['3']],
  [{ type: 'list', value: ['a', 'b'] }, ['a', 'b']],
  [{ type: 'list', value: [] }, []],
  [{ type: 'tuple', value: { timestamp: 'now', status: '' } }, ['now\t']],
  [
    {
      type: 'table',
      value: [
        { jid: 'a@b', groups: ['x', 'y'], port: 1 },
        { jid: 'c@d', groups: [], port: 2 },
      ],
    },
    ['a@b\tx;y\t1', 'c@d\t\t2'],
  ],
  // What users write reaches a terminal: it splits no column and no line, and moves no cursor.
  [{ type: 'table', value: [{ status: 'a\tb\nc\u001b[31m\u202e' }] }, ['a\\u0009b\\u000ac\\u001b[31m\\u202e']],
];

for (const [result, lines] of results) {
  test(`prints ${JSON.stringify(result)}`, (t) => {
    t.deepEqual(linesOf(result), lines);
  });
}

const inputs: readonly (readonly [chunks: readonly string[], line: string])[] = [
  [['secret\n'], 'secret'],
  [['secret'], 'secret'],
  [['sec', 'ret\r\nmore\n'], 'secret'],
  [['\n'], ''],
  [[], ''],
  [[' a b \n'], ' a b '],
];

for (const [chunks, line] of inputs) {
  test(`reads a secret from ${JSON.stringify(chunks)}`, async (t) => {
    t.is(await firstLine(Readable.from(chunks)), line);
  });
}

test('a secret without an end is refused', async (t) => {
  await t.throwsAsync(firstLine(Readable.from(Array.from({ length: 20 }, () => 'x'.repeat(10_000)))), {
    message: /more than 65536 bytes/,
  });
});

test('only a secret comes from the standard input, and one of them', async (t) => {
  const secret: Argument = { name: 'password', type: 'string', description: '', secret: true };
  const open: Argument = { name: 'user', type: 'string', description: '' };
  t.deepEqual(await fillSecrets([open, secret], ['-', 'x']), ['-', 'x']);
  await t.throwsAsync(fillSecrets([secret, secret], ['-', '-']), { message: /only one/ });
});
