import { setTimeout as delay } from 'node:timers/promises';
import type { SmClient } from '#test/helpers/sm-client.ts';
import type { Findings, Stream } from './ledger.ts';
import type { Population } from './population.ts';

const POLL = 50;
/** Nothing more comes after so many milliseconds without progress. */
const PATIENCE = 10_000;

/** Waits until the measure is zero, or has not moved for a while. */
async function settle(measure: () => number, nudge: () => void): Promise<void> {
  let last = measure();
  let since = performance.now();
  while (last > 0 && performance.now() - since < PATIENCE) {
    nudge();
    await delay(POLL);
    const now = measure();
    if (now !== last) since = performance.now();
    last = now;
  }
}

function complete(streams: readonly Stream[], findings: Findings): void {
  for (const stream of streams) {
    if (stream.outstanding === 0) continue;
    const some = stream.missing(8).join(', ');
    findings.add(
      `${stream.id} from ${stream.from} to ${stream.to}: ${stream.outstanding} of ${stream.sent} lost: ${some}`,
    );
  }
}

/** After the last round: everything sent is acknowledged, and has arrived where somebody is. */
export async function drain(population: Population, findings: Findings): Promise<void> {
  for (const commuter of population.commuters) if (!commuter.client.up) await commuter.come();
  const streams = population.promised('online', 'commuter');
  const clients = [...population.managed, ...population.commuters.map(({ client }) => client)];
  const waiting = (): number =>
    clients.reduce((total, { unacknowledged }) => total + unacknowledged.length, 0) +
    population.editors.reduce((total, { pending }) => total + pending, 0) +
    streams.reduce((total, { outstanding }) => total + outstanding, 0);
  await settle(waiting, () => {
    for (const client of clients) client.ask();
  });
  for (const client of clients) {
    if (client.unacknowledged.length > 0)
      findings.add(`${client.full}: ${client.unacknowledged.length} stanzas were never acknowledged`);
  }
  complete(streams, findings);
}

/** Those who were absent log in, every second one under stream management. */
export async function readOffline(population: Population, findings: Findings): Promise<void> {
  const streams = population.promised('offline');
  const readers = population.offline.map((user, n) =>
    population.client(user, { managed: n % 2 === 0, acknowledgeEvery: 10 }),
  );
  const read = async (reader: SmClient): Promise<void> => {
    await reader.connect();
    const own = streams.filter(({ receiver }) => receiver === reader.options.user);
    await settle(
      () => own.reduce((total, { outstanding }) => total + outstanding, 0),
      () => reader.acknowledge(),
    );
    await answered(reader);
    await reader.close();
  };
  await Promise.all(readers.map(read));
  complete(streams, findings);
}

/** Everybody logs in anew, without stream management, after all sessions were closed: what comes now came before. */
export async function nothingLeft(population: Population): Promise<void> {
  const { commuters, editors, managed, offline } = population;
  for (const client of [...managed, ...commuters.map((commuter) => commuter.client)]) {
    if (client.resumable) await client.connect();
    await answered(client);
    await client.close();
  }
  const known = new Set(editors.map(({ client }) => client.options.user));
  const users = [
    ...offline,
    ...[...managed, ...commuters.map((commuter) => commuter.client)].map(({ options }) => options.user),
  ];
  for (const user of users.filter((one) => !known.has(one))) {
    const client = population.client(user, { managed: false, resource: 'desk' });
    await client.connect();
    await answered(client);
    await client.close();
  }
}

/** The server has answered, so everything that it sent before is here. */
async function answered(client: SmClient): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, PATIENCE);
  void client.request('get', "<ping xmlns='urn:xmpp:ping'/>", client.options.domain).then(() => resolve());
  await promise;
  clearTimeout(timer);
}
