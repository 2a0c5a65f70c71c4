import type { ChildProcess } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { MqttClient } from '#test/helpers/mqtt-client.ts';
import type { Place } from '#tools/bench/peers/peer.ts';
import { Findings } from '../ledger.ts';
import type { Options } from '../options.ts';
import { Random } from '../random.ts';
import { Report } from '../report.ts';
import { end, type Victim } from '../server.ts';
import { drain, nothingLeft, readAbsent, retainedStand } from './aftermath.ts';
import { Population } from './population.ts';
import { Traffic } from './traffic.ts';

/** How the sessions of a round came back. `interrupted`: the server was killed before it answered. */
interface Return {
  present: number;
  gone: number;
  interrupted: number;
}

/** One run over MQTT: rounds of load and kill, then the reckoning. */
export class MqttSuite {
  readonly #options: Options;
  readonly #victim: Victim;
  readonly #place: Place;
  readonly #random: Random;
  readonly #findings: Findings;
  readonly #population: Population;
  readonly #print: (line: string) => void;
  readonly report: Report;
  #server: ChildProcess | undefined;
  /** The disk is slow. */
  #hard = false;
  #traffic: Traffic | undefined;
  /** Reconnections under way. */
  #returning: Promise<unknown> = Promise.resolve();

  constructor(options: Options, victim: Victim, place: Place, print: (line: string) => void) {
    this.#options = options;
    this.#victim = victim;
    this.#place = place;
    this.#print = print;
    this.#random = new Random(options.seed);
    this.#findings = new Findings((line) => this.#log(line));
    this.report = new Report(this.#findings, print);
    this.#population = new Population(options, place.port, this.#random.fork(), this.#findings);
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
      if (this.#server !== undefined) await end(this.#server, 'SIGKILL');
    }
  }

  /** Milliseconds until the server was ready. */
  async #start(slowDisk = 0): Promise<number> {
    const before = performance.now();
    this.#server = await this.#victim.start(this.#place, slowDisk);
    this.#hard = slowDisk > 0;
    return performance.now() - before;
  }

  /** Load, kill, restart, return. In every third round the kill comes while the clients reconnect and send again. */
  async #round(round: number): Promise<void> {
    const before = this.#totals();
    const findings = this.#findings.count;
    const { load, rounds, signal } = this.#options;
    const graceful = signal === 'term' || (signal === 'mix' && this.#random.next() < 0.4);
    const seconds = interrupts(round) ? this.#random.between(0, 0.3) : this.#random.between(0.2, 1) * load;
    await this.#load(seconds);
    const code = await this.#kill(graceful);
    if (graceful && code !== 0) this.#findings.add(`the server stopped with exit code ${code ?? 'of a signal'}`);
    const sent = this.#totals();
    // Now and then it is killed again before it is ready, or just then.
    const stumbles = round % 4 === 0;
    if (stumbles) await this.#victim.stumble?.(this.#place, this.#random.between(100, 900));
    // What is acknowledged too early shows when the disk is slow.
    const slow = round % 2 === 1 ? this.#options.slow : 0;
    const restart = await this.#start(slow);
    await this.#whatStands(`after the restart of round ${round}`);
    // The next round's load begins before everybody is back when its kill is to come then.
    const hurried = interrupts(round + 1) && round < rounds;
    const back = await this.#comeBack(hurried ? this.#random.between(0, 0.3) : undefined);
    const after = this.#totals();
    const figures = [
      `round ${String(round).padStart(3)}`,
      `${graceful ? 'term' : 'kill'}${stumbles ? ' and again' : ''}`,
      `load ${seconds.toFixed(1)} s`,
      `published ${sent.sent - before.sent}`,
      `on their way ${sent.unacknowledged}`,
      `received ${after.received - before.received}`,
      `doubled at QoS 1 ${after.duplicates - before.duplicates}`,
      `subscriptions changed ${after.changes - before.changes}`,
      `sessions ${back.present}/${back.present + back.gone}${back.interrupted > 0 ? ` (${back.interrupted} later)` : ''}`,
      `restart ${Math.round(restart)} ms${slow > 0 ? ', slow disk' : ''}`,
    ];
    this.report.judge(figures.join('  '), findings);
  }

