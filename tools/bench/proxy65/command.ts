import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ArgumentsCamelCase, Argv } from 'yargs';
import { makeCertificate } from '#tools/bench/peers/certificate.ts';
import { ejabberdProxy65 } from '#tools/bench/peers/ejabberd.ts';
import { prosodyProxy65 } from '#tools/bench/peers/prosody.ts';
import { triviumProxy65 } from '#tools/bench/peers/trivium.ts';
import { report, summarize, type Summary } from '#tools/bench/report.ts';
import type { Measurement, Reply } from '#tools/bench/result.ts';
import { ManagedServer } from '#tools/bench/server.ts';
import { register, transfer, type TransferJob } from '#tools/bench/proxy65/transfer.ts';

// In the order in which they take turns.
const PEERS = [triviumProxy65, ejabberdProxy65, prosodyProxy65];
const DOMAIN = 'localhost';

/** The options of `bench proxy65`, with their defaults. */
export function proxy65Options(argv: Argv) {
  return argv
    .option('only', { type: 'string', describe: 'servers to run, separated by commas (default: all installed)' })
    .option('streams', { type: 'string', default: '1,10', describe: 'files at the same time' })
    .option('megabytes', { type: 'number', default: 1000, describe: 'of all files of a run together' })
    .option('rounds', { type: 'number', default: 3, describe: 'runs of each scene; the table shows medians' })
    .option('json', { type: 'string', describe: 'also write every measurement to this file' })
    .strict();
}

type Options = ArgumentsCamelCase<ReturnType<ReturnType<typeof proxy65Options>['parseSync']>>;

async function run(job: TransferJob): Promise<Reply> {
  try {
    return { result: await transfer(job) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

async function measure(servers: readonly ManagedServer[], options: Options): Promise<readonly Measurement[]> {
  const measurements: Measurement[] = [];
  for (const server of servers) {
    await server.start();
    await register(server.endpoint('plain'));
  }
  for (let round = 0; round < options.rounds; round++) {
    for (const text of options.streams.split(',')) {
      const streams = Number(text);
      if (!Number.isInteger(streams) || streams < 1) throw new Error(`bad number of streams "${text}"`);
      for (const server of servers) {
        const endpoint = server.endpoint('plain');
        const { port } = server.endpoint('tls');
        const outcome = await run({ endpoint, port, streams, megabytes: options.megabytes });
        measurements.push({ scene: `${streams} files`, kind: 'transfer', server: server.name, round, outcome });
        const told = 'error' in outcome ? outcome.error : `${outcome.result.perSecond?.toFixed(0)} MB/s`;
        process.stderr.write(`${streams} files, ${server.name}: ${told}\n`);
      }
    }
  }
  return measurements;
}

/** The promise: at least the throughput of ejabberd. */
function promise(summaries: readonly Summary[]): string {
  const find = (name: string, scene: string): number | undefined =>
    summaries.find((summary) => summary.server === name && summary.scene === scene)?.perSecond;
  const lines = [...new Set(summaries.map(({ scene }) => scene))].map((scene) => {
    const [own, other] = [find('trivium', scene), find('ejabberd', scene)];
    if (own === undefined || other === undefined) return `${scene}: nothing to compare`;
    const missed = own >= other ? '' : ': MISSED';
    return `${scene}: ${(own / other).toFixed(2)} times the throughput of ejabberd (1 or more; the machine must be idle)${missed}`;
  });
  return lines.join('\n');
}

/** Runs the bench and prints the table, where an operation is a megabyte; returns the exit code: 1 when a measurement failed. */
export async function runProxy65(options: Options): Promise<number> {
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
    const measurements = await measure(servers, options);
    const summaries = summarize(measurements);
    const others = ['ejabberd', 'prosody'].filter((name) => servers.some((server) => server.name === name));
    process.stdout.write(`\n${report(summaries, others)}\n\n${promise(summaries)}\n`);
    if (options.json !== undefined) writeFileSync(options.json, JSON.stringify({ measurements }, undefined, 2));
    return summaries.some(({ failures }) => failures.length > 0) ? 1 : 0;
  } finally {
    await close();
  }
}
