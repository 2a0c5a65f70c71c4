import type { End, Kind } from '#test/helpers/roads/end.ts';
import { makeEnd } from '#test/helpers/roads/ends.ts';
import { Samples } from '#tools/bench/stats.ts';

export interface Direction {
  readonly from: Kind;
  readonly to: Kind;
  readonly ports: Readonly<Record<Kind, number>>;
  readonly domain: string;
  readonly messages: number;
  readonly pairs: number;
  readonly window: number;
  readonly pings: number;
  readonly userOf: (kind: Kind, role: 'sends' | 'gets', pair: number) => string;
}

export interface Figures {
  /** Milliseconds from end to end. */
  readonly p50: number;
  readonly p99: number;
  readonly perSecond: number;
  /** Microseconds of the server for one message. */
  readonly cpu: number;
}

/** Milliseconds without any message after which a run has failed. */
const PATIENCE = 20_000;

class Pair {
  readonly sender: End;
  readonly receiver: End;
  readonly #to: string;
  got = 0;
  sent = 0;
  onGot: (text: string) => void = () => undefined;

  constructor({ domain, from, ports, to, userOf }: Direction, pair: number) {
    const common = { password: 'secret', domain, ports, durable: false };
    const receiver = userOf(to, 'gets', pair);
    this.#to = `${receiver}@${domain}`;
    this.sender = makeEnd(from, { ...common, user: userOf(from, 'sends', pair), onText: () => undefined });
    this.receiver = makeEnd(to, {
      ...common,
      user: receiver,
      onText: (text) => {
        this.got += 1;
        this.onGot(text);
      },
    });
  }

  async connect(): Promise<void> {
    await this.receiver.connect();
    await this.sender.connect();
  }

  send(text: string): void {
    this.sent += 1;
    this.sender.send(this.#to, text, () => undefined);
  }

  async close(): Promise<void> {
    await this.sender.close();
    await this.receiver.close();
  }
}

/** @param cpu of the server so far, in microseconds */
export async function measureDirection(direction: Direction, cpu: () => number): Promise<Figures> {
  const pairs = Array.from({ length: direction.pairs }, (_, n) => new Pair(direction, n));
  try {
    for (const pair of pairs) await pair.connect();
    await flood(pairs, Math.ceil(direction.messages / 5), direction.window);
    const samples = await pings(pairs[0], direction.pings);
    const before = cpu();
    const began = performance.now();
    await flood(pairs, direction.messages, direction.window);
    const seconds = (performance.now() - began) / 1000;
    return {
      p50: samples.quantile(0.5),
      p99: samples.quantile(0.99),
      perSecond: direction.messages / seconds,
      cpu: (cpu() - before) / direction.messages,
    };
  } finally {
    for (const pair of pairs) await pair.close();
  }
}

/** Text of the length of a spoken sentence. */
const TEXT = 'It was the nightingale, and not the lark, that pierced the fearful hollow of thine ear.';

/** Each pair keeps its window full until all messages have arrived. */
async function flood(pairs: readonly Pair[], messages: number, window: number): Promise<void> {
  const done = Promise.withResolvers<void>();
  let left = messages;
  let arrived = 0;
  let heard = performance.now();
  const watch = setInterval(() => {
    if (performance.now() - heard > PATIENCE)
      done.reject(new Error(`${messages - arrived} of ${messages} messages did not arrive`));
  }, 1000);
  for (const pair of pairs) {
    const next = (): void => {
      if (left <= 0) return;
      left -= 1;
      pair.send(TEXT);
    };
    pair.onGot = () => {
      arrived += 1;
      heard = performance.now();
      if (arrived === messages) done.resolve();
      else next();
    };
    for (let n = 0; n < window; n++) next();
  }
  try {
    await done.promise;
  } finally {
    clearInterval(watch);
  }
}

async function pings(pair: Pair | undefined, count: number): Promise<Samples> {
  const samples = new Samples();
  for (let n = 0; n < count && pair !== undefined; n++) {
    const arrived = Promise.withResolvers<void>();
    pair.onGot = () => arrived.resolve();
    const began = performance.now();
    pair.send(TEXT);
    await arrived.promise;
    samples.add(performance.now() - began);
  }
  return samples;
}
