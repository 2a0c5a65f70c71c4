/** Child of kill.test.ts: goes on from where it was killed, a round per turn, and prints each round once it is durable. */
import { number } from '#src/store/codec.ts';
import { openLevelStore } from '#src/store/level.ts';

export const QUEUES = 5;

/** Each round appends its number to every queue; every tenth cuts the queues down to the last ten entries. */
const main = async (location: string): Promise<void> => {
  const store = await openLevelStore({ location });
  const table = store.table('t', number);
  const journal = store.journal('j', number);
  for (let round = (table.get('round') ?? 0) + 1; ; round++) {
    for (let queue = 0; queue < QUEUES; queue++) {
      const seq = journal.append(String(queue), round);
      table.put(['last', String(queue)], seq);
      if (round % 10 === 0) journal.trim(String(queue), seq - 10);
    }
    const ticket = table.put('round', round);
    // Several rounds wait at once, as they do under load.
    const durable = store.durable(ticket)?.then(() => process.stdout.write(`${round}\n`));
    await (round % 4 === 0 ? durable : new Promise((resolve) => setImmediate(resolve)));
  }
};

if (import.meta.main) await main(process.argv[2] ?? '');
