import { spawnSync } from 'node:child_process';
import { root } from './source.ts';

/** What `npm run check` runs: every one, also after a failure. */
const CHECKS: readonly (readonly [name: string, ...command: readonly string[]])[] = [
  ['types', 'node_modules/typescript/bin/tsc', '-p', '.'],
  ['lint', 'node_modules/oxlint/bin/oxlint', '--type-aware', '-f', 'unix'],
  ['format', 'node_modules/oxfmt/bin/oxfmt', '--list-different'],
  ['layers', 'tools/check-layers.ts'],
  ['sizes', 'tools/check-sizes.ts'],
  ['specs', 'tools/check-specs.ts'],
  ['dependencies', 'tools/check-dependencies.ts'],
  ['waivers', 'tools/check-waivers.ts'],
];

let failed = 0;
for (const [name, ...command] of CHECKS) {
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (status !== 0) failed += 1;
  const said = status === 0 && ['types', 'lint', 'format'].includes(name) ? '' : `${stderr}${stdout}`.trim();
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name}${said && `\n${said.replace(/^/gm, '       ')}`}`);
}
console.log(`${CHECKS.length - failed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
