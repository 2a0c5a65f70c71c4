/** kill -9 under load: whatever was acknowledged is there after a restart, whole and in order. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import test from 'ava';
import { number } from '#src/store/codec.ts';
import { openLevelStore } from '#src/store/level.ts';
import { QUEUES } from './kill-child.ts';

const ROUNDS = 6;
/** Lines of acknowledgement after which the child is killed. */
const ACKNOWLEDGED = 150;

/** Runs the child until it has acknowledged enough; returns the highest acknowledged round. */
const killUnderLoad = async (location: string): Promise<number> => {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'kill-child.ts'), location], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  let acknowledged = 0;
  let lines = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged = Number(line);
    if (++lines === ACKNOWLEDGED) child.kill('SIGKILL');
  }
  await closed;
  return acknowledged;
};

test('what was acknowledged survives kill -9', async (t) => {
  const directory = await mkdtemp(path.join(tmpdir(), 'trivium-kill-'));
  const location = path.join(directory, 'store');
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const acknowledged = await killUnderLoad(location);
      const store = await openLevelStore({ location });
      const table = store.table('t', number);
      const journal = store.journal('j', number);
      const reached = table.get('round') ?? 0;
      t.true(reached >= acknowledged, `acknowledged ${acknowledged}, found ${reached}`);
      for (let queue = 0; queue < QUEUES; queue++) {
        const entries = journal.read(String(queue));
        t.is(entries.length, journal.length(String(queue)));
        t.deepEqual(
          entries.map(({ value }) => value),
          Array.from({ length: entries.length }, (_, i) => reached - entries.length + 1 + i),
        );
        t.is(journal.bounds(String(queue))?.last, table.get(['last', String(queue)]));
        t.is(entries.length, Math.min(reached, (reached % 10) + 10));
      }
      await store.close();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
