import { describe, type Generator } from '#tools/bench/generator.ts';
import type { Job } from '#tools/bench/mqtt/job.ts';
import { type Plan, type Scene, scenesOf } from '#tools/bench/mqtt/plan.ts';
import type { Measurement } from '#tools/bench/result.ts';
import type { Server } from '#tools/bench/server.ts';

/**
 * Measures every scene on every server. Memory comes first, on fresh processes; then the rounds, in each of which the
 * servers take turns scene by scene, so that what disturbs the machine disturbs all of them.
 */
export async function measure(
  servers: readonly Server[],
  plan: Plan,
  generator: Generator<Job>,
  log: (line: string) => void,
): Promise<readonly Measurement[]> {
  const measurements: Measurement[] = [];
  const scenes = scenesOf(plan);
  const take = async (scene: Scene, server: Server, round: number): Promise<void> => {
    const endpoint = server.endpoint('plain');
    if (endpoint === undefined) return;
    const outcome = await generator.run(scene.job(endpoint));
    measurements.push({ scene: scene.title, kind: scene.kind, server: server.name, round, outcome });
    log(`${scene.title}, ${server.name}: ${describe(outcome)}`);
  };
  for (const scene of scenes.filter(({ kind }) => kind === 'idle')) {
    for (const server of servers) {
      await server.stop();
      await server.start();
      await take(scene, server, 0);
    }
  }
  for (const server of servers) {
    await server.stop();
    await server.start();
  }
  for (let round = 0; round < plan.rounds; round++) {
    for (const scene of scenes.filter(({ kind }) => kind !== 'idle')) {
      for (const server of servers) await take(scene, server, round);
    }
  }
  return measurements;
}
