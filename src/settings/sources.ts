/** The files that settings come from: the main one and what it includes, merged into one tree that keeps every position. */
import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import { readFailure } from './prepare.ts';
import { problem, quote, type Position, type Problem } from './problem.ts';
import { emptyMap, mergeTrees, parseTree, positionOf, type MapNode } from './tree.ts';

const fileCountLimit = 100;

export class Sources {
  /** Paths of the files read, the main one first. */
  readonly files: string[] = [];
  readonly problems: Problem[] = [];
  readonly #read: (path: string) => string;
  readonly #schema: z.ZodType;

  /** `schema` is that of a whole file. */
  constructor(read: (path: string) => string, schema: z.ZodType) {
    this.#read = read;
    this.#schema = schema;
  }

  /**
   * A file over the files it includes: what a file says itself wins over what it includes, a later include over an earlier one.
   * Undefined once problems are noted.
   */
  parse(text: string, file: string, stack: readonly string[] = []): MapNode | undefined {
    this.files.push(file);
    const parsed = parseTree(text, file);
    if (parsed.problems !== undefined) {
      this.problems.push(...parsed.problems);
      return undefined;
    }
    const { tree } = parsed;
    let below = emptyMap(tree.at);
    for (const { name, at } of this.#includes(tree)) {
      const included = this.#include(resolve(dirname(file), name), name, at, [...stack, resolve(file)]);
      if (included !== undefined) below = mergeTrees(below, included, this.#schema);
    }
    const own = new Map(tree.entries);
    own.delete('include');
    return this.problems.length > 0 ? undefined : mergeTrees(below, { ...tree, entries: own }, this.#schema);
  }

  #includes(tree: MapNode): readonly { readonly name: string; readonly at: Position }[] {
    const node = tree.entries.get('include')?.value;
    if (node === undefined) return [];
    const items = node.kind === 'list' ? node.items : [node];
    return items.flatMap((item, index) => {
      if (item.kind === 'scalar' && typeof item.value === 'string') return [{ name: item.value, at: item.at }];
      this.problems.push(
        problem(positionOf(tree, ['include', index]), ['include'], 'expected the path of a settings file'),
      );
      return [];
    });
  }

  #include(path: string, name: string, at: Position, stack: readonly string[]): MapNode | undefined {
    const refuse = (cause: string): undefined => void this.problems.push(problem(at, ['include'], cause));
    if (stack.includes(path)) return refuse(`${quote(name)} includes itself`);
    if (this.files.length >= fileCountLimit) return refuse(`more than ${fileCountLimit} files`);
    try {
      return this.parse(this.#read(path), path, stack);
    } catch (error) {
      return refuse(`cannot read ${quote(name)}: ${readFailure(error)}`);
    }
  }
}
