/**
 * Reads settings: YAML with positions, included files below it, command line options above it, each section validated by its
 * declaration, then the overrides of each host. Either all is valid or every problem is told at once.
 */
import { z } from 'zod';
import { checkBuiltins, checkListeners, checkNames, type Report, type Tables } from './checks.ts';
import type { SettingsDeclaration } from './declaration.ts';
import type { ListenerSettings } from './listeners.ts';
import { problemsOf } from './messages.ts';
import { prepare, readFailure, readText, type Surroundings } from './prepare.ts';
import { nearest, problem, type Path, type Position, type Problem } from './problem.ts';
import { Settings, type SectionValues } from './settings.ts';
import { Sources } from './sources.ts';
import {
  emptyMap,
  fileLimit,
  mergeTrees,
  positionOf,
  treeOf,
  valueOf,
  writtenPath,
  type MapNode,
  type Tree,
} from './tree.ts';
import { noteOf, rebuild } from './walk.ts';

export interface LoadOptions {
  /** Values for `{env: NAME}`; nothing else of the environment is looked at. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Added to every port that is listened on. */
  readonly portOffset?: number;
  /** Options of the command line, shaped as the file is; they win. */
  readonly overrides?: Readonly<Record<string, unknown>>;
  /** Reads an included file or a secret; throws when it cannot. */
  readonly read?: (path: string) => string;
}

export type LoadResult =
  | { readonly settings: Settings; readonly problems?: never }
  | { readonly problems: readonly Problem[]; readonly settings?: never };

const hostLimit = 10_000;
const problemLimit = 100;

/** Reads a settings file, or only the defaults when `path` is undefined. */
export function loadSettingsFile(
  path: string | undefined,
  declarations: readonly SettingsDeclaration[],
  options: LoadOptions,
): LoadResult {
  if (path === undefined) return loadSettings('', 'defaults', declarations, options);
  try {
    return loadSettings(readText(path, fileLimit), path, declarations, options);
  } catch (error) {
    return {
      problems: [problem({ file: path, line: 1, column: 1 }, [], `cannot read the settings: ${readFailure(error)}`)],
    };
  }
}

/** Reads settings from text; `file` names it in problems and is where relative includes and secret files start. */
export function loadSettings(
  text: string,
  file: string,
  declarations: readonly SettingsDeclaration[],
  options: LoadOptions,
): LoadResult {
  const read = options.read ?? ((path) => readText(path, fileLimit));
  const whole = z.object(Object.fromEntries(declarations.map(({ name, schema }) => [name, schema])));
  const sources = new Sources(read, whole);
  const parsed = sources.parse(text, file);
  if (parsed === undefined) return { problems: sources.problems };
  const over = options.overrides === undefined ? undefined : treeOf(options.overrides, 'command line');
  const root = over?.kind === 'map' ? { ...mergeTrees(parsed, over, whole), at: parsed.at } : parsed;
  return new Validation(declarations, options, read).run(root, sources.files);
}

/** A section that is valid by itself, kept for the checks that look at several. */
interface Checked {
  readonly schema: z.ZodType;
  readonly value: unknown;
  readonly host: string | undefined;
  readonly report: Report;
}

class Validation {
  readonly #declarations: readonly SettingsDeclaration[];
  readonly #portOffset: number;
  readonly #around: Surroundings;
  readonly #problems: Problem[] = [];
  readonly #told = new Set<string>();
  readonly #checked: Checked[] = [];

  constructor(declarations: readonly SettingsDeclaration[], options: LoadOptions, read: (path: string) => string) {
    const names = declarations.map(({ name }) => name);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw new Error(`two parts declare the section ${twice}`);
    this.#declarations = declarations;
    this.#portOffset = options.portOffset ?? 0;
    this.#around = { env: options.env, read, report: (found) => this.#tell(found) };
  }

  run(root: MapNode, files: readonly string[]): LoadResult {
    const names = ['hosts', 'include', ...this.#declarations.map(({ name }) => name)];
    for (const [name, { keyAt }] of root.entries) {
      if (!names.includes(name)) this.#tell(problem(keyAt, [name], 'unknown section', nearest(name, names)));
    }
    const sections = new Map<string, unknown>();
    for (const declaration of this.#declarations) {
      const value = this.#section(declaration, sectionTree(root, declaration.name), [declaration.name], undefined);
      if (value !== undefined) sections.set(declaration.name, value);
    }
    const hosts = this.#hosts(root);
    this.#crossCheck(sections, hosts);
    const problems = this.#problems.toSorted((a, b) =>
      a.file === b.file ? a.line - b.line || a.column - b.column : 0,
    );
    return problems.length > 0 ? { problems } : { settings: new Settings(sections, hosts, files) };
  }

  /** What is wrong for all is not told again for each host. */
  #tell(found: Problem): void {
    const key = `${found.file}:${found.line}:${found.column}:${found.message}`;
    if (this.#told.has(key) || this.#problems.length >= problemLimit) return;
    this.#told.add(key);
    this.#problems.push(found);
  }

