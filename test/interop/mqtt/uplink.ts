import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Checks } from '../checks.ts';
import { ADDRESS } from '../server.ts';
import { DIFFICULT, type Scene, type Transcript } from '../transcript.ts';
import { Ledger } from './uplink-ledger.ts';
import { Aedes, type Broker, Edge, Mosquitto, Person, placeIn, Tap } from './uplink-places.ts';

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
  const other = new Edge(await placeIn(directory, 'other'));
  const brokers = [mosquitto, aedes, edge, other];
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
    await other.start();
    await load(checks, edge, mosquitto, other);
    await full(checks, edge, mosquitto);
  } finally {
    for (const broker of brokers) await broker.kill();
  }
}

const TOPICS = `[
    {filter: "up/#", direction: out, qos: 2, remote_prefix: site/1/},
    {filter: "down/#", direction: in, qos: 2, remote_prefix: site/1/, local_prefix: cloud/},
    {filter: "both/#", direction: both, qos: 2}]`;

function settings(name: string, { port }: { readonly port: number }, more: string, topics = TOPICS): string {
  return `\n  ${name}: {addresses: "${ADDRESS}:${port}", reconnect_min: 100ms, reconnect_max: 500ms, ${more}, topics: ${topics}}`;
}

const connected = (status: ReadonlyMap<string, string>): boolean => status.get('state') === 'connected';

/** @param hasty aedes 1.2 closes the connection when PUBACK comes before it has noted what it sent: what it has sent comes again then */
async function conversation(checks: Checks, edge: Edge, remote: Broker, name: string, hasty = false): Promise<void> {
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
  const lowest = hasty ? 1 : 0;
  await checks.step(`${name}: the loop guard: what goes both ways does not go round`, async () => {
    for (let n = 0; n < 20; n++) {
      const qos = Math.max(lowest, n % 3) as 0 | 1 | 2;
      await here.publish('both/x', `here ${n}`, qos);
      await there.publish('both/x', `there ${n}`, qos);
    }
    for (let n = 0; n < 20; n++) {
      for (const person of [here, there]) {
        await person.hear('both/x', `here ${n}`);
        await person.hear('both/x', `there ${n}`);
      }
    }
    // What would come back once more has come when a message has gone there and back.
    await here.publish('up/last', 'ping', 2);
    await there.hear('site/1/up/last', 'ping');
    await there.publish('site/1/down/last', 'pong', 2);
    await here.hear('cloud/down/last', 'pong');
    for (const { all } of [here, there]) {
      const copies = all.filter(({ topic }) => topic === 'both/x').length;
      assert.ok(hasty ? copies < 80 : copies === 40, `${copies} copies of 40 messages`);
    }
  });
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

const ROUNDS = 2;
/** Messages of one ledger in one round. */
const SOME = 300;

/** What happens under load. */
interface Trouble {
  readonly name: string;
  readonly what: string;
  readonly remote: Broker;
  /** Where the uplink connects, if not to the broker itself. */
  readonly via?: { readonly port: number };
  readonly version: '5' | '3.1.1';
  readonly happen: () => Promise<void>;
  /** The other broker does not keep QoS 2 over a restart: mosquitto 2.0.11 sends PUBLISH again after PUBREL. */
  readonly forgetful?: true;
}

async function load(checks: Checks, edge: Edge, mosquitto: Mosquitto, other: Edge): Promise<void> {
  const again = async (broker: Broker, end: Promise<void>): Promise<void> => {
    await end;
    await broker.start();
  };
  const tap = await Tap.before(mosquitto);
  const five = { version: '5' } as const;
  const three = { version: '3.1.1' } as const;
  const killed = (): Promise<void> => again(edge, edge.kill());
  const stopped = (): Promise<void> => again(mosquitto, mosquitto.stop());
  const cut = async (): Promise<void> => tap.cut();
  const troubles: readonly Trouble[] = [
    { name: 'cut5', what: 'the connection is cut', remote: mosquitto, via: tap, ...five, happen: cut },
    { name: 'cut3', what: 'the connection is cut', remote: mosquitto, via: tap, ...three, happen: cut },
    { name: 'kill5', what: 'Trivium is killed', remote: mosquitto, ...five, happen: killed },
    { name: 'kill3', what: 'Trivium is killed', remote: mosquitto, ...three, happen: killed },
    { name: 'stop5', what: 'mosquitto is restarted', remote: mosquitto, ...five, happen: stopped, forgetful: true },
    { name: 'stop3', what: 'mosquitto is restarted', remote: mosquitto, ...three, happen: stopped, forgetful: true },
    {
      name: 'both5',
      what: 'another Trivium is killed',
      remote: other,
      ...five,
      happen: () => again(other, other.kill()),
    },
    {
      name: 'both3',
      what: 'another Trivium is killed',
      remote: other,
      ...three,
      happen: () => again(other, other.kill()),
    },
  ];
  for (const trouble of troubles) {
    const promise = trouble.forgetful === true ? 'nothing is lost' : 'nothing is lost, QoS 2 comes once and in order';
    await checks.step(`${trouble.version}: ${trouble.what} ${ROUNDS} times under load: ${promise}`, async () =>
      endure(edge, trouble),
    );
  }
  tap.close();
}

async function endure(edge: Edge, { forgetful, happen, name, remote, version, via = remote }: Trouble): Promise<void> {
  const topics = `[{filter: "${name}/#", direction: both, qos: 2}]`;
  edge.uplinks = settings(name, via, `version: "${version}", receive_maximum: 65535, notifications: "off"`, topics);
  await edge.reload();
  await edge.until(name, 'not connected', connected);
  const here = await Person.connect(edge, { clientId: `${name}-here`, clean: false });
  const there = await Person.connect(remote, { clientId: `${name}-there`, clean: false });
  await here.subscribe(`${name}/in/+`);
  await there.subscribe(`${name}/out/+`);
  const out = ([1, 2] as const).map((qos) => new Ledger(`${name}/out/${qos}`, qos, here, there));
  const inward = ([1, 2] as const).map((qos) => new Ledger(`${name}/in/${qos}`, qos, there, here));
  const ledgers = [...out, ...inward];
  for (let round = 0; round < ROUNDS; round++) {
    const done = Promise.all(ledgers.map((ledger) => ledger.publish(SOME)));
    await Promise.all(ledgers.map((ledger) => ledger.reached(round * SOME + 50)));
    await happen();
    await done;
  }
  await arrived(() => ledgers.every((ledger) => ledger.complete()));
  for (const ledger of ledgers) ledger.check(forgetful !== true);
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
