import yargs, { type Argv } from 'yargs';
import { hideBin } from 'yargs/helpers';
import { check } from '#src/cli/check.ts';
import { commandModule } from '#src/cli/command-module.ts';
import { printSettings } from '#src/cli/config.ts';
import { EXIT } from '#src/cli/exit.ts';
import { printFeatures } from '#src/cli/features.ts';
import { complain, survivePipes } from '#src/cli/output.ts';
import { perform, type PerformOptions } from '#src/cli/perform.ts';
import { escaped, plain } from '#src/cli/words.ts';
import { escapeControls } from '#src/observe/redact.ts';
import { VERSION } from '#src/observe/version.ts';
import { serverCommands } from '#src/server/admin.ts';

/** The command line was not understood. */
class UsageError extends Error {}

survivePipes();
const registry = serverCommands();
/** Commands that are not of the registry. */
const OWN: ReadonlySet<string> = new Set(['start', 'check', 'config', 'features', 'help', 'completion']);

const done = (code: number): void => void (process.exitCode = code);

/** What a handler throws is passed on; everything else is wrong usage. */
function refuse(text: string | undefined, error: Error | string | undefined): never {
  if (error instanceof Error && error.name !== 'YError') throw error;
  throw new UsageError(text ?? 'wrong usage');
}

const options = {
  config: { type: 'string', describe: 'Settings file (YAML)', requiresArg: true },
  data: { type: 'string', describe: 'Data directory; wins over the settings', requiresArg: true },
  'port-offset': { type: 'number', describe: 'Added to every port', requiresArg: true },
  json: { type: 'boolean', describe: 'Print results as JSON' },
} as const;
const VALUED = new Set(['--config', '--data', '--port-offset']);

/** Everything that can be seen without a server; or, by the command `PART_check`, what only a running one can tell. */
async function checkPart(part: unknown, args: PerformOptions): Promise<number> {
  if (typeof part !== 'string') return await check(args);
  const command = registry.find(`${plain(part)}_check`);
  if (command === undefined) throw new UsageError(`there is no check of ${plain(part)}`);
  return await perform(command, [], args);
}

function program(words: readonly string[]): Argv {
  const cli = yargs([...words])
    .scriptName('trivium')
    .usage('$0 <command>')
    .version(VERSION)
    .parserConfiguration({
      'duplicate-arguments-array': false,
      'parse-positional-numbers': false,
      'boolean-negation': false,
    })
    .options(options)
    .check(
      ({ 'port-offset': offset }) =>
        offset === undefined || Number.isInteger(offset) || 'the port offset is a whole number',
    )
    .command('start', 'Start the server', options, async (args) => {
      const { start } = await import('#src/cli/start.ts');
      done(await start(args));
    })
    .command(
      'check [part]',
      'Check settings, certificates and ports; or, of a running server, one part',
      options,
      async (args) => done(await checkPart(args['part'], args)),
    )
    .command('config', 'Print the settings in force, secrets masked', options, (args) => done(printSettings(args)))
    .command('features', 'Print which RFCs and XEPs are implemented', options, ({ json }) =>
      done(printFeatures(json === true)),
    )
    .command('help [command]', 'Explain a command', {}, async ({ command }) => {
      const name = typeof command === 'string' ? plain(command) : undefined;
      if (name !== undefined && !OWN.has(name) && registry.find(name) === undefined) {
        throw new UsageError(`there is no command ${name}`);
      }
      await program(name === undefined ? ['--help'] : [name, '--help']).parseAsync();
    });
  for (const command of registry) cli.command(commandModule(command, done));
  return cli
    .completion('completion', 'Print the script for completion in a shell')
    .demandCommand(1, 'which command?')
    .recommendCommands()
    .strict()
    .strictCommands()
    .exitProcess(false)
    .fail(refuse);
}

async function main(): Promise<void> {
  try {
    await program(escaped(hideBin(process.argv), VALUED)).parseAsync();
  } catch (error) {
    const usage = error instanceof UsageError || (error instanceof Error && error.name === 'YError');
    complain(`trivium: ${escapeControls(plain(error instanceof Error ? error.message : String(error)))}`);
    if (usage) complain('Try: trivium help');
    done(usage ? EXIT.usage : EXIT.error);
  }
}

void main();
