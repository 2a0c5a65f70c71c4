import type { Timed, Timers } from '#src/net/timers.ts';

/** Milliseconds between two looks. */
const INTERVAL = 1000;

/**
 * Watches the memory that messages take, over all clients and hosts: what waits for sockets and queues is in buffers outside of the
 * heap. Above the limit nobody new is let in, less waits for slow readers, and queues in memory take no more.
 */
export class MemoryGuard implements Timed {
  readonly #timers: Timers;
  readonly #limit: () => number;
  readonly #used: () => number;
  /** There is too much. */
  tight = false;

  /** @param limit bytes, 0 for none @param used bytes in buffers */
  constructor(timers: Timers, limit: () => number, used: () => number = () => process.memoryUsage().arrayBuffers) {
    this.#timers = timers;
    this.#limit = limit;
    this.#used = used;
  }

  start(): void {
    this.#timers.add(this, INTERVAL);
  }

  onTimeout(): void {
    const limit = this.#limit();
    this.tight = limit > 0 && this.#used() > limit;
    this.start();
  }
}
