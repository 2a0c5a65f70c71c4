import { report, type SourceFile, sources } from './source.ts';

/** Lines that a file may have: a file fits a head. */
const LIMIT = 300;

/** A file over the limit, its size when it was listed, and why it is one piece. The list may only shrink. */
export interface LongFile {
  readonly path: string;
  readonly lines: number;
  readonly why: string;
}

const LONG: readonly LongFile[] = [];

/** Files over the limit that the list does not excuse, and entries of the list that are out of date. */
export function sizeProblems(files: readonly SourceFile[], list: readonly LongFile[]): readonly string[] {
  const sizes = new Map(files.map(({ path, text }) => [path, linesOf(text)]));
  const listed = new Set(list.map(({ path }) => path));
  const over = [...sizes].filter(([path, lines]) => lines > LIMIT && !listed.has(path));
  return [
    ...over.map(([path, lines]) => `${path}: ${lines} lines, ${LIMIT} are allowed`),
    ...list.flatMap((entry) => entryProblem(entry, sizes.get(entry.path)) ?? []),
  ];
}

function entryProblem({ path, lines, why }: LongFile, now: number | undefined): string | undefined {
  if (why === '') return `${path}: its entry gives no reason`;
  if (now === undefined) return `${path}: does not exist; remove its entry`;
  if (now <= LIMIT) return `${path}: ${now} lines fit; remove its entry`;
  if (now > lines) return `${path}: grew from ${lines} to ${now} lines`;
  return now < lines ? `${path}: shrank from ${lines} to ${now} lines; write the new size into its entry` : undefined;
}

function linesOf(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}

if (import.meta.main) {
  const files = sources('src', 'protocols', 'bridges', 'tools');
  const longest = Math.max(0, ...files.map(({ text }) => linesOf(text)));
  report(
    'sizes',
    sizeProblems(files, LONG),
    `${files.length} files, the longest has ${longest} lines, ${LONG.length} exceptions`,
  );
}
