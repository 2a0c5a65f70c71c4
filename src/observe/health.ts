/** Is the process alive, and should it get traffic? Parts register named checks; a probe runs them all. */

/** Undefined when all is well, else the cause in a few words. */
export type Check = () => string | undefined | Promise<string | undefined>;

export interface HealthReport {
  readonly ok: boolean;
  /** `ok`, or the cause, by the name of the check. */
  readonly checks: Readonly<Record<string, string>>;
}

export type Phase = 'starting' | 'running' | 'stopping';

/** Milliseconds a check may take; a disk that hangs must not hang the probe. */
const patience = 5000;

export class Health {
  /** Set by the composition root. */
  phase: Phase = 'starting';
  readonly #checks = new Map<string, Check>();

  /** Throws when the name is taken. */
  add(name: string, check: Check): Disposable {
    if (this.#checks.has(name)) throw new Error(`two health checks are named ${name}`);
    this.#checks.set(name, check);
    return { [Symbol.dispose]: () => void this.#checks.delete(name) };
  }

  /** Alive: every check holds. A process that is starting or stopping is alive. */
  async health(): Promise<HealthReport> {
    const results = await Promise.all(
      [...this.#checks].map(async ([name, check]) => [name, await run(check)] as const),
    );
    return report(results);
  }

  /** Ready: alive, and neither starting nor stopping. */
  async ready(): Promise<HealthReport> {
    const { checks } = await this.health();
    return report([['phase', this.phase === 'running' ? 'ok' : this.phase], ...Object.entries(checks)]);
  }
}

function report(results: readonly (readonly [string, string])[]): HealthReport {
  return { ok: results.every(([, result]) => result === 'ok'), checks: Object.fromEntries(results) };
}

async function run(check: Check): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const timer = setTimeout(() => resolve('no answer'), patience);
  try {
    return await Promise.race([Promise.resolve(check()).then((cause) => cause ?? 'ok'), promise]);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
  }
}
