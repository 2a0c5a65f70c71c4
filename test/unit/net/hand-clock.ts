import type { Clock } from '#src/net/timers.ts';

/** A clock that moves when the test says so. */
export class HandClock implements Clock {
  #wall = 1_000_000;
  #elapsed = 5;
  #tick: (() => void) | undefined;

  wall(): number {
    return this.#wall;
  }

  elapsed(): number {
    return this.#elapsed;
  }

  every(_interval: number, tick: () => void): () => void {
    this.#tick = tick;
    return () => {
      this.#tick = undefined;
    };
  }

  /** Time passes, in steps of one tick. */
  pass(milliseconds: number, step = 250): void {
    for (let left = milliseconds; left > 0; left -= step) {
      this.#elapsed += Math.min(step, left);
      this.#wall += Math.min(step, left);
      this.#tick?.();
    }
  }

  setWall(milliseconds: number): void {
    this.#wall = milliseconds;
  }

  get running(): boolean {
    return this.#tick !== undefined;
  }
}
