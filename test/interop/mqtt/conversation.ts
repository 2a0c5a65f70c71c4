import type { IClientOptions, IConnackPacket, IPublishPacket, MqttClient } from 'mqtt';
import type mqttModule from 'mqtt';

// What MQTT.js does on each transport and version. It runs in Node and in a browser alike, so it imports nothing at run time; a page gives
// it a global Buffer.

export type Connector = typeof mqttModule.connect;

/** What a conversation needs to know. */
export interface Talk {
  /** As MQTT.js takes it: mqtt, mqtts, ws, wss. */
  readonly url: string;
  readonly options: IClientOptions;
  readonly version: 3 | 4 | 5;
  readonly user: string;
  readonly password: string;
  /** Unlike in any other conversation: it begins topics and client ids. */
  readonly name: string;
  readonly difficult: string;
}

export type Tell = (what: string, problem?: string) => void;

const LIMIT_MS = 10_000;

function inTime<T>(what: string, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${what} did not come`)), LIMIT_MS);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function same(found: unknown, expected: unknown, what: string): void {
  const [left, right] = [JSON.stringify(found), JSON.stringify(expected)];
  if (left !== right) throw new Error(`${what}: ${left}, not ${right}`);
}

interface Heard {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly packet: IPublishPacket;
}

const decoder = new TextDecoder();

function textOf({ payload }: Heard): string {
  return decoder.decode(payload);
}

/** A client and what it has received so far. */
class Person {
  readonly client: MqttClient;
  readonly #heard: Heard[] = [];
  readonly #waiting: ((heard: Heard) => void)[] = [];

  constructor(client: MqttClient) {
    this.client = client;
    client.on('error', () => undefined);
    client.on('message', (topic, payload, packet) => {
      const heard = { topic, payload, packet };
      const waiting = this.#waiting.shift();
      if (waiting) waiting(heard);
      else this.#heard.push(heard);
    });
  }

  async hear(): Promise<Heard> {
    const heard = this.#heard.shift();
    return heard ?? (await inTime('a message', new Promise((resolve) => this.#waiting.push(resolve))));
  }

  /** The next message is this one. */
  async hears(topic: string, text: string): Promise<Heard> {
    const heard = await this.hear();
    same([heard.topic, textOf(heard).slice(0, 100)], [topic, text.slice(0, 100)], 'message');
    same(heard.payload.length, new TextEncoder().encode(text).length, 'length');
    return heard;
  }

  async leave(): Promise<void> {
    await inTime('the end', this.client.endAsync());
  }

  /** As if the network had failed. */
  async vanish(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.client.once('close', () => resolve()));
    this.client.stream.destroy();
    await inTime('the close', closed);
    await this.client.endAsync(true);
  }
}

/** One conversation: each step is told, with its problem when there is one. */
export class Conversation {
  readonly #connect: Connector;
  readonly #talk: Talk;
  readonly #tell: Tell;
  readonly #topic: string;
  #persons: Person[] = [];

  constructor(connect: Connector, talk: Talk, tell: Tell) {
    this.#connect = connect;
    this.#talk = talk;
    this.#tell = tell;
    this.#topic = `js/${talk.name}`;
  }

  async play(): Promise<void> {
    const { version } = this.#talk;
    await this.#step('a wrong password is refused', () => this.#refused());
    await this.#step('messages come at every QoS', () => this.#levels());
    await this.#step('text, all bytes, nothing and 200 KB arrive as they were sent', () => this.#payloads());
    await this.#step('wildcards and the end of a subscription', () => this.#wildcards());
    await this.#step('retained messages come to who subscribes later, until they are cleared', () => this.#retained());
    await this.#step('the will of a client that vanishes is published, that of one that leaves is not', () =>
      this.#wills(),
    );
    await this.#step('a session waits for its client with its messages', () => this.#away());
    await this.#step('a second connection takes the place of the first', () => this.#takeover());
    await this.#step('a quiet connection is kept alive by pings', () => this.#keepAlive());
    if (version < 5) return;
    await this.#step('properties of a message arrive unaltered and in order', () => this.#properties());
    await this.#step('a request is answered through its response topic', () => this.#request());
    await this.#step('subscription identifiers, No Local, Retain As Published, Retain Handling', () => this.#options());
    await this.#step('topic aliases from the client', () => this.#aliases());
    await this.#step('a shared subscription gives each message to one member', () => this.#shared());
    await this.#step('the server assigns a client id to who has none', () => this.#assigned());
    await this.#step('a message expires while nobody is there', () => this.#expiry());
  }

  async #step(what: string, run: () => Promise<void>): Promise<void> {
    try {
      await run();
      this.#tell(what);
    } catch (error) {
      this.#tell(what, error instanceof Error ? error.message : String(error));
    }
    for (const { client } of this.#persons) client.end(true);
    this.#persons = [];
  }

  /** Without waiting for the connection, so that no message is missed. An empty id stays empty: the server makes one. */
  #start(id: string, options: IClientOptions): Person {
    const { url, version, user, password, name } = this.#talk;
    const person = new Person(
      this.#connect(url, {
        protocolVersion: version,
        ...(version === 3 ? { protocolId: 'MQIsdp' } : {}),
        username: user,
        password,
        clientId: id === '' ? '' : `${id}${name}`,
        reconnectPeriod: 0,
        connectTimeout: LIMIT_MS,
        ...this.#talk.options,
        ...options,
      }),
    );
    this.#persons.push(person);
    return person;
  }

  async #come(id: string, options: IClientOptions = {}): Promise<Person> {
    const person = this.#start(id, options);
    await this.#connected(person);
    return person;
  }

  /** @returns the properties of the server's answer */
  async #connected({ client }: Person): Promise<IConnackPacket['properties']> {
    const { promise, resolve, reject } = Promise.withResolvers<IConnackPacket['properties']>();
    client.once('connect', ({ properties }) => resolve(properties));
    client.once('error', reject);
    client.once('close', () => reject(new Error('closed')));
    return await inTime('the connection', promise);
  }

  async #refused(): Promise<void> {
    const refused = await this.#come('x', { password: 'guess' }).then(
      () => undefined,
      (error: unknown) => error,
    );
    const code = refused instanceof Error && 'code' in refused ? refused.code : undefined;
    if (![4, 5, 134, 135].includes(Number(code))) throw new Error(`not refused for it: ${String(refused)}`);
  }

  async #levels(): Promise<void> {
    const [a, b] = [await this.#come('a'), await this.#come('b')];
    for (const granted of [0, 1, 2] as const) {
      const [grant] = await b.client.subscribeAsync(`${this.#topic}/q${granted}`, { qos: granted });
      same(grant?.qos, granted, 'granted QoS');
      for (const qos of [0, 1, 2] as const) {
        await inTime('the acknowledgement', a.client.publishAsync(`${this.#topic}/q${granted}`, `at ${qos}`, { qos }));
        const { packet } = await b.hears(`${this.#topic}/q${granted}`, `at ${qos}`);
        same([packet.qos, packet.retain, packet.dup], [Math.min(qos, granted), false, false], 'flags');
      }
    }
    await a.leave();
    await b.leave();
  }

  async #payloads(): Promise<void> {
    const a = await this.#come('a');
    const topic = `${this.#topic}/été 🙂/ `;
    await a.client.subscribeAsync(topic, { qos: 1 });
    for (const text of [this.#talk.difficult, '', 'long '.repeat(40_000)]) {
      await a.client.publishAsync(topic, text, { qos: 1 });
      await a.hears(topic, text);
    }
    const bytes = Uint8Array.from({ length: 256 }, (_, n) => n);
    await a.client.publishAsync(topic, Buffer.from(bytes), { qos: 2 });
    const { payload } = await a.hear();
    same([...payload], [...bytes], 'bytes');
    await a.leave();
  }

  async #wildcards(): Promise<void> {
    const a = await this.#come('a');
    await a.client.subscribeAsync([`${this.#topic}/+/temperature`, `${this.#topic}/hall/#`]);
    for (const [level, comes] of [
      ['kitchen/temperature', true],
      ['kitchen/light', false],
      ['hall', true],
      ['hall/a/b/c', true],
      ['a/b/temperature', false],
    ] as const) {
      await a.client.publishAsync(`${this.#topic}/${level}`, level, { qos: 1 });
      if (comes) await a.hears(`${this.#topic}/${level}`, level);
    }
    await a.client.unsubscribeAsync(`${this.#topic}/hall/#`);
    await a.client.publishAsync(`${this.#topic}/hall/a`, 'too late', { qos: 1 });
    await a.client.publishAsync(`${this.#topic}/x/temperature`, 'last', { qos: 1 });
    await a.hears(`${this.#topic}/x/temperature`, 'last');
    await a.leave();
  }

  async #retained(): Promise<void> {
    const [a, b] = [await this.#come('a'), await this.#come('b')];
    const topic = `${this.#topic}/state`;
    await a.client.publishAsync(topic, 'first', { qos: 1, retain: true });
    await a.client.publishAsync(topic, 'on', { qos: 1, retain: true });
    await b.client.subscribeAsync(topic, { qos: 1 });
    same((await b.hears(topic, 'on')).packet.retain, true, 'retain flag');
    await a.client.publishAsync(topic, '', { qos: 1, retain: true });
    same((await b.hears(topic, '')).packet.retain, false, 'retain flag');
    await a.client.subscribeAsync(topic, { qos: 1 });
    await a.client.publishAsync(topic, 'live', { qos: 1 });
    await a.hears(topic, 'live');
    await a.leave();
    await b.leave();
  }

  async #wills(): Promise<void> {
    const watcher = await this.#come('w');
    await watcher.client.subscribeAsync(`${this.#topic}/will/#`, { qos: 1 });
    const will = (name: string): NonNullable<IClientOptions['will']> => ({
      topic: `${this.#topic}/will/${name}`,
      payload: Buffer.from('gone'),
      qos: 1 as const,
      retain: false,
    });
    const polite = await this.#come('p', { will: will('polite') });
    await polite.leave();
    const rude = await this.#come('r', { will: will('rude') });
    await rude.vanish();
    await watcher.hears(`${this.#topic}/will/rude`, 'gone');
    await watcher.leave();
  }

  async #away(): Promise<void> {
    const topic = `${this.#topic}/letters`;
    const stays =
      this.#talk.version === 5 ? { clean: false, properties: { sessionExpiryInterval: 300 } } : { clean: false };
    const [a, b] = [await this.#come('a'), await this.#come('stay', stays)];
    await b.client.subscribeAsync(topic, { qos: 2 });
    await b.leave();
    for (let n = 0; n < 3; n++) await a.client.publishAsync(topic, `letter ${n}`, { qos: 1 });
    const again = this.#start('stay', stays);
    for (let n = 0; n < 3; n++) await again.hears(topic, `letter ${n}`);
    await again.leave();
    // Clears the session.
    await (await this.#come('stay')).leave();
    await a.leave();
  }

  async #takeover(): Promise<void> {
    const first = await this.#come('same');
    const reason = new Promise<number | undefined>((resolve) => {
      first.client.once('disconnect', ({ reasonCode }) => resolve(reasonCode));
      // The client may notice the end before it has parsed what came last.
      first.client.once('close', () => setTimeout(resolve, 500, undefined));
    });
    const second = await this.#come('same');
    same(await inTime('the end of the first', reason), this.#talk.version === 5 ? 0x8e : undefined, 'reason');
    await second.client.publishAsync(this.#topic, 'still here', { qos: 1 });
    await second.leave();
  }

  async #keepAlive(): Promise<void> {
    const a = await this.#come('a', { keepalive: 1 });
    const answered = new Promise<void>((resolve) => {
      a.client.on('packetreceive', ({ cmd }) => cmd === 'pingresp' && resolve());
    });
    await inTime('the answer to a ping', answered);
    await a.leave();
  }

  async #properties(): Promise<void> {
    const [a, b] = [await this.#come('a'), await this.#come('b')];
    await b.client.subscribeAsync(`${this.#topic}/props`, { qos: 1 });
    const properties = {
      payloadFormatIndicator: true,
      messageExpiryInterval: 600,
      contentType: 'text/plain; charset=utf-8',
      responseTopic: `${this.#topic}/answers`,
      correlationData: Buffer.from([0, 1, 2, 255]),
      userProperties: { color: ['red', 'green'], 'naïve key': '🙂' },
    };
    await a.client.publishAsync(`${this.#topic}/props`, 'with properties', { qos: 1, properties });
    const { packet } = await b.hears(`${this.#topic}/props`, 'with properties');
    const found = packet.properties ?? {};
    same(
      [
        found.payloadFormatIndicator,
        found.contentType,
        found.responseTopic,
        found.userProperties,
        [...(found.correlationData ?? [])],
      ],
      [true, properties.contentType, properties.responseTopic, properties.userProperties, [0, 1, 2, 255]],
      'properties',
    );
    const expiry = found.messageExpiryInterval ?? 0;
    if (expiry < 590 || expiry > 600) throw new Error(`expiry ${expiry}`);
    await a.leave();
    await b.leave();
  }

  async #request(): Promise<void> {
    const [asking, answering] = [await this.#come('q'), await this.#come('r')];
    await asking.client.subscribeAsync(`${this.#topic}/answer`, { qos: 1 });
    await answering.client.subscribeAsync(`${this.#topic}/question`, { qos: 1 });
    const properties = { responseTopic: `${this.#topic}/answer`, correlationData: Buffer.from('42') };
    await asking.client.publishAsync(`${this.#topic}/question`, 'time?', { qos: 1, properties });
    const { packet } = await answering.hears(`${this.#topic}/question`, 'time?');
    const { responseTopic = '', correlationData } = packet.properties ?? {};
    await answering.client.publishAsync(responseTopic, 'noon', {
      qos: 1,
      properties: correlationData === undefined ? {} : { correlationData },
    });
    const answer = await asking.hears(`${this.#topic}/answer`, 'noon');
    same(String(answer.packet.properties?.correlationData), '42', 'correlation data');
    await asking.leave();
    await answering.leave();
  }

  async #options(): Promise<void> {
    const [a, b] = [await this.#come('a'), await this.#come('b')];
    const topic = `${this.#topic}/options`;
    await a.client.publishAsync(topic, 'old', { qos: 1, retain: true });
    await b.client.subscribeAsync(topic, {
      qos: 1,
      nl: true,
      rap: true,
      rh: 2,
      properties: { subscriptionIdentifier: 268_435_455 },
    });
    await b.client.publishAsync(topic, 'own', { qos: 1 });
    await a.client.publishAsync(topic, 'new', { qos: 1, retain: true });
    const { packet } = await b.hears(topic, 'new');
    same([packet.retain, packet.properties?.subscriptionIdentifier], [true, 268_435_455], 'retain flag and identifier');
    await a.client.publishAsync(topic, '', { qos: 1, retain: true });
    await a.leave();
    await b.leave();
  }

  async #aliases(): Promise<void> {
    const a = await this.#come('a', { autoUseTopicAlias: true, properties: { topicAliasMaximum: 10 } });
    const topic = `${this.#topic}/alias`;
    await a.client.subscribeAsync(topic, { qos: 1 });
    for (const text of ['one', 'two', 'three']) {
      await a.client.publishAsync(topic, text, { qos: 1 });
      await a.hears(topic, text);
    }
    await a.leave();
  }

  async #shared(): Promise<void> {
    const [a, b, sender] = [await this.#come('a'), await this.#come('b'), await this.#come('c')];
    const seen: string[] = [];
    const all = Promise.withResolvers<void>();
    for (const { client } of [a, b]) {
      client.on('message', (_, payload) => {
        seen.push(decoder.decode(payload));
        if (seen.length === 20) all.resolve();
      });
      await client.subscribeAsync(`$share/team/${this.#topic}/work`, { qos: 1 });
    }
    const jobs = Array.from({ length: 20 }, (_, n) => `job ${n}`);
    for (const job of jobs) await sender.client.publishAsync(`${this.#topic}/work`, job, { qos: 1 });
    await inTime('all the work', all.promise);
    same(seen.toSorted(), jobs.toSorted(), 'work');
    for (const person of [a, b, sender]) await person.leave();
  }

  async #assigned(): Promise<void> {
    const person = this.#start('', { clean: true });
    const assigned = (await this.#connected(person))?.assignedClientIdentifier;
    if (assigned === undefined || assigned === '') throw new Error('no client id');
    await person.leave();
  }

  async #expiry(): Promise<void> {
    const topic = `${this.#topic}/expiry`;
    const stays = { clean: false, properties: { sessionExpiryInterval: 300 } };
    const [a, b] = [await this.#come('a'), await this.#come('late', stays)];
    await b.client.subscribeAsync(topic, { qos: 1 });
    await b.leave();
    await a.client.publishAsync(topic, 'milk', { qos: 1, properties: { messageExpiryInterval: 1 } });
    await a.client.publishAsync(topic, 'honey', { qos: 1 });
    await new Promise((resolve) => setTimeout(resolve, 2100));
    const again = this.#start('late', stays);
    await again.hears(topic, 'honey');
    await again.leave();
    await (await this.#come('late')).leave();
    await a.leave();
  }
}
