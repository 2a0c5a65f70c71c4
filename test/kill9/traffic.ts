import { setTimeout as delay } from 'node:timers/promises';
import type { SmClient } from '#test/helpers/sm-client.ts';
import { bodyOf, type Findings } from './ledger.ts';
import type { Options } from './options.ts';
import type { Line, Population, StreamKind } from './population.ts';
import type { Random } from './random.ts';

const TICK = 10;
/** Of 100 messages. */
const SHARES: readonly (readonly [StreamKind, number])[] = [
  ['online', 60],
  ['offline', 25],
  ['commuter', 8],
  ['plain', 7],
];
/** Changes of rosters for each message. */
const EDITS = 0.02;

/** The load: messages of all kinds at a rate, roster changes beside them, connections that break. */
export class Traffic {
  readonly #population: Population;
  readonly #options: Options;
  readonly #random: Random;
  readonly #findings: Findings;
  readonly #kinds: readonly StreamKind[];
  readonly #stop = new AbortController();
  readonly #tasks = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #started = 0;
  #made = 0;
  #dropped = 0;

  constructor(population: Population, options: Options, random: Random, findings: Findings) {
    this.#population = population;
    this.#options = options;
    this.#random = random;
    this.#findings = findings;
    this.#kinds = SHARES.flatMap(([kind, share]) =>
      population.lines[kind].length === 0 ? [] : Array.from({ length: share }, () => kind),
    );
  }

  start(): void {
    this.#started = performance.now();
    this.#timer = setInterval(() => this.#tick(), TICK);
    for (const commuter of this.#population.commuters) this.#own(commuter.run(this.#stop.signal));
    this.#own(this.#latecomer());
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
    const seconds = (performance.now() - this.#started) / 1000;
    // After a pause of this process, no more than a quarter of a second's load at once.
    const due = Math.min(Math.floor(seconds * this.#options.rate) - this.#made, this.#options.rate / 4);
    this.#made = Math.floor(seconds * this.#options.rate);
    for (let n = 0; n < due; n++) this.#message();
    const drops = Math.floor(seconds * this.#options.drops);
    for (; this.#dropped < drops; this.#dropped++) this.#own(this.#drop(this.#random.pick(this.#population.managed)));
  }

  #message(): void {
    const line = this.#random.pick(this.#population.lines[this.#random.pick(this.#kinds)]);
    send(line);
    // Now and then in the midst of things; the client asks only when there is something to ask for.
    if (this.#random.next() < 0.15) line.sender.ask();
    if (this.#population.editors.length > 0 && this.#random.next() < EDITS) {
      const editor = this.#random.pick(this.#population.editors);
      editor.edit();
      if (this.#random.next() < 0.5) editor.client.ask();
    }
  }

  /** Breaks a connection, which the client restores at once. */
  async #drop(client: SmClient): Promise<void> {
    if (!client.up) return;
    client.drop();
    try {
      const result = await client.connect();
      if (result !== 'resumed')
        this.#findings.add(`${client.full}: the session was not resumed after a broken connection`);
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#findings.add(`${client.full} cannot connect again: ${String(error)}`);
    }
  }

  /** Somebody with a store full of messages logs in while more are coming. */
  async #latecomer(): Promise<void> {
    const client = this.#population.latecomer;
    if (client === undefined) return;
    try {
      await delay(this.#random.between(0, this.#options.load * 700), undefined, { signal: this.#stop.signal });
      await client.connect();
      this.#population.arrived.add(client);
    } catch (error) {
      // With an id it has a session, which is to be resumed as any other.
      if (client.resumable) this.#population.arrived.add(client);
      if (!this.#stop.signal.aborted) this.#findings.add(`${client.full} cannot come: ${String(error)}`);
    }
  }

  #own(task: Promise<void>): void {
    this.#tasks.add(task);
    void task.finally(() => this.#tasks.delete(task));
  }
}

/** Sends the next message of a line; under stream management also between two connections, without only when there is one. */
function send({ sender, stream }: Line): void {
  if (!sender.up && !sender.resumable) return;
  stream.sent += 1;
  const { escaped } = bodyOf(stream.id, stream.sent);
  sender.send(
    `<message type='chat' to='${stream.to}' id='${stream.id}-${stream.sent}'><body>${escaped}</body></message>`,
  );
}
