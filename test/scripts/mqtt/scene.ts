/**
 * Wire tests of the statements of MQTT 5 and 3.1.1. A title begins with what it shows, in brackets: `MQTT-3.1.2-4` is a statement of MQTT 5,
 * `MQTT311-3.1.2-6` one of 3.1.1. Tests of both versions run once for each.
 */
import test, { type ExecutionContext } from 'ava';
import type { IPublishPacket, Packet } from 'mqtt-packet';
import { type ConnectOptions, MqttTestServer, type MqttTestClient } from '#test/helpers/mqtt.ts';
import { bytes } from '#test/vectors/mqtt/bytes.ts';

export type Version = 4 | 5;

let scenes = 0;

/** What a test has: a server, a version, names of its own, clients that are gone when it ends. */
export class Scene {
  readonly server: MqttTestServer;
  readonly version: Version;
  readonly #name: string;
  readonly #clients: MqttTestClient[] = [];

  constructor(server: MqttTestServer, version: Version) {
    this.server = server;
    this.version = version;
    this.#name = `s${++scenes}`;
  }

  /** A topic that no other test uses. */
  topic(name = 't'): string {
    return `${this.#name}/${name}`;
  }

  id(name: string): string {
    return `${this.#name}${name}`;
  }

  async dial(listener = 'mqtt'): Promise<MqttTestClient> {
    const client = await this.server.dial(listener, this.version);
    this.#clients.push(client);
    return client;
  }

  /** A client of that name whose CONNECT was answered, with what the answer may be. */
  async connect(name: string, options: ConnectOptions = {}): Promise<MqttTestClient> {
    const all = { protocolVersion: this.version, clientId: name === '' ? '' : this.id(name), ...options };
    const client = await this.server.connect(all);
    this.#clients.push(client);
    return client;
  }

  /** One whose session stays when it goes. */
  stay(name: string, options: ConnectOptions = {}): Promise<MqttTestClient> {
    const { properties, ...rest } = options;
    const lasting = this.version === 5 ? { properties: { sessionExpiryInterval: 600, ...properties } } : {};
    return this.connect(name, { clean: false, ...lasting, ...rest });
  }

  leave(): void {
    for (const client of this.#clients) client.break();
  }
}

type Run = (t: ExecutionContext, scene: Scene) => Promise<void>;

export interface Stage {
  readonly four: (title: string, run: Run) => void;
  readonly five: (title: string, run: Run) => void;
  readonly both: (title: string, run: Run) => void;
}

/** A server for the tests of a file. They run one after the other: the machine is not ours alone. */
export function stage(settings = 'mqtt: { anonymous: [mqtt, http] }'): Stage {
  let server: MqttTestServer | undefined;
  test.before(async () => {
    server = await MqttTestServer.start(settings);
  });
  test.after.always(async () => {
    await server?.[Symbol.asyncDispose]();
  });
  const add = (version: Version, title: string, run: Run): void => {
    test.serial(`${version === 5 ? '5' : '3.1.1'}: ${title}`, async (t) => {
      if (server === undefined) throw new Error('the server is not started');
      const scene = new Scene(server, version);
      try {
        await run(t, scene);
      } finally {
        scene.leave();
      }
    });
  };
  return {
    four: (title, run) => add(4, title, run),
    five: (title, run) => add(5, title, run),
    both: (title, run) => {
      add(4, title, run);
      add(5, title, run);
    },
  };
}

/** The next message, acknowledged as its QoS wants it. */
export async function take(client: MqttTestClient): Promise<IPublishPacket> {
  const packet = await client.expect('publish');
  const { messageId = 0, qos } = packet;
  if (qos === 1) client.send({ cmd: 'puback', messageId });
  if (qos === 2) {
    client.send({ cmd: 'pubrec', messageId });
    await client.expect('pubrel');
    client.send({ cmd: 'pubcomp', messageId });
  }
  return packet;
}

/** Sends a PUBLISH and waits for nothing. */
export function publish(
  client: MqttTestClient,
  topic: string,
  payload: string,
  options: Partial<IPublishPacket> = {},
): void {
  const { qos = 0 } = options;
  client.send({
    cmd: 'publish',
    topic,
    payload,
    qos,
    dup: false,
    retain: false,
    ...(qos > 0 ? { messageId: 1 } : {}),
    ...options,
  });
}

/** The notation of test/vectors/mqtt/bytes.ts. */
export function write(client: MqttTestClient, notation: string): void {
  client.write(bytes(notation));
}

/** What the server has sent before it answers a ping, which it does in order. */
export async function pending(client: MqttTestClient): Promise<readonly Packet[]> {
  await client.ping();
  return client.received.splice(0);
}

/** The connection ends, with this reason for MQTT 5 and without a word before it. */
export async function ends(
  t: ExecutionContext,
  client: MqttTestClient,
  version: Version,
  reason: number,
): Promise<void> {
  const found = await client.ended();
  t.is(found, version === 5 ? reason : undefined);
}

/** Time passes; for what the standard says about time. */
export function seconds(count: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, count * 1000));
}

export const text = ({ payload }: { readonly payload: string | Buffer }): string => String(payload);
