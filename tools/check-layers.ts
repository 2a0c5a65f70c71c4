import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import { report, root, type SourceFile, sources, type Token, tokens } from './source.ts';

/** The layers from the bottom up: a folder imports its own layer and those below. Docs: docs/architecture.md, Layout. */
const LAYERS: readonly (readonly string[])[] = [
  ['src/address', 'src/settings', 'src/observe'],
  ['src/stanza'],
  ['src/hooks', 'src/store', 'src/net'],
  ['src/router', 'src/session', 'src/accounts', 'src/cluster'],
  ['src/plugin'],
  ['src/admin', 'src/im'],
  ['protocols'],
  ['bridges'],
  ['src/main', 'src/cli', 'src/server'],
];

/** Front ends do not import each other, except: from, to (a file or a folder), why. */
const BETWEEN_FRONT_ENDS: readonly (readonly [from: string, to: string, why: string])[] = [
  ['protocols/turn', 'protocols/stun', 'a TURN message is a STUN message (RFC 8656)'],
  [
    'protocols/sip',
    'protocols/stun/binding.ts',
    'phones keep their UDP flows alive with STUN (RFC 5626 section 3.5.2)',
  ],
  ['protocols/jingle', 'protocols/xmpp/types', 'Jingle is carried in IQ stanzas of XMPP clients'],
  ['protocols/proxy65', 'protocols/xmpp/types', 'SOCKS5 bytestreams are announced to XMPP clients'],
];

/** Who alone may import a module, so that a part can be replaced in one place. */
const OWNERS: readonly (readonly [modules: RegExp, owners: readonly string[]])[] = [
  [/^node:(net|tls|dgram|https?|http2)$/, ['src/net']],
  [/^(classic-level|abstract-level)$/, ['src/store']],
  [/^node-forge$/, ['src/net']],
  [/^pino(-pretty)?$/, ['src/observe']],
  [/^prom-client$/, ['src/observe']],
  [/^yargs$/, ['src/cli', 'src/main']],
  [/^yaml$/, ['src/settings']],
  [/^node:sea$/, []],
];

/**
 * Words that src/ does not use as identifiers or as whole strings. `turn` and `http` are not among them: the one is also a turn of the
 * event loop, the other a listener of src/net.
 */
const FRONT_ENDS = /^(?:xmpp|mqtt|sip|sips|stun|jingle|proxy65)$/;

/** Where such a word is data and not a code path. An entry that nothing needs any more is a problem too. */
const NAMED: readonly (readonly [file: string, why: string])[] = [
  ['src/address/uri.ts', 'URI schemes (RFC 5122, RFC 7247) that belong to addresses'],
  ['src/session/session.ts', 'the label that a session carries for logs and operators'],
];

interface Import {
  readonly from: string;
  /** A path in the repository, a package's name or `node:…`. */
  readonly to: string;
  readonly line: number;
}

const within = (path: string, place: string): boolean =>
  path === place || path.startsWith(`${place}/`) || path === `${place}.ts`;

const layerOf = (path: string): number => LAYERS.findIndex((places) => places.some((place) => within(path, place)));

/** `src/address`, `protocols/xmpp`: what the rules speak of. */
const placeOf = (path: string): string => path.replace(/\.ts$/, '').split('/').slice(0, 2).join('/');

/** `import … from 'x'`, `export … from 'x'`, `import 'x'` and `import('x')`, type imports included. */
export function importsOf({ path, text }: SourceFile): readonly Import[] {
  const list = tokens(text);
  const found: Import[] = [];
  for (const [at, token] of list.entries()) {
    if (token.kind !== 'string' || !isSpecifier(list, at)) continue;
    const [first = '', ...rest] = token.text.split('/');
    let to = token.text;
    if (first.startsWith('.')) to = posix.join(posix.dirname(path), token.text);
    else if (first.startsWith('#')) to = token.text.slice(1);
    else if (isBuiltin(token.text)) to = `node:${token.text.replace(/^node:/, '')}`;
    else to = first.startsWith('@') ? `${first}/${rest[0] ?? ''}` : first;
    found.push({ from: path, to, line: token.line });
  }
  return found;
}

function isSpecifier(list: readonly Token[], at: number): boolean {
  const before = list[at - 1];
  if (before?.kind === 'word') return before.text === 'from' || before.text === 'import';
  return before?.text === '(' && list[at - 2]?.text === 'import';
}

