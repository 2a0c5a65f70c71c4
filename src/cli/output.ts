/** What commands print: results on the standard output, everything else on the standard error. */
import type { Cell, CommandError, CommandResult } from '#src/admin/commands.ts';
import { escapeControls } from '#src/observe/redact.ts';
import { EXIT } from './exit.ts';

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A reader that has enough (`trivium features | head`) closes the pipe: what is still to be said is said to nobody, and is no error. */
export function survivePipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}

export function complain(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Columns by tabs, lists by `;`; what would move the cursor or split a line is escaped. */
function cell(value: Cell): string {
  return escapeControls(typeof value === 'object' ? value.join(';') : String(value));
}

function row(cells: readonly Cell[]): string {
  return cells.map(cell).join('\t');
}

/** The lines of a result, as ejabberd's control script prints it. */
export function linesOf({ type, value }: CommandResult): readonly string[] {
  if (type === 'rescode') return [];
  if (type === 'list') return value.map(cell);
  if (type === 'tuple') return [row(Object.values(value))];
  if (type === 'table') return value.map((one) => row(Object.values(one)));
  return [cell(value)];
}

/** Prints a result. @returns the exit code */
export function printResult(result: CommandResult, json: boolean): number {
  const { type, value } = result;
  const failed = type === 'rescode' && !value;
  if (json) say(JSON.stringify(type === 'rescode' ? Number(failed) : value));
  else for (const line of linesOf(result)) say(line);
  return failed ? EXIT.error : EXIT.ok;
}

/** Prints why a command was not carried out. @returns the exit code */
export function printError({ code, message }: Pick<CommandError, 'code' | 'message'>, json: boolean): number {
  if (json) say(JSON.stringify({ status: 'error', code, message }));
  else for (const line of message.split('\n')) complain(`Error: ${escapeControls(line)}`);
  return EXIT.error;
}
