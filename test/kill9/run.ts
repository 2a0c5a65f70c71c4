// kill -9 under load: nothing that was acknowledged may be lost, doubled or put out of order. Usage: `npm run kill9 -- --help`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate } from '#tools/bench/peers/certificate.ts';
import { makePlace } from '#tools/bench/peers/peer.ts';
import { BridgeSuite } from './bridge/suite.ts';
import { readOptions, USAGE, type Options } from './options.ts';
import { MqttSuite } from './mqtt/suite.ts';
import { SipSuite } from './sip/suite.ts';
import { type Protocol, type Victim, victims } from './server.ts';
import { Suite } from './suite.ts';

const print = (line: string): void => void process.stdout.write(`${line}\n`);

interface Result {
  readonly passed: number;
  readonly failed: number;
}

async function runOver(protocol: Protocol, victim: Victim, options: Options): Promise<Result> {
  const directory = mkdtempSync(join(tmpdir(), 'trivium-kill9-'));
  print(
    `kill9: ${victim.name}, ${protocol}, ${options.rounds} rounds, ${options.rate} messages/s, seed ${options.seed}, in ${directory}`,
  );
  // Trivium makes its own certificate, and the connections are plain.
  const certificate =
    victim.provisions === 'stopped' ? { key: '', certificate: '', pem: '' } : makeCertificate(directory, 'localhost');
  const place = await makePlace(directory, 'localhost', certificate);
  const suite = new { xmpp: Suite, mqtt: MqttSuite, sip: SipSuite, bridge: BridgeSuite }[protocol](
    options,
    victim,
    place,
    print,
  );
  try {
    await suite.run();
  } catch (error) {
    suite.report.broken(error);
  }
  const { failed, passed } = suite.report;
  if (failed > 0) {
    suite.writeTraces();
    print(`The data, the output of the server, the log and the traces are in ${directory}`);
  } else if (!options.keep) rmSync(directory, { recursive: true });
  return { passed, failed };
}

/** @returns the exit code: 0 when all held, 1 when something was violated, 2 when the run was not possible */
async function main(options: Options): Promise<number> {
  const protocols = (['xmpp', 'mqtt', 'sip', 'bridge'] as const).filter(
    (one) => options.protocol === 'all' || options.protocol === one,
  );
  const results: Result[] = [];
  for (const protocol of protocols) {
    const victim = victims[protocol].get(options.server);
    if (victim?.available() === true) results.push(await runOver(protocol, victim, options));
  }
  if (results.length === 0) {
    print(`there is no server ${options.server} for that here`);
    return 2;
  }
  const sum = (field: keyof Result): number => results.reduce((total, result) => total + result[field], 0);
  print(`${sum('passed')} passed, ${sum('failed')} failed`);
  return sum('failed') > 0 ? 1 : 0;
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') print(USAGE);
  else process.exitCode = await main(options);
} catch (error) {
  process.stderr.write(`${error instanceof TypeError ? error.message : String(error)}\n${USAGE}\n`);
  process.exitCode = 2;
}
