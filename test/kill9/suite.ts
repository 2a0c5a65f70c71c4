import type { ChildProcess } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { SmClient } from '#test/helpers/sm-client.ts';
import type { Place } from '#tools/bench/peers/peer.ts';
import { drain, nothingLeft, readOffline } from './aftermath.ts';
import { Findings } from './ledger.ts';
import type { Options } from './options.ts';
import { Population } from './population.ts';
import { Random } from './random.ts';
import { Report } from './report.ts';
import { end, type Victim } from './server.ts';
import { Traffic } from './traffic.ts';

/** How the sessions of a round came back. `interrupted`: the server was killed before it answered. */
interface Return {
  resumed: number;
  failed: number;
  interrupted: number;
}

/** One run: rounds of load and kill, then the reckoning. */
export class Suite {
  readonly #options: Options;
  readonly #victim: Victim;
  readonly #place: Place;
  readonly #random: Random;
  readonly #findings: Findings;
  readonly #population: Population;
  readonly #print: (line: string) => void;
  #server: ChildProcess | undefined;
  #traffic: Traffic | undefined;
  /** Reconnections under way. */
  #returning: Promise<unknown> = Promise.resolve();
  readonly report: Report;

  constructor(options: Options, victim: Victim, place: Place, print: (line: string) => void) {
    this.#options = options;
    this.#victim = victim;
    this.#place = place;
    this.#print = print;
    this.#random = new Random(options.seed);
    this.#findings = new Findings((line) => this.#log(line));
    this.report = new Report(this.#findings, print);
    this.#population = new Population(options, place, this.#random.fork(), this.#findings);
  }

  async run(): Promise<void> {
    const { provisions } = this.#victim;
    this.#victim.configure(this.#place);
    if (provisions === 'stopped') await this.#victim.provision(this.#place, this.#population.accounts);
    try {
      await this.#start();
      if (provisions === 'running') await this.#victim.provision(this.#place, this.#population.accounts);
      await this.#everybodyComes();
      for (let round = 1; round <= this.#options.rounds; round++) await this.#round(round);
      await this.#reckon();
    } finally {
      if (this.#server !== undefined) await end(this.#server, 'SIGKILL');
    }
  }

  /** Milliseconds until the server was ready. */
  async #start(): Promise<number> {
    const before = performance.now();
    this.#server = await this.#victim.start(this.#place);
    return performance.now() - before;
  }

  async #everybodyComes(): Promise<void> {
    const { editors, managed, unmanaged } = this.#population;
    for (const client of [...managed, ...unmanaged]) await client.connect();
    for (const editor of editors) await editor.begin();
  }

  /** Load, kill, restart, resumption. In every third round the kill comes while sessions are being resumed. */
  async #round(round: number): Promise<void> {
    const before = this.#totals();
    const findings = this.#findings.count;
    const { load, signal } = this.#options;
    const graceful = signal === 'term' || (signal === 'mix' && this.#random.next() < 0.4);
    const seconds = await this.#load(
      interrupts(round) ? this.#random.between(0, 0.3) : this.#random.between(0.2, 1) * load,
    );
    const code = await this.#kill(graceful);
    const sent = this.#totals();
    if (graceful && code !== 0) this.#findings.add(`the server stopped with exit code ${code ?? 'of a signal'}`);
    // Now and then it is killed again before it is ready, or just then.
    const stumbles = round % 4 === 0;
    if (stumbles) await this.#victim.stumble?.(this.#place, this.#random.between(100, 900));
    const restart = await this.#start();
    await Promise.all(this.#population.editors.map((editor) => editor.check(`after the restart of round ${round}`)));
    // The next round's load begins before everybody is back when its kill is to come then.
    const hurried = interrupts(round + 1) && round < this.#options.rounds;
    const back = await this.#comeBack(hurried ? this.#random.between(0, 0.3) : undefined);
    const after = this.#totals();
    const figures = [
      `round ${String(round).padStart(3)}`,
      `${graceful ? 'term' : 'kill'}${stumbles ? ' and again' : ''}`,
      `load ${seconds.toFixed(1)} s`,
      `sent ${sent.sent - before.sent}`,
      `acked ${sent.acknowledged - before.acknowledged}`,
      `received ${after.received - before.received}`,
      `duplicates ${after.duplicates - before.duplicates}`,
      `lost ${after.gaps - before.gaps}`,
      `out of order ${after.disordered - before.disordered}`,
      `roster changes ${after.changes - before.changes}`,
      `resumed ${back.resumed}/${back.resumed + back.failed}${back.interrupted > 0 ? ` (${back.interrupted} later)` : ''}`,
      `restart ${Math.round(restart)} ms`,
    ];
    this.report.judge(figures.join('  '), findings);
  }

  async #load(seconds: number): Promise<number> {
    const traffic = new Traffic(this.#population, this.#options, this.#random.fork(), this.#findings);
    this.#traffic = traffic;
    traffic.start();
    await delay(seconds * 1000);
    return seconds;
  }

  async #kill(graceful: boolean): Promise<number | undefined> {
    this.#traffic?.stop();
    const server = this.#server;
    this.#server = undefined;
    const code = server === undefined ? undefined : await end(server, graceful ? 'SIGTERM' : 'SIGKILL');
    await this.#traffic?.ended();
    await this.#returning;
    return code;
  }

