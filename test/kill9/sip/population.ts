import type { Account } from '#tools/bench/xmpp/scram.ts';
import type { Findings } from '../ledger.ts';
import type { Options } from '../options.ts';
import type { Random } from '../random.ts';
import { Phone } from './phone.ts';

const PASSWORD = 'secret-sip';
/** Milliseconds between two changes of a phone that comes and goes. */
const CHANGE = 50;

/** What was sent to one account, and what arrived of it. A message of which nobody said that it is there may come twice, or not at all. */
export class Line {
  readonly to: string;
  readonly acknowledged = new Set<string>();
  readonly sent = new Set<string>();
  readonly arrived = new Map<string, number>();
  readonly #findings: Findings;

  constructor(to: string, findings: Findings) {
    this.to = to;
    this.#findings = findings;
  }

  take(text: string): void {
    const count = (this.arrived.get(text) ?? 0) + 1;
    this.arrived.set(text, count);
    if (!this.sent.has(text)) this.#findings.add(`${this.to}: ${text} arrived and was never sent`);
    if (count > 1 && this.acknowledged.has(text) && !this.unsure.has(text)) {
      this.#findings.add(`${this.to}: ${text} arrived ${count} times`);
    }
  }

  /** Sent once more since no answer came the first time. */
  readonly unsure = new Set<string>();

  /** Acknowledged, and not there. */
  get missing(): readonly string[] {
    return [...this.acknowledged].filter((text) => !this.arrived.has(text));
  }
}

/** A phone that registers and takes it back all the time. */
export interface Fickle {
  readonly phone: Phone;
  /** What was acknowledged last; undefined while a change is under way. */
  registered: boolean | undefined;
}

/** All phones of a run. */
export class Population {
  readonly #findings: Findings;
  readonly #options: Options;
  readonly #port: number;
  readonly lines: readonly Line[];
  senders: readonly Phone[] = [];
  online: readonly Phone[] = [];
  /** They register in the end. */
  absent: readonly Phone[] = [];
  fickle: readonly Fickle[] = [];
  #running = false;
  #loops: Promise<unknown> = Promise.resolve();
  #serial = 0;

  constructor(options: Options, port: number, findings: Findings) {
    this.#options = options;
    this.#port = port;
    this.#findings = findings;
    this.lines = [...this.#names('online', options.subscribers), ...this.#names('absent', options.offline)].map(
      (name) => new Line(name, findings),
    );
  }

  get accounts(): readonly Account[] {
    const { commuters, offline, publishers, subscribers } = this.#options;
    const names = [
      ...this.#names('sender', publishers),
      ...this.#names('online', subscribers),
      ...this.#names('absent', offline),
      ...this.#names('fickle', commuters),
    ];
    return names.map((user) => ({ user, password: PASSWORD }));
  }

  get everybody(): readonly Phone[] {
    return [...this.senders, ...this.online, ...this.absent, ...this.fickle.map(({ phone }) => phone)];
  }

  async come(): Promise<void> {
    const { commuters, offline, publishers, subscribers } = this.#options;
    this.senders = await this.#open('sender', publishers);
    this.online = await this.#open('online', subscribers);
    this.absent = await this.#open('absent', offline);
    this.fickle = (await this.#open('fickle', commuters)).map((phone) => ({ phone, registered: false }));
    for (const phone of this.online) {
      const answer = await phone.register(86_400);
      if (answer?.status !== 200) throw new Error(`${phone.user} cannot register: ${answer?.status ?? 'no answer'}`);
    }
  }

  /** Everybody sends and changes until the end is asked for. */
  begin(random: Random): void {
    this.#running = true;
    const senders = this.senders.map((phone) => this.#send(phone, random.fork()));
    const changers = this.fickle.map((one) => this.#change(one, random.fork()));
    this.#loops = Promise.all([...senders, ...changers]);
  }

  /** The server is gone: nobody waits for an answer. */
  async end(): Promise<void> {
    this.#running = false;
    for (const phone of this.everybody) phone.stop();
    await this.#loops;
  }

  async #send(phone: Phone, random: Random): Promise<void> {
    while (this.#running) {
      const line = this.lines[Math.floor(random.next() * this.lines.length)];
      if (line === undefined) return;
      this.#serial += 1;
      const text = `${phone.user}-${this.#serial}`;
      line.sent.add(text);
      line.unsure.add(text);
      const answer = await phone.say(line.to, text);
      if (answer === undefined) continue;
      // It went once, and was answered.
      line.unsure.delete(text);
      if (answer.status >= 300)
        this.#findings.add(`${phone.user}: MESSAGE to ${line.to} was answered ${answer.status}`);
      else line.acknowledged.add(text);
    }
  }

  async #change(one: Fickle, random: Random): Promise<void> {
    while (this.#running) {
      const wanted = one.registered !== true;
      one.registered = undefined;
      const answer = await one.phone.register(wanted ? 86_400 : 0);
      if (answer?.status === 200) one.registered = wanted;
      else if (answer !== undefined) this.#findings.add(`${one.phone.user}: REGISTER was answered ${answer.status}`);
      await new Promise((resolve) => setTimeout(resolve, random.between(0, CHANGE)));
    }
  }

  #names(kind: string, count: number): readonly string[] {
    return Array.from({ length: count }, (_, n) => `${kind}${n}`);
  }

  #open(kind: string, count: number): Promise<Phone[]> {
    return Promise.all(
      this.#names(kind, count).map((user) => {
        const line = this.lines.find(({ to }) => to === user);
        return Phone.open({
          user,
          password: PASSWORD,
          port: this.#port,
          onText: (text) => line?.take(text),
        });
      }),
    );
  }
}
