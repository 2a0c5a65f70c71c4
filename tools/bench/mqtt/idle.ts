import type { Client } from '#tools/bench/mqtt/client.ts';
import { closeAll, connectAll } from '#tools/bench/mqtt/crowd.ts';
import type { IdleJob } from '#tools/bench/mqtt/job.ts';
import { Meter } from '#tools/bench/meter.ts';
import { overAll } from '#tools/bench/phase.ts';
import type { Result } from '#tools/bench/result.ts';

/** Memory that each further client adds to a server that has some already. */
export async function idle(job: IdleJob): Promise<Result> {
  const { endpoint, base, clients: count, subscribed } = job;
  const meter = endpoint.pid === undefined ? undefined : new Meter(endpoint.pid);
  const clients: Client[] = [];
  const come = async (from: number, more: number): Promise<void> => {
    clients.push(...(await connectAll(endpoint, from, more)));
    if (!subscribed) return;
    await overAll(more, 50, async (n) => await clients[from + n]?.subscribe([`device/${from + n}/command`], 1));
  };
  try {
    await come(0, base);
    const before = await meter?.settled();
    await come(base, count);
    const after = await meter?.settled();
    const memory = before === undefined || after === undefined ? undefined : (after - before) / count;
    return { operations: count, memory };
  } finally {
    await closeAll(clients);
  }
}
