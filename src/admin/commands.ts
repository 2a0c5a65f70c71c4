/**
 * The one registry of operator commands. The command line, and later the HTTP API, ad-hoc commands and the web pages, are views of
 * it: a command is declared once, with its arguments, its result and its errors. Names and shapes are those that ejabberd's
 * operators know.
 */

/** How an argument is read from text: a string, a whole number, or a list of strings separated by `;`. */
export type ArgumentType = 'string' | 'integer' | 'list';

export interface Argument {
  readonly name: string;
  readonly type: ArgumentType;
  readonly description: string;
  /** What an absent argument stands for; without it the argument is required. */
  readonly default?: string | number;
  /** Never printed, never logged. */
  readonly secret?: true;
}

export type ArgumentValue = string | number | readonly string[];
export type Arguments = Readonly<Record<string, ArgumentValue>>;

/**
 * How the result reads: `rescode` is 0 or 1, `restuple` a sentence about what was done, `value` a number or text, `list` many values,
 * `table` many objects with the same columns.
 */
export type ResultType = 'rescode' | 'restuple' | 'value' | 'list' | 'table';
export type CommandResult = string | number | boolean | readonly string[] | readonly Readonly<Record<string, unknown>>[];

/** Why a command was not carried out. `code` as in the HTTP API: 400 bad arguments, 404 not found, 409 conflict, 500. */
export class CommandError extends Error {
  readonly code: 400 | 403 | 404 | 409 | 500 | 503;

  constructor(code: CommandError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

export interface Command<P> {
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly arguments: readonly Argument[];
  readonly result: ResultType;
  /** Can also be carried out on the data of a server that is stopped. */
  readonly offline?: true;
  run(parts: P, args: Arguments): CommandResult | Promise<CommandResult>;
}

/** Commands by name; a dash stands for an underscore, so `kick-user` is `kick_user`. */
export class Commands<P> {
  readonly #commands = new Map<string, Command<P>>();

  constructor(commands: Iterable<Command<P>> = []) {
    for (const command of commands) this.add(command);
  }

  add(command: Command<P>): Disposable {
    if (this.#commands.has(command.name)) throw new Error(`two commands are named ${command.name}`);
    this.#commands.set(command.name, command);
    return { [Symbol.dispose]: () => void this.#commands.delete(command.name) };
  }

  find(name: string): Command<P> | undefined {
    return this.#commands.get(name.replaceAll('-', '_'));
  }

  [Symbol.iterator](): IterableIterator<Command<P>> {
    return this.#commands.values();
  }
}

/** Text arguments by position, as the command line has them. @throws CommandError 400 */
export function readPositional(declared: readonly Argument[], given: readonly string[]): Arguments {
  if (given.length > declared.length) throw new CommandError(400, `takes ${declared.length} arguments, ${given.length} are given`);
  return readNamed(declared, new Map(declared.flatMap(({ name }, index) => (index < given.length ? [[name, given[index]]] : []))));
}

/** Arguments by name. Unknown names, missing ones and wrong types are refused. @throws CommandError 400 */
export function readNamed(declared: readonly Argument[], given: ReadonlyMap<string, unknown>): Arguments {
  const read: Record<string, ArgumentValue> = Object.create(null) as Record<string, ArgumentValue>;
  for (const name of given.keys()) {
    if (!declared.some((argument) => argument.name === name)) throw new CommandError(400, `there is no argument ${name}`);
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
  throw new CommandError(400, `the argument ${name} is no ${type}`);
}
