import type { MqttClientOptions, MqttMessage } from '#test/helpers/mqtt-client-options.ts';
import { MqttClient } from '#test/helpers/mqtt-client.ts';
import type { Account } from '#tools/bench/xmpp/scram.ts';
import { type Findings, Stream } from '../ledger.ts';
import type { Options } from '../options.ts';
import type { Random } from '../random.ts';
import { Commuter } from './commuter.ts';
import { Fickle } from './fickle.ts';
import { numberIn, payloadOf, RetainedTopic, SharedTopic, Topic } from './topic.ts';

const RETAINED = 5;
const ABSENT = 2;
const SHARED_FILTER = '$share/pair/shared/#';
const PASSWORD = 'secret-mqtt';

export interface Publisher {
  readonly client: MqttClient;
  readonly topics: readonly Topic[];
  readonly shared: readonly SharedTopic[];
  readonly retained: readonly RetainedTopic[];
}

/** A client with a durable session and what it subscribes to, by filter. */
export interface Subscriber {
  readonly client: MqttClient;
  readonly grants: ReadonlyMap<string, 1 | 2>;
  /** By topic. */
  readonly streams: ReadonlyMap<string, Stream>;
}

/** All clients of a run, half of them of MQTT 5, half of 3.1.1, and what they publish and subscribe to. */
export class Population {
  readonly publishers: readonly Publisher[];
  readonly online: readonly Subscriber[];
  /** They come and go. */
  readonly commuting: readonly Subscriber[];
  readonly commuters: readonly Commuter[];
  /** They subscribe, and come back in the end. */
  readonly absent: readonly Subscriber[];
  readonly pair: readonly MqttClient[];
  readonly fickle: Fickle;
  readonly #port: number;
  readonly #findings: Findings;