/** What is wrong with one import, or undefined. */
export function problemOf({ from, to }: Import): string | undefined {
  const owner = OWNERS.find(([modules]) => modules.test(to));
  if (owner && !owner[1].some((place) => within(from, place)))
    return `only ${owner[1].join(', ') || 'tools'} may import ${to}`;
  if (!/^(?:src|protocols|bridges|tools|test)\//.test(to)) return undefined;
  if (/^(?:tools|test)\//.test(to)) return `the product does not import ${to}`;
  const [own, other] = [layerOf(from), layerOf(to)];
  if (own === -1) return 'belongs to no layer: add its folder to tools/check-layers.ts';
  if (other === -1) return `imports ${to}, which belongs to no layer`;
  if (other > own) return `imports ${to}, which is a layer above`;
  return sameLayer(from, to);
}

function sameLayer(from: string, to: string): string | undefined {
  const [own, other] = [placeOf(from), placeOf(to)];
  if (own === other || !within(from, 'protocols') || !within(to, 'protocols') || /^protocols\/[^/]+\.ts$/.test(from))
    return undefined;
  const allowed = BETWEEN_FRONT_ENDS.some(([source, target]) => within(from, source) && within(to, target));
  return allowed ? undefined : `imports ${to}, another front end`;
}

/** Folders of src/ that import each other in a circle, each circle once. */
function circles(imports: readonly Import[]): readonly string[] {
  const edges = new Map<string, Set<string>>();
  for (const { from, to } of imports) {
    const [own, other] = [placeOf(from), placeOf(to)];
    if (own === other || !within(from, 'src') || !within(to, 'src') || layerOf(from) !== layerOf(to)) continue;
    edges.set(own, (edges.get(own) ?? new Set()).add(other));
  }
  const found = new Set<string>();
  const walk = (path: readonly string[]): void => {
    for (const next of edges.get(path.at(-1) ?? '') ?? []) {
      const start = path.indexOf(next);
      if (start === -1) walk([...path, next]);
      else if (path.slice(start).every((place) => place >= next)) found.add([...path.slice(start), next].join(' -> '));
    }
  };
  for (const place of edges.keys()) walk([place]);
  return [...found].map((circle) => `${circle}: folders import each other in a circle`);
}

const parts = (name: string): readonly string[] =>
  name.split(/[^A-Za-z\d]+|(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/);

/** Lines of src/ that name a front end. */
export function namesFrontEnd({ path, text }: SourceFile): readonly string[] {
  const found = parts(path).some((part) => FRONT_ENDS.test(part.toLowerCase()))
    ? [`${path}: its name names a front end`]
    : [];
  for (const { kind, text: word, line } of tokens(text)) {
    if (kind === 'mark') continue;
    const names = kind === 'word' ? parts(word) : [word.replace(/:$/, '')];
    if (names.some((name) => FRONT_ENDS.test(name.toLowerCase())))
      found.push(`${path}:${line}: src/ names a front end: ${word}`);
  }
  return found;
}

function namingProblems(files: readonly SourceFile[]): readonly string[] {
  const hits = new Map(files.map((file) => [file.path, namesFrontEnd(file)]));
  const idle = NAMED.filter(([file]) => (hits.get(file)?.length ?? 0) === 0);
  const allowed = new Set(NAMED.map(([file]) => file));
  return [
    ...[...hits].flatMap(([path, lines]) => (allowed.has(path) ? [] : lines)),
    ...idle.map(([file]) => `tools/check-layers.ts: ${file} names no front end any more: remove its entry`),
  ];
}

/** The product runs without the packages that only tests and tools need. */
function packageProblems(imports: readonly Import[]): readonly string[] {
  const text = readFileSync(`${root}/package.json`, 'utf8');
  const known = new Set(Object.keys((JSON.parse(text) as { dependencies: Record<string, string> }).dependencies));
  return imports
    .filter(
      ({ to }) =>
        !isBuiltin(to) && !/^(?:src|protocols|bridges|tools|test)\/|^package\.json$/.test(to) && !known.has(to),
    )
    .map(({ from, line, to }) => `${from}:${line}: ${to} is not among the dependencies of package.json`);
}

if (import.meta.main) {
  const files = sources('src', 'protocols', 'bridges');
  const imports = files.flatMap(importsOf);
  const folders = readdirSync(`${root}/src`, { withFileTypes: true }).map(({ name }) => `src/${name}`);
  const problems = [
    ...folders.filter((folder) => layerOf(folder) === -1).map((folder) => `${folder}: belongs to no layer`),
    ...imports.flatMap((entry) => problemOf(entry)?.replace(/^/, `${entry.from}:${entry.line}: `) ?? []),
    ...circles(imports),
    ...namingProblems(files.filter(({ path }) => within(path, 'src'))),
    ...packageProblems(imports),
  ];
  report('layers', problems, `${files.length} files, ${imports.length} imports, all go down; src/ names no front end`);
}
