import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Spec } from '#src/plugin/contracts.ts';
import { report, root, type SourceFile, sources } from './source.ts';

/** The statuses of XEP-0001, section 3. */
const STATUSES =
  'Experimental|Proposed|Draft|Stable|Final|Active|Deferred|Retracted|Rejected|Deprecated|Obsolete|Historical';
const HEADER = new RegExp(`^/\\*\\* XEP-(\\d{4}): (.+?), version (\\d+(?:\\.\\d+)*[a-z]?), (${STATUSES})\\b`);
const DOCUMENT = /^(?:RFC \d{2,5}|XEP-\d{4}|[A-Z][\w .-]*)$/;

/** One document that one part of the product implements. */
export interface Declared extends Spec {
  readonly path: string;
  readonly plugin: string;
}

/** What the first line of a XEP's file says: `XEP-0199: XMPP Ping, version 2.0.1, Final`. */
export function headerOf({
  text,
}: SourceFile): (Pick<Spec, 'document' | 'title' | 'version'> & { status: string }) | undefined {
  const match = HEADER.exec(text);
  if (match === null) return undefined;
  const [, number = '', title = '', version = '', status = ''] = match;
  return { document: `XEP-${number}`, title, version, status };
}

/** The declarations that a file exports: every exported object that has `specs`. */
async function declaredIn({ path }: SourceFile): Promise<readonly Declared[]> {
  const exported = (await import(pathToFileURL(`${root}/${path}`).href)) as Record<string, unknown>;
  return Object.entries(exported).flatMap(([name, value]) => {
    const { specs } = (Object(value) ?? {}) as { specs?: unknown };
    return Array.isArray(specs) ? (specs as Spec[]).map((spec) => Object.assign({ path, plugin: name }, spec)) : [];
  });
}

/** What a XEP's file leaves out or says differently from its declaration. */
export function fileProblems(file: SourceFile, declared: readonly Declared[]): readonly string[] {
  const number = /^xep(\d{4})-[a-z\d-]+\.ts$/.exec(basename(file.path))?.[1];
  if (number === undefined)
    return basename(file.path).startsWith('xep') ? [`${file.path}: is not named xepNNNN-name.ts`] : [];
  const header = headerOf(file);
  if (!header) return [`${file.path}: does not begin with "/** XEP-${number}: title, version V, status"`];
  const document = `XEP-${number}`;
  if (header.document !== document) return [`${file.path}: its header speaks of ${header.document}`];
  const spec = declared.find((each) => each.document === document);
  if (!spec) return [`${file.path}: its plugin does not declare ${document}`];
  const same = spec.version === header.version && spec.title === header.title;
  return same
    ? []
    : [`${file.path}: header says ${header.title} ${header.version}, declaration ${spec.title} ${spec.version}`];
}

/** Declarations that are malformed or contradict each other. */
export function declarationProblems(declared: readonly Declared[]): readonly string[] {
  const first = new Map<string, Declared>();
  return declared.flatMap((spec) => {
    const where = `${spec.path}: ${spec.document}`;
    if (!DOCUMENT.test(spec.document)) return [`${where} is not written as RFC 6121 or XEP-0199`];
    if (spec.title === '' || spec.version === '') return [`${where} lacks its title or version`];
    if (spec.status === 'partial' && !spec.note) return [`${where} is partial and does not say what is missing`];
    if (!spec.document.startsWith('XEP-')) return [];
    const other = first.get(spec.document);
    first.set(spec.document, other ?? spec);
    const same = !other || (other.title === spec.title && other.version === spec.version);
    return same
      ? []
      : [`${where} is ${spec.title} ${spec.version} here, ${other.title} ${other.version} in ${other.path}`];
  });
}

function table(declared: readonly Declared[]): string {
  const rows = declared
    .toSorted((a, b) => a.document.localeCompare(b.document, 'en', { numeric: true }) || a.path.localeCompare(b.path))
    .map(({ document, version, title, status, note, path }) => [
      document,
      version,
      title,
      note ? `${status}: ${note}` : status,
      path,
    ]);
  const all = [['Document', 'Version', 'Title', 'Status', 'File'], ['---', '---', '---', '---', '---'], ...rows];
  return all.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

if (import.meta.main) {
  const files = sources('src', 'protocols', 'bridges').filter(
    ({ path, text }) => /\bspecs\b[:,]/.test(text) || basename(path).startsWith('xep'),
  );
  const perFile = await Promise.all(files.map(async (file) => [file, await declaredIn(file)] as const));
  const declared = perFile.flatMap(([, specs]) => specs);
  const problems = [...perFile.flatMap(([file, specs]) => fileProblems(file, specs)), ...declarationProblems(declared)];
  if (process.argv.includes('--print')) console.log(table(declared));
  report(
    'specs',
    problems,
    `${new Set(declared.map(({ document }) => document)).size} documents in ${files.length} files`,
  );
}
