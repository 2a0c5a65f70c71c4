import { Client } from '#tools/bench/mqtt/client.ts';
import { overAll } from '#tools/bench/phase.ts';
import type { Endpoint } from '#tools/bench/result.ts';

const PARALLEL = 50;

/** Client `n` of the bench, the same at every server: brokers may see it as an account of that name. */
export function clientId(n: number): string {
  return `bench${n}`;
}

/** Connects clients `from … from+count-1`, in order. */
export async function connectAll(endpoint: Endpoint, from: number, count: number, clean = true): Promise<Client[]> {
  return await overAll(count, PARALLEL, async (n) => await Client.connect(endpoint, clientId(from + n), clean));
}

export async function closeAll(clients: readonly Client[]): Promise<void> {
  await overAll(clients.length, 200, async (n) => await clients[n]?.close());
}

/** Runs with that many connected clients, and closes them at the end, however it ends. */
export async function withClients<T>(
  endpoint: Endpoint,
  count: number,
  run: (clients: readonly Client[]) => Promise<T>,
): Promise<T> {
  const clients = await connectAll(endpoint, 0, count);
  try {
    return await run(clients);
  } finally {
    await closeAll(clients);
  }
}
