import { type ChildProcess, execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { Events } from '../checks.ts';
import { ADDRESS, DOMAIN } from '../server.ts';
import { aedes } from '#tools/bench/peers/aedes.ts';
import { makeCertificate } from '#tools/bench/peers/certificate.ts';
import { accepting, launch, makePlace, type Place, stop } from '#tools/bench/peers/peer.ts';
import { root } from '#tools/source.ts';

const execute = promisify(execFile);
const MAIN = join(root, 'src/main.ts');
const MOSQUITTO = '/usr/sbin/mosquitto';

/** A broker in a process of its own, which can be killed and started again in its place. */
export abstract class Broker {
  readonly place: Place;
  #child: ChildProcess | undefined;

  constructor(place: Place) {
    this.place = place;
  }

  protected abstract launch(): Promise<ChildProcess>;

  get port(): number {
    return this.place.port;
  }

  async start(): Promise<void> {
    this.#child = await this.launch();
    this.#child.stdout?.resume();
  }

  /** In order: it writes what it keeps. */
  async stop(): Promise<void> {
    if (this.#child !== undefined) await stop(this.#child);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }
}

export async function placeIn(directory: string, name: string): Promise<Place> {
  const own = join(directory, name);
  mkdirSync(own, { recursive: true });
  return await makePlace(own, DOMAIN, makeCertificate(own, DOMAIN));
}

/** Mosquitto with what it keeps on disk. */
export class Mosquitto extends Broker {
  protected async launch(): Promise<ChildProcess> {
    const { certificate, directory, key, port, tlsPort } = this.place;
    const config = join(directory, 'mosquitto.conf');
    const own = `user root\npersistence true\npersistence_location ${directory}/data/\nallow_anonymous true\nmax_queued_messages 0\n`;
    // Without a window of its own: what is beyond it when mosquitto 2.0.11 is restarted is sent a second time, or in another order.
    const window = 'max_inflight_messages 0\n';
    const tls = `listener ${tlsPort} ${ADDRESS}\ncertfile ${certificate}\nkeyfile ${key}\n`;
    writeFileSync(config, `${own}${window}listener ${port} ${ADDRESS}\n${tls}`);
    return await launch(this.place, { command: MOSQUITTO, args: ['-c', config] }, () => accepting(port, tlsPort));
  }
}

/** aedes, which keeps everything in memory. */
export class Aedes extends Broker {
  protected async launch(): Promise<ChildProcess> {
    return await aedes.start(this.place);
  }
}

/** Trivium with an uplink. */
export class Edge extends Broker {
  /** The settings of `mqtt_uplinks`, as YAML. */
  uplinks = '{}';

  protected async launch(): Promise<ChildProcess> {
    this.#write();
    return await launch(this.place, { command: process.execPath, args: [MAIN, 'start', ...this.#options] }, () =>
      accepting(this.port),
    );
  }

  get #options(): readonly string[] {
    const { directory } = this.place;
    return ['--config', join(directory, 'trivium.yml'), '--data', join(directory, 'data')];
  }

  #write(): void {
    const { directory, domain, port } = this.place;
    writeFileSync(
      join(directory, 'trivium.yml'),
      `hosts: {${domain}: {}}
listeners:
  - {name: mqtt, kind: mqtt, address: ${ADDRESS}, port: ${port}, tls: off}
  - {name: admin, kind: admin, path: ${join(directory, 'admin.sock')}, mode: "0600", tls: off}
mqtt: {anonymous: mqtt, max_queued: 1000000, max_in_flight: 1000}
mqtt_uplinks: ${this.uplinks}
shutdown: {grace: 1s}
`,
    );
  }

  async reload(): Promise<void> {
    this.#write();
    await this.run('reload_config');
  }

  async run(...command: readonly string[]): Promise<string> {
    return (await execute(process.execPath, [MAIN, ...command, ...this.#options])).stdout;
  }

  /** What the command `mqtt_bridge_status` says. */
  async status(name: string): Promise<ReadonlyMap<string, string>> {
    const read: unknown = JSON.parse(await this.run('mqtt_bridge_status', DOMAIN, name, '--json'));
    return new Map(Object.entries(read as object).map(([key, value]) => [key, String(value)]));
  }

  /** Asks for the status until it is as wanted. */
  async until(name: string, what: string, holds: (status: ReadonlyMap<string, string>) => boolean): Promise<void> {
    const end = Date.now() + 20_000;
    for (;;) {
      const status = await this.status(name);
      if (holds(status)) return;
      if (Date.now() > end) throw new Error(`${what}: ${[...status].map((entry) => entry.join(' ')).join(', ')}`);
    }
  }
}

/** A way to a broker that can be cut. */
export class Tap {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  private constructor(server: Server, port: number, sockets: Set<Socket>) {
    this.#server = server;
    this.port = port;
    this.#sockets = sockets;
  }

  static async before(broker: Broker): Promise<Tap> {
    const sockets = new Set<Socket>();
    const server = createServer((near) => {
      const far = connect(broker.port, ADDRESS);
      for (const [from, to] of [[near, far] as const, [far, near] as const]) {
        sockets.add(from);
        from.pipe(to);
        from.on('error', () => undefined);
        from.on('close', () => {
          sockets.delete(from);
          to.destroy();
        });
      }
    });
    server.listen(0, ADDRESS);
    await once(server, 'listening');
    const bound = server.address();
    if (bound === null || typeof bound === 'string') throw new Error('no port');
    return new Tap(server, bound.port, sockets);
  }

  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  close(): void {
    this.#server.close();
    this.cut();
  }
}

export interface Heard {
  readonly topic: string;
  readonly text: string;
  readonly qos: number;
  readonly retain: boolean;
}

/** A client of MQTT.js that comes back when its broker does. */
export class Person {
  readonly client: MqttClient;
  readonly heard = new Events<Heard>(({ text, topic }) => `${topic}: ${text}`);
  /** Everything, in order. */
  readonly all: Heard[] = [];

  private constructor(client: MqttClient) {
    this.client = client;
    client.on('error', () => undefined);
    client.on('message', (topic, payload, { qos, retain }) => {
      const heard = { topic, text: payload.toString(), qos, retain };
      this.all.push(heard);
      this.heard.push(heard);
    });
  }

  static async connect(broker: Broker, options: IClientOptions = {}): Promise<Person> {
    const client = mqtt.connect(`mqtt://${ADDRESS}:${broker.port}`, { reconnectPeriod: 100, ...options });
    const person = new Person(client);
    await new Promise((resolve) => client.once('connect', resolve));
    return person;
  }

  async subscribe(filter: string, qos: 0 | 1 | 2 = 2): Promise<void> {
    await this.client.subscribeAsync(filter, { qos });
  }

  async publish(topic: string, text: string, qos: 0 | 1 | 2 = 1, retain = false): Promise<void> {
    await this.client.publishAsync(topic, text, { qos, retain });
  }

  async hear(topic: string, text: string): Promise<Heard> {
    return await this.heard.take(`${topic}: ${text}`, (heard) => heard.topic === topic && heard.text === text);
  }

  leave(): void {
    this.client.end(true);
  }
}
