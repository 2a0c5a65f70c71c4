import { resolve } from 'node:path';
import { plugins } from '#src/server/program.ts';
import { loadSettingsFile } from '#src/settings/load.ts';
import { formatProblem } from '#src/settings/problem.ts';
import { programSections } from '#src/settings/schema.ts';
import type { Settings } from '#src/settings/settings.ts';

/** What every command takes, to find the settings and the data. */
export interface CommonOptions {
  readonly config?: string | undefined;
  /** Data directory; wins over the settings. */
  readonly data?: string | undefined;
  readonly portOffset?: number | undefined;
}

/** Reads the settings; a problem is one line each: file, line, column, cause. */
export function readSettings({ config, data, portOffset = 0 }: CommonOptions): Settings | readonly string[] {
  const loaded = loadSettingsFile(config, programSections(plugins), {
    env: process.env,
    portOffset,
    ...(data === undefined ? {} : { overrides: { data: { directory: resolve(data) } } }),
  });
  return loaded.settings ?? loaded.problems.map(formatProblem);
}
