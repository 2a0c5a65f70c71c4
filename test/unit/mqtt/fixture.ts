/** The broker without sockets: real clients over transports that keep what is written. */
import { type Packet, parser } from 'mqtt-packet';
import { mqtt } from '#protocols/mqtt/index.ts';
import type { Broker } from '#protocols/mqtt/broker.ts';
import { Client } from '#protocols/mqtt/links/client.ts';
import type { Transport } from '#protocols/mqtt/links/transport.ts';
import type { ClientPacket, Connect } from '#protocols/mqtt/packet/types.ts';
import { MqttServer } from '#protocols/mqtt/server.ts';
import { compileAccess } from '#src/accounts/access.ts';
import { Bans } from '#src/accounts/bans.ts';
import { isLoopback } from '#src/address/ip.ts';
import { Flusher } from '#src/net/flusher.ts';
import { type Clock, Timers } from '#src/net/timers.ts';
import { silentLog } from '#src/observe/log.ts';
import type { Runtime } from '#src/plugin/front-end.ts';
import { MemoryData } from '#src/store/memory.ts';
import { TestCore } from '#test/helpers/core.ts';

/** A clock that a test moves. */
export class TestClock implements Clock {
  #now = 1_700_000_000_000;
  #tick: () => void = () => undefined;

  wall(): number {
    return this.#now;
  }

  elapsed(): number {
    return this.#now;
  }

  every(_: number, tick: () => void): () => void {
    this.#tick = tick;
    return () => undefined;
  }

  pass(seconds: number): void {
    for (let quarter = 0; quarter < seconds * 4; quarter++) {
      this.#now += 250;
      this.#tick();
    }
  }
}

export interface TestMqttOptions {
  /** The section `mqtt`, as YAML in braces. */
  readonly settings?: string;
  readonly data?: MemoryData;
}

export class TestMqtt implements AsyncDisposable {
  readonly core: TestCore;
  readonly server: MqttServer;
  readonly clock: TestClock;
  readonly data: MemoryData;
  readonly #timers: Timers;

  static async open({
    data = new MemoryData(),
    settings = '{ anonymous: [test] }',
  }: TestMqttOptions = {}): Promise<TestMqtt> {
    const core = await TestCore.open({ data, parts: [mqtt], settings: `mqtt: ${settings}` });
    const bans = await Bans.open({ store: core.store, exempt: isLoopback });
    const test = new TestMqtt(core, bans, data);
    await test.server.restore();
    return test;
  }

  private constructor(core: TestCore, bans: Bans, data: MemoryData) {
    const { accounts, faults, router, settings, store } = core;
    this.core = core;
    this.data = data;
    this.clock = new TestClock();
    this.#timers = new Timers((error) => faults.push(error), this.clock);
    const compiled = compileAccess(
      { acl: {}, access: { c2s: [{ allow: 'all' }] } },
      { isLocal: () => true, exists: () => true },
    );
    if ('problems' in compiled) throw new Error('bad rules');
    const parts: Partial<Runtime> = {
      access: () => compiled.access,
      accounts,
      bans,
      flusher: new Flusher(),
      hosts: [...router.hosts],
      log: silentLog,
      settings: () => settings,
      store,
      timers: this.#timers,
    };
    // Listeners, HTTP and metrics have no part in sessions.
    this.server = new MqttServer(parts as Runtime);
  }

  get broker(): Broker {
    return this.server.brokerOf(undefined);
  }

  /** A client that has connected. */
  connect(options: Partial<Connect> = {}): TestClient {
    const client = new TestClient(this.server);
    client.say({ ...CONNECT, ...options });
    return client;
  }

  /** Everything that was written is on the disk, and whoever waited for it has been told. */
  async committed(): Promise<void> {
    await this.core.store.barrier();
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  /** What is on the disk now, for a server that comes after a crash of this one. */
  crash(): MemoryData {
    const data = new MemoryData();
    data.entries = new Map(this.data.entries);
    this.#timers[Symbol.dispose]();
    return data;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timers[Symbol.dispose]();
    await this.core[Symbol.asyncDispose]();
  }
}

const CONNECT: Connect = {
  type: 'connect',
  version: 5,
  bridge: false,
  clientId: '',
  cleanStart: true,
  keepAlive: 0,
  sessionExpiry: 0,
  receiveMaximum: 65_535,
  topicAliasMaximum: 0,
  requestResponseInformation: false,
  requestProblemInformation: true,
  userProperties: [],
};

/** Both ends of a connection: what the client says, and what it is told. */
export class TestClient implements Transport {
  readonly label = 'mqtt';
  readonly listener = 'test';
  readonly ip = '127.0.0.1';
  readonly port = 1;
  readonly secured = false;
  readonly loopback = true;
  readonly tls = undefined;
  /** Bytes that the client has not taken. */
  buffered = 0;
  held = false;
  ended = false;
  readonly client: Client;
  #told: Packet[] = [];
  readonly #parser = parser({ protocolVersion: 5 });

  constructor(server: MqttServer) {
    this.client = new Client(server, this);
    this.#parser.on('packet', (packet: Packet) => this.#told.push(packet));
  }

  say(packet: ClientPacket): void {
    this.client.onPacket(packet);
  }

  /** What the client was told since the last time. */
  take(): readonly Packet[] {
    return this.#told.splice(0);
  }

  /** The next that it was told. */
  next(): Packet | undefined {
    return this.#told.shift();
  }

  /** The connection breaks; what was not taken is lost. */
  break(): void {
    this.ended = true;
    this.#told = [];
    this.client.lost();
  }

  push(bytes: Buffer): void {
    this.#parser.parse(bytes);
  }

  end(): void {
    this.ended = true;
  }

  destroy(): void {
    this.ended = true;
  }

  hold(): void {
    this.held = true;
  }

  release(): void {
    this.held = false;
  }

  admitted(): void {
    // Limits are the decoder's.
  }
}
