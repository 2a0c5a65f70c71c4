/**
 * A settings file as a tree in which every node knows its file, line and column. Trees of several files are merged and keep their
 * positions, so an error in an included file or a per-host override points at the line that caused it.
 */
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Node as YamlNode,
} from 'yaml';
import type { z } from 'zod';
import { problem, quote, type Path, type Position, type Problem } from './problem.ts';
import { memberOf, noteOf } from './walk.ts';

export type Scalar = string | number | boolean | null;
export interface ScalarNode {
  readonly kind: 'scalar';
  readonly value: Scalar;
  /** The text as written: `0123` where `value` is 123. */
  readonly source: string;
  readonly at: Position;
}
export interface ListNode {
  readonly kind: 'list';
  readonly items: readonly Tree[];
  readonly at: Position;
}
export interface MapNode {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, Entry>;
  readonly at: Position;
}
export interface Entry {
  readonly keyAt: Position;
  readonly value: Tree;
}
export type Tree = ScalarNode | ListNode | MapNode;

/** Bytes of one file, nodes after aliases are expanded, and depth: far above any real file, far below what hurts. */
export const fileLimit = 1024 * 1024;
const nodeLimit = 100_000;
const aliasLimit = 1000;
const depthLimit = 32;

export type ParsedTree =
  | { readonly tree: MapNode; readonly problems?: never }
  | { readonly problems: readonly Problem[] };

/** Reads YAML 1.2 (core schema). An empty file is an empty map. */
export function parseTree(text: string, file: string): ParsedTree {
  const top: Position = { file, line: 1, column: 1 };
  if (Buffer.byteLength(text) > fileLimit) return { problems: [problem(top, [], 'the file is larger than 1 MB')] };
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    version: '1.2',
    stringKeys: false,
  });
  const reader = new Reader(document, file, lines);
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    return {
      problems: faults
        .slice(0, 10)
        .map(({ pos, code, message }) => problem(reader.position(pos[0]), [], syntax(code, message))),
    };
  }
  const root = document.contents;
  if (root === null || (isScalar(root) && root.value === null)) return { tree: emptyMap(top) };
  const tree = reader.convert(root, []);
  if (tree.kind !== 'map') reader.report(tree.at, [], 'expected a map of options (name: value)');
  return tree.kind === 'map' && reader.problems.length === 0 ? { tree } : { problems: reader.problems };
}

function syntax(code: string, message: string): string {
  if (code === 'RESOURCE_EXHAUSTION') return 'not valid YAML: nested too deeply';
  if (code === 'MULTIPLE_DOCS') return 'the file holds more than one YAML document (---)';
  const line = message.split('\n', 1)[0] ?? '';
  return `not valid YAML: ${line.charAt(0).toLowerCase()}${line.slice(1, 120)}${line.length > 120 ? '…' : ''}`;
}

class Reader {
  readonly problems: Problem[] = [];
  readonly #document: Document;
  readonly #file: string;
  readonly #lines: LineCounter;
  #nodes = 0;
  #aliases = 0;

  constructor(document: Document, file: string, lines: LineCounter) {
    this.#document = document;
    this.#file = file;
    this.#lines = lines;
  }

  position(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset);
    return { file: this.#file, line: Math.max(1, line), column: Math.max(1, col) };
  }

  report(at: Position, path: Path, message: string): void {
    if (this.problems.length < 100) this.problems.push(problem(at, path, message));
  }

