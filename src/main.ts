import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { start } from './cli/start.ts';

const common = {
  config: { type: 'string', describe: 'settings file (YAML)' },
  data: { type: 'string', describe: 'data directory' },
  'port-offset': { type: 'number', describe: 'added to every port', default: 0 },
} as const;

await yargs(hideBin(process.argv))
  .scriptName('trivium')
  .command('start', 'start the server', common, async (args) => {
    process.exitCode = await start(args);
  })
  .demandCommand(1)
  .strict()
  .parseAsync();
