import { type Gate, Shaper, Throttle } from '#src/net/shaper.ts';
import type { Timers } from '#src/net/timers.ts';
import { type Resting, SHARE, type Turns } from '../turns.ts';
import type { Transport } from './transport.ts';

/** Why a client is not read: several reasons may hold at once. */
export const HOLD = { login: 1, store: 2, acknowledgements: 4, rate: 8, turn: 16 } as const;
export type Hold = (typeof HOLD)[keyof typeof HOLD];

/** Turns in which a client takes its whole share before it is seen as one that floods. */
const FLOOD = 16;

/** Says when one client is read. */
export class Flow implements Gate, Resting {
  readonly #transport: Transport;
  readonly #turns: Turns;
  #holds = 0;
  /** What it has cost in that turn of the event loop. */
  #turn = 0;
  #spent = 0;
  /** Turns in which it took its whole share. */
  #rests = 0;
  #throttle: Throttle | undefined = undefined;

  constructor(transport: Transport, turns: Turns) {
    this.#transport = transport;
    this.#turns = turns;
  }

  /** It is not read, for whatever reason. */
  get held(): boolean {
    return this.#holds !== 0;
  }

  /** It sends more than its share, again and again. */
  get floods(): boolean {
    return this.#rests >= FLOOD;
  }

  isHeld(reason: Hold): boolean {
    return (this.#holds & reason) !== 0;
  }

  hold(reason: Hold): void {
    if (this.#holds === 0) this.#transport.hold();
    this.#holds |= reason;
  }

  letGo(reason: Hold): void {
    if ((this.#holds & reason) === 0) return;
    this.#holds &= ~reason;
    if (this.#holds === 0) this.#transport.release();
  }

  /** @param rate messages per second */
  limit(rate: number, timers: Timers): void {
    this.#throttle = new Throttle(this, timers, new Shaper(rate, rate, timers.now));
  }

  /** A publication was read: counts for the rate, and for the client's share of this turn. */
  published(bytes: number): void {
    this.#throttle?.received(1);
    if (this.#turn !== this.#turns.now) {
      this.#turn = this.#turns.now;
      this.#spent = 0;
    }
    this.#spent += 1 + (bytes >> 10);
    if (this.#spent < SHARE) return;
    this.#spent = 0;
    this.#rests += 1;
    this.hold(HOLD.turn);
    this.#turns.rest(this);
  }

  turnEnded(): void {
    this.letGo(HOLD.turn);
  }

  /** For the throttle. */
  pause(): void {
    this.hold(HOLD.rate);
  }

  resume(): void {
    this.letGo(HOLD.rate);
  }

  /** The client has gone: nothing is read any more. */
  end(): void {
    this.#throttle?.[Symbol.dispose]();
    this.#holds = 0;
  }
}
