import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ArgumentsCamelCase, Argv } from 'yargs';
import { makeCertificate } from '#tools/bench/peers/certificate.ts';
import { coturn } from '#tools/bench/peers/coturn.ts';
import type { Peer } from '#tools/bench/peers/peer.ts';
import { triviumTurn } from '#tools/bench/peers/trivium.ts';
import { report, summarize, type Summary } from '#tools/bench/report.ts';
import type { Measurement } from '#tools/bench/result.ts';
import { ManagedServer } from '#tools/bench/server.ts';
import { type Relayed, relay, WAYS, type Way } from '#tools/bench/turn/relay.ts';
import { root } from '#tools/source.ts';

const execute = promisify(execFile);
const PEERS: readonly Peer[] = [triviumTurn, coturn];
const DOMAIN = 'localhost';
const USER = 'bench';
const PASSWORD = 'secret';
/** What is promised: the CPU of a relayed packet in multiples of coturn's. */
const MOST = 2.5;

/** The options of `bench turn`, with their defaults. */
export function turnOptions(argv: Argv) {
  return argv
    .option('scenes', {
      type: 'string',
      default: 'udp-channel,udp-send',
      describe: `of ${WAYS.map(({ name }) => name).join(', ')}`,
    })
    .option('clients', { type: 'number', default: 10, describe: 'with an allocation each' })
    .option('messages', { type: 'number', default: 4000, describe: 'of each client; each is relayed there and back' })
    .option('bytes', { type: 'number', default: 172, describe: 'of a message' })
    .option('interval', { type: 'number', default: 2, describe: 'milliseconds between two messages of a client' })
    .option('rounds', { type: 'number', default: 3, describe: 'runs of each scene; the table shows medians' })
    .option('json', { type: 'string', describe: 'also write every measurement to this file' })
    .strict();
}

type Options = ArgumentsCamelCase<ReturnType<ReturnType<typeof turnOptions>['parseSync']>>;

/** Trivium's account; coturn has it by its arguments. */
async function register(server: ManagedServer, work: string): Promise<void> {
  if (server.name !== triviumTurn.name) return;
  const place = join(work, server.name);
  const files = ['--config', join(place, 'trivium-turn.yml'), '--data', join(place, 'data')];
  await execute(process.execPath, [join(root, 'src/main.ts'), 'register', USER, DOMAIN, PASSWORD, ...files]);
}

async function measure(servers: readonly ManagedServer[], ways: readonly Way[], options: Options) {
  const { bytes, clients, interval, messages } = options;
  const lost = new Map<string, number>();
  const measurements: Measurement[] = [];
  // The first round is for the compilers, and is not counted.
  for (let round = -1; round < options.rounds; round++) {
    for (const way of ways) {
      for (const server of servers) {
        const endpoint = server.endpoint(way.tls ? 'tls' : 'plain');
        const load = { endpoint, way, user: USER, password: PASSWORD, clients, messages, bytes, interval };
        const outcome = await relay(load).then(
          (result: Relayed) => ({ result }),
          (error: unknown) => ({ error: error instanceof Error ? error.message : String(error) }),
        );
        const key = `${way.name}, ${server.name}`;
        if ('result' in outcome) lost.set(key, (lost.get(key) ?? 0) + outcome.result.lost);
        if (round >= 0) measurements.push({ scene: way.name, kind: 'relay', server: server.name, round, outcome });
        const told =
          'error' in outcome
            ? outcome.error
            : `${outcome.result.serverCpu?.toFixed(1)} µs, ${outcome.result.lost} lost`;
        process.stderr.write(`${round < 0 ? 'warm-up' : `round ${round + 1}`}, ${key}: ${told}\n`);
      }
    }
  }
  return { measurements, lost };
}

/** The promise, and what was lost. */
function promises(summaries: readonly Summary[], lost: ReadonlyMap<string, number>): string {
  const find = (name: string, scene: string): number | undefined =>
    summaries.find((summary) => summary.server === name && summary.scene === scene)?.cpu;
  const lines = [...new Set(summaries.map(({ scene }) => scene))].map((scene) => {
    const [own, other] = [find(triviumTurn.name, scene), find(coturn.name, scene)];
    if (own === undefined || other === undefined) return `${scene}: nothing to compare`;
    const times = own / other;
    return `${scene}: ${times.toFixed(2)} times the CPU of coturn (${MOST} or less)${times <= MOST ? '' : ': MISSED'}`;
  });
  return [...lines, ...[...lost].map(([key, count]) => `${key}: ${count} messages lost`)].join('\n');
}

/** Runs the bench and prints the table, where an operation is a relayed datagram; returns the exit code: 1 when a measurement failed. */
export async function runTurn(options: Options): Promise<number> {
  if (spawnSync('which', ['turnutils_uclient']).status !== 0)
    throw new Error('turnutils_uclient is missing: apt-get install coturn');
  const ways = options.scenes.split(',').map((name) => {
    const way = WAYS.find((each) => each.name === name.trim());
    if (way === undefined) throw new Error(`unknown scene "${name}"`);
    return way;
  });
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
    for (const peer of PEERS.filter((each) => each.available())) {
      const server = await ManagedServer.make(peer, work, DOMAIN, certificate);
      servers.push(server);
      await server.start();
      await register(server, work);
    }
    const { lost, measurements } = await measure(servers, ways, options);
    const summaries = summarize(measurements);
    process.stdout.write(`\n${report(summaries, [coturn.name])}\n\n${promises(summaries, lost)}\n`);
    if (options.json !== undefined) writeFileSync(options.json, JSON.stringify({ measurements }, undefined, 2));
    return summaries.some(({ failures }) => failures.length > 0) ? 1 : 0;
  } finally {
    await close();
  }
}
