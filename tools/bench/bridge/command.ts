import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ArgumentsCamelCase, Argv } from 'yargs';
import { readSettings } from '#src/cli/settings.ts';
import { openCore } from '#src/server/core.ts';
import { type Kind, kinds } from '#test/helpers/roads/end.ts';
import { Meter } from '#tools/bench/meter.ts';
import { makeCertificate } from '#tools/bench/peers/certificate.ts';
import { makePlace, type Place, stop } from '#tools/bench/peers/peer.ts';
import { triviumBridge } from '#tools/bench/peers/trivium.ts';
import { formatTable } from '#tools/bench/table.ts';
import { type Direction, type Figures, measureDirection } from './direction.ts';

const DOMAIN = 'localhost';
/** What XMPP to MQTT and back may cost of what XMPP to XMPP does. */
const LIMIT = 3;

/** The options of `bench bridge`, with their defaults. */
export function bridgeOptions(argv: Argv) {
  return argv
    .option('messages', { type: 'number', default: 4000, describe: 'of each direction, for the CPU time of one' })
    .option('pairs', { type: 'number', default: 8, describe: 'of a sender and a receiver' })
    .option('window', { type: 'number', default: 10, describe: 'messages on their way, of a pair' })
    .option('pings', { type: 'number', default: 300, describe: 'one after the other, for the latency' })
    .option('json', { type: 'string', describe: 'also write every measurement to this file' })
    .strict();
}

type Options = ArgumentsCamelCase<ReturnType<ReturnType<typeof bridgeOptions>['parseSync']>>;

const userOf = (kind: Kind, role: 'sends' | 'gets', pair: number): string => `${kind}-${role}-${pair}`;

/** Makes the accounts while the server is stopped. */
async function provision({ directory }: Place, pairs: number): Promise<void> {
  const settings = readSettings({ config: join(directory, 'trivium-bridge.yml'), data: join(directory, 'data') });
  if (!('of' in settings)) throw new Error(settings.join('\n'));
  const core = await openCore(
    () => settings,
    () => undefined,
  );
  for (const kind of kinds) {
    for (const role of ['sends', 'gets'] as const) {
      for (let pair = 0; pair < pairs; pair++) await core.accounts.create(DOMAIN, userOf(kind, role, pair), 'secret');
    }
  }
  await core.store.close();
}

/** Runs all nine directions, prints the table. @returns the exit code: 1 when MQTT to XMPP or back costs too much */
export async function runBridge(options: Options): Promise<number> {
  const work = mkdtempSync(join(tmpdir(), 'trivium-bench-'));
  try {
    const place = await makePlace(join(work, 'bridge'), DOMAIN, makeCertificate(work, DOMAIN));
    triviumBridge.configure(place);
    await provision(place, options.pairs);
    const child = await triviumBridge.start(place);
    const figures = new Map<string, Figures>();
    try {
      const meter = new Meter(child.pid ?? 0);
      for (const from of kinds) {
        for (const to of kinds) {
          const direction: Direction = {
            from,
            to,
            ports: { xmpp: place.port, mqtt: place.tlsPort, sip: place.port },
            domain: DOMAIN,
            userOf,
            ...options,
          };
          const measured = await measureDirection(direction, () => meter.cpu());
          figures.set(`${from} to ${to}`, measured);
          process.stderr.write(`${from} to ${to}: ${measured.cpu.toFixed(0)} us CPU a message\n`);
        }
      }
    } finally {
      await stop(child);
    }
    return tell(figures, options);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function tell(figures: ReadonlyMap<string, Figures>, { json }: Options): number {
  const base = figures.get('xmpp to xmpp')?.cpu ?? Number.NaN;
  const rows = [...figures].map(([name, { cpu, p50, p99, perSecond }]) => {
    const own = figures.get(`${name.split(' ')[0] ?? ''} to ${name.split(' ')[0] ?? ''}`)?.cpu ?? Number.NaN;
    return [name, p50, p99, perSecond, cpu, cpu / own, cpu / base];
  });
  const header = ['direction', 'p50 ms', 'p99 ms', 'messages/s', 'CPU us', 'of the same protocol', 'of XMPP to XMPP'];
  process.stdout.write(`${formatTable(header, rows)}\n`);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(Object.fromEntries(figures), undefined, 2)}\n`);
  const worst = Math.max(
    ...['xmpp to mqtt', 'mqtt to xmpp'].map((name) => (figures.get(name)?.cpu ?? Number.NaN) / base),
  );
  process.stdout.write(`XMPP to MQTT and back: at most ${worst.toFixed(2)} times XMPP to XMPP (limit ${LIMIT})\n`);
  return worst <= LIMIT ? 0 : 1;
}
