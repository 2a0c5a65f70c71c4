import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Checks } from '../checks.ts';
import { ADDRESS } from '../server.ts';
import { DIFFICULT, type Scene, type Transcript } from '../transcript.ts';
import { Aedes, type Broker, Edge, Mosquitto, Person, placeIn } from './uplink-places.ts';

/** Uplinks to mosquitto and aedes: both ways, with prefixes, over kills and restarts of either side under load. */
export const uplink: Transcript = {
  name: 'uplink',
  protocol: 'mqtt',
  missing: () => (existsSync('/usr/sbin/mosquitto') ? undefined : 'mosquitto is missing: apt-get install mosquitto'),
  play,
};

async function play({ checks, directory }: Scene): Promise<void> {
  const mosquitto = new Mosquitto(await placeIn(directory, 'mosquitto'));
  const aedes = new Aedes(await placeIn(directory, 'aedes'));
  const edge = new Edge(await placeIn(directory, 'edge'));
  const brokers = [mosquitto, aedes, edge];
  try {
    await mosquitto.start();
    await aedes.start();
    edge.uplinks = settings('mosquitto5', mosquitto, 'version: "5"');
    await edge.start();
    await conversation(checks, edge, mosquitto, 'mosquitto5');
    for (const [name, remote] of [['mosquitto311', mosquitto] as const, ['aedes311', aedes] as const]) {
      edge.uplinks = settings(name, remote, 'version: "3.1.1"');
      await edge.reload();
      await conversation(checks, edge, remote, name, remote === aedes);
    }
    await secured(checks, edge, mosquitto);
    for (const version of ['5', '3.1.1'] as const) await load(checks, edge, mosquitto, version);
    await full(checks, edge, mosquitto);
  } finally {
    for (const broker of brokers) await broker.kill();
  }
}

const TOPICS = `[
    {filter: "up/#", direction: out, qos: 2, remote_prefix: site/1/},
    {filter: "down/#", direction: in, qos: 2, remote_prefix: site/1/, local_prefix: cloud/},
    {filter: "both/#", direction: both, qos: 2}]`;

function settings(name: string, { port }: Broker, more: string, topics = TOPICS): string {
  return `\n  ${name}: {addresses: "${ADDRESS}:${port}", reconnect_min: 100ms, reconnect_max: 500ms, ${more}, topics: ${topics}}`;
}

const connected = (status: ReadonlyMap<string, string>): boolean => status.get('state') === 'connected';

/** @param echo the other broker does not know the private bit of bridges: what goes both ways comes back once, and no further */
async function conversation(checks: Checks, edge: Edge, remote: Broker, name: string, echo = false): Promise<void> {
  await checks.need(`${name}: connects`, async () => edge.until(name, 'not connected', connected));
  const here = await Person.connect(edge, { clientId: `here-${name}` });
  const there = await Person.connect(remote, { clientId: `there-${name}` });
  await here.subscribe('#');
  await there.subscribe('#');
  await checks.step(`${name}: out with the prefix of the other side, at every QoS`, async () => {
    for (const qos of [0, 1, 2] as const) {
      await here.publish(`up/${qos}`, DIFFICULT, qos);
      assert.equal((await there.hear(`site/1/up/${qos}`, DIFFICULT)).qos, qos);
    }
  });
  await checks.step(`${name}: in with the prefix of this side, at every QoS`, async () => {
    for (const qos of [0, 1, 2] as const) {
      await there.publish(`site/1/down/${qos}`, DIFFICULT, qos);
      assert.equal((await here.hear(`cloud/down/${qos}`, DIFFICULT)).qos, qos);
    }
  });
  await checks.step(`${name}: retained messages are retained on the other side`, async () => {
    await here.publish(`up/kept-${name}`, 'kept', 1, true);
    await there.hear(`site/1/up/kept-${name}`, 'kept');
    const late = await Person.connect(remote, { clientId: `late-${name}` });
    await late.subscribe(`site/1/up/kept-${name}`);
    assert.equal((await late.hear(`site/1/up/kept-${name}`, 'kept')).retain, true);
    late.leave();
  });
  await checks.step(
    `${name}: the loop guard: what goes both ways ${echo ? 'comes back once' : 'comes once'}`,
    async () => {
      for (let n = 0; n < 20; n++) {
        await here.publish('both/x', `here ${n}`, (n % 3) as 0 | 1 | 2);
        await there.publish('both/x', `there ${n}`, (n % 3) as 0 | 1 | 2);
      }
      for (let n = 0; n < 20; n++) {
        for (const person of [here, there]) await person.hear('both/x', `there ${n}`);
        await there.hear('both/x', `here ${n}`);
        for (let times = 0; times < (echo ? 2 : 1); times++) await here.hear('both/x', `here ${n}`);
      }
      // What would come back once more has come when a message has gone there and back.
      await here.publish('up/last', 'ping', 2);
      await there.hear('site/1/up/last', 'ping');
      await there.publish('site/1/down/last', 'pong', 2);
      await here.hear('cloud/down/last', 'pong');
      for (const { heard } of [here, there])
        assert.equal(
          heard.has(({ topic }) => topic === 'both/x'),
          false,
        );
    },
  );
  await checks.step(`${name}: the state is published here`, async () => {
    const watcher = await Person.connect(edge, { clientId: `watch-${name}` });
    const topic = `$SYS/broker/connection/trivium-localhost-${name}/state`;
    await watcher.subscribe(topic);
    await watcher.hear(topic, '1');
    await edge.run('mqtt_bridge_stop', 'localhost', name);
    await watcher.hear(topic, '0');
    await here.publish('up/while', 'stopped', 1);
    await edge.run('mqtt_bridge_start', 'localhost', name);
    await watcher.hear(topic, '1');
    await there.hear('site/1/up/while', 'stopped');
    watcher.leave();
  });
  here.leave();
  there.leave();
}

