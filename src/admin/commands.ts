/**
 * The one registry of operator commands. The command line, and later the HTTP API, ad-hoc commands and the web pages, are views of
 * it: a command is declared once, with its arguments, its result and its errors. Names and shapes are those that ejabberd's
 * operators know.
 */
import type { AdminParts } from './parts.ts';

/** How an argument is read from text: a string, a whole number, or a list of strings separated by `;`. */
export type ArgumentType = 'string' | 'integer' | 'list';

export interface Argument {
  readonly name: string;
  readonly type: ArgumentType;
  readonly description: string;
  /** What an absent argument stands for; without it the argument is required. Arguments with a default come last. */
  readonly default?: string | number;
  /** Never printed, never logged; the command line also takes it from its standard input. */
  readonly secret?: true;
  /** What people say to one another: not logged. */
  readonly private?: true;
  /** A file of the server's machine: the command line completes a relative path, since the server runs in another directory. */
  readonly file?: true;
}

export type ArgumentValue = string | number | readonly string[];
export type Arguments = Readonly<Record<string, ArgumentValue>>;

interface ArgumentValues {
  readonly string: string;
  readonly integer: number;
  readonly list: readonly string[];
}
type ArgumentsOf<A extends readonly Argument[]> = { readonly [E in A[number] as E['name']]: ArgumentValues[E['type']] };

export type Cell = string | number | readonly string[];
export type Row = Readonly<Record<string, Cell>>;

/** What commands answer. */
export interface Results {
  /** Done, or found: 0; not: 1. */
  readonly rescode: boolean;
  /** A sentence about what was done. */
  readonly restuple: string;
  readonly value: string | number;
  readonly list: readonly string[];
  /** One object. */
  readonly tuple: Row;
  /** Objects with the same members. */
  readonly table: readonly Row[];
}
export type ResultType = keyof Results;
/** A result with its type, as every view gets it. */
export type CommandResult = {
  readonly [R in ResultType]: { readonly type: R; readonly value: Results[R] };
}[ResultType];

/** Why a command was not carried out. `code` is that of the HTTP API: 400 bad arguments, 404 not found, 409 conflict, … */
export class CommandError extends Error {
  readonly code: 400 | 403 | 404 | 409 | 500 | 503;

  constructor(code: CommandError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

export interface Command {
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly arguments: readonly Argument[];
  readonly result: ResultType;
  /** Can also be carried out on the data of a server that is stopped. */
  readonly offline?: true;
  /** The server stops when it has answered. */
  readonly final?: true;
  /** @throws CommandError */
  run(parts: AdminParts, args: Arguments): CommandResult['value'] | Promise<CommandResult['value']>;
}

interface TypedCommand<A extends readonly Argument[], R extends ResultType> extends Omit<
  Command,
  'arguments' | 'result' | 'run'
> {
  readonly arguments: A;
  readonly result: R;
  run(parts: AdminParts, args: ArgumentsOf<A>): Results[R] | Promise<Results[R]>;
}

/** Types a command's `run` from its arguments and its result. */
export function defineCommand<const A extends readonly Argument[], R extends ResultType>(
  command: TypedCommand<A, R>,
): Command {
  // `readNamed` gives every declared argument its declared type.
  return command;
}

/** Commands by name; a dash stands for an underscore, so `kick-user` is `kick_user`. */
export class Commands implements Iterable<Command> {
  readonly #commands = new Map<string, Command>();

  constructor(commands: Iterable<Command> = []) {
    for (const command of commands) this.add(command);
  }

  /** @throws Error when the name is taken */
  add(command: Command): Disposable {
    if (this.#commands.has(command.name)) throw new Error(`two commands are named ${command.name}`);
    this.#commands.set(command.name, command);
    return { [Symbol.dispose]: () => void this.#commands.delete(command.name) };
  }

  find(name: string): Command | undefined {
    return this.#commands.get(name.replaceAll('-', '_'));
  }

  [Symbol.iterator](): IterableIterator<Command> {
    return this.#commands.values();
  }
}

/** Text arguments by position, as the command line has them. @throws CommandError 400 */
export function readPositional(declared: readonly Argument[], given: readonly unknown[]): Arguments {
  if (given.length > declared.length)
    throw new CommandError(400, `takes ${declared.length} arguments, ${given.length} are given`);
  const named = declared.slice(0, given.length).map(({ name }, index) => [name, given[index]] as const);
  return readNamed(declared, new Map(named));
}

/** Arguments by name. Unknown names, missing ones and wrong types are refused. @throws CommandError 400 */
export function readNamed(declared: readonly Argument[], given: ReadonlyMap<string, unknown>): Arguments {
  const read: Record<string, ArgumentValue> = Object.create(null) as Record<string, ArgumentValue>;
  for (const name of given.keys()) {
    if (!declared.some((argument) => argument.name === name))
      throw new CommandError(400, `there is no argument ${shown(name)}`);
  }
  for (const argument of declared) {
    const value = given.get(argument.name) ?? argument.default;
    if (value === undefined) throw new CommandError(400, `the argument ${argument.name} is missing`);
    read[argument.name] = readValue(argument, value);
  }
  return read;
}

function readValue({ name, type }: Argument, value: unknown): ArgumentValue {
  if (type === 'string' && typeof value === 'string') return value;
  if (type === 'integer') {
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
    if (typeof number === 'number' && Number.isSafeInteger(number)) return number;
  }
  if (type === 'list') {
    if (typeof value === 'string') return value === '' ? [] : value.split(';');
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  }
  const wanted = { string: 'text', integer: 'a whole number', list: 'a list of texts' };
  throw new CommandError(400, `the argument ${name} is not ${wanted[type]}`);
}

const shown = (name: string): string => JSON.stringify(name.slice(0, 64));
