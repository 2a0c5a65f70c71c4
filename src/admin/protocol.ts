/**
 * What passes over the local admin socket: lines of JSON, one request a connection.
 *
 *     server: {"trivium": version, "protocol": 1}                             at once, so that a client knows that somebody serves
 *     client: {"command": name, "arguments": [text, …] or {name: value, …}}
 *     server: {"ok": true, "type": type, "value": value}                      or {"ok": false, "code": code, "message": text}
 *
 * Then the server closes; after a command that stops it, when it has stopped.
 */
import { CommandError, type CommandResult } from './commands.ts';
import type { GivenArguments } from './run.ts';

export const PROTOCOL = 1;
/** Bytes of a request. */
export const REQUEST_BYTES = 1 << 20;

export type Reply =
  | ({ readonly ok: true } & CommandResult)
  | { readonly ok: false; readonly code: CommandError['code']; readonly message: string };

export interface Request {
  readonly command: string;
  readonly arguments: GivenArguments;
}

export const writeGreeting = (version: string): string =>
  `${JSON.stringify({ trivium: version, protocol: PROTOCOL })}\n`;

export const writeRequest = (command: string, given: readonly string[]): string =>
  `${JSON.stringify({ command, arguments: given })}\n`;

export const writeReply = (reply: Reply): string => `${JSON.stringify(reply)}\n`;

export function failureOf(error: unknown): Reply & { readonly ok: false } {
  const { code, message } = error instanceof CommandError ? error : new CommandError(500, 'internal error');
  return { ok: false, code, message };
}

/** Reads a request; what does not look like one is refused, and nothing in it becomes the key of an object. @throws CommandError 400 */
export function readRequest(line: string): Request {
  const value = objectOf(line);
  for (const name of Object.keys(value)) {
    if (name !== 'command' && name !== 'arguments')
      throw new CommandError(400, 'a request has a command and arguments, nothing else');
  }
  const { arguments: given = [], command } = value;
  if (typeof command !== 'string' || command.length > 64) throw new CommandError(400, 'a request names its command');
  if (Array.isArray(given)) return { command, arguments: given };
  if (typeof given !== 'object' || given === null) throw new CommandError(400, 'arguments are a list or an object');
  return { command, arguments: new Map(Object.entries(given)) };
}

/** Is this the greeting of a server that we can talk to? Undefined when it is; a text otherwise. */
export function greetingProblem(line: string): string | undefined {
  try {
    const { protocol, trivium } = objectOf(line);
    if (typeof trivium !== 'string') return 'something else than Trivium answers there';
    return protocol === PROTOCOL ? undefined : `it is version ${trivium}, which speaks another protocol`;
  } catch {
    return 'something else than Trivium answers there';
  }
}

/** @throws CommandError when it is no reply */
export function readReply(line: string): Reply {
  const reply = objectOf(line);
  if (reply['ok'] === true && typeof reply['type'] === 'string') return reply as unknown as Reply;
  if (reply['ok'] === false && typeof reply['message'] === 'string') return reply as unknown as Reply;
  throw new CommandError(500, 'the server gave no answer that can be understood');
}

function objectOf(line: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new CommandError(400, 'a request is one line of JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new CommandError(400, 'a request is an object');
  return value as Readonly<Record<string, unknown>>;
}
