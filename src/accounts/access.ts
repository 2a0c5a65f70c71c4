/** Access rules: named, ordered lines over the ACLs of acl.ts; the first line that matches gives the answer. */
import { nearest } from '#src/settings/problem.ts';
import type { Path } from '#src/settings/problem.ts';
import {
  compileAcl,
  every,
  listOf,
  type AccessContext,
  type AccessProblem,
  type AclData,
  type Names,
  type Subject,
  type Test,
} from './acl.ts';

export type { AccessContext, AccessProblem, AclData, AclEntry, Subject } from './acl.ts';

export type RuleValue = string | number;

/**
 * One line of a rule; all of the ACLs named in it must match: `{ allow: 'local' }`, `{ deny: ['blocked', 'remote'] }`,
 * `{ value: 'fast', for: 'admin' }`.
 */
export type RuleLine =
  | { readonly allow: Names }
  | { readonly deny: Names }
  | { readonly value: RuleValue; readonly for: Names };

/** The sections `acl` and `access` of the settings, as plain data; the defaults are declared there. */
export interface AccessData {
  readonly acl: Readonly<Record<string, AclData>>;
  readonly access: Readonly<Record<string, readonly RuleLine[]>>;
}

/** Names that no settings can change. */
const builtin: Readonly<Record<string, AclData>> = {
  all: { all: true },
  none: { all: false },
  loopback: { loopback: true },
};

interface Line {
  readonly value: RuleValue;
  readonly tests: readonly Test[];
}

export class Rule {
  readonly #lines: readonly Line[];
  readonly #context: AccessContext;

  constructor(lines: readonly Line[], context: AccessContext) {
    this.#lines = lines;
    this.#context = context;
  }

  /** `allow`, `deny`, or the value of the first line that matches; undefined when none does. */
  value(subject: Subject): RuleValue | undefined {
    for (const { value, tests } of this.#lines) {
      if (every(tests, subject, this.#context)) return value;
    }
    return undefined;
  }

  /** No matching line is a denial. */
  allows(subject: Subject): boolean {
    return this.value(subject) === 'allow';
  }

  /** For rules whose values are numbers; the word `infinite` is one of them. */
  limit(subject: Subject, otherwise: number): number {
    const value = this.value(subject);
    if (typeof value === 'number') return value;
    return value === 'infinite' ? Number.POSITIVE_INFINITY : otherwise;
  }
}

/** The compiled rules. A reload compiles new ones. */
export class Access {
  readonly #rules: ReadonlyMap<string, Rule>;
  readonly #acls: ReadonlyMap<string, Test>;
  readonly #context: AccessContext;

  constructor(rules: ReadonlyMap<string, Rule>, acls: ReadonlyMap<string, Test>, context: AccessContext) {
    this.#rules = rules;
    this.#acls = acls;
    this.#context = context;
  }

  rule(name: string): Rule | undefined {
    return this.#rules.get(name);
  }

  /** An unknown rule allows nobody. */
  allows(rule: string, subject: Subject): boolean {
    return this.#rules.get(rule)?.allows(subject) === true;
  }

  value(rule: string, subject: Subject): RuleValue | undefined {
    return this.#rules.get(rule)?.value(subject);
  }

  limit(rule: string, subject: Subject, otherwise: number): number {
    return this.#rules.get(rule)?.limit(subject, otherwise) ?? otherwise;
  }

  /** The ACLs of the settings that the subject is in; those that are built in are not among them. */
  groupsOf(subject: Subject): readonly string[] {
    return [...this.#acls.keys()].filter((name) => !Object.hasOwn(builtin, name) && this.matches(name, subject));
  }

  /** Is the subject in this ACL? An unknown one is empty. */
  matches(acl: string, subject: Subject): boolean {
    return this.#acls.get(acl)?.(subject, this.#context) === true;
  }
}

export type CompiledAccess = { readonly access: Access } | { readonly problems: readonly AccessProblem[] };

/** The compiled rules, or every problem at once with its path in the data. */
export function compileAccess(data: AccessData, context: AccessContext): CompiledAccess {
  const problems: AccessProblem[] = [];
  const acls = new Map<string, Test>();
  for (const [name, entries] of Object.entries(data.acl)) {
    if (Object.hasOwn(builtin, name))
      problems.push({ path: ['acl', name], text: `'${name}' is built in and cannot be changed` });
    acls.set(name, compileAcl(entries, ['acl', name], problems));
  }
  for (const [name, entries] of Object.entries(builtin)) acls.set(name, compileAcl(entries, ['acl', name], problems));
  const rules = new Map<string, Rule>();
  for (const [name, lines] of Object.entries(data.access)) {
    const compiled = lines.map((line, index) => compileLine(line, ['access', name, index], acls, problems));
    rules.set(name, new Rule(compiled, context));
  }
  return problems.length > 0 ? { problems } : { access: new Access(rules, acls, context) };
}

function compileLine(line: RuleLine, path: Path, acls: ReadonlyMap<string, Test>, problems: AccessProblem[]): Line {
  const { value, field, names } = readLine(line);
  const tests: Test[] = [];
  for (const name of listOf(names)) {
    const test = acls.get(name);
    if (test !== undefined) tests.push(test);
    else problems.push({ path: [...path, field], text: `there is no acl '${name}'${hint(name, acls)}` });
  }
  // A line without an ACL would hold for everybody, which nobody means.
  if (listOf(names).length === 0) problems.push({ path: [...path, field], text: 'a line needs an acl' });
  return { value, tests };
}

function readLine(line: RuleLine): { readonly value: RuleValue; readonly field: string; readonly names: Names } {
  if ('allow' in line) return { value: 'allow', field: 'allow', names: line.allow };
  if ('deny' in line) return { value: 'deny', field: 'deny', names: line.deny };
  return { value: line.value, field: 'for', names: line.for };
}

function hint(name: string, acls: ReadonlyMap<string, Test>): string {
  const near = nearest(name, acls.keys());
  return near === undefined ? '' : `, did you mean '${near}'?`;
}
