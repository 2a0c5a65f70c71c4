/** Access control lists: named answers to "who is this?". Compiled once from plain data; asking allocates nothing. */
import { inBlock, isLoopback, parseBlock, type IpAddress, type IpBlock } from '#src/address/ip.ts';
import type { Path } from '#src/settings/problem.ts';
import { matchGlob, maxGlob } from './glob.ts';

/** Whom is asked about. What is not known is left out, and a condition on it does not hold. */
export interface Subject {
  readonly local?: string;
  readonly domain?: string;
  readonly resource?: string;
  readonly address?: IpAddress;
  /** The label of the front end. */
  readonly protocol?: string;
  /** The name of the listener in the settings. */
  readonly listener?: string;
}

/** What the conditions ask of the server. */
export interface AccessContext {
  isLocal(domain: string): boolean;
  exists(domain: string, local: string): boolean;
}

export type Names = string | readonly string[];

/** All the fields that are given must hold; a field with several values holds when one of them does. */
export interface AclEntry {
  readonly all?: boolean;
  /** `romeo@example.org`, or `romeo` at any virtual host of this server. */
  readonly user?: Names;
  /** The same with `*` (any run of characters) and `?` (one). */
  readonly userGlob?: Names;
  readonly server?: Names;
  readonly serverGlob?: Names;
  readonly resource?: Names;
  readonly resourceGlob?: Names;
  /** Addresses and CIDR blocks. */
  readonly ip?: Names;
  readonly loopback?: boolean;
  /** An account that exists here. */
  readonly registered?: boolean;
  readonly protocol?: Names;
  readonly listener?: Names;
}

/** It matches when one of its entries does. */
export type AclData = AclEntry | readonly AclEntry[];

/** Where in the data, and what is wrong there: the settings turn it into file, line and column. */
export interface AccessProblem {
  readonly path: Path;
  readonly text: string;
}

export type Test = (subject: Subject, context: AccessContext) => boolean;

export function listOf(names: Names): readonly string[] {
  return typeof names === 'string' ? [names] : names;
}

export function every(tests: readonly Test[], subject: Subject, context: AccessContext): boolean {
  for (const test of tests) if (!test(subject, context)) return false;
  return true;
}

export function compileAcl(data: AclData, path: Path, problems: AccessProblem[]): Test {
  const tests = isList(data)
    ? data.map((entry, index) => compileEntry(entry, [...path, index], problems))
    : [compileEntry(data, path, problems)];
  return (subject, context) => {
    for (const test of tests) if (test(subject, context)) return true;
    return false;
  };
}

function isList(data: AclData): data is readonly AclEntry[] {
  return Array.isArray(data);
}

/** How each field with names is compiled. */
const compilers: { readonly [field: string]: ((values: readonly string[]) => Test) | undefined } = {
  user: (users) => (subject, context) => {
    for (const user of users) if (isUser(user, subject, context)) return true;
    return false;
  },
  userGlob: (patterns) => (subject, context) => {
    for (const pattern of patterns) if (isUserLike(pattern, subject, context)) return true;
    return false;
  },
  server:
    (servers) =>
    ({ domain }) =>
      domain !== undefined && servers.includes(domain),
  serverGlob:
    (patterns) =>
    ({ domain }) =>
      anyGlob(patterns, domain),
  resource:
    (resources) =>
    ({ resource }) =>
      resource !== undefined && resources.includes(resource),
  resourceGlob:
    (patterns) =>
    ({ resource }) =>
      anyGlob(patterns, resource),
  protocol:
    (protocols) =>
    ({ protocol }) =>
      protocol !== undefined && protocols.includes(protocol),
  listener:
    (listeners) =>
    ({ listener }) =>
      listener !== undefined && listeners.includes(listener),
};

function compileEntry(entry: AclEntry, path: Path, problems: AccessProblem[]): Test {
  const tests: Test[] = [];
  for (const [field, value] of Object.entries(entry) as [keyof AclEntry, AclEntry[keyof AclEntry]][]) {
    if (value === undefined) continue;
    if (typeof value === 'boolean') tests.push(compileFlag(field, value));
    else if (field === 'ip') tests.push(compileBlocks(listOf(value), [...path, field], problems));
    else tests.push(compileNames(field, listOf(value), [...path, field], problems));
  }
  if (tests.length === 0) problems.push({ path, text: 'an entry needs a condition' });
  return tests.length === 0 ? () => false : (subject, context) => every(tests, subject, context);
}

function compileNames(field: keyof AclEntry, values: readonly string[], path: Path, problems: AccessProblem[]): Test {
  for (const value of values) {
    if (value === '') problems.push({ path, text: 'an empty name matches nobody' });
    if (field.endsWith('Glob') && value.length > maxGlob)
      problems.push({ path, text: `a pattern has at most ${maxGlob} characters` });
  }
  const compile = Object.hasOwn(compilers, field) ? compilers[field] : undefined;
  if (compile !== undefined) return compile(values);
  problems.push({ path, text: 'no such condition' });
  return () => false;
}

function compileFlag(field: keyof AclEntry, value: boolean): Test {
  if (field === 'all') return () => value;
  if (field === 'loopback') return ({ address }) => (address !== undefined && isLoopback(address)) === value;
  return ({ local, domain }, context) =>
    (local !== undefined && domain !== undefined && context.exists(domain, local)) === value;
}

function compileBlocks(texts: readonly string[], path: Path, problems: AccessProblem[]): Test {
  const blocks: IpBlock[] = [];
  for (const text of texts) {
    const block = parseBlock(text);
    if (block === undefined) problems.push({ path, text: `'${text}' is no address and no CIDR block` });
    else blocks.push(block);
  }
  return ({ address }) => address !== undefined && anyBlock(blocks, address);
}

function anyBlock(blocks: readonly IpBlock[], address: IpAddress): boolean {
  for (const block of blocks) if (inBlock(address, block)) return true;
  return false;
}

function anyGlob(patterns: readonly string[], text: string | undefined): boolean {
  if (text === undefined) return false;
  for (const pattern of patterns) if (matchGlob(pattern, text)) return true;
  return false;
}

/** A name without domain means our own users only: `admin@elsewhere.example` is not our `admin`. */
function isUser(user: string, { local, domain }: Subject, context: AccessContext): boolean {
  if (local === undefined || domain === undefined) return false;
  const at = user.indexOf('@');
  if (at < 0) return user === local && context.isLocal(domain);
  return (
    user.length === local.length + 1 + domain.length &&
    at === local.length &&
    user.startsWith(local) &&
    user.endsWith(domain)
  );
}

/** The part before `@` is matched against the local part and the part after it against the domain. */
function isUserLike(pattern: string, { local, domain }: Subject, context: AccessContext): boolean {
  if (local === undefined || domain === undefined) return false;
  const at = pattern.indexOf('@');
  if (at < 0) return context.isLocal(domain) && matchGlob(pattern, local);
  return matchGlob(pattern, local, 0, at) && matchGlob(pattern, domain, at + 1);
}
