import type { ChildProcess } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { kinds } from '#test/helpers/roads/end.ts';
import type { Place } from '#tools/bench/peers/peer.ts';
import { Findings } from '../ledger.ts';
import type { Options } from '../options.ts';
import { Random } from '../random.ts';
import { Report } from '../report.ts';
import { end, type Victim } from '../server.ts';
import { Road } from './road.ts';

/** Milliseconds until what is on its way has to be there. */
const PATIENCE = 60_000;
/** Texts without an answer, of one sender. */
const WINDOW = 20;

/** Messages from each protocol to each, while the server is killed: what was acknowledged arrives, once. */
export class BridgeSuite {
  readonly #options: Options;
  readonly #victim: Victim;
  readonly #place: Place;
  readonly #random: Random;
  readonly #findings: Findings;
  readonly #roads: readonly Road[];
  readonly #print: (line: string) => void;
  readonly report: Report;
  #server: ChildProcess | undefined;
  #sending: NodeJS.Timeout | undefined;

  constructor(options: Options, victim: Victim, place: Place, print: (line: string) => void) {
    this.#options = options;
    this.#victim = victim;
    this.#place = place;
    this.#print = print;
    this.#random = new Random(options.seed);
    const findings = new Findings((line) => this.#log(line));
    this.#findings = findings;
    this.report = new Report(findings, print);
    const { domain, port, tlsPort } = place;
    const common = { password: 'secret', domain, durable: true, ports: { xmpp: port, mqtt: tlsPort, sip: port } };
    // Six directions, each twice: the receiver is there in one, and away in the other.
    this.#roads = kinds.flatMap((from) =>
      kinds.filter((to) => to !== from).flatMap((to) => [0, 1].map((n) => new Road(from, to, n, common, findings))),
    );
  }

  async run(): Promise<void> {
    this.#victim.configure(this.#place);
    const accounts = this.#roads.flatMap(({ users }) => users).map((user) => ({ user, password: 'secret' }));
    await this.#victim.provision(this.#place, accounts);
    try {
      await this.#start();
      for (const { from, name, to } of this.#roads) {
        await from.connect();
        if (!isAway(name)) await to.connect();
      }
      for (let round = 1; round <= this.#options.rounds; round++) await this.#round(round);
      await this.#reckon();
    } finally {
      clearInterval(this.#sending);
      for (const { from, to } of this.#roads) {
        from.drop();
        to.drop();
        if (from.kind === 'sip') await from.close();
        if (to.kind === 'sip') await to.close();
      }
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
    const { load, slow } = this.#options;
    this.#begin();
    await delay(this.#random.between(0.2, 1) * load * 1000);
    await this.#kill('SIGKILL');
    const stumbles = round % 4 === 0;
    if (stumbles) await this.#victim.stumble?.(this.#place, this.#random.between(100, 900));
    // What is acknowledged too early shows when the disk is slow.
    const slowly = round % 2 === 1 ? slow : 0;
    const restart = await this.#start(slowly);
    await this.#comeBack();
    const after = this.#totals();
    const figures = [
      `round ${String(round).padStart(3)}`,
      `kill${stumbles ? ' and again' : ''}`,
      `sent ${after.sent - before.sent}`,
      `acknowledged ${after.acknowledged - before.acknowledged}`,
      `arrived ${after.arrived - before.arrived}`,
      `restart ${Math.round(restart)} ms${slowly > 0 ? ', slow disk' : ''}`,
    ];
    this.report.judge(figures.join('  '), findings);
  }

  /** Every sender keeps as many texts on their way as it may, up to the rate. */
  #begin(): void {
    const each = Math.max(1, Math.round(this.#options.rate / this.#roads.length / 50));
    this.#sending = setInterval(() => {
      for (const road of this.#roads) {
        for (let n = 0; n < each && road.from.waiting < WINDOW; n++) road.send(this.#place.domain);
        road.from.ask();
      }
    }, 20);
  }

  async #kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    clearInterval(this.#sending);
    const server = this.#server;
    this.#server = undefined;
    if (server !== undefined) await end(server, signal);
    for (const road of this.#roads) {
      road.interrupted();
      road.from.drop();
      road.to.drop();
    }
  }

  async #comeBack(): Promise<void> {
    await Promise.all(
      this.#roads.map(async ({ from, name, to }) => {
        try {
          // A phone's registration stands: it does not register again.
          if (from.kind !== 'sip') await from.connect();
          if (to.kind !== 'sip' && !isAway(name)) await to.connect();
        } catch (error) {
          this.#findings.add(`${name} cannot connect: ${String(error)}`);
        }
      }),
    );
  }

  async #reckon(): Promise<void> {
    await this.report.check('who was away gets what was kept', async () => {
      for (const { name, to } of this.#roads) if (isAway(name)) await to.connect();
    });
    await this.report.check('all that was acknowledged has arrived', async () => {
      const late = Date.now() + PATIENCE;
      const waits = (): boolean => this.#roads.some(({ from, missing }) => missing.length > 0 || from.waiting > 0);
      while (Date.now() < late && waits()) {
        for (const { from } of this.#roads) from.ask();
        await delay(100);
      }
      for (const { missing, name } of this.#roads) {
        if (missing.length > 0)
          this.#findings.add(`${name}: ${missing.length} are lost: ${missing.slice(0, 5).join(', ')}`);
      }
    });
    await this.report.check('nothing is delivered a second time', async () => {
      const before = this.#totals().doubled;
      await this.#kill('SIGTERM');
      await this.#start();
      await this.#comeBack();
      for (const { name, to } of this.#roads) if (isAway(name) && to.kind !== 'sip') await to.connect();
      await delay(1000);
      if (this.#totals().doubled > before) this.#findings.add('messages came after all had come');
    });
    const { acknowledged, arrived, doubled, sent } = this.#totals();
    this.#print(
      `sent ${sent}, acknowledged ${acknowledged}, arrived ${arrived}, sent twice by phones and doubled ${doubled}`,
    );
  }

  #totals(): Readonly<Record<'sent' | 'acknowledged' | 'arrived' | 'doubled', number>> {
    const sum = (field: 'sent' | 'acknowledged' | 'arrived'): number =>
      this.#roads.reduce((total, road) => total + road[field].size, 0);
    const doubled = this.#roads.reduce((total, road) => total + road.doubled, 0);
    return { sent: sum('sent'), acknowledged: sum('acknowledged'), arrived: sum('arrived'), doubled };
  }

  #log(line: string): void {
    appendFileSync(join(this.#place.directory, 'kill9.log'), `${new Date().toISOString()} ${line}\n`);
  }

  writeTraces(): void {
    for (const { acknowledged, arrived, name, sent } of this.#roads) {
      const line = `${name}: sent ${sent.size}, acknowledged ${acknowledged.size}, arrived ${arrived.size}\n`;
      appendFileSync(join(this.#place.directory, 'traces.txt'), line);
    }
  }
}

/** The second of each direction. */
const isAway = (name: string): boolean => name.endsWith('-1');