async function secured(checks: Checks, edge: Edge, remote: Mosquitto): Promise<void> {
  const { certificate, tlsPort } = remote.place;
  const way = (more: string): string =>
    `\n  tls: {addresses: "localhost:${tlsPort}", tls: true, reconnect_min: 100ms, reconnect_max: 200ms, ${more}}`;
  await checks.step('TLS: a certificate of an unknown authority is refused', async () => {
    edge.uplinks = way('verify: true');
    await edge.reload();
    await edge.until('tls', 'no problem is told', (status) => /self-signed/.test(status.get('problem') ?? ''));
  });
  await checks.step('TLS: with its authority it is taken', async () => {
    edge.uplinks = way(`ca: "${certificate}"`);
    await edge.reload();
    await edge.until('tls', 'not connected', connected);
  });
}

/** Messages that a publisher got an answer for, and what a subscriber got. */
class Ledger {
  readonly #topic: string;
  readonly #qos: 1 | 2;
  readonly #acknowledged: number[] = [];
  #next = 1;
  #waiting = 0;

  constructor(topic: string, qos: 1 | 2) {
    this.#topic = topic;
    this.#qos = qos;
  }

  get acknowledged(): number {
    return this.#acknowledged.length;
  }

  /** Keeps so many messages on their way until so many more have been acknowledged. */
  async publish(person: Person, prefix: string, more: number): Promise<void> {
    const goal = this.acknowledged + more;
    const { promise, reject, resolve } = Promise.withResolvers<void>();
    const pump = (): void => {
      if (this.acknowledged >= goal) return resolve();
      while (this.#waiting < WINDOW) {
        const number = this.#next++;
        this.#waiting += 1;
        person.client.publish(`${prefix}${this.#topic}`, String(number), { qos: this.#qos }, (error) => {
          this.#waiting -= 1;
          if (error) return reject(error);
          this.#acknowledged.push(number);
          pump();
        });
      }
    };
    pump();
    await promise;
  }

  /** Whether everything that was acknowledged has come, whatever else did. */
  complete(person: Person, prefix: string): boolean {
    const came = new Set(this.#came(person, prefix));
    return this.#waiting === 0 && this.#acknowledged.every((number) => came.has(number));
  }

  #came({ all }: Person, prefix: string): readonly number[] {
    return all.filter(({ topic }) => topic === `${prefix}${this.#topic}`).map(({ text }) => Number(text));
  }

