import type { Argv, CommandModule } from 'yargs';
import type { Argument, Command } from '#src/admin/commands.ts';
import { perform, type PerformOptions } from './perform.ts';
import { plain } from './words.ts';

/** `<user>`, or `[scope]` for one that has a default. */
function placeOf({ default: preset, name }: Argument): string {
  return preset === undefined ? `<${name}>` : `[${name}]`;
}

/**
 * A command of the registry as one of the command line: positional arguments, read as the texts they are.
 * @param done gets the exit code
 */
export function commandModule(command: Command, done: (code: number) => void): CommandModule<object, PerformOptions> {
  const { arguments: declared, description, name } = command;
  const dashed = name.replaceAll('_', '-');
  return {
    command: [name, ...declared.map(placeOf)].join(' '),
    ...(dashed === name ? {} : { aliases: [dashed] }),
    describe: description,
    builder: (cli: Argv<object>) => {
      // What stands too much is an argument, not a command.
      cli.strictCommands(false);
      for (const { description: about, name: argument } of declared)
        cli.positional(argument, { type: 'string', describe: about });
      return cli;
    },
    handler: async (args) => {
      const given = declared.flatMap(({ name: argument }) => (args[argument] as string | undefined) ?? []);
      done(await perform(command, given.map(plain), args));
    },
  };
}
