import { setTimeout as delay } from 'node:timers/promises';
import type { MqttClient } from '#test/helpers/mqtt-client.ts';
import type { Findings } from '../ledger.ts';
import type { Random } from '../random.ts';

/** A subscriber who comes, reads what its session has kept for it and what comes then, and leaves: with DISCONNECT or without. */
export class Commuter {
  readonly client: MqttClient;
  readonly #random: Random;
  readonly #findings: Findings;
  visits = 0;

  constructor(client: MqttClient, random: Random, findings: Findings) {
    this.client = client;
    this.#random = random;
    this.#findings = findings;
  }

  /** Comes and goes until told to stop, or until the server is gone. */
  async run(stop: AbortSignal): Promise<void> {
    try {
      while (!stop.aborted) {
        await delay(this.#random.between(50, 300), undefined, { signal: stop });
        await this.come();
        await delay(this.#random.between(100, 700), undefined, { signal: stop });
        if (this.#random.next() < 0.5) this.client.drop();
        else await this.client.close();
      }
    } catch (error) {
      // The end of the load, or of the server, at any point of the way.
      if (!stop.aborted) this.#findings.add(`${this.client.options.clientId} cannot come: ${String(error)}`);
    }
  }

  async come(): Promise<void> {
    if (!(await this.client.connect())) this.#findings.add(`${this.client.options.clientId}: the session is gone`);
    this.visits += 1;
  }
}
