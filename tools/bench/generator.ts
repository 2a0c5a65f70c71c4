import { type ChildProcess, fork } from 'node:child_process';
import type { Reply, Result } from '#tools/bench/result.ts';

/** The load generator's side of the bench: one child process that lives as long as the run, so its code stays compiled. */
export class Generator<Job extends object> {
  readonly #child: ChildProcess;
  #ended: string | undefined;

  /** @param path the script that serves jobs with {@link serveJobs} */
  constructor(path: string) {
    this.#child = fork(path);
    this.#child.once('exit', (code) => (this.#ended = `the generator ended with code ${code}`));
  }

  run(job: Job): Promise<Reply> {
    return new Promise((resolve) => {
      const ended = (): void => resolve({ error: this.#ended ?? 'the generator ended' });
      if (this.#ended !== undefined) return ended();
      this.#child.once('exit', ended);
      this.#child.once('message', (reply: Reply) => {
        this.#child.off('exit', ended);
        resolve(reply);
      });
      this.#child.send(job);
    });
  }

  close(): void {
    this.#child.kill();
  }
}

/** The child's side: takes one job at a time as a message and answers each with a result. */
export function serveJobs(run: (job: never) => Promise<Result>): void {
  process.on('message', (job: unknown) => {
    // What the parent sends is what the child of the same script takes.
    void run(job as never)
      .then(
        (result): Reply => ({ result }),
        (error: unknown): Reply => ({ error: error instanceof Error ? error.message : String(error) }),
      )
      .then((reply) => process.send?.(reply));
  });
  process.on('disconnect', () => process.exit());
}

/** One line about what a job brought. */
export function describe(outcome: Reply): string {
  if ('error' in outcome) return `failed: ${outcome.error}`;
  const { perSecond, serverCpu, memory, generatorShare } = outcome.result satisfies Result;
  const parts = [
    perSecond === undefined ? undefined : `${perSecond.toFixed(0)}/s`,
    serverCpu === undefined ? undefined : `${serverCpu.toFixed(1)} µs`,
    memory === undefined ? undefined : `${(memory / 1024).toFixed(1)} KB each`,
    generatorShare === undefined ? undefined : `generator ${(generatorShare * 100).toFixed(0)}%`,
  ];
  return parts.filter((part) => part !== undefined).join(', ');
}
