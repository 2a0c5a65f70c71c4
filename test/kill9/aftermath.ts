import { setTimeout as delay } from 'node:timers/promises';
import type { SmClient } from '#test/helpers/sm-client.ts';
import type { Findings, Stream } from './ledger.ts';
import type { Population } from './population.ts';

const POLL = 50;
/** Nothing more comes after so many milliseconds without progress. */
const PATIENCE = 10_000;

/** Waits until the measure is zero, or has not moved for a while. */
export async function settle(measure: () => number, nudge: () => void): Promise<void> {
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

export function complete(streams: readonly Stream[], findings: Findings): void {
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

/** Those who were absent to the end log in. */
export async function readOffline(population: Population, findings: Findings): Promise<void> {
  const streams = population.promised('offline');
  const read = async (reader: SmClient): Promise<void> => {
    if (!reader.up) await reader.connect();
    const own = streams.filter(({ receiver }) => receiver === reader.options.user);
    await settle(
      () => own.reduce((total, { outstanding }) => total + outstanding, 0),
      () => reader.acknowledge(),
    );
    await answered(reader);
    population.arrived.add(reader);
  };
  await Promise.all(population.absent.map(read));
  complete(streams, findings);
}

/** Everybody closes the session that the restart brought back, and logs in anew: what comes now came before. */
export async function nothingLeft(population: Population, findings: Findings): Promise<void> {
  const { arrived, commuters, managed } = population;
  const clients = new Set([...managed, ...arrived, ...commuters.map(({ client }) => client)]);
  for (const client of clients) {
    if (client.resumable && (await client.connect()) !== 'resumed')
      findings.add(`${client.full}: the session was not resumed`);
    await answered(client);
    await client.close();
  }
  const editors = new Set(population.editors.map(({ client }) => client));
  for (const { options } of [...clients].filter((client) => !editors.has(client))) {
    const client = population.client(options.user, { managed: false, resource: 'desk' });
    await client.connect();
    await answered(client);
    await client.close();
  }
}

/** The server has answered, so everything that it sent before is here. */
async function answered(client: SmClient): Promise<void> {
  if (!client.up) return;
  const timer = new AbortController();
  const ping = client.request('get', "<ping xmlns='urn:xmpp:ping'/>", client.options.domain);
  await Promise.race([
    ping.catch(() => undefined),
    delay(PATIENCE, undefined, { signal: timer.signal }).catch(() => undefined),
  ]);
  timer.abort();
}
