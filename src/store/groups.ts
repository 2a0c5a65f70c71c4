/**
 * Group commit: writes collect in the open group and are committed together at the end of the turn, one group in flight at a time.
 *
 * Locks and order: there are none beside the event loop. A group is cut from setImmediate only, with no caller on the stack.
 */
import type { Change, Driver } from './driver.ts';
import { StoreClosed, StoreFault, StoreFull } from './errors.ts';
import { Space } from './space.ts';
import type { StoreStats, Ticket } from './store.ts';

export interface GroupOptions {
  /** Called for each failed attempt to write. */
  readonly onFault?: (fault: StoreFault) => void;
  /** Called when an attempt succeeded after failed ones. */
  readonly onRecovered?: () => void;
  /** Bytes waiting to be written from which on `pressure` is true. Default 32 MiB. */
  readonly highWater?: number;
  /** Bytes waiting to be written from which on writes throw StoreFull. Default 256 MiB. */
  readonly limit?: number;
  /** Pause before a failed write is tried again, doubling from `min` to `max`, in milliseconds. Default 100 and 5,000. */
  readonly retry?: { readonly min: number; readonly max: number };
}

interface Waiter {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: Error): void;
}

/** A waiter nobody holds any more must not end the process when it is rejected. */
const newWaiter = (): Waiter => {
  const waiter = Promise.withResolvers<void>();
  waiter.promise.catch(() => undefined);
  return waiter;
};

interface Flight {
  readonly ticket: Ticket;
  readonly changes: readonly Change[];
  readonly bytes: number;
  waiter: Waiter | undefined;
  done: Promise<void>;
}

export type GroupState = 'open' | 'closing' | 'closed' | 'being restored';

