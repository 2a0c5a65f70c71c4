import { Meter } from '#tools/bench/meter.ts';
import type { Endpoint, Result } from '#tools/bench/result.ts';
import { Samples } from '#tools/bench/stats.ts';

/** Counts operations between `begin` and `pause` or `finish`; before and after, `record` counts nothing. */
export class Phase {
  readonly #meter: Meter | undefined;
  readonly #latency = new Samples();
  #operations = 0;
  #measuring = false;
  #start = { time: 0, server: 0, own: 0 };
  readonly #total = { time: 0, server: 0, own: 0 };

  constructor(endpoint: Endpoint) {
    this.#meter = endpoint.pid === undefined ? undefined : new Meter(endpoint.pid);
  }

  begin(): void {
    this.#start = this.#now();
    this.#measuring = true;
  }

  /** One operation is done: it began at `from` and ended at `to` (performance.now()). */
  record(from: number, to: number): void {
    if (!this.#measuring) return;
    this.#operations++;
    this.#latency.add(to - from);
  }

  /** Stops counting until the next `begin`, which adds to what there is. */
  pause(): void {
    if (!this.#measuring) return;
    const end = this.#now();
    this.#measuring = false;
    this.#total.time += end.time - this.#start.time;
    this.#total.server += end.server - this.#start.server;
    this.#total.own += end.own - this.#start.own;
  }

  /** Milliseconds counted before the last `pause`. */
  get milliseconds(): number {
    return this.#total.time;
  }

  finish(): Result {
    this.pause();
    const operations = this.#operations;
    const { time, server, own } = this.#total;
    return {
      operations,
      perSecond: (operations * 1000) / time,
      serverCpu: this.#meter && server / operations,
      generatorCpu: own / operations,
      generatorShare: own / (time * 1000),
      p50: this.#latency.quantile(0.5),
      p99: this.#latency.quantile(0.99),
    };
  }

  #now(): { time: number; server: number; own: number } {
    const { user, system } = process.cpuUsage();
    return { time: performance.now(), server: this.#meter?.cpu() ?? 0, own: user + system };
  }
}

/** Runs fn over 0 … count-1, at most `parallel` at a time; results in order. */
export async function overAll<T>(count: number, parallel: number, fn: (n: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const n = next++;
      results[n] = await fn(n);
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, count) }, worker));
  return results;
}
