import { Buffer } from 'node:buffer';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '#tools/bench/mqtt/client.ts';
import type { PublishTemplate } from '#tools/bench/mqtt/packet.ts';
import type { Phase } from '#tools/bench/phase.ts';
import type { Result } from '#tools/bench/result.ts';

const DRAIN_MS = 20_000;
// Messages of one flow may overtake each other on their way to several receivers, by far less than this.
const RING = 4096;

let scratch = Buffer.allocUnsafe(1 << 16);

/** Makes the publish of a sequence number: a template of the right topic. */
export type Publication = (sequence: number) => PublishTemplate;

/** One publisher in a closed loop: it keeps `window` messages on their way. */
export class Flow {
  readonly #client: Client;
  readonly #sender: number;
  readonly #window: number;
  readonly #publication: Publication;
  readonly #sentAt = new Float64Array(RING);
  readonly #drained = Promise.withResolvers<void>();
  #sent = 0;
  #arrived = 0;
  #due = 0;
  #running = true;

  constructor(client: Client, sender: number, window: number, publication: Publication) {
    this.#client = client;
    this.#sender = sender;
    this.#window = window;
    this.#publication = publication;
  }

  start(): void {
    this.#due = this.#window;
    this.flush();
  }

  sentAt(sequence: number): number {
    return this.#sentAt[sequence % RING] ?? 0;
  }

  /** A message has come to its end: another may follow at the next `flush`. */
  arrived(): void {
    this.#arrived++;
    this.#due++;
    if (!this.#running && this.#arrived === this.#sent) this.#drained.resolve();
  }

  /** Sends what is due, in one write. */
  flush(): void {
    if (this.#due === 0 || !this.#running) return;
    const now = performance.now();
    let offset = 0;
    for (; this.#due > 0; this.#due--) {
      const template = this.#publication(this.#sent);
      if (offset + template.length > scratch.length) scratch = Buffer.concat([scratch, scratch]);
      offset = template.write(scratch, offset, this.#sender, this.#sent);
      this.#sentAt[this.#sent++ % RING] = now;
    }
    this.#client.write(scratch.subarray(0, offset));
  }

  /** Sends no more; settles when all that was sent has arrived. @throws Error that tells what is missing */
  async drain(): Promise<void> {
    this.#running = false;
    if (this.#arrived === this.#sent) return;
    const late = delay(DRAIN_MS, undefined, { ref: false }).then(() => {
      throw new Error(`${this.#sent - this.#arrived} of ${this.#sent} messages were lost`);
    });
    await Promise.race([this.#drained.promise, late]);
  }
}

/** Checks that the messages of one sender come to a receiver in order, none twice. */
export class Order {
  #next = 0;

  see(sequence: number): void {
    if (sequence !== this.#next++) throw new Error(`expected message ${this.#next - 1}, got ${sequence}`);
  }
}

export interface Timing {
  /** Seconds. */
  readonly warmup: number;
  readonly seconds: number;
}

/** Runs flows for their time and lets them end; a connection that fails ends the run. */
export async function runFlows(
  flows: readonly Flow[],
  clients: readonly Client[],
  phase: Phase,
  { warmup, seconds }: Timing,
): Promise<Result> {
  const work = async (): Promise<Result> => {
    for (const flow of flows) flow.start();
    await delay(warmup * 1000);
    phase.begin();
    await delay(seconds * 1000);
    const result = phase.finish();
    await Promise.all(flows.map((flow) => flow.drain()));
    return result;
  };
  return await Promise.race([work(), ...clients.map((client) => client.failed)]);
}
