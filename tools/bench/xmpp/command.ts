import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { ArgumentsCamelCase, Argv } from 'yargs';
import { Generator } from '#tools/bench/generator.ts';
import { makeCertificate } from '#tools/bench/peers/certificate.ts';
import { ejabberd } from '#tools/bench/peers/ejabberd.ts';
import { prosody } from '#tools/bench/peers/prosody.ts';
import { trivium } from '#tools/bench/peers/trivium.ts';
import { report, summarize } from '#tools/bench/report.ts';
import { TRANSPORTS } from '#tools/bench/result.ts';
import { ExternalServer, ManagedServer, type Server } from '#tools/bench/server.ts';
import type { Job } from '#tools/bench/xmpp/job.ts';
import { type Plan, SCENES } from '#tools/bench/xmpp/plan.ts';
import { measure } from '#tools/bench/xmpp/run.ts';

// In the order in which they take turns.
const PEERS = [trivium, ejabberd, prosody];
const DOMAIN = 'localhost';

/** The options of `bench xmpp`, with their defaults. */
export function xmppOptions(argv: Argv) {
  return argv
    .option('only', { type: 'string', describe: 'servers to run, separated by commas (default: all installed)' })
    .option('scenes', {
      type: 'string',
      describe: `of ${SCENES.join(', ')} (default: chat,login,idle; quick: chat,login)`,
    })
    .option('transports', { type: 'string', default: TRANSPORTS.join(','), describe: 'plain, tls' })
    .option('windows', { type: 'string', default: '1,10', describe: 'messages on their way in each pair' })
    .option('pairs', { type: 'number', default: 100, describe: 'conversations' })
    .option('to', { choices: ['full', 'bare'] as const, default: 'full' as const, describe: 'address of the messages' })
    .option('sm', { type: 'boolean', default: false, describe: 'with stream management (XEP-0198)' })
    .option('rounds', { type: 'number', default: 3, describe: 'runs of each scene; the table shows medians' })
    .option('warmup', { type: 'number', default: 2, describe: 'seconds before measuring' })
    .option('seconds', { type: 'number', default: 4, describe: 'seconds of measuring' })
    .option('idle', { type: 'number', default: 2000, describe: 'idle users whose memory is measured' })
    .option('contacts', { type: 'number', default: 100, describe: 'contacts in the fanout scene' })
    .option('quick', { type: 'boolean', default: false, describe: 'one short round, for a first look' })
    .option('json', { type: 'string', describe: 'also write every measurement to this file' })
    .option('work', { type: 'string', describe: 'keep the data of the servers here for the next run' })
    .option('host', { type: 'string', describe: 'measure a server that runs already, at this host' })
    .option('port', { type: 'number', describe: 'its port for plain TCP' })
    .option('tls-port', { type: 'number', describe: 'its port for direct TLS' })
    .option('pid', { type: 'number', describe: 'its process on this machine, for CPU and memory' })
    .option('name', { type: 'string', default: 'other', describe: 'its name in the table' })
    .option('domain', { type: 'string', default: DOMAIN, describe: 'its domain' })
    .strict();
}

type Options = ArgumentsCamelCase<ReturnType<ReturnType<typeof xmppOptions>['parseSync']>>;

function listOf<T extends string>(text: string, allowed: readonly T[]): readonly T[] {
  return text.split(',').map((name) => {
    const found = allowed.find((one) => one === name.trim());
    if (found === undefined) throw new Error(`unknown "${name}": it must be of ${allowed.join(', ')}`);
    return found;
  });
}

function windowOf(text: string): number {
  const window = Number(text);
  if (!Number.isInteger(window) || window < 1 || window > 1000) throw new Error(`bad window "${text}": 1 to 1000`);
  return window;
}

/** Turns the options into a plan; `--quick` overrides durations and numbers. */
export function planOf(options: Options): Plan {
  const { quick } = options;
  return {
    scenes: listOf(options.scenes ?? (quick ? 'chat,login' : 'chat,login,idle'), SCENES),
    transports: listOf(options.transports, TRANSPORTS),
    windows: options.windows.split(',').map(windowOf),
    rounds: quick ? 1 : options.rounds,
    warmup: quick ? 0.4 : options.warmup,
    seconds: quick ? 0.8 : options.seconds,
    pairs: options.pairs,
    to: options.to,
    sm: options.sm,
    idleUsers: quick ? 200 : options.idle,
    idleBase: quick ? 100 : 500,
    contacts: options.contacts,
  };
}

async function serversOf(options: Options, work: string): Promise<readonly Server[]> {
  const { host, port, tlsPort, pid, name, domain } = options;
  const servers: Server[] = [];
  if (host !== undefined) servers.push(new ExternalServer({ name, host, port, tlsPort, domain, pid }));
  if (host !== undefined && options.only === undefined) return servers;
  const names = PEERS.map((peer) => peer.name);
  const wanted = options.only === undefined ? names : listOf(options.only, names);
  const certificate = makeCertificate(work, DOMAIN);
  for (const peer of PEERS.filter((one) => wanted.includes(one.name))) {
    if (peer.available()) servers.push(await ManagedServer.make(peer, work, DOMAIN, certificate));
    else process.stderr.write(`${peer.name} is not installed and is left out\n`);
  }
  return servers;
}

/** Runs the bench and prints the table; returns the exit code: 1 when a measurement failed. */
export async function runXmpp(options: Options): Promise<number> {
  const plan = planOf(options);
  const kept = options.work === undefined ? undefined : resolve(options.work);
  const work = kept ?? mkdtempSync(join(tmpdir(), 'trivium-bench-'));
  if (kept !== undefined) mkdirSync(kept, { recursive: true });
  const generator = new Generator<Job>(join(import.meta.dirname, 'generator.ts'));
  let servers: readonly Server[] = [];
  const close = async (): Promise<void> => {
    generator.close();
    await Promise.all(servers.map((server) => server.stop()));
    if (kept === undefined) rmSync(work, { recursive: true, force: true });
  };
  const interrupted = (): void => void close().finally(() => process.exit(130));
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    servers = await serversOf(options, work);
    const measurements = await measure(servers, plan, generator, (line) => process.stderr.write(`${line}\n`));
    const summaries = summarize(measurements);
    const others = ['ejabberd', 'prosody'].filter((name) => servers.some((server) => server.name === name));
    process.stdout.write(`\n${report(summaries, others)}\n`);
    if (options.json !== undefined) writeFileSync(options.json, JSON.stringify({ plan, measurements }, undefined, 2));
    return summaries.some(({ failures }) => failures.length > 0) ? 1 : 0;
  } finally {
    await close();
  }
}