export class Groups {
  state: GroupState = 'open';
  fault: StoreFault | undefined;
  pressure = false;
  readonly #driver: Driver;
  readonly #options: GroupOptions;
  readonly #highWater: number;
  readonly #limit: number;
  readonly #spaces = new Map<string, Space>();
  readonly #beforeCut: (() => void)[] = [];
  #open: Ticket = 1;
  #committed: Ticket = 0;
  /** The open group has been written to since the last cut. */
  #dirty = false;
  /** What is written while a group is cut belongs to writes already accepted: it is never refused. */
  #cutting = false;
  #waiter: Waiter | undefined;
  #flight: Flight | undefined;
  #undo: (() => void)[] | undefined;
  #openBytes = 0;
  /** Ends the pause between two attempts. */
  #hurry: (() => void) | undefined;
  readonly #counts = {
    groups: 0,
    operations: 0,
    bytes: 0,
    cancelled: 0,
    lastCommitMs: 0,
    maxCommitMs: 0,
    pressured: 0,
    failedCommits: 0,
  };

  constructor(driver: Driver, options: GroupOptions) {
    this.#driver = driver;
    this.#options = options;
    this.#highWater = options.highWater ?? 32 << 20;
    this.#limit = options.limit ?? 256 << 20;
  }

  get open(): Ticket {
    return this.#open;
  }

  /** The ticket in flight; undefined when no batch is. */
  get inFlight(): Ticket | undefined {
    return this.#flight?.ticket;
  }

  get stats(): StoreStats {
    let pendingOperations = this.#flight?.changes.length ?? 0;
    for (const space of this.#spaces.values()) pendingOperations += space.openSize;
    return { ...this.#counts, pendingOperations, pendingBytes: this.#openBytes + (this.#flight?.bytes ?? 0) };
  }

  space(name: string): Space {
    if (this.#spaces.has(name)) throw new Error(`${name} is already taken`);
    const space = new Space(name, this, this.#driver);
    this.#spaces.set(name, space);
    return space;
  }

  /** `fn` runs before each cut and may write; what runs `first` may use the tables and journals of the others. */
  beforeCut(fn: () => void, first = false): void {
    if (first) this.#beforeCut.unshift(fn);
    else this.#beforeCut.push(fn);
  }

  assertOpen(): void {
    if (this.state !== 'open' && !this.#cutting) throw new StoreClosed(this.state);
  }

  /** Joins the open group: called before each write. Throws when writes are not possible. */
  join(): Ticket {
    this.assertOpen();
    if (!this.#dirty) {
      this.#dirty = true;
      if (this.#flight === undefined) setImmediate(this.#cut);
    }
    return this.#open;
  }

  /** Throws StoreFull when there is no room for a put; deletions are always taken. */
  admit(bytes: number): void {
    const pending = this.#openBytes + (this.#flight?.bytes ?? 0) + bytes;
    if (pending > this.#limit && !this.#cutting) throw new StoreFull(pending, this.#limit);
  }

  /** Accounts for `bytes` more (or fewer) in the open group. */
  weigh(bytes: number): void {
    this.#openBytes += bytes;
    const pending = this.#openBytes + (this.#flight?.bytes ?? 0);
    if (pending >= this.#highWater) {
      if (!this.pressure) this.#counts.pressured++;
      this.pressure = true;
    } else this.pressure = false;
  }

  cancelled(): void {
    this.#counts.cancelled++;
  }

  /** Inside a batch, `undo` takes back a step should the batch throw. */
  remember(undo: () => void): void {
    this.#undo?.push(undo);
  }

  get batching(): boolean {
    return this.#undo !== undefined;
  }

  batch(fn: () => void): Ticket {
    this.assertOpen();
    const outer = this.#undo;
    const undo = outer ?? [];
    const mark = undo.length;
    this.#undo = undo;
    try {
      const result: unknown = fn();
      if (result instanceof Promise) throw new TypeError('a batch must be synchronous');
    } catch (error) {
      this.#undo = undefined;
      while (undo.length > mark) undo.pop()?.();
      throw error;
    } finally {
      this.#undo = outer;
    }
    return this.#open;
  }

  durable(ticket: Ticket): Promise<void> | undefined {
    if (ticket <= this.#committed) return undefined;
    if (this.state === 'closed') return Promise.reject(new StoreClosed('closed'));
    const flight = this.#flight;
    if (flight !== undefined && (ticket <= flight.ticket || !this.#dirty))
      return (flight.waiter ??= newWaiter()).promise;
    return this.#dirty ? (this.#waiter ??= newWaiter()).promise : undefined;
  }

  /** Resolves when nothing is left to write. Rejects when closing and the last attempt failed. */
  async drain(): Promise<void> {
    while (this.#dirty || this.#flight !== undefined) {
      if (this.#flight === undefined) this.#cut();
      if (this.state === 'closing') this.#hurry?.();
      await this.#flight?.done;
    }
  }

  readonly #cut = (): void => {
    if (this.#flight !== undefined || !this.#dirty) return;
    this.#cutting = true;
    for (const fn of this.#beforeCut) fn();
    this.#cutting = false;
    const changes: Change[] = [];
    for (const space of this.#spaces.values()) space.cut(changes);
    this.#dirty = false;
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (changes.length === 0) {
      waiter?.resolve();
      return;
    }
    const flight: Flight = { ticket: this.#open++, changes, bytes: this.#openBytes, waiter, done: Promise.resolve() };
    this.#openBytes = 0;
    this.#flight = flight;
    flight.done = this.#commit(flight);
    flight.done.catch(() => undefined);
  };

  async #commit(flight: Flight): Promise<void> {
    const { min, max } = this.#options.retry ?? { min: 100, max: 5000 };
    for (let delay = min; ; delay = Math.min(delay * 2, max)) {
      const started = performance.now();
      try {
        if (this.fault !== undefined) await this.#driver.recover();
        await this.#driver.write(flight.changes);
        this.#committedFlight(flight, performance.now() - started);
        return;
      } catch (error) {
        const fault = this.#failed(flight, error);
        if (this.state === 'closing') throw fault;
        await this.#pause(delay);
      }
    }
  }

  #committedFlight(flight: Flight, ms: number): void {
    const counts = this.#counts;
    counts.groups++;
    counts.operations += flight.changes.length;
    counts.bytes += flight.bytes;
    counts.lastCommitMs = ms;
    if (ms > counts.maxCommitMs) counts.maxCommitMs = ms;
    this.#committed = flight.ticket;
    this.#flight = undefined;
    for (const space of this.#spaces.values()) space.landed();
    this.weigh(0);
    const recovered = this.fault !== undefined;
    this.fault = undefined;
    flight.waiter?.resolve();
    if (this.#dirty) setImmediate(this.#cut);
    const { onRecovered } = this.#options;
    if (recovered && onRecovered !== undefined) queueMicrotask(onRecovered);
  }

  /** Those who wait are told at once, those of the open group too: it cannot be written before this one. */
  #failed(flight: Flight, cause: unknown): StoreFault {
    this.#counts.failedCommits++;
    const text = cause instanceof Error ? cause.message : String(cause);
    const fault = new StoreFault(`cannot write to ${this.#driver.location}: ${text}`, cause);
    this.fault = fault;
    flight.waiter?.reject(fault);
    flight.waiter = undefined;
    this.#waiter?.reject(fault);
    this.#waiter = undefined;
    // Not called from here: what it throws must not end the attempts.
    queueMicrotask(() => this.#options.onFault?.(fault));
    return fault;
  }

  async #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#hurry = resolve;
    await promise;
    clearTimeout(timer);
    this.#hurry = undefined;
  }
}
