/** Something that waits for its time. */
export interface Timed {
  onTimeout(): void;
}

/** Where the time comes from: the machine, or a test. */
export interface Clock {
  /** Milliseconds since 1970. */
  wall(): number;
  /** Milliseconds that no change of the wall clock moves. */
  elapsed(): number;
  /** Calls `tick` every so many milliseconds, without keeping the process alive. @returns how to stop it */
  every(interval: number, tick: () => void): () => void;
}

const MACHINE: Clock = {
  wall: () => Date.now(),
  elapsed: () => performance.now(),
  every(interval, tick) {
    const timer = setInterval(tick, interval).unref();
    return () => clearInterval(timer);
  },
};

/** Milliseconds a tick, unless a wheel is made for finer ones. */
const TICK = 250;
/** Ticks in one turn of the wheel: 128 s of the usual ones, so that almost every item is looked at once. */
const SLOTS = 512;
const DETACHED = -1;
/** Items that are called in one turn of the event loop. */
const AT_ONCE = 32;

interface Entry {
  readonly item: Timed;
  /** The tick at which it is due. */
  due: number;
  slot: number;
  before: Entry | undefined;
  after: Entry | undefined;
}

/**
 * One coarse clock and one hashed timer wheel for everything that is slow: negotiation timeouts, idle checks, resumption. Adding and
 * removing cost a map operation; nothing is allocated per tick, and a waiting item holds no timer of its own.
 *
 * An item waits once: adding it again moves it.
 */
export class Timers implements Disposable {
  /** Milliseconds since 1970 at the last tick: cheap, and late by one tick at most. */
  now: number;
  readonly #slots: (Entry | undefined)[] = Array.from({ length: SLOTS }, () => undefined);
  readonly #entries = new Map<Timed, Entry>();
  readonly #fault: (error: unknown) => void;
  readonly #clock: Clock;
  readonly #stop: () => void;
  readonly #started: number;
  readonly #tick: number;
  #ticks = 0;

  /**
   * @param fault is told of exceptions that an item's `onTimeout` lets through
   * @param tick milliseconds: how fine the delays are
   */
  constructor(fault: (error: unknown) => void, clock: Clock = MACHINE, tick: number = TICK) {
    this.#tick = tick;
    this.#fault = fault;
    this.#clock = clock;
    this.now = clock.wall();
    this.#started = clock.elapsed();
    this.#stop = clock.every(tick, () => this.#advance());
  }

  /** Milliseconds since the start at the last tick: never goes back nor jumps, whatever is done to the machine's clock. */
  get steady(): number {
    return this.#ticks * this.#tick;
  }

  /** Items that wait. */
  get size(): number {
    return this.#entries.size;
  }

  has(item: Timed): boolean {
    return this.#entries.has(item);
  }

  /** Calls `item.onTimeout` after `delay` milliseconds, never earlier and at most two ticks later. */
  add(item: Timed, delay: number): void {
    const due = Math.max(this.#ticks + 1, Math.ceil((this.#clock.elapsed() - this.#started + delay) / this.#tick));
    const known = this.#entries.get(item);
    if (known !== undefined) {
      this.#detach(known);
      known.due = due;
      return this.#attach(known);
    }
    const entry: Entry = { item, due, slot: DETACHED, before: undefined, after: undefined };
    this.#entries.set(item, entry);
    this.#attach(entry);
  }

  remove(item: Timed): void {
    const entry = this.#entries.get(item);
    if (entry === undefined) return;
    this.#entries.delete(item);
    this.#detach(entry);
  }

  /** Catches up with the clock: a process that was stopped for an hour is late once, and walks the wheel once. */
  #advance(): void {
    this.now = this.#clock.wall();
    const target = Math.floor((this.#clock.elapsed() - this.#started) / this.#tick);
    const first = Math.max(this.#ticks + 1, target - SLOTS + 1);
    this.#ticks = Math.max(this.#ticks, target);
    for (let tick = first; tick <= target; tick++) this.#turn(tick % SLOTS);
  }

  #turn(slot: number): void {
    let due: Entry[] | undefined;
    for (let entry = this.#slots[slot]; entry !== undefined; entry = entry.after) {
      if (entry.due <= this.#ticks) (due ??= []).push(entry);
    }
    if (due === undefined) return;
    for (const entry of due) this.#detach(entry);
    this.#fire(due, 0);
  }

  /** Calls a few items, and the others in the next turns of the event loop: what thousands do at their end must not hold up all. */
  #fire(due: readonly Entry[], from: number): void {
    const to = from + AT_ONCE;
    if (to < due.length) setImmediate(() => this.#fire(due, to));
    for (const entry of due.slice(from, to)) {
      // An item that fired before may have removed this one, or added it anew.
      if (entry.slot !== DETACHED || this.#entries.get(entry.item) !== entry) continue;
      this.#entries.delete(entry.item);
      try {
        entry.item.onTimeout();
      } catch (error) {
        this.#fault(error);
      }
    }
  }

  #attach(entry: Entry): void {
    const slot = entry.due % SLOTS;
    const after = this.#slots[slot];
    if (after !== undefined) after.before = entry;
    this.#slots[slot] = entry;
    entry.slot = slot;
    entry.after = after;
  }

  #detach(entry: Entry): void {
    const { after, before, slot } = entry;
    if (slot === DETACHED) return;
    if (before !== undefined) before.after = after;
    else this.#slots[slot] = after;
    if (after !== undefined) after.before = before;
    entry.slot = DETACHED;
    entry.before = undefined;
    entry.after = undefined;
  }

  [Symbol.dispose](): void {
    this.#stop();
    this.#slots.fill(undefined);
    this.#entries.clear();
  }
}
