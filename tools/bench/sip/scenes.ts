import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Meter } from '#tools/bench/meter.ts';
import { freePort } from '#tools/bench/peers/peer.ts';
import type { Result } from '#tools/bench/result.ts';
import type { ManagedServer } from '#tools/bench/server.ts';
import { type Done, Sipp } from '#tools/bench/sip/sipp.ts';
import { Samples } from '#tools/bench/stats.ts';
import { account } from '#tools/bench/xmpp/client.ts';

export const SCENES = ['register', 'message', 'call'] as const;
export type Scene = (typeof SCENES)[number];

export interface SipPlan {
  readonly scenes: readonly Scene[];
  /** Accounts that call, one after the other. */
  readonly callers: number;
  /** Operations at once. */
  readonly window: number;
  /** Operations of a run, by scene. */
  readonly operations: Readonly<Record<Scene, number>>;
  readonly rounds: number;
}

/** Milliseconds for what a server has put off: repeated responses, records of what is over. */
const PAUSE = 500;
/** So many times the operations that are measured go before them: servers run for months. */
const WARMUP = 1;
/** Phones that are called, each by a sipp of its own, since one answers all challenges for the same URI. */
const PHONES = 8;

/** sipp answers challenges where this is written. */
const lineOf = ({ password, user }: ReturnType<typeof account>): string =>
  `${user};[authentication username=${user} password=${password}]`;

interface Load {
  readonly scenario: string;
  readonly fields: string;
  /** Digest-uri of its credentials, without scheme. */
  readonly uri: string;
}

interface Played extends Done {
  readonly sipp: Sipp;
}

export interface SipResult extends Result {
  /** Operations that did not go as they should. */
  readonly failed: number;
}

/** What calls one server: files and processes. */
export class Stage {
  readonly #server: ManagedServer;
  readonly #plan: SipPlan;
  readonly #directory: string;
  #phonePort: number | undefined;

  constructor(server: ManagedServer, plan: SipPlan, work: string) {
    this.#server = server;
    this.#plan = plan;
    this.#directory = join(work, `sipp-${server.name}`);
    mkdirSync(this.#directory);
  }

  /** How many accounts `run` needs. */
  static accounts({ callers }: SipPlan): number {
    return callers + PHONES;
  }

  /** One run: phones register and wait where the scene has some; then the operations are made and measured. */
  async run(scene: Scene): Promise<SipResult> {
    const { callers } = this.#plan;
    const { domain } = this.#server.endpoint('tls');
    const everybody = Array.from({ length: callers }, (_, n) => lineOf(account(n)));
    if (scene === 'register') {
      return await this.#measured(
        [{ scenario: scene, fields: this.#fields('callers', everybody), uri: domain }],
        scene,
      );
    }
    const phones = Array.from({ length: PHONES }, (_, n) => account(callers + n));
    // The same phones every time: those of the last run would be there no more, and get what is sent to their accounts nevertheless.
    const port = (this.#phonePort ??= await freePort());
    const fields = this.#fields('phones', phones.map(lineOf));
    await this.#play({ scenario: 'register', fields, uri: domain }, port, PHONES, PHONES);
    const waiting = new Sipp({ scenario: `${scene}-phone`, port, ...this.#place }, this.#directory);
    try {
      await waiting.running();
      const loads = phones.map(({ user }, n): Load => {
        const lines = everybody.filter((_, caller) => caller % PHONES === n).map((line) => `${line};${user}`);
        return { scenario: scene, fields: this.#fields(`callers-${n}`, lines), uri: `${user}@${domain}` };
      });
      return await this.#measured(loads, scene);
    } finally {
      await waiting.stop();
    }
  }

  async #measured(loads: readonly Load[], scene: Scene): Promise<SipResult> {
    const each = Math.ceil(this.#plan.operations[scene] / loads.length);
    const window = Math.ceil(this.#plan.window / loads.length);
    const ports: number[] = [];
    for (let n = 0; n < loads.length; n++) ports.push(await freePort());
    const playAll = async (calls: number): Promise<readonly Played[]> =>
      await Promise.all(loads.map((load, n) => this.#play(load, ports[n] ?? 0, calls, window)));
    await playAll(Math.ceil(each * WARMUP));
    const { pid } = this.#server.endpoint('plain');
    const meter = pid === undefined ? undefined : new Meter(pid);
    await delay(PAUSE);
    const [before, start] = [meter?.cpu() ?? 0, performance.now()];
    const done = await playAll(each);
    const seconds = (performance.now() - start) / 1000;
    await delay(PAUSE);
    const operations = done.reduce((sum, { succeeded }) => sum + succeeded, 0);
    const latency = new Samples();
    for (const { sipp } of done) for (const milliseconds of sipp.latency()) latency.add(milliseconds);
    return {
      operations,
      failed: done.reduce((sum, { failed }) => sum + failed, 0),
      perSecond: operations / seconds,
      serverCpu: meter && (meter.cpu() - before) / operations,
      p50: latency.quantile(0.5),
      p99: latency.quantile(0.99),
    };
  }

  async #play({ fields, scenario, uri }: Load, port: number, calls: number, window: number): Promise<Played> {
    const sipp = new Sipp({ scenario, fields, uri, port, calls, window, ...this.#place }, this.#directory);
    return { sipp, ...(await sipp.done()) };
  }

  get #place(): { readonly server: number; readonly domain: string } {
    const { domain, port } = this.#server.endpoint('tls');
    return { server: port, domain };
  }

  #fields(name: string, lines: readonly string[]): string {
    const path = join(this.#directory, `${name}.csv`);
    writeFileSync(path, `SEQUENTIAL\n${lines.map((line) => `${line};\n`).join('')}`);
    return path;
  }
}
