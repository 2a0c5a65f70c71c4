import { StoreClosed } from '#src/store/errors.ts';
import type { Store } from '#src/store/store.ts';

/** Names a wait; waits are numbered in the order in which they end. */
export type Wait = number;

/** Who waits until what was written is on the disk. */
export interface Waiter {
  /** What was written before this wait or an earlier one began is durable. */
  onDurable(wait: Wait): void;
}

/**
 * Tells whoever waits for a group of writes when it is durable: one promise a group, however many wait. A group that could not be
 * written is tried again by the store, and waited for again here: nobody is told before it is on the disk.
 */
export class Durably {
  readonly #store: Store;
  readonly #fault: (error: unknown) => void;
  #promise: Promise<void> | undefined = undefined;
  #waiting = new Set<Waiter>();
  #wait: Wait = 0;

  constructor(store: Store, fault: (error: unknown) => void) {
    this.#store = store;
    this.#fault = fault;
  }

  /** Has the waiter told when all that was written so far is durable. @returns undefined when it is already */
  wait(waiter: Waiter): Wait | undefined {
    const promise = this.#store.barrier();
    if (promise === undefined) return undefined;
    if (promise !== this.#promise) {
      this.#promise = promise;
      this.#waiting = new Set();
      this.#wait += 1;
      void this.#await(this.#wait, promise, this.#waiting);
    }
    this.#waiting.add(waiter);
    return this.#wait;
  }

  async #await(wait: Wait, first: Promise<void>, waiting: ReadonlySet<Waiter>): Promise<void> {
    const ticket = this.#store.open;
    for (let durable: Promise<void> | undefined = first; durable !== undefined;) {
      try {
        await durable;
        durable = undefined;
      } catch (error) {
        if (error instanceof StoreClosed) return;
        durable = this.#store.durable(ticket);
      }
    }
    if (this.#promise === first) this.#promise = undefined;
    for (const waiter of waiting) {
      try {
        waiter.onDurable(wait);
      } catch (error) {
        this.#fault(error);
      }
    }
  }
}
