import assert from 'node:assert/strict';
import type { Person } from './uplink-places.ts';

/** Messages on their way at once: four ledgers together stay below what mosquitto takes of a client, which is 20. */
const WINDOW = 8;

/** What one client published and got an answer for, and what another one got of it. */
export class Ledger {
  readonly #topic: string;
  readonly #qos: 1 | 2;
  readonly #from: Person;
  readonly #to: Person;
  readonly #acknowledged: number[] = [];
  #next = 1;
  #waiting = 0;
  #goal: { readonly count: number; resolve(): void } | undefined;

  constructor(topic: string, qos: 1 | 2, from: Person, to: Person) {
    this.#topic = topic;
    this.#qos = qos;
    this.#from = from;
    this.#to = to;
  }

  /** Publishes so many more, a few at a time. Resolves when all are acknowledged. */
  async publish(more: number): Promise<void> {
    const last = this.#next + more - 1;
    const { promise, reject, resolve } = Promise.withResolvers<void>();
    const pump = (): void => {
      while (this.#waiting < WINDOW && this.#next <= last) {
        const number = this.#next++;
        this.#waiting += 1;
        this.#from.client.publish(this.#topic, String(number), { qos: this.#qos }, (error) => {
          this.#waiting -= 1;
          if (error) return reject(error);
          this.#acknowledged.push(number);
          if (this.#goal !== undefined && this.#acknowledged.length >= this.#goal.count) this.#goal.resolve();
          if (this.#waiting === 0 && this.#next > last) resolve();
          else pump();
        });
      }
    };
    pump();
    await promise;
  }

  /** Resolves when so many have been acknowledged in all. */
  async reached(count: number): Promise<void> {
    if (this.#acknowledged.length >= count) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#goal = { count, resolve };
    await promise;
  }

  /** Everything that was acknowledged has come. */
  complete(): boolean {
    const came = new Set(this.#came);
    return this.#acknowledged.every((number) => came.has(number));
  }

  get #came(): readonly number[] {
    return this.#to.all.filter(({ topic }) => topic === this.#topic).map(({ text }) => Number(text));
  }

  /** @throws Error when something is missing or, at QoS 2 and if `exactly`, came twice or in another order */
  check(exactly: boolean): void {
    const came = this.#came;
    const once = new Set(came);
    const lost = this.#acknowledged.filter((number) => !once.has(number));
    const of = `of ${this.#acknowledged.length} on ${this.#topic}`;
    assert.deepEqual(lost.slice(0, 10), [], `${lost.length} ${of} were lost`);
    if (this.#qos === 1 || !exactly) return;
    const twice = came.filter((number, at) => came.indexOf(number) !== at);
    assert.deepEqual(twice.slice(0, 10), [], `${twice.length} ${of} came twice`);
    const out = came.filter((number, at) => at > 0 && number < (came[at - 1] ?? 0));
    assert.deepEqual(out.slice(0, 10), [], `the order ${of} changed`);
  }
}
