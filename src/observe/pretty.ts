/** Log lines for people: `12:00:01.123 INFO  c2s: session opened jid=juliet@localhost/balcony`. */
import { escapeControls } from './redact.ts';

const colours: Readonly<Record<string, string>> = {
  trace: '\u001b[90m',
  debug: '\u001b[36m',
  info: '\u001b[32m',
  warn: '\u001b[33m',
  error: '\u001b[31m',
  fatal: '\u001b[35m',
};
const plain = '\u001b[0m';

/** What the log itself writes into each line. */
interface Line {
  readonly level: string;
  readonly time: string;
  readonly scope?: string;
  readonly msg?: string;
  readonly [field: string]: unknown;
}

/** A JSON log line as one line of text, with the stack of an error below it. */
export function prettyLine(json: string, colour: boolean): string {
  const { level, time, scope, msg = '', ...fields } = JSON.parse(json) as Line;
  const stacks: string[] = [];
  let text = `${time.slice(11, 23)} ${paint(level, colour)} `;
  if (scope !== undefined) text += `${escapeControls(scope)}: `;
  text += escapeControls(msg);
  for (const [name, value] of Object.entries(fields)) text += ` ${escapeControls(name)}=${show(value, stacks)}`;
  return `${text}\n${stacks.join('')}`;
}

function paint(level: string, colour: boolean): string {
  const word = level.toUpperCase().padEnd(5);
  return colour ? `${colours[level] ?? ''}${word}${plain}` : word;
}

function show(value: unknown, stacks: string[]): string {
  if (typeof value === 'object' && value !== null && 'stack' in value) {
    const { stack, ...rest } = value as Record<string, unknown>;
    if (typeof stack === 'string')
      stacks.push(
        ...stack
          .split('\n')
          .slice(1)
          .map((line) => `    ${escapeControls(line.trim())}\n`),
      );
    return escapeControls(JSON.stringify(rest));
  }
  if (typeof value !== 'string') return escapeControls(JSON.stringify(value));
  return /^[^\s"=]+$/.test(value) ? escapeControls(value) : escapeControls(JSON.stringify(value));
}
