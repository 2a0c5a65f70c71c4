import type { MqttClientOptions } from '#test/helpers/mqtt-client-options.ts';
import type { MqttClient } from '#test/helpers/mqtt-client.ts';
import type { Findings } from '../ledger.ts';
import type { Random } from '../random.ts';

const FILTERS = 12;
/** Changes on their way at the same time. */
const WINDOW = 4;
/** MQTT 5 section 3.4.2.1: nobody has subscribed to the topic. */
const NO_MATCHING_SUBSCRIBERS = 0x10;

interface Change {
  readonly filter: string;
  readonly subscribed: boolean;
}

type Make = (clientId: string, n: number, own: Partial<MqttClientOptions>) => MqttClient;

/** A client that subscribes and unsubscribes all the time; SUBACK and UNSUBACK are the server's word for it. */
export class Fickle {
  readonly client: MqttClient;
  readonly #make: Make;
  readonly #random: Random;
  readonly #findings: Findings;
  /** What the server has acknowledged. */
  readonly #acknowledged = new Set<string>();
  /** Changes without an answer, oldest first. */
  #pending: Change[] = [];
  /** Probes that the server took for this client. */
  readonly #expected = new Set<string>();
  #probes = 0;
  changes = 0;

  constructor(make: Make, random: Random, findings: Findings) {
    this.#make = make;
    this.#random = random;
    this.#findings = findings;
    this.client = make('fickle', 1, { onMessage: ({ payload }) => void this.#expected.delete(String(payload)) });
  }

  /** Probes that have not come. */
  get outstanding(): readonly string[] {
    return [...this.#expected];
  }

  change(): void {
    if (!this.client.up || this.#pending.length >= WINDOW) return;
    const filter = `fickle/${Math.floor(this.#random.next() * FILTERS)}/+`;
    const before = this.#pending.findLast((one) => one.filter === filter)?.subscribed ?? this.#acknowledged.has(filter);
    const change: Change = { filter, subscribed: !before };
    this.#pending.push(change);
    this.changes += 1;
    void this.#request(change);
  }

  async #request(change: Change): Promise<void> {
    const { filter, subscribed } = change;
    try {
      await (subscribed ? this.client.subscribe(filter, 1) : this.client.unsubscribe(filter));
    } catch {
      // Nobody knows now: the next check tells.
      return;
    }
    this.#pending = this.#pending.filter((one) => one !== change);
    this.#note(change);
  }

  #note({ filter, subscribed }: Change): void {
    if (subscribed) this.#acknowledged.add(filter);
    else this.#acknowledged.delete(filter);
  }

  /** Publishes to each filter: MQTT 5 tells a publisher whether anybody has subscribed. The client is not connected meanwhile, or idle. */
  async check(when: string): Promise<void> {
    const prober = this.#make('prober', 0, { durable: false });
    await prober.connect();
    const probe = async (filter: string): Promise<void> => {
      const token = `probe ${(this.#probes += 1)}`;
      // It may arrive before the acknowledgement does.
      this.#expected.add(token);
      const reason = await new Promise<number>((resolve) => {
        prober.publish(filter.replace('+', 'probe'), token, 1, false, resolve);
      });
      const stands = reason !== NO_MATCHING_SUBSCRIBERS;
      if (!stands) this.#expected.delete(token);
      const later = this.#pending.filter((change) => change.filter === filter).map(({ subscribed }) => subscribed);
      if (![this.#acknowledged.has(filter), ...later].includes(stands)) {
        this.#findings.add(`fickle, ${when}: the subscription to ${filter} ${stands ? 'is back' : 'is gone'}`);
      }
      this.#note({ filter, subscribed: stands });
    };
    for (let n = 0; n < FILTERS; n++) await probe(`fickle/${n}/+`);
    this.#pending = [];
    await prober.close();
  }
}
