/**
 * Makes a tree ready for validation, led by the schema: values from the environment and secrets from files take their place, one value
 * becomes a list of one, an empty value becomes an empty map, `true` and `false` switch modules. Positions stay.
 */
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { problem, quote, type Path, type Problem } from './problem.ts';
import type { MapNode, Scalar, ScalarNode, Tree } from './tree.ts';
import { memberOf, noteOf, shapeOf } from './walk.ts';

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads a file named in the settings; throws when it cannot. */
  readonly read: (path: string) => string;
  readonly report: (problem: Problem) => void;
}

const secretLimit = 64 * 1024;

/** Reads a small text file. Throws with a short cause. */
export function readText(path: string, limit: number): string {
  const stats = statSync(path);
  if (!stats.isFile() && !stats.isFIFO() && !stats.isCharacterDevice()) throw new Error('it is not a file');
  if (stats.size > limit) throw new Error(`it is larger than ${limit} bytes`);
  return readFileSync(path, 'utf8');
}

/** Why a file could not be read, in words. */
export function readFailure(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  if (code === 'ENOENT') return 'it does not exist';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  return code ?? (error instanceof Error ? error.message : String(error));
}

export function prepare(schema: z.ZodType, tree: Tree, path: Path, around: Surroundings): Tree {
  const shape = shapeOf(schema);
  const node = substitute(schema, tree, path, around);
  if (node.kind === 'scalar' && (shape.kind === 'object' || shape.kind === 'record')) return emptySection(schema, node);
  if (shape.kind === 'array') {
    if (node.kind !== 'list') {
      if (noteOf(schema, 'many') === undefined || (node.kind === 'scalar' && node.value === null)) return node;
      return { kind: 'list', items: [prepare(shape.items, node, [...path, 0], around)], at: node.at };
    }
    return { ...node, items: node.items.map((item, index) => prepare(shape.items, item, [...path, index], around)) };
  }
  if (node.kind === 'map' && (shape.kind === 'object' || shape.kind === 'record'))
    return prepareMap(schema, node, path, around);
  // Text that looks like a number: a password 0123, a version 1.2.
  return node.kind === 'scalar' && typeof node.value === 'number' && isText(schema)
    ? { ...node, value: node.source }
    : node;
}

/** A name without a value means its defaults; `true` and `false` where modules are switched. */
function emptySection(schema: z.ZodType, node: ScalarNode): Tree {
  const switched = noteOf(schema, 'switch') !== undefined;
  if (switched && node.value === false) return { ...node, value: null };
  if (node.value !== null && !(switched && node.value === true)) return node;
  return { kind: 'map', entries: new Map(), at: node.at };
}

function prepareMap(schema: z.ZodType, node: MapNode, path: Path, around: Surroundings): Tree {
  const entries = [...node.entries].map(([name, entry]) => {
    const member = memberOf(schema, name);
    const value = member === undefined ? entry.value : prepare(member, entry.value, [...path, name], around);
    return [name, { ...entry, value }] as const;
  });
  return { ...node, entries: new Map(entries) };
}

/** `{env: NAME}` where no map of options is wanted, `{file: path}` where a secret is. */
function substitute(schema: z.ZodType, node: Tree, path: Path, around: Surroundings): Tree {
  const reference = node.kind === 'map' && node.entries.size === 1 ? [...node.entries][0] : undefined;
  const shape = shapeOf(schema);
  if (reference === undefined || shape.kind === 'object' || shape.kind === 'record') return node;
  const [word, { value: target }] = reference;
  if (target.kind !== 'scalar' || typeof target.value !== 'string') return node;
  if (shape.kind === 'array' && accepts(shape.items, word)) return node;
  const secret = noteOf(schema, 'secret') !== undefined;
  if (word === 'env') return fromEnvironment(target, isText(schema), node, path, around);
  return word === 'file' && secret ? fromFile(target, node, path, around) : node;
}

function accepts(schema: z.ZodType, name: string): boolean {
  return memberOf(schema, name) !== undefined;
}

function isText(schema: z.ZodType): boolean {
  const shape = shapeOf(schema);
  return shape.kind === 'leaf' && (shape.schema instanceof z.ZodString || shape.schema instanceof z.ZodEnum);
}

function fromEnvironment(target: ScalarNode, text: boolean, node: Tree, path: Path, around: Surroundings): Tree {
  const name = String(target.value);
  const value = Object.hasOwn(around.env, name) ? around.env[name] : undefined;
  if (value !== undefined)
    return { kind: 'scalar', value: text ? value : plainValue(value), source: value, at: node.at };
  around.report(problem(target.at, path, `the environment variable ${quote(name)} is not set`));
  return unusable(node);
}

/** A value of the environment as YAML would read it. */
function plainValue(text: string): Scalar {
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  return text === 'true' ? true : text === 'false' ? false : text;
}

function fromFile(target: ScalarNode, node: Tree, path: Path, around: Surroundings): Tree {
  const name = String(target.value);
  try {
    const text = around.read(resolve(dirname(target.at.file), name)).replace(/\r?\n$/, '');
    if (text.length > secretLimit) throw new Error(`it is larger than ${secretLimit} bytes`);
    if (text !== '') return { kind: 'scalar', value: text, source: text, at: node.at };
    around.report(problem(target.at, path, `the file ${quote(name)} is empty`));
  } catch (error) {
    around.report(problem(target.at, path, `cannot read ${quote(name)}: ${readFailure(error)}`));
  }
  return unusable(node);
}

/** Marks a value whose problem is already told, so that validation does not tell it again. */
function unusable(node: Tree): Tree {
  return { kind: 'scalar', value: null, source: unusableSource, at: node.at };
}

const unusableSource = '\u0000unusable';

export function isUnusable(node: Tree | undefined): boolean {
  return node?.kind === 'scalar' && node.source === unusableSource;
}
