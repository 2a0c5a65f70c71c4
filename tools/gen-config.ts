/** Writes config/trivium.yml, config/schema.json, docs/settings.md and docs/schemas from the declarations; with --check only compares them. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { plugins } from '#src/server/program.ts';
import { schemaFiles } from '#bridges/mqtt-xmpp/schemas.ts';
import { jsonSchema, markdown } from '#src/settings/describe.ts';
import { sampleSettings } from '#src/settings/sample.ts';
import { programSections } from '#src/settings/schema.ts';

const root = join(import.meta.dirname, '..');
const declarations = programSections(plugins);

const reference = `# Settings

Made from the declarations in the code by \`tools/gen-config.ts\`. The file [config/trivium.yml](../config/trivium.yml) holds every
option with its default, [config/schema.json](../config/schema.json) tells them to editors.

`;

const files: ReadonlyMap<string, string> = new Map([
  ['config/trivium.yml', sampleSettings(declarations)],
  ['config/schema.json', `${JSON.stringify(jsonSchema(declarations), undefined, 2)}\n`],
  ['docs/settings.md', reference + markdown(declarations)],
  ...schemaFiles(),
]);

const check = process.argv.includes('--check');
for (const [path, text] of files) {
  const target = join(root, path);
  if (check) {
    if (current(target) === text) continue;
    console.error(`${path} is not what the declarations say: run tools/gen-config.ts`);
    process.exitCode = 1;
  } else {
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, text);
  }
}

function current(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
