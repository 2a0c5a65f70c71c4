import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Command, CommandError, readPositional } from '#src/admin/commands.ts';
import { listenersOf } from '#src/server/listening.ts';
import { dataSection } from '#src/settings/schema.ts';
import type { Settings } from '#src/settings/settings.ts';
import { StoreLocked } from '#src/store/errors.ts';
import { type Answer, askServer } from './client.ts';
import { EXIT } from './exit.ts';
import { complain, printError, printResult } from './output.ts';
import { fillSecrets } from './password.ts';
import { type CommonOptions, readSettings } from './settings.ts';

export interface PerformOptions extends CommonOptions {
  /** Print JSON. */
  readonly json?: boolean | undefined;
}

/** Milliseconds that a process which is starting, stopping or doing another command has to let go of the data. */
const LOCK_WAIT = 15_000;
const LOCK_PAUSE = 100;

/**
 * Carries an operator's command out: by the server that runs, or on its data when none does and the command can.
 * @returns the exit code
 */
export async function perform(command: Command, texts: readonly string[], options: PerformOptions): Promise<number> {
  const json = options.json === true;
  const settings = readSettings(options);
  if (!('of' in settings)) {
    for (const problem of settings) complain(problem);
    return EXIT.usage;
  }
  let given: readonly string[];
  try {
    given = completed(command, await fillSecrets(command.arguments, texts));
    readPositional(command.arguments, given);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    complain(`${command.name}: ${error.message}`);
    return EXIT.usage;
  }
  const answer = await carryOut(settings, command, given);
  if ('unreachable' in answer) {
    complain(`Trivium cannot be reached with the data in ${settings.of(dataSection).directory}: ${answer.unreachable}`);
    return EXIT.unreachable;
  }
  return answer.ok ? printResult(answer, json) : printError(answer, json);
}

/** Files by their whole path: the server has another working directory. */
function completed(command: Command, given: readonly string[]): readonly string[] {
  return given.map((text, index) => (command.arguments[index]?.file === true && text !== '' ? resolve(text) : text));
}

async function carryOut(settings: Settings, command: Command, given: readonly string[]): Promise<Answer> {
  const path = adminPath(settings);
  const deadline = performance.now() + LOCK_WAIT;
  for (;;) {
    const answer: Answer =
      path === undefined
        ? { unreachable: 'the settings have no listener of kind admin', alive: false }
        : await askServer(path, command.name, given, command.final === true);
    if (!('unreachable' in answer) || command.offline !== true) return answer;
    try {
      const { runOffline } = await import('./offline.ts');
      return await runOffline(settings, command, given);
    } catch (error) {
      if (!(error instanceof StoreLocked)) throw error;
      // Whoever holds the socket has had its time to answer; whoever does not may be starting, stopping, or another command.
      const unreachable = `another process has the data open, but ${answer.unreachable}`;
      if (answer.alive || performance.now() >= deadline) return { ...answer, unreachable };
      await delay(LOCK_PAUSE);
    }
  }
}

/** Where a server with these settings listens for operators. */
export function adminPath(settings: Settings): string | undefined {
  const { directory } = settings.of(dataSection);
  const listener = listenersOf(settings).find(({ kind, path }) => kind === 'admin' && path !== undefined);
  return listener?.path === undefined ? undefined : resolve(directory, listener.path);
}
