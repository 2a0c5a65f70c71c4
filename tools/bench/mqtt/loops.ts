import type { Client } from '#tools/bench/mqtt/client.ts';
import { Flow, Order, runFlows } from '#tools/bench/mqtt/flow.ts';
import type { FaninJob, FanoutJob, PairsJob, SubscriptionsJob } from '#tools/bench/mqtt/job.ts';
import { PublishTemplate } from '#tools/bench/mqtt/packet.ts';
import { withClients } from '#tools/bench/mqtt/crowd.ts';
import { Phase, overAll } from '#tools/bench/phase.ts';
import type { Result } from '#tools/bench/result.ts';

/** A delivery counts when the subscriber has it; so does the window. */
export async function pairs(job: PairsJob): Promise<Result> {
  const { endpoint, pairs: count, qos, window } = job;
  return await withClients(endpoint, count * 2, async (clients) => {
    const phase = new Phase(endpoint);
    const receivers = clients.slice(count);
    await overAll(count, 50, async (n) => await receivers[n]?.subscribe([`bench/pair/${n}`], qos));
    const flows = receivers.map((receiver, n) => {
      const template = new PublishTemplate(`bench/pair/${n}`, qos);
      const flow = new Flow(clientAt(clients, n), n, window, () => template);
      const order = new Order();
      receiver.onMessage = (_, sequence, at) => {
        order.see(sequence);
        phase.record(flow.sentAt(sequence), at);
        flow.arrived();
      };
      receiver.onChunk = () => flow.flush();
      return flow;
    });
    return await runFlows(flows, clients, phase, job);
  });
}

export async function fanout(job: FanoutJob): Promise<Result> {
  const { endpoint, subscribers, qos, window } = job;
  return await withClients(endpoint, subscribers + 1, async (clients) => {
    const phase = new Phase(endpoint);
    const [publisher, ...receivers] = clients;
    if (publisher === undefined) throw new Error('too few clients');
    await overAll(subscribers, 50, async (n) => await receivers[n]?.subscribe(['bench/fan/out'], qos));
    const template = new PublishTemplate('bench/fan/out', qos);
    const flow = new Flow(publisher, 0, window, () => template);
    // How many have each message; at most `window` are on their way.
    const copies = new Uint32Array(window);
    for (const receiver of receivers) {
      const order = new Order();
      receiver.onMessage = (_, sequence, at) => {
        order.see(sequence);
        phase.record(flow.sentAt(sequence), at);
        const slot = sequence % window;
        const have = (copies[slot] ?? 0) + 1;
        copies[slot] = have === subscribers ? 0 : have;
        if (have === subscribers) flow.arrived();
      };
      receiver.onChunk = () => flow.flush();
    }
    return await runFlows([flow], clients, phase, job);
  });
}

export async function fanin(job: FaninJob): Promise<Result> {
  const { endpoint, publishers, qos, window } = job;
  return await withClients(endpoint, publishers + 1, async (clients) => {
    const phase = new Phase(endpoint);
    const [receiver, ...senders] = clients;
    if (receiver === undefined) throw new Error('too few clients');
    await receiver.subscribe(['bench/fan/in'], qos);
    const template = new PublishTemplate('bench/fan/in', qos);
    const flows = senders.map((sender, n) => new Flow(sender, n, window, () => template));
    const orders = senders.map(() => new Order());
    receive([receiver], flows, phase, (sender, sequence) => orders[sender]?.see(sequence));
    return await runFlows(flows, clients, phase, job);
  });
}

const HOLDERS = 100;
const FILTERS_A_PACKET = 250;
const PUBLISHERS = 10;
const WINDOW = 10;

/** Two shapes in turn, so that the wildcard stands before and behind the level that tells the filters apart. */
function filterOf(n: number): string {
  return n % 2 === 0 ? `fleet/+/d${n}/#` : `+/d${n}/+/state`;
}

function topicOf(n: number): string {
  return n % 2 === 0 ? `fleet/north/d${n}/state` : `fleet/d${n}/north/state`;
}

/** Each publish matches one filter; neighbours in time match filters far apart, so that no cache of the last topics helps. */
export async function subscriptions(job: SubscriptionsJob): Promise<Result> {
  const { endpoint, filters } = job;
  return await withClients(endpoint, HOLDERS + PUBLISHERS, async (clients) => {
    const phase = new Phase(endpoint);
    const holders = clients.slice(PUBLISHERS);
    const all = Array.from({ length: filters }, (_, n) => filterOf(n));
    const share = Math.ceil(filters / HOLDERS);
    await overAll(HOLDERS, 4, async (n) => {
      const own = all.slice(n * share, (n + 1) * share);
      for (let from = 0; from < own.length; from += FILTERS_A_PACKET) {
        await holders[n]?.subscribe(own.slice(from, from + FILTERS_A_PACKET), 0);
      }
    });
    const templates = all.map((_, n) => new PublishTemplate(topicOf(n), 0));
    const stride = 7919; // a prime: every filter has its turn
    const flows = clients.slice(0, PUBLISHERS).map((client, sender) => {
      const first = Math.floor((sender * filters) / PUBLISHERS);
      return new Flow(client, sender, WINDOW, (sequence) =>
        templateAt(templates, (first + sequence * stride) % filters),
      );
    });
    receive(holders, flows, phase, () => undefined);
    return await runFlows(flows, clients, phase, job);
  });
}

/** Messages of all flows come to these receivers. */
function receive(
  receivers: readonly Client[],
  flows: readonly Flow[],
  phase: Phase,
  check: (sender: number, sequence: number) => void,
): void {
  const touched = new Set<Flow>();
  for (const receiver of receivers) {
    receiver.onMessage = (sender, sequence, at) => {
      const flow = flows[sender];
      if (flow === undefined) throw new Error(`a message of sender ${sender}, whom nobody knows`);
      check(sender, sequence);
      phase.record(flow.sentAt(sequence), at);
      flow.arrived();
      touched.add(flow);
    };
    receiver.onChunk = () => {
      for (const flow of touched) flow.flush();
      touched.clear();
    };
  }
}

function clientAt(clients: readonly Client[], n: number): Client {
  const client = clients[n];
  if (client === undefined) throw new Error('too few clients');
  return client;
}

function templateAt(templates: readonly PublishTemplate[], n: number): PublishTemplate {
  const template = templates[n];
  if (template === undefined) throw new Error(`there is no topic ${n}`);
  return template;
}
