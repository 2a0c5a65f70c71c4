import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ArgumentsCamelCase, Argv } from 'yargs';
import { describe, Generator } from '#tools/bench/generator.ts';
import { makeCertificate } from '#tools/bench/peers/certificate.ts';
import { ejabberdSip } from '#tools/bench/peers/ejabberd.ts';
import { kamailio } from '#tools/bench/peers/kamailio.ts';
import { triviumSip } from '#tools/bench/peers/trivium.ts';
import { report, type Summary, summarize } from '#tools/bench/report.ts';
import type { Measurement, Reply } from '#tools/bench/result.ts';
import { ManagedServer } from '#tools/bench/server.ts';
import { type Scene, SCENES, type SipPlan, Stage } from '#tools/bench/sip/scenes.ts';
import { isInstalled } from '#tools/bench/sip/sipp.ts';
import { formatTable } from '#tools/bench/table.ts';
import type { Job } from '#tools/bench/xmpp/job.ts';

// In the order in which they take turns.
const PEERS = [triviumSip, kamailio, ejabberdSip];
const DOMAIN = 'localhost';
/** kamailio has no accounts but those of its configuration, which has more than are needed. */
const HAVE_ACCOUNTS: ReadonlySet<string> = new Set([kamailio.name]);

/** The options of `bench sip`, with their defaults. */
export function sipOptions(argv: Argv) {
  return argv
    .option('only', { type: 'string', describe: 'servers to run, separated by commas (default: all installed)' })
    .option('scenes', { type: 'string', default: SCENES.join(','), describe: `of ${SCENES.join(', ')}` })
    .option('callers', { type: 'number', default: 100, describe: 'accounts that call; 8 to 900' })
    .option('window', { type: 'number', default: 16, describe: 'operations at the same time' })
    .option('registers', { type: 'number', default: 10_000, describe: 'registrations in a run' })
    .option('messages', { type: 'number', default: 10_000, describe: 'messages in a run' })
    .option('calls', { type: 'number', default: 4000, describe: 'calls in a run' })
    .option('rounds', { type: 'number', default: 3, describe: 'runs of each scene; the table shows medians' })
    .option('quick', { type: 'boolean', default: false, describe: 'one short round, for a first look' })
    .option('json', { type: 'string', describe: 'also write every measurement to this file' })
    .strict();
}

type Options = ArgumentsCamelCase<ReturnType<ReturnType<typeof sipOptions>['parseSync']>>;

function scenesOf(text: string): readonly Scene[] {
  return text.split(',').map((name) => {
    const found = SCENES.find((scene) => scene === name.trim());
    if (found === undefined) throw new Error(`unknown "${name}": it must be of ${SCENES.join(', ')}`);
    return found;
  });
}

function planOf({ callers, calls, messages, quick, registers, rounds, scenes, window }: Options): SipPlan {
  if (!Number.isInteger(callers) || callers < 8 || callers > 900) throw new Error(`bad number of callers: 8 to 900`);
  const share = quick ? 0.2 : 1;
  return {
    scenes: scenesOf(scenes),
    callers,
    window,
    rounds: quick ? 1 : rounds,
    operations: { register: registers * share, message: messages * share, call: calls * share },
  };
}

async function outcomeOf(stage: Stage, scene: Scene, server: string): Promise<Reply> {
  try {
    const result = await stage.run(scene);
    const lost = `${result.failed} of ${result.operations + result.failed} failed`;
    // Of this tree's server none may.
    if (result.failed > 0 && server === triviumSip.name) return { error: lost };
    if (result.failed > 0) process.stderr.write(`${scene}, ${server}: ${lost}\n`);
    return { result };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

/** Within a round the servers take turns scene by scene, so that what disturbs the machine disturbs all of them. */
async function measure(
  servers: readonly ManagedServer[],
  plan: SipPlan,
  work: string,
): Promise<readonly Measurement[]> {
  const accounts = new Generator<Job>(join(import.meta.dirname, '../xmpp/generator.ts'));
  const stages = new Map<ManagedServer, Stage>();
  try {
    for (const server of servers) {
      await server.start();
      stages.set(server, new Stage(server, plan, work));
      if (HAVE_ACCOUNTS.has(server.name)) continue;
      const made = await accounts.run({
        kind: 'register',
        endpoint: server.endpoint('plain'),
        count: Stage.accounts(plan),
      });
      if ('error' in made) throw new Error(`${server.name}: ${made.error}`);
    }
  } finally {
    accounts.close();
  }
  const measurements: Measurement[] = [];
  for (let round = 0; round < plan.rounds; round++) {
    for (const scene of plan.scenes) {
      for (const [server, stage] of stages) {
        const outcome = await outcomeOf(stage, scene, server.name);
        measurements.push({ scene, kind: scene, server: server.name, round, outcome });
        process.stderr.write(`${scene}, ${server.name}: ${describe(outcome)}\n`);
      }
    }
  }
  return measurements;
}

/** The promise: at most half of ejabberd's CPU for a registration and a message. */
function promises(summaries: readonly Summary[]): readonly (readonly [string, number, string])[] {
  const cpu = (name: string, scene: string): number | undefined =>
    summaries.find((summary) => summary.server === name && summary.scene === scene)?.cpu;
  return (['register', 'message'] as const).flatMap((scene) => {
    const [own, other] = [cpu(triviumSip.name, scene), cpu(ejabberdSip.name, scene)];
    if (own === undefined || other === undefined) return [];
    const found = own / other;
    return [[`${scene}: CPU at most 0.50 of ejabberd's`, found, found <= 0.5 ? 'holds' : 'MISSED'] as const];
  });
}

/** Runs the bench and prints the tables; returns the exit code: 1 when a measurement failed. */
export async function runSip(options: Options): Promise<number> {
  if (!isInstalled()) throw new Error('sipp is missing: apt-get install sip-tester');
  const plan = planOf(options);
  const work = mkdtempSync(join(tmpdir(), 'trivium-bench-'));
  const servers: ManagedServer[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
    rmSync(work, { recursive: true, force: true });
  };
  const interrupted = (): void => void close().finally(() => process.exit(130));
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    const certificate = makeCertificate(work, DOMAIN);
    const wanted = options.only?.split(',');
    for (const peer of PEERS.filter(({ name }) => wanted?.includes(name) ?? true)) {
      if (peer.available()) servers.push(await ManagedServer.make(peer, work, DOMAIN, certificate));
      else process.stderr.write(`${peer.name} is not installed and is left out\n`);
    }
    const measurements = await measure(servers, plan, work);
    const summaries = summarize(measurements);
    const others = PEERS.map(({ name }) => name).filter(
      (name) => name !== triviumSip.name && servers.some((server) => server.name === name),
    );
    process.stdout.write(`\n${report(summaries, others)}\n`);
    const rows = promises(summaries);
    if (rows.length > 0) process.stdout.write(`\n${formatTable(['target', 'found', ''], rows)}\n`);
    if (options.json !== undefined) writeFileSync(options.json, JSON.stringify({ plan, measurements }, undefined, 2));
    return summaries.some(({ failures }) => failures.length > 0) ? 1 : 0;
  } finally {
    await close();
  }
}