  /** @throws Error when something is missing or, at QoS 2, came twice or in another order */
  check(person: Person, prefix: string): void {
    const came = this.#came(person, prefix);
    const once = new Set(came);
    const lost = this.#acknowledged.filter((number) => !once.has(number));
    assert.deepEqual(lost.slice(0, 10), [], `${lost.length} of ${this.acknowledged} acknowledged messages were lost`);
    if (this.#qos === 1) return;
    const twice = came.filter((number, at) => came.indexOf(number) !== at);
    assert.deepEqual(twice.slice(0, 10), [], `${twice.length} messages came twice`);
    assert.deepEqual(
      [...came],
      came.toSorted((one, other) => one - other),
      'the order changed',
    );
  }
}

const ROUNDS = 3;
/** Messages of one ledger on their way at once: fewer than mosquitto takes of a client in all, which is 20. */
const WINDOW = 8;

async function load(checks: Checks, edge: Edge, remote: Mosquitto, version: '5' | '3.1.1'): Promise<void> {
  const name = `load${version.replaceAll('.', '')}`;
  const topics = `[{filter: "${name}/#", direction: both, qos: 2}]`;
  edge.uplinks = settings(name, remote, `version: "${version}", receive_maximum: 65535, notifications: "off"`, topics);
  await edge.reload();
  await edge.until(name, 'not connected', connected);
  const session = { clean: false, queueQoSZero: false } as const;
  const here = await Person.connect(edge, { clientId: `${name}-here`, ...session });
  const there = await Person.connect(remote, { clientId: `${name}-there`, ...session });
  await here.subscribe(`${name}/in/+`);
  await there.subscribe(`${name}/out/+`);
  const ledgers = [1, 2] as const;
  const out = ledgers.map((qos) => new Ledger(`/out/${qos}`, qos));
  const inward = ledgers.map((qos) => new Ledger(`/in/${qos}`, qos));
  const publish = async (): Promise<void> => {
    const some = 400;
    await Promise.all([
      ...out.map((ledger) => ledger.publish(here, name, some)),
      ...inward.map((ledger) => ledger.publish(there, name, some)),
    ]);
  };
  for (const [what, end] of [
    ['Trivium is killed', () => edge.kill()],
    ['the other broker is restarted', () => remote.stop()],
    ['Trivium is restarted', () => edge.stop()],
  ] as const) {
    await checks.step(
      `${version}: ${what} ${ROUNDS} times under load: QoS 1 loses nothing, QoS 2 comes once`,
      async () => {
        for (let round = 0; round < ROUNDS; round++) {
          const done = publish();
          const before = out[0]?.acknowledged ?? 0;
          while ((out[0]?.acknowledged ?? 0) < before + 50) await delay(5);
          await end();
          await (what.startsWith('Trivium') ? edge : remote).start();
          await done;
        }
        await arrived(
          () =>
            out.every((ledger) => ledger.complete(there, name)) &&
            inward.every((ledger) => ledger.complete(here, name)),
        );
        for (const ledger of out) ledger.check(there, name);
        for (const ledger of inward) ledger.check(here, name);
      },
    );
  }
  here.leave();
  there.leave();
}

/** Waits until it holds, or long enough that the check that follows tells why not. */
async function arrived(holds: () => boolean): Promise<void> {
  const end = Date.now() + 15_000;
  while (!holds() && Date.now() < end) await delay(20);
}

async function full(checks: Checks, edge: Edge, remote: Mosquitto): Promise<void> {
  const session = { clean: false } as const;
  const there = await Person.connect(remote, { clientId: 'full-there', ...session });
  await there.subscribe('full/#');
  edge.uplinks = settings(
    'full',
    remote,
    'max_queued_size: 64KB, notifications: "off"',
    '[{filter: "full/#", qos: 1}]',
  );
  await edge.reload();
  await edge.until('full', 'not connected', connected);
  await remote.stop();
  const here = await Person.connect(edge, { clientId: 'full-here' });
  await checks.step(
    'the queue stays within its bound while the other broker is away, over a kill; the rest comes',
    async () => {
      for (let n = 0; n < 200; n++) await here.publish('full/x', `${n} ${'x'.repeat(1000)}`, 1);
      await edge.kill();
      await edge.start();
      const status = await edge.status('full');
      const queued = Number(status.get('queued'));
      assert.ok(Number(status.get('queued_bytes')) <= 65_536, `${status.get('queued_bytes')} bytes`);
      assert.ok(queued > 40 && queued < 66, `${queued} messages`);
      await remote.start();
      const last = `${queued - 1} ${'x'.repeat(1000)}`;
      await there.hear('full/x', last);
      const numbers = there.all.map(({ text }) => Number.parseInt(text, 10));
      assert.deepEqual(
        [...new Set(numbers)],
        Array.from({ length: queued }, (_, n) => n),
      );
    },
  );
  here.leave();
  there.leave();
}
