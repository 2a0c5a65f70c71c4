import { certificateState } from './certificates.ts';
import type { Timed, Timers } from './timers.ts';

/** Milliseconds between two looks. */
const INTERVAL = 30_000;

/**
 * Looks now and then whether certificate files have changed, as certbot and its like renew them without telling. A change counts
 * when it has stood for one more look: a chain whose key is still to be written is left alone.
 */
export class CertificateWatch implements Timed, Disposable {
  readonly #timers: Timers;
  readonly #paths: () => readonly string[];
  readonly #changed: () => void;
  #used: string;
  #seen: string;

  /** @param paths as `readCertificates` takes them @param changed reads them again */
  constructor(timers: Timers, paths: () => readonly string[], changed: () => void) {
    this.#timers = timers;
    this.#paths = paths;
    this.#changed = changed;
    this.#used = certificateState(paths());
    this.#seen = this.#used;
    timers.add(this, INTERVAL);
  }

  onTimeout(): void {
    this.#timers.add(this, INTERVAL);
    const state = certificateState(this.#paths());
    const settled = state === this.#seen;
    this.#seen = state;
    if (!settled || state === this.#used) return;
    this.#used = state;
    this.#changed();
  }

  [Symbol.dispose](): void {
    this.#timers.remove(this);
  }
}