  async #load(seconds: number): Promise<void> {
    const traffic = new Traffic(this.#population, this.#options, this.#random.fork(), this.#findings, this.#hard);
    this.#traffic = traffic;
    traffic.start();
    await delay(seconds * 1000);
    if (this.#random.next() < 0.5) return;
    // Or the kill comes when many have just lost their connections, and send again what they do not know to be there.
    traffic.shake();
    await delay(this.#random.between(5, 100));
  }

  async #kill(graceful: boolean): Promise<number | undefined> {
    this.#traffic?.stop();
    const server = this.#server;
    this.#server = undefined;
    const code = server === undefined ? undefined : await end(server, graceful ? 'SIGTERM' : 'SIGKILL');
    await this.#traffic?.ended();
    await this.#returning;
    for (const client of this.#population.everybody) client.drop();
    return code;
  }

  /** Before anybody is back who could repair it. */
  async #whatStands(when: string): Promise<void> {
    await retainedStand(this.#population, this.#findings, when);
    await this.#population.fickle.check(when);
  }

  /** All clients reconnect at once; waits until they are back, or only so many seconds. */
  async #comeBack(patience?: number): Promise<Return> {
    const back: Return = { present: 0, gone: 0, interrupted: 0 };
    const server = this.#server;
    const { constant } = this.#population;
    const one = async (client: MqttClient): Promise<void> => {
      const { clientId } = client.options;
      try {
        if (await client.connect()) return void (back.present += 1);
        back.gone += 1;
        this.#findings.add(`${clientId}: the session is gone`);
      } catch (error) {
        if (this.#server !== server) back.interrupted += 1;
        else this.#findings.add(`${clientId} cannot connect: ${String(error)}`);
      }
    };
    const all = Promise.all(constant.map((client) => one(client)));
    this.#returning = all;
    await (patience === undefined ? all : Promise.race([all, delay(patience * 1000)]));
    return patience === undefined ? back : { ...back, interrupted: constant.length - back.present - back.gone };
  }

  async #reckon(): Promise<void> {
    const { fickle } = this.#population;
    await this.report.check('all that was published has arrived, in order, at QoS 2 once', () => {
      return drain(this.#population, this.#findings);
    });
    await this.report.check('absent clients find all that was published meanwhile', () => {
      return readAbsent(this.#population, this.#findings);
    });
    await this.report.check('retained messages and subscriptions are as acknowledged', async () => {
      await retainedStand(this.#population, this.#findings, 'at the end');
      await fickle.check('at the end');
      await fickle.client.ping();
      const { outstanding } = fickle;
      if (outstanding.length > 0)
        this.#findings.add(`fickle: ${outstanding.length} messages are lost: ${outstanding.slice(0, 8).join(', ')}`);
    });
    await this.report.check('the server stops in order', async () => {
      const code = await this.#kill(true);
      if (code !== 0) this.#findings.add(`exit code ${code ?? 'of a signal'}`);
    });
    await this.report.check('nothing is delivered a second time', async () => {
      await this.#start();
      await nothingLeft(this.#population, this.#findings);
    });
    const { shared } = this.#population;
    const streams = this.#population.streams();
    const sum = (
      all: readonly { readonly sent: number; readonly received: number }[],
      field: 'sent' | 'received',
    ): number => all.reduce((total, one) => total + one[field], 0);
    this.#print(
      `received/to be received: ${sum(streams, 'received')}/${sum(streams, 'sent')}, by the share group ${sum(shared, 'received')}/${sum(shared, 'sent')}`,
    );
  }

  #totals(): Readonly<Record<'sent' | 'unacknowledged' | 'received' | 'duplicates' | 'changes', number>> {
    const { fickle, publishers, shared, topics } = this.#population;
    const all = [...this.#population.streams(), ...shared];
    return {
      sent: topics.reduce((total, topic) => total + topic.sent, 0),
      unacknowledged: publishers.reduce((total, { client }) => total + client.unacknowledged, 0),
      received: all.reduce((total, one) => total + one.received, 0),
      duplicates: all.reduce((total, one) => total + one.duplicates, 0),
      changes: fickle.changes,
    };
  }

  #log(line: string): void {
    appendFileSync(join(this.#place.directory, 'kill9.log'), `${new Date().toISOString()} ${line}\n`);
  }

  /** What went over the wires last, for whoever looks into a failure. */
  writeTraces(): void {
    for (const { options, trace } of this.#population.everybody) {
      appendFileSync(join(this.#place.directory, 'traces.txt'), `\n==== ${options.clientId}\n${trace.join('\n')}\n`);
    }
  }
}

function interrupts(round: number): boolean {
  return round % 3 === 2;
}
