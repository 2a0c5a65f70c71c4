import type { End, EndOptions, Kind } from '#test/helpers/roads/end.ts';
import { makeEnd } from '#test/helpers/roads/ends.ts';
import type { Findings } from '../ledger.ts';

/** From a device of one kind to one of another: texts by number, those acknowledged to the sender, and those that arrived. */
export class Road {
  readonly name: string;
  readonly from: End;
  readonly to: End;
  /** The account that receives. */
  readonly receiver: string;
  readonly sent = new Set<number>();
  readonly acknowledged = new Set<number>();
  readonly arrived = new Set<number>();
  /** Sent by a protocol whose sender cannot tell a message that was lost from one whose answer was: it may come twice. */
  readonly #mayDouble: boolean;
  /** On their way when the server died: a phone sends them again as new ones. */
  #uncertain = new Set<number>();
  doubled = 0;

  constructor(from: Kind, to: Kind, n: number, common: Omit<EndOptions, 'onText' | 'user'>, findings: Findings) {
    this.name = `${from}-${to}-${n}`;
    this.receiver = `to-${this.name}`;
    this.#mayDouble = from === 'sip';
    this.from = makeEnd(from, { ...common, user: `from-${this.name}`, onText: () => undefined });
    this.to = makeEnd(to, {
      ...common,
      user: this.receiver,
      onText: (text) => {
        const number = this.#numberIn(text);
        if (number === undefined || !this.sent.has(number))
          return findings.add(`${this.name}: "${text}" was never sent`);
        if (this.arrived.has(number)) {
          this.doubled += 1;
          const excused = this.#mayDouble && this.#uncertain.has(number);
          if (!excused) findings.add(`${this.name}: ${number} came a second time`);
        }
        this.arrived.add(number);
      },
    });
  }

  #numberIn(text: string): number | undefined {
    const [name, number] = text.split(' ');
    return name === this.name && number !== undefined ? Number(number) : undefined;
  }

  get users(): readonly string[] {
    return [`from-${this.name}`, this.receiver];
  }

  send(domain: string): void {
    const number = this.sent.size + 1;
    this.sent.add(number);
    this.from.send(`${this.receiver}@${domain}`, `${this.name} ${number}`, () => this.acknowledged.add(number));
  }

  /** The server is dead: whatever has no answer is uncertain. */
  interrupted(): void {
    this.#uncertain = new Set([
      ...this.#uncertain,
      ...[...this.sent].filter((number) => !this.acknowledged.has(number)),
    ]);
  }

  /** Acknowledged, and not there. */
  get missing(): readonly number[] {
    return [...this.acknowledged].filter((number) => !this.arrived.has(number));
  }
}
