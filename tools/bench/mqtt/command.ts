import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ArgumentsCamelCase, Argv } from 'yargs';
import { Generator } from '#tools/bench/generator.ts';
import type { Job } from '#tools/bench/mqtt/job.ts';
import type { QoS } from '#tools/bench/mqtt/packet.ts';
import { type Plan, SCENES } from '#tools/bench/mqtt/plan.ts';
import { measure } from '#tools/bench/mqtt/run.ts';
import { targets } from '#tools/bench/mqtt/targets.ts';
import { aedes } from '#tools/bench/peers/aedes.ts';
import { makeCertificate } from '#tools/bench/peers/certificate.ts';
import { ejabberdMqtt } from '#tools/bench/peers/ejabberd.ts';
import { mosquitto } from '#tools/bench/peers/mosquitto.ts';
import { triviumMqtt } from '#tools/bench/peers/trivium.ts';
import { report, summarize } from '#tools/bench/report.ts';
import { ExternalServer, ManagedServer, type Server } from '#tools/bench/server.ts';
import { formatTable } from '#tools/bench/table.ts';

// In the order in which they take turns.
const PEERS = [triviumMqtt, mosquitto, ejabberdMqtt, aedes];
const DOMAIN = 'localhost';
const REFERENCE = mosquitto.name;

/** The options of `bench mqtt`, with their defaults. */
export function mqttOptions(argv: Argv) {
  return argv
    .option('only', { type: 'string', describe: 'servers to run, separated by commas (default: all installed)' })
    .option('scenes', {
      type: 'string',
      describe: `of ${SCENES.join(', ')} (default: all; quick: pairs,fanout)`,
    })
    .option('qos', { type: 'string', default: '0,1,2', describe: 'quality of service' })
    .option('windows', { type: 'string', default: '1,10', describe: 'messages on their way in each pair' })
    .option('pairs', { type: 'number', default: 100, describe: 'publishers with a subscriber each' })
    .option('fan', { type: 'number', default: 200, describe: 'subscribers of the fan-out, publishers of the fan-in' })
    .option('filters', { type: 'string', default: '1000,100000', describe: 'numbers of wildcard subscriptions' })
    .option('sessions', { type: 'number', default: 50, describe: 'sessions that are away in the durable scene' })
    .option('idle', { type: 'number', default: 10_000, describe: 'idle clients whose memory is measured' })
    .option('rounds', { type: 'number', default: 3, describe: 'runs of each scene; the table shows medians' })
    .option('warmup', { type: 'number', default: 1.5, describe: 'seconds before measuring' })
    .option('seconds', { type: 'number', default: 3, describe: 'seconds of measuring' })
    .option('quick', { type: 'boolean', default: false, describe: 'one short round, for a first look' })
    .option('json', { type: 'string', describe: 'also write every measurement to this file' })
    .option('host', {
      type: 'string',
      describe: 'measure a broker that runs already, at this host; it must allow anonymous clients',
    })
    .option('port', { type: 'number', describe: 'its port for plain TCP' })
    .option('pid', { type: 'number', describe: 'its process on this machine, for CPU and memory' })
    .option('name', { type: 'string', default: 'other', describe: 'its name in the table' })
    .strict();
}

type Options = ArgumentsCamelCase<ReturnType<ReturnType<typeof mqttOptions>['parseSync']>>;

function listOf<T extends string>(text: string, allowed: readonly T[]): readonly T[] {
  return text.split(',').map((name) => {
    const found = allowed.find((one) => one === name.trim());
    if (found === undefined) throw new Error(`unknown "${name}": it must be of ${allowed.join(', ')}`);
    return found;
  });
}

function numbersOf(text: string, least: number, most: number): readonly number[] {
  return text.split(',').map((part) => {
    const value = Number(part);
    if (!Number.isInteger(value) || value < least || value > most)
      throw new Error(`bad number "${part}": ${least} to ${most}`);
    return value;
  });
}

/** Turns the options into a plan; `--quick` overrides durations and numbers. */
export function planOf(options: Options): Plan {
  const { quick } = options;
  return {
    scenes: listOf(options.scenes ?? (quick ? 'pairs,fanout' : SCENES.join(',')), SCENES),
    qos: numbersOf(options.qos, 0, 2) as readonly QoS[],
    windows: numbersOf(options.windows, 1, 1000),
    rounds: quick ? 1 : options.rounds,
    warmup: quick ? 0.5 : options.warmup,
    seconds: quick ? 1 : options.seconds,
    pairs: options.pairs,
    fan: options.fan,
    filters: numbersOf(options.filters, 100, 1_000_000),
    sessions: options.sessions,
    idle: options.idle,
  };
}

async function serversOf(options: Options, work: string): Promise<readonly Server[]> {
  const { host, port, pid, name } = options;
  const servers: Server[] = [];
  if (host !== undefined) {
    servers.push(new ExternalServer({ name, host, port, tlsPort: undefined, domain: DOMAIN, pid }));
    if (options.only === undefined) return servers;
  }
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
export async function runMqtt(options: Options): Promise<number> {
  const plan = planOf(options);
  const work = mkdtempSync(join(tmpdir(), 'trivium-bench-'));
  const generator = new Generator<Job>(join(import.meta.dirname, 'generator.ts'));
  let servers: readonly Server[] = [];
  const close = async (): Promise<void> => {
    generator.close();
    await Promise.all(servers.map((server) => server.stop()));
    rmSync(work, { recursive: true, force: true });
  };
  const interrupted = (): void => void close().finally(() => process.exit(130));
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    servers = await serversOf(options, work);
    const measurements = await measure(servers, plan, generator, (line) => process.stderr.write(`${line}\n`));
    const summaries = summarize(measurements);
    const running = new Set(servers.map(({ name }) => name));
    const others = PEERS.map(({ name }) => name).filter((name) => name !== triviumMqtt.name && running.has(name));
    process.stdout.write(`\n${report(summaries, others)}\n`);
    if (running.has(triviumMqtt.name) && running.has(REFERENCE)) {
      const rows = targets(summaries, triviumMqtt.name, REFERENCE)
        .filter(({ found }) => found !== undefined)
        .map(({ text, found, holds }) => [text, found, holds ? 'holds' : 'MISSED']);
      process.stdout.write(`\n${formatTable(['target', 'found', ''], rows)}\n`);
    }
    if (options.json !== undefined) writeFileSync(options.json, JSON.stringify({ plan, measurements }, undefined, 2));
    return summaries.some(({ failures }) => failures.length > 0) ? 1 : 0;
  } finally {
    await close();
  }
}
