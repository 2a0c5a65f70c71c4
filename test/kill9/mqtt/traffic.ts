import type { MqttClient } from '#test/helpers/mqtt-client.ts';
import type { Findings } from '../ledger.ts';
import type { Options } from '../options.ts';
import type { Random } from '../random.ts';
import type { Population, Publisher } from './population.ts';
import { payloadOf, RetainedTopic, type Topic } from './topic.ts';

const TICK = 10;
/** Of all publications; the others go to the topics that sessions have subscribed to. */
const SHARED = 0.1;
const RETAINED = 0.12;
/** Changes of subscriptions for each publication. */
const CHANGES = 0.03;
/** Of all publications: those that follow an acknowledgement at once, so that they do not all come at the beat of the clock. */
const CHAINED = 0.5;
/** How many more connections break in hard times. */
const HARD = 20;
/** Of all connections, those that break at once. */
const SHAKEN = 0.5;

/** The load: publications at a rate, subscriptions that change beside them, connections that break, clients that come and go. */
export class Traffic {
  readonly #population: Population;
  readonly #options: Options;
  /** Each second. */
  readonly #drops: number;
  readonly #random: Random;
  readonly #findings: Findings;
  readonly #stop = new AbortController();
  readonly #tasks = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #started = 0;
  #made = 0;
  #dropped = 0;

  /** @param hard so that connections break often */
  constructor(population: Population, options: Options, random: Random, findings: Findings, hard: boolean) {
    this.#population = population;
    this.#options = options;
    this.#drops = options.drops * (hard ? HARD : 1);
    this.#random = random;
    this.#findings = findings;
  }

  start(): void {
    this.#started = performance.now();
    this.#timer = setInterval(() => this.#tick(), TICK);
    for (const commuter of this.#population.commuters) this.#own(commuter.run(this.#stop.signal));
  }

  /** Nothing new is sent; what is under way goes on. */
  stop(): void {
    clearInterval(this.#timer);
    this.#stop.abort();
  }

  /** All that was under way has come to its end, as it does when the server is gone. */
  async ended(): Promise<void> {
    await Promise.all(this.#tasks);
  }

  #tick(): void {
    const { rate } = this.#options;
    const seconds = (performance.now() - this.#started) / 1000;
    // After a pause of this process, no more than a quarter of a second's load at once.
    const beaten = rate * (1 - CHAINED);
    const due = Math.min(Math.floor(seconds * beaten) - this.#made, beaten / 4);
    this.#made = Math.floor(seconds * beaten);
    for (let n = 0; n < due; n++) this.#publish(this.#random.pick(this.#population.publishers));
    for (; this.#dropped < Math.floor(seconds * this.#drops); this.#dropped++) {
      this.#own(this.#drop(this.#random.pick(this.#population.constant)));
    }
  }

  #publish(publisher: Publisher): void {
    const { client, retained, shared, topics } = publisher;
    if (this.#random.next() < CHANGES) this.#population.fickle.change();
    if (!client.hasRoom) return;
    const draw = this.#random.next();
    const topic: Topic = this.#random.pick(draw < SHARED ? shared : draw < SHARED + RETAINED ? retained : topics);
    const n = topic.next();
    const payload = topic instanceof RetainedTopic ? topic.payload(n) : payloadOf(topic.name, n);
    client.publish(topic.name, payload, topic.qos, topic.retain, (reason) => {
      this.#acknowledged(topic, n, reason);
      if (!this.#stop.signal.aborted && this.#random.next() < CHAINED) this.#publish(publisher);
    });
  }

  #acknowledged(topic: Topic, n: number, reason: number): void {
    if (n < topic.acknowledged) this.#findings.add(`${topic.name}#${n} is acknowledged after ${topic.acknowledged}`);
    topic.acknowledged = n;
    // Nobody has subscribed to the retained ones; the others have subscribers, and the server has to know them.
    if (reason !== 0 && !topic.retain) this.#findings.add(`${topic.name}#${n}: the reason is ${reason}`);
    if (reason >= 0x80) this.#findings.add(`${topic.name}#${n} is refused: ${reason}`);
  }

  /** Breaks many connections at once. */
  shake(): void {
    for (const client of this.#population.constant) if (this.#random.next() < SHAKEN) this.#own(this.#drop(client));
  }

  /** Breaks a connection, which the client restores at once. */
  async #drop(client: MqttClient): Promise<void> {
    if (!client.up) return;
    client.drop();
    const { clientId } = client.options;
    try {
      if (!(await client.connect())) this.#findings.add(`${clientId}: the session is gone after a broken connection`);
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#findings.add(`${clientId} cannot connect again: ${String(error)}`);
    }
  }

  #own(task: Promise<void>): void {
    this.#tasks.add(task);
    void task.finally(() => this.#tasks.delete(task));
  }
}
