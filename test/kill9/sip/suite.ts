import type { ChildProcess } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Place } from '#tools/bench/peers/peer.ts';
import { Findings } from '../ledger.ts';
import type { Options } from '../options.ts';
import { Random } from '../random.ts';
import { Report } from '../report.ts';
import { end, type Victim } from '../server.ts';
import { Population } from './population.ts';

/** Milliseconds until what is on its way has to be there. */
const PATIENCE = 60_000;

/** One run over SIP: rounds of load and kill, then the reckoning. */
export class SipSuite {
  readonly #options: Options;
  readonly #victim: Victim;
  readonly #place: Place;
  readonly #random: Random;
  readonly #findings: Findings;
  readonly #population: Population;
  readonly report: Report;
  readonly #print: (line: string) => void;
  #server: ChildProcess | undefined;

  constructor(options: Options, victim: Victim, place: Place, print: (line: string) => void) {
    this.#options = options;
    this.#victim = victim;
    this.#place = place;
    this.#print = print;
    this.#random = new Random(options.seed);
    this.#findings = new Findings((line) => this.#log(line));
    this.report = new Report(this.#findings, print);
    this.#population = new Population(options, place.port, this.#findings);
  }

  async run(): Promise<void> {
    this.#victim.configure(this.#place);
    await this.#victim.provision(this.#place, this.#population.accounts);
    try {
      await this.#start();
      await this.#population.come();
      for (let round = 1; round <= this.#options.rounds; round++) await this.#round(round);
      await this.#reckon();
    } finally {
      for (const phone of this.#population.everybody) phone.close();
      if (this.#server !== undefined) await end(this.#server, 'SIGKILL');
    }
  }

  async #start(slowDisk = 0): Promise<number> {
    const before = performance.now();
    this.#server = await this.#victim.start(this.#place, slowDisk);
    return performance.now() - before;
  }

  async #round(round: number): Promise<void> {
    const before = this.#totals();
    const findings = this.#findings.count;
    const { load, signal, slow } = this.#options;
    const graceful = signal === 'term' || (signal === 'mix' && this.#random.next() < 0.4);
    this.#population.begin(this.#random.fork());
    await delay(this.#random.between(0.2, 1) * load * 1000);
    await this.#kill(graceful);
    const stumbles = round % 4 === 0;
    if (stumbles) await this.#victim.stumble?.(this.#place, this.#random.between(100, 900));
    // What is acknowledged too early shows when the disk is slow.
    const slowly = round % 2 === 1 ? slow : 0;
    const restart = await this.#start(slowly);
    await this.#registrationsStand(`after the restart of round ${round}`);
    const after = this.#totals();
    const figures = [
      `round ${String(round).padStart(3)}`,
      `${graceful ? 'term' : 'kill'}${stumbles ? ' and again' : ''}`,
      `sent ${after.sent - before.sent}`,
      `acknowledged ${after.acknowledged - before.acknowledged}`,
      `arrived ${after.arrived - before.arrived}`,
      `restart ${Math.round(restart)} ms${slowly > 0 ? ', slow disk' : ''}`,
    ];
    this.report.judge(figures.join('  '), findings);
  }

  async #kill(graceful: boolean): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    const code = server === undefined ? undefined : await end(server, graceful ? 'SIGTERM' : 'SIGKILL');
    await this.#population.end();
    if (graceful && code !== 0) this.#findings.add(`the server stopped with exit code ${code ?? 'of a signal'}`);
  }

  /** Nobody registers anew: phones are listed, and calls and messages reach them at once. */
  async #registrationsStand(when: string): Promise<void> {
    const { fickle, online, senders } = this.#population;
    const [caller] = senders;
    for (const phone of online) {
      const answer = await caller?.call(phone.user);
      if (answer?.status !== 486)
        this.#findings.add(`${phone.user} was not called ${when}: ${answer?.status ?? 'no answer'}`);
    }
    for (const { phone, registered } of fickle) {
      if (registered === undefined) continue;
      const listed = (await phone.query())?.all('Contact').length === 1;
      if (listed !== registered) {
        this.#findings.add(`${phone.user} is ${listed ? '' : 'not '}registered ${when}, against what was acknowledged`);
      }
    }
  }

  async #reckon(): Promise<void> {
    const { absent, lines } = this.#population;
    await this.report.check('absent phones get what was stored for them', async () => {
      for (const phone of absent) await phone.register(86_400);
    });
    await this.report.check('all that was acknowledged has arrived', async () => {
      const late = Date.now() + PATIENCE;
      while (Date.now() < late && lines.some(({ missing }) => missing.length > 0)) await delay(100);
      for (const { missing, to } of lines) {
        if (missing.length > 0)
          this.#findings.add(`${to}: ${missing.length} messages are lost: ${missing.slice(0, 5).join(', ')}`);
      }
    });
    await this.report.check('nothing is delivered a second time', async () => {
      const before = this.#totals().arrived;
      await this.#kill(true);
      await this.#start();
      await this.#registrationsStand('at the end');
      if (this.#totals().arrived > before) this.#findings.add('messages came after all had come');
    });
    const { acknowledged, arrived, sent } = this.#totals();
    this.#print(`sent ${sent}, acknowledged ${acknowledged}, arrived ${arrived}`);
  }

  #totals(): Readonly<Record<'sent' | 'acknowledged' | 'arrived', number>> {
    const { lines } = this.#population;
    const sum = (field: 'sent' | 'acknowledged' | 'arrived'): number =>
      lines.reduce((total, line) => total + line[field].size, 0);
    return { sent: sum('sent'), acknowledged: sum('acknowledged'), arrived: sum('arrived') };
  }

  #log(line: string): void {
    appendFileSync(join(this.#place.directory, 'kill9.log'), `${new Date().toISOString()} ${line}\n`);
  }

  writeTraces(): void {
    for (const { trace, user } of this.#population.everybody) {
      appendFileSync(join(this.#place.directory, 'traces.txt'), `\n==== ${user}\n${trace.join('\n')}\n`);
    }
  }
}
