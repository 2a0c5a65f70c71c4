import { setTimeout as delay } from 'node:timers/promises';

/** A transcript cannot go on; the check that failed has been told. */
export class Abandoned extends Error {}

/** Counts what held and what did not, one printed line each. */
export class Checks {
  readonly #name: string;
  passed = 0;
  failed = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** Runs a step of a transcript; it holds when it does not throw. @returns its value, or undefined when it failed */
  async step<T>(what: string, run: () => T | Promise<T>): Promise<T | undefined> {
    try {
      const value = await run();
      this.tell(what, true);
      return value;
    } catch (error) {
      this.tell(what, false, error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  /** A step without which the rest makes no sense. @throws Abandoned when it fails */
  async need<T>(what: string, run: () => T | Promise<T>): Promise<T> {
    const done: { value?: T } = {};
    await this.step(what, async () => {
      done.value = await run();
    });
    if (!('value' in done)) throw new Abandoned(what);
    return done.value;
  }

  tell(what: string, holds: boolean, detail = ''): void {
    if (holds) this.passed += 1;
    else this.failed += 1;
    const line = `${holds ? 'ok    ' : 'FAILED'} ${this.#name}: ${what}`;
    console.log(holds || detail === '' ? line : `${line}: ${detail.replaceAll('\n', '\n       ')}`);
  }
}

/** How long an event may take before its check fails, in milliseconds. */
export const LIMIT = 10_000;
/** How many of the events that nobody took a failed check shows. */
const SHOWN = 6;

/** What happened to a client, in order. Whoever expects an event takes it out, before or after it happens. */
export class Events<T> {
  readonly #label: (event: T) => string;
  #seen: T[] = [];
  #waiting: { matches: (event: T) => boolean; resolve: (event: T) => void }[] = [];

  constructor(label: (event: T) => string = String) {
    this.#label = label;
  }

  push(event: T): void {
    const index = this.#waiting.findIndex(({ matches }) => matches(event));
    const [waiting] = index < 0 ? [] : this.#waiting.splice(index, 1);
    if (waiting) waiting.resolve(event);
    else this.#seen.push(event);
  }

  /** The first event that matches; @throws Error when none comes in time, telling what came instead */
  async take(what: string, matches: (event: T) => boolean): Promise<T> {
    const index = this.#seen.findIndex(matches);
    const [seen] = index < 0 ? [] : this.#seen.splice(index, 1);
    if (seen !== undefined) return seen;
    const { promise, resolve } = Promise.withResolvers<T>();
    const waiting = { matches, resolve };
    this.#waiting.push(waiting);
    const over = new AbortController();
    const late = delay(LIMIT, undefined, { signal: over.signal }).then(() => {
      this.#waiting = this.#waiting.filter((other) => other !== waiting);
      throw new Error(
        `${what} did not come; seen: ${this.#seen.slice(-SHOWN).map(this.#label).join('\n') || 'nothing'}`,
      );
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      late.catch(() => undefined);
      over.abort();
    }
  }

  /** Whether such an event has happened and was not taken; for what must not come, after something that comes later. */
  has(matches: (event: T) => boolean): boolean {
    return this.#seen.some(matches);
  }

  forget(): void {
    this.#seen = [];
  }
}
