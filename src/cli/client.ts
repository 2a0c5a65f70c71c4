import { CommandError } from '#src/admin/commands.ts';
import { greetingProblem, readReply, type Reply, writeRequest } from '#src/admin/protocol.ts';
import { LocalLines } from '#src/net/local-lines.ts';

/** Bytes of a reply. */
const REPLY_BYTES = 1 << 29;
/** Milliseconds in which a server that lives has greeted. */
const GREETING_WAIT = 5000;

/** Why nobody answered; `alive` when somebody holds the socket. */
export interface Unreachable {
  readonly unreachable: string;
  readonly alive: boolean;
}
export type Answer = Reply | Unreachable;

/**
 * Has a running server carry out a command. After one that stops the server, waits until it has stopped.
 * @param path of the admin socket
 * @param final the server stops after it
 */
export async function askServer(
  path: string,
  command: string,
  given: readonly string[],
  final: boolean,
): Promise<Answer> {
  let lines: LocalLines;
  try {
    lines = await LocalLines.connect(path, REPLY_BYTES);
  } catch (error) {
    return { unreachable: reasonOf(error), alive: false };
  }
  using open = lines;
  const greeting = await open.next(GREETING_WAIT);
  if (greeting === undefined) return { unreachable: 'it does not answer', alive: true };
  const problem = greetingProblem(greeting);
  if (problem !== undefined) return { unreachable: problem, alive: true };
  open.write(writeRequest(command, given));
  const line = await open.next();
  if (line === undefined) return { ok: false, code: 500, message: 'the server ended before it answered' };
  if (final) await open.closed();
  try {
    return readReply(line);
  } catch (error) {
    return { ok: false, code: 500, message: error instanceof CommandError ? error.message : String(error) };
  }
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTDIR') return 'it is not running';
  if (code === 'EACCES' || code === 'EPERM') return 'this user may not open its socket';
  return message;
}