  /** The frozen value of a section, or undefined once its problems are told. */
  #section({ schema, name }: SettingsDeclaration, tree: Tree, prefix: Path, host: string | undefined): unknown {
    const ready = tree === absent ? absent : prepare(schema, tree, prefix, this.#around);
    const result = schema.safeParse(ready === absent ? undefined : valueOf(ready));
    if (!result.success) {
      for (const found of problemsOf(result.error.issues, { schema, tree: ready, prefix })) this.#tell(found);
      return undefined;
    }
    const report: Report = (path, message, hint) =>
      this.#tell(problem(positionOf(ready, path), [...prefix, ...writtenPath(ready, path)], message, hint));
    const value = rebuild(schema, result.data, (leaf, leafSchema, path) => this.#shift(leaf, leafSchema, path, report));
    if (name === 'listeners')
      checkListeners(value as readonly ListenerSettings[], report, (path) => place(positionOf(ready, path)));
    if (name === 'acl') checkBuiltins(Object.keys(value as object), report);
    this.#checked.push({ schema, value, host, report });
    return value;
  }

  #shift(value: unknown, schema: z.ZodType, path: Path, report: Report): unknown {
    const offset = this.#portOffset;
    if (offset === 0 || typeof value !== 'number' || value === 0 || noteOf(schema, 'port') === undefined) return value;
    if (value + offset > 65535 || value + offset < 1)
      report(path, `${value} moved by the port offset ${offset} is not a port`);
    return value + offset;
  }

  #hosts(root: MapNode): Map<string, SectionValues> {
    const hosts = new Map<string, SectionValues>();
    for (const { name, at, tree } of this.#hostList(root)) {
      const host = name.toLowerCase();
      if (!isHostName(host))
        this.#tell(problem(at, ['hosts', name], 'expected the name of a host such as example.org'));
      else if (hosts.has(host)) this.#tell(problem(at, ['hosts', name], 'set twice'));
      else if (hosts.size >= hostLimit) this.#tell(problem(at, ['hosts'], `more than ${hostLimit} hosts`));
      else hosts.set(host, this.#overrides(root, name, host, tree));
    }
    return hosts;
  }

  #hostList(
    root: MapNode,
  ): readonly { readonly name: string; readonly at: Position; readonly tree: Tree | undefined }[] {
    const node = root.entries.get('hosts')?.value;
    const at = positionOf(root, ['hosts']);
    if (node === undefined || (node.kind === 'scalar' && node.value === null))
      return [{ name: 'localhost', at, tree: undefined }];
    const wanted = 'expected a list of host names, or a map of host names and their sections';
    if (node.kind === 'scalar') this.#tell(problem(at, ['hosts'], wanted));
    else if (node.kind === 'map' ? node.entries.size === 0 : node.items.length === 0)
      this.#tell(problem(at, ['hosts'], 'needs at least one host'));
    else if (node.kind === 'map')
      return [...node.entries].map(([name, { keyAt, value }]) => ({ name, at: keyAt, tree: value }));
    else {
      return node.items.flatMap((item, index) => {
        if (item.kind === 'scalar' && typeof item.value === 'string')
          return [{ name: item.value, at: item.at, tree: undefined }];
        this.#tell(problem(item.at, ['hosts', index], wanted));
        return [];
      });
    }
    return [];
  }

  /** The sections that a host changes, each laid over the one for all. */
  #overrides(root: MapNode, name: string, host: string, tree: Tree | undefined): SectionValues {
    const values = new Map<string, unknown>();
    if (tree === undefined || (tree.kind === 'scalar' && tree.value === null)) return values;
    const prefix = ['hosts', name];
    if (tree.kind !== 'map') {
      this.#tell(problem(tree.at, prefix, 'expected a map of sections'));
      return values;
    }
    const possible = this.#declarations.filter(({ perHost }) => perHost).map((declaration) => declaration.name);
    for (const [section, { keyAt, value }] of tree.entries) {
      const declaration = this.#declarations.find((candidate) => candidate.name === section);
      const path = [...prefix, section];
      if (declaration === undefined) this.#tell(problem(keyAt, path, 'unknown section', nearest(section, possible)));
      else if (!declaration.perHost)
        this.#tell(problem(keyAt, path, 'holds for the whole server and cannot be set for one host'));
      else {
        const own = this.#section(
          declaration,
          mergeTrees(sectionTree(root, section), value, declaration.schema),
          path,
          host,
        );
        if (own !== undefined) values.set(section, own);
      }
    }
    return values;
  }

  /** Names that point at entries of other sections, as the host concerned sees those. */
  #crossCheck(sections: SectionValues, hosts: ReadonlyMap<string, SectionValues>): void {
    const namesOf = (section: string, host: string | undefined): readonly string[] | undefined => {
      const value = (host === undefined ? undefined : hosts.get(host)?.get(section)) ?? sections.get(section);
      return value === undefined ? undefined : Object.keys(value as object);
    };
    for (const { schema, value, host, report } of this.#checked) {
      const tables: Tables = {
        acl: namesOf('acl', host),
        access: namesOf('access', host),
        shapers: namesOf('shapers', host),
      };
      checkNames(schema, value, tables, report);
    }
  }
}

/** Stands for a section that no file has: all of it is default. */
const absent = emptyMap({ file: 'defaults', line: 1, column: 1 });

function sectionTree(root: MapNode, name: string): Tree {
  return root.entries.get(name)?.value ?? absent;
}

function place({ file, line, column }: Position): string {
  return `${file}:${line}:${column}`;
}

/** A rough test; the address code decides which names are domains (RFC 7622 section 3.2). */
function isHostName(name: string): boolean {
  return name.length > 0 && Buffer.byteLength(name) <= 1023 && !/[\s@/\\"'<>&\u0000-\u001f\u007f]/.test(name);
}