  constructor(options: Options, port: number, random: Random, findings: Findings) {
    this.#port = port;
    this.#findings = findings;
    const many = <T>(count: number, make: (n: number) => T): readonly T[] =>
      Array.from({ length: count }, (_, n) => make(n));
    this.publishers = many(options.publishers, (n) => this.#publisher(n));
    this.online = many(options.subscribers, (n) => this.#subscriber(`online${n}`, n));
    this.commuting = many(options.commuters, (n) => this.#subscriber(`commuter${n}`, n));
    this.commuters = this.commuting.map(({ client }) => new Commuter(client, random.fork(), findings));
    this.absent = many(ABSENT, (n) => this.#subscriber(`absent${n}`, n));
    this.pair = many(2, (n) =>
      this.client(`pair${n}`, n, { onMessage: (message) => this.#fromGroup(`pair${n}`, message) }),
    );
    this.fickle = new Fickle((name, n, own) => this.client(name, n, own), random.fork(), findings);
  }

  get accounts(): readonly Account[] {
    return [{ user: 'mqtt', password: PASSWORD }];
  }

  /** Who is connected whenever the server is. */
  get constant(): readonly MqttClient[] {
    return [...this.publishers, ...this.online].map(({ client }) => client).concat(this.pair, this.fickle.client);
  }

  get subscribers(): readonly Subscriber[] {
    return [...this.online, ...this.commuting, ...this.absent];
  }

  get everybody(): readonly MqttClient[] {
    return [...this.constant, ...[...this.commuting, ...this.absent].map(({ client }) => client)];
  }

  get topics(): readonly Topic[] {
    return this.publishers.flatMap(({ retained, shared, topics }) => [...topics, ...shared, ...retained]);
  }

  get shared(): readonly SharedTopic[] {
    return this.publishers.flatMap(({ shared }) => shared);
  }

  get retained(): readonly RetainedTopic[] {
    return this.publishers.flatMap(({ retained }) => retained);
  }

  streams(subscribers: readonly Subscriber[] = this.subscribers): readonly Stream[] {
    return subscribers.flatMap(({ streams }) => [...streams.values()]);
  }

  client(clientId: string, n: number, own: Partial<MqttClientOptions>): MqttClient {
    return new MqttClient({
      port: this.#port,
      clientId,
      username: 'mqtt',
      password: PASSWORD,
      version: n % 2 === 0 ? 5 : 4,
      durable: true,
      onFault: (text) => this.#findings.add(text),
      ...own,
    });
  }

  #publisher(n: number): Publisher {
    const both = <T>(make: (qos: 1 | 2) => T): readonly T[] => [make(1), make(2)];
    return {
      client: this.client(`publisher${n}`, n, { window: [20, 50, 5][n % 3] ?? 20, lazy: n % 3 === 1 }),
      topics: both((qos) => [0, 1].map((k) => new Topic(`load/p${n}/q${qos}/${k}`, qos, false))).flat(),
      shared: both((qos) => new SharedTopic(`shared/p${n}/q${qos}`, qos, false)),
      retained: Array.from({ length: RETAINED }, (_, k) => {
        return new RetainedTopic(`retained/p${n}/${k}`, k % 2 === 0 ? 1 : 2, true);
      }),
    };
  }

  /** Each subscribes to all topics of two publishers. */
  #subscriber(clientId: string, n: number): Subscriber {
    const streams = new Map<string, Stream>();
    const limit: 1 | 2 = n % 3 === 2 ? 1 : 2;
    const chosen = new Set([n, n + 1].map((at) => at % Math.max(1, this.publishers.length)));
    for (const at of chosen) {
      for (const topic of this.publishers[at]?.topics ?? []) {
        const promise = topic.qos === 2 && limit === 2 ? 'exactly-once' : 'at-least-once';
        const stream = new Stream(topic.name, `publisher${at}`, clientId, clientId, promise);
        topic.streams.push(stream);
        streams.set(topic.name, stream);
      }
    }
    const client = this.client(clientId, n, {
      lazy: n % 2 === 1,
      ...(n % 4 === 0 ? { receiveMaximum: 7, topicAliases: 5 } : {}),
      onMessage: (message) => this.#arrived(clientId, streams, message),
    });
    return { client, grants: new Map([...chosen].map((at) => [`load/p${at}/#`, limit])), streams };
  }

  #arrived(clientId: string, streams: ReadonlyMap<string, Stream>, { payload, qos, retain, topic }: MqttMessage): void {
    const stream = streams.get(topic);
    const n = numberIn(topic, String(payload));
    if (stream === undefined)
      return this.#findings.add(`${clientId} received ${topic}, to which it has not subscribed`);
    if (n === undefined) return this.#findings.add(`${clientId}: a message on ${topic} arrived damaged`);
    if ((qos === 2) !== (stream.promise === 'exactly-once'))
      this.#findings.add(`${clientId}: QoS ${qos} at ${payloadOf(topic, n)}`);
    if (retain) this.#findings.add(`${clientId}: RETAIN is set at ${topic}#${n}`);
    const problem = stream.take(n);
    if (problem === undefined || (problem === 'duplicate' && stream.promise === 'at-least-once')) return;
    this.#findings.add(`${clientId}: ${problem} at ${topic}#${n}`);
  }

  #fromGroup(clientId: string, { payload, topic: name }: MqttMessage): void {
    const topic = this.shared.find((one) => one.name === name);
    const n = numberIn(name, String(payload));
    if (topic === undefined || n === undefined)
      return this.#findings.add(`${clientId} received ${name} ${String(payload)}`);
    const problem = topic.take(clientId, n);
    if (problem !== undefined) this.#findings.add(`${clientId}: ${problem} at ${name}#${n}`);
  }

  /** Everybody has a session and subscriptions, and those who are to be absent leave. */
  async come(): Promise<void> {
    for (const client of this.everybody) {
      if (await client.connect())
        this.#findings.add(`${client.options.clientId}: a session before the first connection`);
    }
    for (const { client, grants } of this.subscribers) {
      for (const [filter, qos] of grants) await client.subscribe(filter, qos);
    }
    for (const member of this.pair) await member.subscribe(SHARED_FILTER, 2);
    for (const { client } of [...this.commuting, ...this.absent]) await client.close();
  }
}
