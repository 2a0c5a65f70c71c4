import { globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import test from 'ava';
import { parseScript } from './parse.ts';
import { play } from './play.ts';

const directory = join(import.meta.dirname, 'xmpp');

// One test a script; the language is described in parse.ts.
for (const file of globSync('**/*.script', { cwd: directory }).toSorted()) {
  const script = parseScript(readFileSync(join(directory, file), 'utf8'));
  test.serial(`${relative(directory, join(directory, file))}: ${script.title}`, async (t) => {
    await t.notThrowsAsync(() => play(script));
  });
}
