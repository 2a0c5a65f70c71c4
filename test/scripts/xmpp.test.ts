import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parseScript } from './parse.ts';
import { play } from './play.ts';

const directory = join(import.meta.dirname, 'xmpp');
/** Scripts at once: while one waits for the clock, others are played. */
const TOGETHER = 4;

const waiting: (() => void)[] = [];
let playing = 0;

/** Calls `work` when fewer than `TOGETHER` are under way. */
async function inTurn(work: () => Promise<void>): Promise<void> {
  if (playing >= TOGETHER) await new Promise<void>((resolve) => waiting.push(resolve));
  else playing += 1;
  try {
    await work();
  } finally {
    const next = waiting.shift();
    if (next === undefined) playing -= 1;
    else next();
  }
}

/** Section of the specification, what happens, row of the feature list. */
const TITLE = /^.+: .+ \([A-Z]\d+(?:, [A-Z]\d+)*\)$/;

// One test a script; the language is described in parse.ts.
for (const file of globSync('**/*.script', { cwd: directory }).toSorted()) {
  const script = parseScript(readFileSync(join(directory, file), 'utf8'));
  test(`${file}: ${script.title}`, async (t) => {
    t.timeout(120_000);
    t.regex(script.title, TITLE);
    await t.notThrowsAsync(() => inTurn(() => play(script)));
  });
}
