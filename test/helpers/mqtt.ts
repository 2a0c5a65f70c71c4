/** A server that speaks MQTT on free ports, and clients that say what a test has them say, by a codec that is not ours. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { generate, type IConnackPacket, type IConnectPacket, type Packet, parser } from 'mqtt-packet';
import { plugins } from '#src/server/program.ts';
import type { Broker } from '#protocols/mqtt/broker.ts';
import { createLog } from '#src/observe/log.ts';
import { openCore } from '#src/server/core.ts';
import { Server } from '#src/server/server.ts';
import { loadSettings } from '#src/settings/load.ts';
import { formatProblem } from '#src/settings/problem.ts';
import { programSections } from '#src/settings/schema.ts';
import type { Settings } from '#src/settings/settings.ts';

const LISTENERS = `
listeners:
  - { name: mqtt, kind: mqtt, address: 127.0.0.1, port: 0, tls: 'off' }
  - { name: strict, kind: mqtt, address: 127.0.0.1, port: 0, tls: 'off' }
  - { name: mqtts, kind: mqtt, address: 127.0.0.1, port: 0, tls: direct }
  - { name: http, kind: http, address: 127.0.0.1, port: 0, tls: 'off', handlers: { /mqtt: mqtt } }
`;
/** Milliseconds. */
const PATIENCE = 5000;

