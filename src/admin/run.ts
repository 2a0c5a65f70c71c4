import { StoreError, type StoreErrorCode } from '#src/store/errors.ts';
import { type Command, CommandError, type CommandResult, readNamed, readPositional } from './commands.ts';
import type { AdminParts } from './parts.ts';

/** Arguments by position, or by name. */
export type GivenArguments = readonly unknown[] | ReadonlyMap<string, unknown>;

/**
 * Carries a command out.
 * @throws CommandError, whatever went wrong: a fault of the program is logged and becomes `internal error`
 */
export async function runCommand(command: Command, parts: AdminParts, given: GivenArguments): Promise<CommandResult> {
  const args = isList(given) ? readPositional(command.arguments, given) : readNamed(command.arguments, given);
  const told = command.arguments.filter((argument) => argument.secret !== true && argument.private !== true);
  const shown = Object.fromEntries(told.map(({ name }) => [name, args[name]]));
  parts.log.scope('admin').info('command', { command: command.name, arguments: shown });
  try {
    // The pair fits: `defineCommand` ties the value to the type.
    return { type: command.result, value: await command.run(parts, args) } as CommandResult;
  } catch (error) {
    throw errorOf(command, parts, error);
  }
}

const storeCodes = {
  locked: 503,
  'too-new': 400,
  closed: 503,
  corrupt: 500,
  fault: 500,
  full: 503,
  'backup-invalid': 400,
} as const satisfies Record<StoreErrorCode, CommandError['code']>;

function isList(given: GivenArguments): given is readonly unknown[] {
  return Array.isArray(given);
}

function errorOf(command: Command, parts: AdminParts, error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  if (error instanceof StoreError) return new CommandError(storeCodes[error.code], error.message);
  // A file that cannot be read or written, a disk that is full: the system's own words.
  if (error instanceof Error && 'syscall' in error) return new CommandError(500, error.message);
  const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined };
  parts.log.scope('admin').error('a command failed', { command: command.name, error: message, stack });
  return new CommandError(500, 'internal error; the log tells more');
}
