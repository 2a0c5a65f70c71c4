/** What is wrong with a settings file, and where: every text an operator sees while settings load is made here. */
import { escapeControls } from '#src/observe/redact.ts';

/** A place in a settings file; lines and columns count from 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface Problem extends Position {
  /** Dotted path of the option, empty for the file as a whole: `listeners[0].port`. */
  readonly path: string;
  /** The cause, one line without control characters. */
  readonly message: string;
  /** The nearest valid name or value. */
  readonly suggestion?: string;
}

export type Path = readonly (string | number)[];

const messageLimit = 500;

export function problem(at: Position, path: Path, message: string, suggestion?: string): Problem {
  const { file, line, column } = at;
  const shortened = message.length <= messageLimit ? message : `${message.slice(0, messageLimit)}…`;
  const base = { file, line, column, path: pathText(path), message: escapeControls(shortened) };
  return suggestion === undefined ? base : { ...base, suggestion };
}

/** `file:line:column: path: cause (did you mean x?)` */
export function formatProblem(found: Problem): string {
  const where = `${found.file}:${found.line}:${found.column}:`;
  const path = found.path === '' ? '' : ` ${found.path}:`;
  const hint = found.suggestion === undefined ? '' : ` (did you mean ${found.suggestion}?)`;
  return `${where}${path} ${found.message}${hint}`;
}

/** `['hosts', 'a.example', 'acl', 0]` becomes `hosts."a.example".acl[0]`. */
export function pathText(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += (text === '' ? '' : '.') + (/^[\w-]+$/.test(step) ? step : quote(step));
  }
  return text;
}

/** A value as the operator wrote it, shortened, with control characters escaped. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  const shown = text.length <= 60 ? text : `${text.slice(0, 57)}…"`;
  return escapeControls(shown);
}

/**
 * The candidate with the smallest edit distance, if it is near enough to be a slip: a third of the word, at least one edit.
 * A beginning of three letters or more counts as one edit.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > 64) return undefined;
  let best: string | undefined;
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  const slip = normal(word);
  for (const candidate of candidates) {
    const beginning = slip.length >= 3 && normal(candidate).startsWith(slip);
    const distance = normal(candidate) === slip ? 0 : Math.min(editDistance(word, candidate), beginning ? 1 : Infinity);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

function normal(name: string): string {
  return name.toLowerCase().replaceAll('-', '_');
}

/** Damerau-Levenshtein distance (optimal string alignment): a swap of two neighbours is one edit. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + (same ? 0 : 1));
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, (before[j - 2] ?? Infinity) + 1);
      row.push(cost);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length] ?? 0;
}