  convert(node: YamlNode, path: Path): Tree {
    const at = this.position(node.range?.[0] ?? 0);
    this.#nodes++;
    if (this.#nodes === nodeLimit)
      this.report(at, path, `more than ${nodeLimit} values (aliases count each time they are used)`);
    if (path.length === depthLimit) this.report(at, path.slice(0, 4), `nested deeper than ${depthLimit} levels`);
    if (this.#nodes >= nodeLimit || path.length >= depthLimit) return { kind: 'scalar', value: null, source: '', at };
    if (isAlias(node)) {
      this.#aliases++;
      if (this.#aliases === aliasLimit) this.report(at, path, `more than ${aliasLimit} aliases`);
      if (this.#aliases >= aliasLimit) return { kind: 'scalar', value: null, source: '', at };
      const target = node.resolve(this.#document);
      if (target !== undefined) return this.convert(target, path);
      this.report(at, path, `there is no anchor &${node.source} above this alias`);
    } else if (isMap(node)) {
      return { kind: 'map', entries: this.#entries(node.items, path), at };
    } else if (isSeq(node)) {
      return {
        kind: 'list',
        items: node.items.map((item, index) => this.convert(item as YamlNode, [...path, index])),
        at,
      };
    } else if (isScalar(node)) {
      const value = node.value;
      const simple =
        value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
      if (simple) return { kind: 'scalar', value, source: node.source ?? String(value), at };
      this.report(at, path, 'expected text, a number, true or false');
    }
    return { kind: 'scalar', value: null, source: '', at };
  }

  #entries(pairs: readonly { key: unknown; value: unknown }[], path: Path): Map<string, Entry> {
    const entries = new Map<string, Entry>();
    for (const { key, value } of pairs) {
      const keyAt = this.position((key as YamlNode | null)?.range?.[0] ?? 0);
      const name = isScalar(key) && key.value !== null ? key.source : undefined;
      if (name === undefined || name === '__proto__') {
        this.report(keyAt, path, `expected the name of an option${name === undefined ? '' : `, got ${quote(name)}`}`);
        continue;
      }
      const first = entries.get(name);
      if (first !== undefined) this.report(keyAt, [...path, name], `set twice, first at line ${first.keyAt.line}`);
      const empty: ScalarNode = { kind: 'scalar', value: null, source: '', at: keyAt };
      entries.set(name, { keyAt, value: value === null ? empty : this.convert(value as YamlNode, [...path, name]) });
    }
    return entries;
  }
}

/**
 * Lays `over` on `base`: maps merge name by name, lists and plain values are replaced. An empty value leaves the base as it is.
 * With its schema a map that stands for a list of one is replaced too.
 */
export function mergeTrees(base: MapNode, over: MapNode, schema?: z.ZodType): MapNode;
export function mergeTrees(base: Tree, over: Tree, schema?: z.ZodType): Tree;
export function mergeTrees(base: Tree, over: Tree, schema?: z.ZodType): Tree {
  if (over.kind === 'scalar' && over.value === null) return base;
  if (base.kind !== 'map' || over.kind !== 'map' || (schema !== undefined && noteOf(schema, 'many') !== undefined))
    return over;
  const entries = new Map(base.entries);
  for (const [name, entry] of over.entries) {
    const under = entries.get(name);
    const member = schema === undefined ? undefined : memberOf(schema, name);
    entries.set(
      name,
      under === undefined ? entry : { keyAt: entry.keyAt, value: mergeTrees(under.value, entry.value, member) },
    );
  }
  return { kind: 'map', entries, at: over.at };
}

/** A tree for values that come from no file, such as command line options. */
export function treeOf(value: unknown, source: string): Tree {
  const at: Position = { file: source, line: 1, column: 1 };
  if (Array.isArray(value)) return { kind: 'list', items: value.map((item) => treeOf(item, source)), at };
  if (typeof value === 'object' && value !== null) {
    const given = Object.entries(value).filter(([, inner]) => inner !== undefined);
    return {
      kind: 'map',
      entries: new Map(given.map(([name, inner]) => [name, { keyAt: at, value: treeOf(inner, source) }])),
      at,
    };
  }
  const scalar = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
  return { kind: 'scalar', value: scalar, source: String(value), at };
}

export function emptyMap(at: Position): MapNode {
  return { kind: 'map', entries: new Map(), at };
}

/** The plain value of a tree; maps have no prototype. */
export function valueOf(tree: Tree): unknown {
  if (tree.kind === 'scalar') return tree.value;
  if (tree.kind === 'list') return tree.items.map(valueOf);
  const value = Object.create(null) as Record<string, unknown>;
  for (const [name, entry] of tree.entries) value[name] = valueOf(entry.value);
  return value;
}

/** The node at a path, if the file has it. */
export function nodeAt(tree: Tree, path: Path): Tree | undefined {
  let node: Tree | undefined = tree;
  for (const step of path) {
    if (node?.kind === 'map') node = node.entries.get(String(step))?.value;
    else if (node?.kind === 'list' && typeof step === 'number') node = node.items[step];
    else return undefined;
  }
  return node;
}

/** Where a value stands: itself when it is on the line of its name, else its name, else the nearest thing around it that the file has. */
export function positionOf(tree: Tree, path: Path): Position {
  let at = tree.at;
  let node: Tree | undefined = tree;
  for (const step of path) {
    if (node?.kind === 'map') {
      const entry: Entry | undefined = node.entries.get(String(step));
      if (entry !== undefined) at = besideKey(entry);
      node = entry?.value;
    } else if (node?.kind === 'list' && typeof step === 'number') {
      node = node.items[step];
      if (node !== undefined) at = node.at;
    } else break;
    if (node === undefined) break;
  }
  return at;
}

function besideKey({ keyAt, value }: Entry): Position {
  const empty = value.kind === 'scalar' && value.source === '';
  return value.at.file === keyAt.file && value.at.line === keyAt.line && !empty ? value.at : keyAt;
}

/** A path as the operator wrote it: without the place in a list that one value stands for. */
export function writtenPath(tree: Tree, path: Path): Path {
  return path.filter((step, index) => {
    const parent = step === 0 ? nodeAt(tree, path.slice(0, index)) : undefined;
    return parent?.kind !== 'list' || parent.items[0]?.at !== parent.at;
  });
}

/** Where the name of an option stands. */
export function keyPosition(tree: Tree, path: Path, name: string): Position {
  const parent = nodeAt(tree, path);
  return (parent?.kind === 'map' ? parent.entries.get(name)?.keyAt : undefined) ?? positionOf(tree, path);
}
