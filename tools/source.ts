import { globSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's own folder, absolute. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** A file as the checks see it: `path` is relative to the repository and uses `/`. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

export interface Token {
  readonly kind: 'word' | 'string' | 'mark';
  /** A string's content without its quotes, its escapes left as written. */
  readonly text: string;
  readonly line: number;
}

/** Every TypeScript file below the given folders, by path. */
export function sources(...folders: readonly string[]): readonly SourceFile[] {
  const paths = folders.flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: root }));
  return paths
    .filter((path) => !path.split('/').some((part) => part.startsWith('.')))
    .toSorted()
    .map((path) => ({ path, text: readFileSync(`${root}/${path}`, 'utf8') }));
}

const BLANK = /\s+/y;
const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?\*\//y;
const QUOTED = /'((?:[^'\\\n]|\\[\s\S])*)'|"((?:[^"\\\n]|\\[\s\S])*)"/y;
const WORD = /[#$\w]+/y;
const PATTERN = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/\w*/y;
/** After one of these a slash divides; after anything else it begins a regular expression. */
const OPERAND = /^[)\]}]$/;
const NO_OPERAND = new Set(['return', 'typeof', 'case', 'in', 'of', 'void', 'delete', 'await', 'yield', 'throw']);

/** The words, strings and marks of TypeScript source, in order. Comments, regular expressions and numbers' meaning are left out. */
export function tokens(text: string): readonly Token[] {
  return new Tokenizer(text).run();
}

class Tokenizer {
  readonly #text: string;
  readonly #found: Token[] = [];
  #at = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  run(): readonly Token[] {
    this.#code('');
    return this.#found;
  }

  /** Reads code up to the end, or up to the brace that closes a template's `${`. */
  #code(end: '' | '}'): void {
    let depth = 0;
    while (this.#at < this.#text.length) {
      if (this.#take(BLANK) || this.#take(COMMENT)) continue;
      const quoted = this.#take(QUOTED);
      if (quoted) {
        this.#add('string', quoted[1] ?? quoted[2] ?? '');
        continue;
      }
      const word = this.#take(WORD);
      if (word) {
        this.#add('word', word[0]);
        continue;
      }
      const mark = this.#text.charAt(this.#at);
      if (mark === '/' && !this.#afterOperand() && this.#take(PATTERN)) {
        this.#add('string', '');
        continue;
      }
      this.#at += 1;
      if (mark === '`') {
        this.#template();
        continue;
      }
      if (mark === '{') depth += 1;
      if (mark === '}' && depth === 0 && end === '}') return;
      if (mark === '}') depth -= 1;
      this.#add('mark', mark);
    }
  }

  #template(): void {
    let from = this.#at;
    while (this.#at < this.#text.length) {
      const letter = this.#text.charAt(this.#at);
      const opens = letter === '$' && this.#text.charAt(this.#at + 1) === '{';
      if (letter !== '`' && !opens) {
        if (letter === '\n') this.#line += 1;
        this.#at += letter === '\\' ? 2 : 1;
        continue;
      }
      this.#add('string', this.#text.slice(from, this.#at));
      this.#at += opens ? 2 : 1;
      if (!opens) return;
      this.#code('}');
      from = this.#at;
    }
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#at += match[0].length;
    this.#line += match[0].split('\n').length - 1;
    return match;
  }

  #add(kind: Token['kind'], text: string): void {
    this.#found.push({ kind, text, line: this.#line });
  }

  #afterOperand(): boolean {
    const last = this.#found.at(-1);
    if (last === undefined) return false;
    if (last.kind === 'mark') return OPERAND.test(last.text);
    return last.kind === 'string' || !NO_OPERAND.has(last.text);
  }
}

/** Prints a check's findings and ends the process with 1 when there are any. */
export function report(name: string, problems: readonly string[], summary: string): void {
  for (const problem of problems) console.error(problem);
  console.log(problems.length === 0 ? `${name}: ${summary}` : `${name}: ${problems.length} problems`);
  if (problems.length > 0) process.exitCode = 1;
}
