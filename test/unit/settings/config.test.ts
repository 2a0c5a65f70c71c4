/** The settings file that an operator copies, and what is generated beside it. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { plugins } from '#src/server/program.ts';
import { loadSettings, loadSettingsFile } from '#src/settings/load.ts';
import { programSections } from '#src/settings/schema.ts';

const root = join(import.meta.dirname, '../../..');
const declarations = programSections(plugins);

test('config/trivium.yml loads and equals the defaults', (t) => {
  const written = loadSettings(readFileSync(join(root, 'config/trivium.yml'), 'utf8'), 'f', declarations, { env: {} });
  t.deepEqual(written.problems, undefined);
  t.deepEqual(written.settings?.toJSON(), loadSettingsFile(undefined, declarations, { env: {} }).settings?.toJSON());
});

test('what is generated is what the declarations say', (t) => {
  const { status, stderr } = spawnSync(process.execPath, ['tools/gen-config.ts', '--check'], {
    cwd: root,
    encoding: 'utf8',
  });
  t.is(stderr, '');
  t.is(status, 0);
});