export class MqttTestServer implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'trivium-mqtt-'));
  #text: string;
  #server: Server | undefined;

  private constructor(text: string) {
    this.#text = text;
  }

  /** @param text settings beside the listeners; anonymous clients may come in by the listener `mqtt` */
  static async start(text = ''): Promise<MqttTestServer> {
    const server = new MqttTestServer(text);
    await server.begin();
    return server;
  }

  async begin(): Promise<void> {
    let settings = this.#load();
    const core = await openCore(
      () => settings,
      () => undefined,
    );
    const reread = (): Settings => (settings = this.#load());
    this.#server = await Server.start({ settings, core, log: createLog({ level: 'off' }), frontEnds: plugins, reread });
  }

  #load(): Settings {
    const loaded = loadSettings(`${LISTENERS}${this.#text}`, 'test', programSections(plugins), {
      env: {},
      overrides: { data: { directory: this.directory }, metrics: { runtime: false }, shutdown: { grace: '200ms' } },
    });
    if (loaded.settings === undefined) throw new Error(loaded.problems.map(formatProblem).join('\n'));
    return loaded.settings;
  }

  get server(): Server {
    if (this.#server === undefined) throw new Error('the server is not started');
    return this.#server;
  }

  broker(host = 'localhost'): Broker {
    const broker = this.server.services.mqtt?.broker(host);
    if (broker === undefined) throw new Error(`no broker for ${host}`);
    return broker;
  }

  port(listener: string): number {
    const port = this.server.listeners.bound.find(({ name }) => name === listener)?.boundPort;
    if (port === undefined) throw new Error(`there is no listener ${listener}`);
    return port;
  }

  async register(user: string, password = 'secret'): Promise<void> {
    const [local = '', domain = ''] = user.split('@');
    const change = await this.server.core.accounts.create(domain, local, password);
    if (!change.ok) throw new Error(`cannot register ${user}`);
  }

  async reload(text: string): Promise<void> {
    this.#text = text;
    const problem = await this.server.reload();
    if (problem !== undefined) throw new Error(problem);
  }

  async restart(): Promise<void> {
    await this.server.stop('');
    await this.begin();
  }

  /** A TCP connection, nothing said yet. */
  dial(listener = 'mqtt', version = 5): Promise<MqttTestClient> {
    const at = { host: '127.0.0.1', port: this.port(listener) };
    return new Promise((resolve, reject) => {
      const secure = listener === 'mqtts';
      const socket = secure ? connectTls({ ...at, servername: 'localhost', rejectUnauthorized: false }) : connect(at);
      socket.once(secure ? 'secureConnect' : 'connect', () => resolve(new MqttTestClient(socket, version)));
      socket.once('error', reject);
    });
  }

  /** A client whose CONNECT was answered. */
  async connect(options: ConnectOptions = {}): Promise<MqttTestClient> {
    const { listener = 'mqtt', protocolVersion = 5, ...rest } = options;
    const client = await this.dial(listener, protocolVersion);
    client.send(connectPacket({ protocolVersion, ...rest }));
    const packet = await client.next();
    if (packet.cmd !== 'connack') throw new Error(`CONNACK was expected, ${packet.cmd} came`);
    client.connack = packet;
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.stop('');
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export type ConnectOptions = Partial<Omit<IConnectPacket, 'cmd' | 'protocolVersion'>> & {
  readonly listener?: string;
  readonly protocolVersion?: 3 | 4 | 5;
};

export function connectPacket({ protocolVersion = 5, ...options }: Omit<ConnectOptions, 'listener'>): Packet {
  return {
    cmd: 'connect',
    protocolId: protocolVersion === 3 ? 'MQIsdp' : 'MQTT',
    protocolVersion,
    clean: true,
    clientId: '',
    keepalive: 0,
    ...options,
  };
}

export class MqttTestClient {
  connack: IConnackPacket | undefined = undefined;
  readonly received: Packet[] = [];
  readonly #socket: Socket;
  readonly #version: number;
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(socket: Socket, version: number) {
    this.#socket = socket;
    this.#version = version;
    const parse = parser({ protocolVersion: version });
    parse.on('packet', (packet: Packet) => this.received.push(packet));
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      parse.parse(chunk);
      this.#wake?.();
    });
    socket.on('close', () => {
      this.#closed = true;
      this.#wake?.();
    });
    socket.on('error', () => undefined);
  }

  get closed(): boolean {
    return this.#closed;
  }

  get present(): boolean | undefined {
    return this.connack?.sessionPresent;
  }

  get reason(): number | undefined {
    return this.connack?.reasonCode ?? this.connack?.returnCode;
  }

  send(packet: Packet): void {
    this.#socket.write(generate(packet, { protocolVersion: this.#version }));
  }

  write(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** The next packet of the server. */
  async next(): Promise<Packet> {
    return this.#until(() => this.received.shift(), 'a packet');
  }

  /** The next packet, which has to be of this type. */
  async expect<C extends Packet['cmd']>(cmd: C): Promise<Extract<Packet, { cmd: C }>> {
    const packet = await this.next();
    if (packet.cmd !== cmd) throw new Error(`${cmd} was expected, ${JSON.stringify(packet)} came`);
    return packet as Extract<Packet, { cmd: C }>;
  }

  /** Waits until the server has closed the connection. @returns the reason of its DISCONNECT */
  async ended(): Promise<number | undefined> {
    await this.#until(() => (this.#closed ? true : undefined), 'the end of the connection');
    const last = this.received.find(({ cmd }) => cmd === 'disconnect');
    return last?.cmd === 'disconnect' ? last.reasonCode : undefined;
  }

  async #until<T>(test: () => T | undefined, what: string): Promise<T> {
    let impatient = false;
    const timer = setTimeout(() => {
      impatient = true;
      this.#wake?.();
    }, PATIENCE);
    try {
      for (;;) {
        const result = test();
        if (result !== undefined) return result;
        if (impatient) throw new Error(`waited in vain for ${what}`);
        if (this.#closed) throw new Error(`waits for ${what}, but the connection is closed`);
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async subscribe(...filters: readonly (string | Subscription)[]): Promise<readonly number[]> {
    const subscriptions = filters.map((filter) => ({
      qos: 0 as const,
      ...(typeof filter === 'string' ? { topic: filter } : filter),
    }));
    const [first] = filters;
    const id = typeof first === 'object' ? first.id : undefined;
    const properties = id === undefined ? {} : { properties: { subscriptionIdentifier: id } };
    this.send({ cmd: 'subscribe', messageId: 1, subscriptions, ...properties });
    const { granted } = await this.expect('suback');
    return granted as readonly number[];
  }

  /** Publishes, and waits for the whole exchange of its QoS. @returns the reason of the first answer */
  async publish(topic: string, payload: string, options: PublishOptions = {}): Promise<number | undefined> {
    const { messageId = 1, qos = 0 } = options;
    this.send({ cmd: 'publish', topic, payload, dup: false, retain: false, qos, messageId, ...options });
    if (qos === 0) return this.ping();
    const answer = await this.expect(qos === 1 ? 'puback' : 'pubrec');
    if (qos === 1 || (answer.reasonCode ?? 0) >= 0x80) return answer.reasonCode;
    this.send({ cmd: 'pubrel', messageId });
    await this.expect('pubcomp');
    return answer.reasonCode;
  }

  /** What was sent before has been read: the server answers in order. */
  async ping(): Promise<undefined> {
    this.send({ cmd: 'pingreq' });
    await this.#until(() => {
      const at = this.received.findIndex(({ cmd }) => cmd === 'pingresp');
      return at < 0 ? undefined : this.received.splice(at, 1)[0];
    }, 'the answer to a ping');
  }

  /** The next message, as `topic payload`. */
  async message(): Promise<string> {
    const { payload, topic } = await this.expect('publish');
    return `${topic} ${String(payload)}`;
  }

  async disconnect(reasonCode = 0, properties: { sessionExpiryInterval?: number } = {}): Promise<void> {
    this.send({ cmd: 'disconnect', reasonCode, properties });
    await this.ended();
  }

  /** Reads nothing any more. */
  freeze(): void {
    this.#socket.pause();
  }

  break(): void {
    this.#socket.destroy();
  }
}

export interface Subscription {
  readonly topic: string;
  readonly qos?: 0 | 1 | 2;
  readonly nl?: boolean;
  readonly rap?: boolean;
  readonly rh?: number;
  /** Of the whole packet. */
  readonly id?: number;
}

export interface PublishOptions {
  readonly qos?: 0 | 1 | 2;
  readonly retain?: boolean;
  readonly dup?: boolean;
  readonly messageId?: number;
  readonly properties?: object;
}
