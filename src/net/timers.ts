/** Something that waits for its time. */
export interface Timed {
  onTimeout(): void;
}

const TICK = 250;
const SLOTS = 512;

interface Entry {
  readonly item: Timed;
  /** Turns of the wheel that are left. */
  turns: number;
}

/**
 * One coarse clock and one hashed timer wheel for everything that is slow: negotiation timeouts, idle checks, resumption. Adding and
 * removing cost a map operation; nothing is allocated per tick, and a waiting item holds no timer of its own.
 *
 * An item waits once: adding it again moves it.
 */
export class Timers implements Disposable {
  /** Milliseconds since the epoch at the last tick: cheap, and late by one tick at most. */
  now = Date.now();
  readonly #slots: Map<Timed, Entry>[] = Array.from({ length: SLOTS }, () => new Map<Timed, Entry>());
  readonly #slotOf = new Map<Timed, number>();
  readonly #timer: NodeJS.Timeout;
  readonly #fault: (error: unknown) => void;
  #position = 0;
  #started = this.now;
  #ticks = 0;

  /** @param fault is told of exceptions that an item's `onTimeout` lets through */
  constructor(fault: (error: unknown) => void) {
    this.#fault = fault;
    this.#timer = setInterval(() => this.#advance(), TICK);
    this.#timer.unref();
  }

  get size(): number {
    return this.#slotOf.size;
  }

  /** Calls `item.onTimeout` after `delay` milliseconds, rounded up to the next tick. */
  add(item: Timed, delay: number): void {
    this.remove(item);
    const ticks = Math.max(1, Math.ceil(delay / TICK));
    const slot = (this.#position + ticks) % SLOTS;
    this.#slots[slot]?.set(item, { item, turns: Math.floor((ticks - 1) / SLOTS) });
    this.#slotOf.set(item, slot);
  }

  remove(item: Timed): void {
    const slot = this.#slotOf.get(item);
    if (slot === undefined) return;
    this.#slotOf.delete(item);
    this.#slots[slot]?.delete(item);
  }

  /** Catches up with the clock, so that a stalled process is late once and not for ever. */
  #advance(): void {
    this.now = Date.now();
    if (this.now < this.#started) {
      this.#started = this.now - this.#ticks * TICK;
    }
    const due = Math.min(Math.floor((this.now - this.#started) / TICK), this.#ticks + SLOTS);
    while (this.#ticks < due) {
      this.#ticks += 1;
      this.#turn();
    }
  }

  #turn(): void {
    this.#position = (this.#position + 1) % SLOTS;
    const slot = this.#slots[this.#position];
    if (slot === undefined || slot.size === 0) return;
    for (const entry of [...slot.values()]) {
      if (entry.turns > 0) {
        entry.turns -= 1;
        continue;
      }
      this.remove(entry.item);
      try {
        entry.item.onTimeout();
      } catch (error) {
        this.#fault(error);
      }
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    for (const slot of this.#slots) slot.clear();
    this.#slotOf.clear();
  }
}
