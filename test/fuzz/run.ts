/**
 * The fuzz runner: `node test/fuzz/run.ts --seconds 60 --seed 1 --target xml`. Each target is a function that tries a round of
 * inputs made from a seed, answers how many, and throws when one is treated wrongly. A failure prints the seed that shows it again.
 */
import { parseArgs } from 'node:util';
import { round as mqtt } from './mqtt.ts';
import { round as sip } from './sip.ts';
import { close as closeSipWire, round as sipWire } from './sip-wire.ts';
import { round as socks } from './socks.ts';
import { close, round as streams } from './streams.ts';
import { close as closeStun, round as stun } from './stun.ts';
import { round as xml } from './xml.ts';

const TARGETS: ReadonlyMap<string, (seed: number) => number | Promise<number>> = new Map<
  string,
  (seed: number) => number | Promise<number>
>([
  ['xml', xml],
  ['streams', streams],
  ['mqtt', mqtt],
  ['socks', socks],
  ['stun', stun],
  ['sip', sip],
  ['sip-wire', sipWire],
]);

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    target: { type: 'string', multiple: true, default: [...TARGETS.keys()] },
  },
});

let passed = 0;
let failed = 0;
for (const name of values.target) {
  const round = TARGETS.get(name);
  if (round === undefined) throw new Error(`no target "${name}": ${[...TARGETS.keys()].join(', ')}`);
  const end = Date.now() + Number(values.seconds) * 1000;
  for (let seed = Number(values.seed); Date.now() < end; seed++) {
    try {
      passed += await round(seed);
    } catch (error) {
      failed++;
      console.error(`--target ${name} --seed ${seed}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
await close();
await closeStun();
await closeSipWire();
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
