/**
 * Metrics in the Prometheus text format over a prom-client registry. What changes on a hot path is a plain number that is read when
 * somebody scrapes: counting costs one addition.
 */
import { collectDefaultMetrics, Registry, type Metric } from 'prom-client';

/** Add to `value`; it never goes down. */
export interface Counter {
  value: number;
}

export interface CounterFamily {
  /** The counter of these label values, in the order of the declared names. Keep it rather than ask on a hot path. */
  of(...values: readonly string[]): Counter;
}

export interface Histogram {
  observe(value: number): void;
}

/** Label values and a number. */
export type Sample = readonly [labels: readonly string[], value: number];

export interface MetricsOptions {
  /** Also memory, CPU, garbage collection and event loop delay of the process. */
  readonly runtime?: boolean;
}

/** Seconds: from a tenth of a millisecond to ten seconds. */
export const latencyBuckets: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** Label sets of one metric; beyond it all count as "other", so that names from the network cannot fill the memory. */
const seriesLimit = 1000;

interface Series {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly metricName?: string;
}

/** What a registry asks of a metric. */
interface Collected {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly aggregator: 'sum';
  get(): {
    readonly name: string;
    readonly help: string;
    readonly type: string;
    readonly values: readonly Series[];
    readonly aggregator: string;
  };
}

export class Metrics {
  readonly #registry = new Registry();

  constructor({ runtime = false }: MetricsOptions = {}) {
    if (runtime) collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: 20 });
  }

  /** Throws when the name is taken: a metric is declared once. Names of counters end in _total. */
  counter(name: string, help: string): Counter {
    const counter: Counter = { value: 0 };
    this.#declare(name, help, 'counter', () => [{ labels: {}, value: counter.value }]);
    return counter;
  }

  counters(name: string, help: string, labels: readonly string[]): CounterFamily {
    const family = new Family(labels);
    this.#declare(name, help, 'counter', () => family.series());
    return family;
  }

  /** A counter that its owner keeps as a plain number, read at the scrape. */
  counted(name: string, help: string, read: () => number): void {
    this.#declare(name, help, 'counter', () => [{ labels: {}, value: read() }]);
  }

  /** The same for a family of counters. */
  countedBy(name: string, help: string, labels: readonly string[], read: () => Iterable<Sample>): void {
    this.#declare(name, help, 'counter', () =>
      [...read()].slice(0, seriesLimit).map(([values, value]) => ({ labels: labelled(labels, values), value })),
    );
  }

  /** A value that is read at the scrape. */
  gauge(name: string, help: string, read: () => number): void {
    this.#declare(name, help, 'gauge', () => [{ labels: {}, value: read() }]);
  }

  gauges(name: string, help: string, labels: readonly string[], read: () => Iterable<Sample>): void {
    this.#declare(name, help, 'gauge', () =>
      [...read()].slice(0, seriesLimit).map(([values, value]) => ({ labels: labelled(labels, values), value })),
    );
  }

  /** Buckets are upper bounds, rising. */
  histogram(name: string, help: string, buckets: readonly number[] = latencyBuckets): Histogram {
    const histogram = new Buckets(buckets);
    this.#declare(name, help, 'histogram', () => histogram.series(name));
    return histogram;
  }

  /** Content type of {@link render}. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The text of a scrape. */
  render(): Promise<string> {
    return this.#registry.metrics();
  }

  #declare(name: string, help: string, type: Collected['type'], collect: () => readonly Series[]): void {
    if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new Error(`bad metric name ${name}`);
    if ((type === 'counter') !== name.endsWith('_total'))
      throw new Error(`${name}: counters, and only they, end in _total`);
    const aggregator = 'sum';
    const metric: Collected = {
      name,
      help,
      type,
      aggregator,
      get: () => ({ name, help, type, aggregator, values: collect() }),
    };
    // The registry needs name and get() only; its own classes would store every value a second time.
    this.#registry.registerMetric(metric as unknown as Metric);
  }
}

function labelled(names: readonly string[], values: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']));
}

class Family implements CounterFamily {
  readonly #labels: readonly string[];
  readonly #counters = new Map<string, { readonly values: readonly string[]; readonly counter: Counter }>();

  constructor(labels: readonly string[]) {
    this.#labels = labels;
  }

  of(...values: readonly string[]): Counter {
    const key = values.join('\u0000');
    const found = this.#counters.get(key);
    if (found !== undefined) return found.counter;
    if (this.#counters.size >= seriesLimit && values.some((value) => value !== 'other'))
      return this.of(...this.#labels.map(() => 'other'));
    const counter: Counter = { value: 0 };
    this.#counters.set(key, { values, counter });
    return counter;
  }

  series(): readonly Series[] {
    return [...this.#counters.values()].map(({ values, counter }) => ({
      labels: labelled(this.#labels, values),
      value: counter.value,
    }));
  }
}

class Buckets implements Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(bounds: readonly number[]) {
    if (bounds.some((bound, index) => index > 0 && bound <= (bounds[index - 1] ?? 0)))
      throw new Error('buckets must rise');
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    let index = 0;
    while (index < this.#bounds.length && value > (this.#bounds[index] ?? Infinity)) index++;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#sum += value;
  }

  series(name: string): readonly Series[] {
    let total = 0;
    const series: Series[] = [...this.#counts].map((count, index) => {
      total += count;
      return { labels: { le: this.#bounds[index] ?? '+Inf' }, value: total, metricName: `${name}_bucket` };
    });
    return [
      ...series,
      { labels: {}, value: this.#sum, metricName: `${name}_sum` },
      { labels: {}, value: total, metricName: `${name}_count` },
    ];
  }
}