  /** All clients reconnect at once; waits until they are back, or only so many seconds. */
  async #comeBack(patience?: number): Promise<Return> {
    const back: Return = { resumed: 0, failed: 0, interrupted: 0 };
    const server = this.#server;
    const { editors, managed, unmanaged } = this.#population;
    const one = async (client: SmClient): Promise<void> => {
      try {
        const result = await client.connect();
        if (!client.options.managed) return await editors.find((editor) => editor.client === client)?.begin();
        if (result === 'resumed') back.resumed += 1;
        else back.failed += 1;
        if (result === 'failed') this.#findings.add(`${client.full}: the session was not resumed`);
      } catch (error) {
        if (this.#server !== server) back.interrupted += 1;
        else this.#findings.add(`${client.full} cannot connect: ${String(error)}`);
      }
    };
    const all = Promise.all([...managed, ...unmanaged].map((client) => one(client)));
    this.#returning = all;
    await (patience === undefined ? all : Promise.race([all, delay(patience * 1000)]));
    return patience === undefined ? back : { ...back, interrupted: managed.length - back.resumed - back.failed };
  }

  async #reckon(): Promise<void> {
    await this.report.check('all that was sent between online users arrived', () =>
      drain(this.#population, this.#findings),
    );
    await this.report.check('the messages for absent users were stored and delivered', () =>
      readOffline(this.#population, this.#findings),
    );
    await this.report.check('the rosters are as acknowledged, and the pushes told it', async () => {
      for (const editor of this.#population.editors) await editor.checkFinal();
    });
    await this.report.check('the server stops in order', async () => {
      const code = await this.#kill(true);
      if (code !== 0) this.#findings.add(`exit code ${code ?? 'of a signal'}`);
    });
    await this.report.check('nothing is delivered a second time', async () => {
      await this.#start();
      await nothingLeft(this.#population, this.#findings);
    });
    const { online, offline, commuter } = this.#population.lines;
    const sum = (lines: typeof online, field: 'sent' | 'received'): number =>
      lines.reduce((total, { stream }) => total + stream[field], 0);
    const figure = (name: string, lines: typeof online): string =>
      `${name} ${sum(lines, 'received')}/${sum(lines, 'sent')}`;
    this.#print(
      `received/sent: ${[figure('online', online), figure('offline', offline), figure('coming and going', commuter)].join(', ')}`,
    );
  }

  #totals(): Readonly<
    Record<'sent' | 'acknowledged' | 'received' | 'duplicates' | 'gaps' | 'disordered' | 'changes', number>
  > {
    const { editors, online } = this.#population;
    const streams = this.#population.promised('online', 'offline', 'commuter');
    const sum = (field: 'sent' | 'received' | 'duplicates' | 'gaps' | 'disordered'): number =>
      streams.reduce((total, stream) => total + stream[field], 0);
    const waiting = online.reduce(
      (total, { unacknowledged }) => total + unacknowledged.filter((xml) => xml.startsWith('<message')).length,
      0,
    );
    return {
      sent: sum('sent'),
      acknowledged: sum('sent') - waiting,
      received: sum('received'),
      duplicates: sum('duplicates'),
      gaps: sum('gaps'),
      disordered: sum('disordered'),
      changes: editors.reduce((total, { changes }) => total + changes, 0),
    };
  }

  #log(line: string): void {
    appendFileSync(join(this.#place.directory, 'kill9.log'), `${new Date().toISOString()} ${line}\n`);
  }

  /** What went over the wires last, for whoever looks into a failure. */
  writeTraces(): void {
    const { commuters, managed } = this.#population;
    for (const client of [...managed, ...commuters.map(({ client: one }) => one)]) {
      appendFileSync(join(this.#place.directory, 'traces.txt'), `\n==== ${client.full}\n${client.trace.join('\n')}\n`);
    }
  }
}

function interrupts(round: number): boolean {
  return round % 3 === 2;
}
