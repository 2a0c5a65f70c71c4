/**
 * What the four transaction machines of RFC 3261 section 17 share: a machine is a table of state x event -> next state and actions, which is
 * read here and nowhere else. A machine has two timers at most: one that repeats a message and one that ends a state.
 */
import type { Timed, Timers } from '#src/net/timers.ts';

export interface Transition<State extends string, Action extends string> {
  readonly to: State;
  readonly act: readonly Action[];
}

/** What is not in a row is absorbed: nothing is sent, nobody is told. */
export type Row<State extends string, Event extends string, Action extends string> = Readonly<
  Partial<Record<Event, Transition<State, Action>>>
>;

export type Table<State extends string, Event extends string, Action extends string> = Readonly<
  Record<State, Row<State, Event, Action>>
>;

/** One cell of a table. */
export const go = <State extends string, Action extends string>(
  to: State,
  ...act: readonly Action[]
): Transition<State, Action> => ({ to, act });

/** The second timer of a machine: the machine itself waits in the wheel for the first. */
class Repeat implements Timed {
  readonly #fire: () => void;
  /** Milliseconds, of the next interval. */
  interval: number;

  constructor(interval: number, fire: () => void) {
    this.interval = interval;
    this.#fire = fire;
  }

  onTimeout(): void {
    this.#fire();
  }
}

/** `Subject` is the message that an event brings. */
export abstract class Machine<
  State extends string,
  Event extends string,
  Action extends string,
  Subject,
> implements Timed {
  readonly #table: Table<State, Event, Action>;
  readonly #timers: Timers;
  #state: State;
  #ends: Event | undefined;
  #repeat: Repeat | undefined;

  constructor(table: Table<State, Event, Action>, initial: State, timers: Timers) {
    this.#table = table;
    this.#state = initial;
    this.#timers = timers;
  }

  get state(): State {
    return this.#state;
  }

  /** Reads the table. An action that leads to another event ends this one: what was left of its actions belongs to a state that is over. */
  protected input(event: Event, subject?: Subject): void {
    const transition = this.#table[this.#state][event];
    if (transition === undefined) return;
    this.#state = transition.to;
    for (const action of transition.act) {
      this.act(action, subject);
      if (this.#state !== transition.to) return;
    }
  }

  protected abstract act(action: Action, subject: Subject | undefined): void;

  /** Has `event` come after `delay` milliseconds, in place of what was to end the state before; at once when that is none. */
  protected endsAfter(delay: number, event: Event): void {
    this.#ends = event;
    if (delay > 0) {
      this.#timers.add(this, delay);
      return;
    }
    this.#timers.remove(this);
    this.input(event);
  }

  /** Has `event` come after `interval` milliseconds. */
  protected repeatAfter(interval: number, event: Event): void {
    if (this.#repeat !== undefined) this.#timers.remove(this.#repeat);
    this.#repeat = new Repeat(interval, () => this.input(event));
    this.#timers.add(this.#repeat, interval);
  }

  /** Has the event of `repeatAfter` come again, after twice the interval, `cap` at most. */
  protected repeatLater(cap: number): void {
    if (this.#repeat === undefined) return;
    this.#repeat.interval = Math.min(this.#repeat.interval * 2, cap);
    this.#timers.add(this.#repeat, this.#repeat.interval);
  }

  protected stopRepeating(): void {
    if (this.#repeat === undefined) return;
    this.#timers.remove(this.#repeat);
    this.#repeat = undefined;
  }

  protected stopTimers(): void {
    this.stopRepeating();
    this.#timers.remove(this);
  }

  onTimeout(): void {
    if (this.#ends !== undefined) this.input(this.#ends);
  }
}
