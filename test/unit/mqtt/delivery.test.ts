/** Any course of events: what was acknowledged arrives, QoS 2 once, in order; whatever breaks in between. */
import test from 'ava';
import fc from 'fast-check';
import { reasonCodes } from '#protocols/mqtt/packet/reason-codes.ts';
import type { QoS } from '#protocols/mqtt/packet/types.ts';
import { type TestClient, TestMqtt } from './fixture.ts';

const FOR_EVER = 0xffffffff;
const { success } = reasonCodes;
const durable = (clientId: string) => ({ clientId, cleanStart: false, sessionExpiry: FOR_EVER });

interface Sent {
  readonly text: string;
  readonly qos: 1 | 2;
  readonly packetId: number;
  state: 'sent' | 'received' | 'done';
}

/** A publisher by the book: sends again what was not acknowledged. */
class Publisher {
  readonly sent: Sent[] = [];
  #link: TestClient | undefined;

  constructor(link: TestClient) {
    this.reconnect(link);
  }

  reconnect(link: TestClient): void {
    this.#link = link;
    this.listen();
    for (const one of this.sent) {
      if (one.state === 'sent') this.#publish(one, true);
      if (one.state === 'received') this.#release(one);
    }
  }

  publish(qos: 1 | 2): void {
    const used = new Set(this.sent.filter(({ state }) => state !== 'done').map(({ packetId }) => packetId));
    let packetId = 1;
    // Identifiers are used again as soon as they are free, as small clients do.
    while (used.has(packetId)) packetId += 1;
    const one: Sent = { text: `${qos}:${this.sent.length + 1}`, qos, packetId, state: 'sent' };
    this.sent.push(one);
    this.#publish(one, false);
  }

  #publish({ packetId, qos, text }: Sent, dup: boolean): void {
    const payload = Buffer.from(text);
    this.#link?.say({ type: 'publish', topic: `t/${qos}`, payload, qos, retain: false, dup, packetId, properties: {} });
  }

  #release({ packetId }: Sent): void {
    this.#link?.say({ type: 'pubrel', packetId, reason: success });
  }

  listen(): void {
    for (const packet of this.#link?.take() ?? []) {
      const one = this.sent.find(({ packetId, state }) => packetId === packet.messageId && state !== 'done');
      if (one === undefined) continue;
      if (packet.cmd === 'puback' || packet.cmd === 'pubcomp') one.state = 'done';
      if (packet.cmd === 'pubrec' && one.state === 'sent') {
        one.state = 'received';
        this.#release(one);
      }
    }
  }

  break(): void {
    this.#link?.break();
    this.#link = undefined;
  }
}

/** A subscriber by the book. */
class Subscriber {
  readonly got: string[] = [];
  readonly #open = new Set<number>();
  #link: TestClient | undefined;

  constructor(link: TestClient) {
    this.#link = link;
    const subscription = {
      filter: 't/#',
      qos: 2 as QoS,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0 as const,
    };
    link.say({ type: 'subscribe', packetId: 1, subscriptions: [subscription], userProperties: [] });
  }

  reconnect(link: TestClient): void {
    this.#link = link;
  }

  /** Reads so many packets. */
  listen(most: number): void {
    for (let count = 0; count < most; count++) {
      const packet = this.#link?.next();
      if (packet === undefined) return;
      if (packet.cmd === 'publish') this.#received(String(packet.payload), packet.qos, packet.messageId ?? 0);
      if (packet.cmd === 'pubrel' && packet.messageId !== undefined) {
        this.#open.delete(packet.messageId);
        this.#link?.say({ type: 'pubcomp', packetId: packet.messageId, reason: success });
      }
    }
  }

  #received(text: string, qos: QoS, packetId: number): void {
    if (qos === 1) {
      this.got.push(text);
      this.#link?.say({ type: 'puback', packetId, reason: success });
      return;
    }
    if (!this.#open.has(packetId)) this.got.push(text);
    this.#open.add(packetId);
    this.#link?.say({ type: 'pubrec', packetId, reason: success });
  }

