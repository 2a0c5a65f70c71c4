/** zod's issues as problems: which option, where in which file, what was expected and what is there. */
import type { z } from 'zod';
import { isUnusable } from './prepare.ts';
import { nearest, problem, quote, type Path, type Problem } from './problem.ts';
import { keyPosition, nodeAt, positionOf, writtenPath, type Tree } from './tree.ts';
import { expectation, namesIn, noteOf, schemaAt } from './walk.ts';

type Issue = z.core.$ZodIssue;

/** What was validated: the tree beside its schema, and the path of the tree in the file. */
export interface Validated {
  readonly schema: z.ZodType;
  readonly tree: Tree;
  readonly prefix: Path;
}

export function problemsOf(issues: readonly Issue[], validated: Validated): readonly Problem[] {
  return issues.flatMap((issue) => problemOf(issue, validated));
}

function problemOf(issue: Issue, { schema, tree, prefix }: Validated): readonly Problem[] {
  const path = issue.path.filter((step): step is string | number => typeof step !== 'symbol');
  const full = [...prefix, ...writtenPath(tree, path)];
  if (isUnusable(nodeAt(tree, path))) return [];
  if (issue.code === 'unrecognized_keys') {
    const names = namesIn(schemaAt(schema, path));
    return issue.keys.map((key) =>
      problem(keyPosition(tree, path, key), [...full, key], 'unknown option', nearest(key, names)),
    );
  }
  const here = schemaAt(schema, path) ?? schema;
  if (issue.code === 'invalid_key') {
    const name = String(path.at(-1));
    return [problem(keyPosition(tree, path.slice(0, -1), name), full, `expected ${keyExpectation(schema, path)}`)];
  }
  const at = positionOf(tree, path);
  const node = nodeAt(tree, path);
  if (issue.code === 'custom' && issue.message !== 'Invalid input' && !issue.message.startsWith('expected ')) {
    return [problem(at, full, issue.message)];
  }
  if (node === undefined) return [problem(at, full, `is missing: expected ${expectation(here)}`)];
  const told =
    issue.code === 'custom' && issue.message !== 'Invalid input' ? issue.message : `expected ${wanted(issue, here)}`;
  return [
    problem(
      at,
      full,
      `${told}, got ${shown(node, here)}`,
      issue.code === 'invalid_value' ? nearValue(node, issue.values) : undefined,
    ),
  ];
}

function wanted(issue: Issue, schema: z.ZodType): string {
  const what = expectation(schema);
  if (issue.code === 'too_small' && issue.origin === 'array') return `${what} of at least ${issue.minimum}`;
  if (issue.code === 'too_big' && issue.origin === 'array') return `${what} of at most ${issue.maximum}`;
  if (issue.code === 'too_small' && issue.origin === 'string')
    return issue.minimum === 1 ? `${what} that is not empty` : `${what} of at least ${issue.minimum} characters`;
  if (issue.code === 'too_big' && issue.origin === 'string') return `${what} of at most ${issue.maximum} characters`;
  return what;
}

function keyExpectation(schema: z.ZodType, path: Path): string {
  const record = schemaAt(schema, path.slice(0, -1));
  const keys = record === undefined ? undefined : recordKeys(record);
  return keys === undefined ? 'another name' : expectation(keys);
}

function recordKeys(schema: z.ZodType): z.ZodType | undefined {
  let inner: unknown = schema;
  while (typeof inner === 'object' && inner !== null) {
    const { keyType, innerType } = (
      inner as { readonly def: { readonly keyType?: z.ZodType; readonly innerType?: unknown } }
    ).def;
    if (keyType !== undefined) return keyType;
    inner = innerType;
  }
  return undefined;
}

function shown(node: Tree, schema: z.ZodType): string {
  if (node.kind === 'list') return node.items.length === 0 ? 'an empty list' : 'a list';
  if (node.kind === 'map') return 'a map';
  if (node.value === null) return 'nothing';
  if (noteOf(schema, 'secret') !== undefined) return 'something else';
  return typeof node.value === 'string' ? quote(node.value) : node.source.slice(0, 40);
}

function nearValue(node: Tree, values: readonly unknown[]): string | undefined {
  if (node.kind !== 'scalar' || node.value === null) return undefined;
  return nearest(
    String(node.value),
    values.filter((value) => typeof value === 'string'),
  );
}
