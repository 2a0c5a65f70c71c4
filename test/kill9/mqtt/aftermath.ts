import type { MqttClient } from '#test/helpers/mqtt-client.ts';
import { complete, settle } from '../aftermath.ts';
import type { Findings } from '../ledger.ts';
import type { Population } from './population.ts';

const quiet = (): void => undefined;

/** After the last round: everything published is acknowledged, and has arrived where somebody is. */
export async function drain(population: Population, findings: Findings): Promise<void> {
  const { commuters, commuting, constant, online, shared } = population;
  for (const commuter of commuters) if (!commuter.client.up) await commuter.come();
  const streams = population.streams([...online, ...commuting]);
  const waiting = (): number =>
    constant.reduce((total, { unacknowledged }) => total + unacknowledged, 0) +
    [...streams, ...shared].reduce((total, { outstanding }) => total + outstanding, 0);
  await settle(waiting, quiet);
  for (const { options, unacknowledged } of constant) {
    if (unacknowledged > 0) findings.add(`${options.clientId}: ${unacknowledged} publications were never acknowledged`);
  }
  complete(streams, findings);
  for (const topic of shared) {
    if (topic.outstanding === 0) continue;
    findings.add(`${topic.name}: ${topic.outstanding} of ${topic.sent} lost: ${topic.missing(8).join(', ')}`);
  }
}

/** Those who were absent to the end come back to their sessions. */
export async function readAbsent(population: Population, findings: Findings): Promise<void> {
  for (const { client } of population.absent) {
    if (!(await client.connect())) findings.add(`${client.options.clientId}: the session is gone`);
  }
  const streams = population.streams(population.absent);
  await settle(() => streams.reduce((total, { outstanding }) => total + outstanding, 0), quiet);
  complete(streams, findings);
}

/** A new client subscribes to all retained topics, and sees for each what was acknowledged last or what was sent later. */
export async function retainedStand(population: Population, findings: Findings, when: string): Promise<void> {
  const found = new Map<string, string>();
  const reader = population.client('reader', 0, {
    durable: false,
    onMessage: ({ payload, retain, topic }) => {
      if (!retain) findings.add(`the reader of ${topic}, ${when}: RETAIN is not set`);
      found.set(topic, String(payload));
    },
  });
  await reader.connect();
  await reader.subscribe('retained/#', 0);
  await reader.ping();
  await reader.close();
  for (const topic of population.retained) {
    const there = found.get(topic.name) ?? '';
    if (topic.allows(there)) continue;
    const { acknowledged, name, sent } = topic;
    findings.add(`${name}, ${when}: "${there}" is retained, ${acknowledged} was acknowledged and ${sent} sent last`);
  }
}

/** Everybody comes back once more: what comes now came before. */
export async function nothingLeft(population: Population, findings: Findings): Promise<void> {
  const all = [...population.streams(), ...population.shared];
  const count = (): number => all.reduce((total, { duplicates, received }) => total + duplicates + received, 0);
  const before = count();
  const one = async (client: MqttClient): Promise<void> => {
    if (!(await client.connect())) findings.add(`${client.options.clientId}: the session is gone`);
    await client.ping();
    await client.close();
  };
  await Promise.all(population.everybody.map(one));
  if (count() !== before) findings.add(`${count() - before} messages came although all were acknowledged`);
}
