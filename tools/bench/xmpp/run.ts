import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Job, Reply, Result } from '#tools/bench/xmpp/job.ts';
import { type Plan, type Scene, accountsFor, scenesOf } from '#tools/bench/xmpp/plan.ts';
import type { Server } from '#tools/bench/xmpp/server.ts';

/** One run of one scene against one server. */
export interface Measurement {
  readonly scene: string;
  readonly kind: Scene['kind'];
  readonly server: string;
  readonly round: number;
  readonly outcome: Reply;
}

/** The load generator: one child process that lives as long as the run, so its code stays compiled. */
export class Generator {
  readonly #child: ChildProcess;
  #ended: string | undefined;

  constructor() {
    this.#child = fork(join(import.meta.dirname, 'generator.ts'));
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

/**
 * Measures every scene on every server. Memory comes first, on fresh processes; then the rounds, in each of which the
 * servers take turns scene by scene, so that what disturbs the machine disturbs all of them.
 */
export async function measure(
  servers: readonly Server[],
  plan: Plan,
  generator: Generator,
  log: (line: string) => void,
): Promise<readonly Measurement[]> {
  const measurements: Measurement[] = [];
  const scenes = scenesOf(plan);
  const take = async (scene: Scene, server: Server, round: number): Promise<void> => {
    const endpoint = server.endpoint(scene.transport);
    if (endpoint === undefined) return;
    const outcome = await generator.run(scene.job(endpoint));
    measurements.push({ scene: scene.title, kind: scene.kind, server: server.name, round, outcome });
    log(`${scene.title}, ${server.name}: ${describe(outcome)}`);
  };

  for (const server of servers) await prepare(server, accountsFor(plan), generator, log);
  for (const scene of scenes.filter(({ kind }) => kind === 'idle')) {
    for (const server of servers) {
      await server.stop();
      await server.start();
      await take(scene, server, 0);
    }
  }
  if (scenes.some(({ kind }) => kind === 'idle')) {
    for (const server of servers) {
      await server.stop();
      await server.start();
    }
  }
  for (let round = 0; round < plan.rounds; round++) {
    for (const scene of scenes.filter(({ kind }) => kind !== 'idle')) {
      for (const server of servers) await take(scene, server, round);
    }
  }
  return measurements;
}

async function prepare(
  server: Server,
  count: number,
  generator: Generator,
  log: (line: string) => void,
): Promise<void> {
  await server.start();
  const endpoint = server.endpoint('plain') ?? server.endpoint('tls');
  if (endpoint === undefined || server.accounts >= count) return;
  const reply = await generator.run({ kind: 'register', endpoint, count });
  if ('error' in reply) throw new Error(`${server.name}: ${reply.error}`);
  server.accounts = count;
  log(`${server.name}: ${count} accounts`);
}

function describe(outcome: Reply): string {
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
