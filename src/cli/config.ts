import { plugins } from '#src/server/program.ts';
import { maskedSettings, settingsText } from '#src/settings/print.ts';
import { programSections } from '#src/settings/schema.ts';
import { EXIT } from './exit.ts';
import { complain, say } from './output.ts';
import { type CommonOptions, readSettings } from './settings.ts';

/** Prints the settings in force, defaults included, secrets masked. @returns the exit code */
export function printSettings(options: CommonOptions & { readonly json?: boolean | undefined }): number {
  const settings = readSettings(options);
  if (!('of' in settings)) {
    for (const problem of settings) complain(problem);
    return EXIT.usage;
  }
  const declarations = programSections(plugins);
  if (options.json === true) say(JSON.stringify(maskedSettings(settings, declarations), undefined, 2));
  else {
    const files = settings.files.length === 0 ? 'defaults only' : settings.files.join(', ');
    say(
      `# Settings in force (${files}). Durations in milliseconds, sizes in bytes.\n${settingsText(settings, declarations).trimEnd()}`,
    );
  }
  return EXIT.ok;
}
