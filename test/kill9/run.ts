// kill -9 under load: nothing that was acknowledged may be lost, doubled or put out of order. Usage: `npm run kill9 -- --help`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate } from '#tools/bench/peers/certificate.ts';
import { makePlace } from '#tools/bench/peers/peer.ts';
import { readOptions, USAGE, type Options } from './options.ts';
import { victims } from './server.ts';
import { Suite } from './suite.ts';

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** @returns the exit code: 0 when all held, 1 when something was violated, 2 when the run was not possible */
async function main(options: Options): Promise<number> {
  const victim = victims.get(options.server);
  if (victim === undefined || !victim.available()) {
    print(`there is no server ${options.server} here`);
    return 2;
  }
  const directory = mkdtempSync(join(tmpdir(), 'trivium-kill9-'));
  print(
    `kill9: ${options.server}, ${options.rounds} rounds, ${options.rate} messages/s, seed ${options.seed}, in ${directory}`,
  );
  // Trivium makes its own certificate, and the connections are plain.
  const certificate =
    victim.provisions === 'stopped' ? { key: '', certificate: '', pem: '' } : makeCertificate(directory, 'localhost');
  const place = await makePlace(directory, 'localhost', certificate);
  const suite = new Suite(options, victim, place, print);
  try {
    await suite.run();
  } catch (error) {
    suite.failed += 1;
    print(`FAIL  ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
  if (suite.failed > 0) {
    suite.writeTraces();
    print(`The data, the output of the server, the log and the traces are in ${directory}`);
  } else if (!options.keep) rmSync(directory, { recursive: true });
  print(`${suite.passed} passed, ${suite.failed} failed`);
  return suite.failed > 0 ? 1 : 0;
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') print(USAGE);
  else process.exitCode = await main(options);
} catch (error) {
  process.stderr.write(`${error instanceof TypeError ? error.message : String(error)}\n${USAGE}\n`);
  process.exitCode = 2;
}