  break(): void {
    this.#link?.break();
    this.#link = undefined;
  }
}

type Step =
  | 'publish1'
  | 'publish2'
  | 'read'
  | 'readAll'
  | 'commit'
  | 'breakPublisher'
  | 'breakSubscriber'
  | 'away'
  | 'crash';
const step = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<Step>('publish1', 'publish2') },
  { weight: 5, arbitrary: fc.constantFrom<Step>('read', 'readAll') },
  { weight: 4, arbitrary: fc.constant<Step>('commit') },
  { weight: 1, arbitrary: fc.constantFrom<Step>('breakPublisher', 'breakSubscriber', 'away') },
  { weight: 1, arbitrary: fc.constant<Step>('crash') },
);

class Course implements AsyncDisposable {
  #mqtt: TestMqtt;
  readonly publisher: Publisher;
  readonly subscriber: Subscriber;

  static async begin(): Promise<Course> {
    const mqtt = await TestMqtt.open({ settings: SETTINGS });
    const course = new Course(mqtt);
    await mqtt.committed();
    return course;
  }

  private constructor(mqtt: TestMqtt) {
    this.#mqtt = mqtt;
    this.subscriber = new Subscriber(mqtt.connect(durable('s')));
    this.publisher = new Publisher(mqtt.connect(durable('p')));
  }

  async take(what: Step): Promise<void> {
    const { publisher, subscriber } = this;
    switch (what) {
      case 'publish1':
        return publisher.publish(1);
      case 'publish2':
        return publisher.publish(2);
      case 'read':
        publisher.listen();
        return subscriber.listen(1);
      case 'readAll':
        publisher.listen();
        return subscriber.listen(1000);
      case 'commit':
        return this.#mqtt.committed();
      case 'breakPublisher':
        publisher.break();
        return publisher.reconnect(this.#mqtt.connect(durable('p')));
      case 'breakSubscriber':
        subscriber.break();
        return subscriber.reconnect(this.#mqtt.connect(durable('s')));
      case 'away':
        return subscriber.break();
      case 'crash':
        return this.crash();
    }
  }

  async crash(): Promise<void> {
    this.#mqtt = await TestMqtt.open({ settings: SETTINGS, data: this.#mqtt.crash() });
    this.subscriber.reconnect(this.#mqtt.connect(durable('s')));
    this.publisher.reconnect(this.#mqtt.connect(durable('p')));
  }

  /** Everybody is connected and reads, until nothing is left to do. */
  async finish(): Promise<void> {
    await this.take('breakSubscriber');
    for (let quiet = 0; quiet < 3;) {
      const before = this.subscriber.got.length;
      await this.take('readAll');
      await this.#mqtt.committed();
      quiet = this.subscriber.got.length === before ? quiet + 1 : 0;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#mqtt[Symbol.asyncDispose]();
  }
}

const SETTINGS = '{ anonymous: [test], max_in_flight: 3 }';

/** The numbers of one QoS, each where it came first. */
function firstOf(got: readonly string[], qos: 1 | 2): readonly number[] {
  const numbers = got.filter((text) => text.startsWith(`${qos}:`)).map((text) => Number(text.slice(2)));
  return [...new Set(numbers)];
}

test('messages through breaks and crashes', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      await using course = await Course.begin();
      for (const each of steps) await course.take(each);
      await course.finish();
      const { publisher, subscriber } = course;
      for (const { state, text } of publisher.sent) {
        t.is(state, 'done', `${text} is acknowledged in the end`);
        t.true(subscriber.got.includes(text), `${text} has arrived`);
      }
      const twice = subscriber.got.filter((text) => text.startsWith('2:'));
      t.is(new Set(twice).size, twice.length, 'QoS 2 arrives once');
      for (const qos of [1, 2] as const) {
        const order = firstOf(subscriber.got, qos);
        t.deepEqual(
          order,
          order.toSorted((a, b) => a - b),
          `QoS ${qos} in order`,
        );
      }
    }),
    { numRuns: 400, examples: [[['publish2', 'commit', 'readAll', 'readAll', 'publish2', 'crash']]] },
  );
});
