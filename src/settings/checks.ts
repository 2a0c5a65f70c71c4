/** Checks that look at more than one option: listeners that take each other's place, and names that must exist elsewhere. */
import type { z } from 'zod';
import { parseIp } from '#src/address/ip.ts';
import { builtinAcls, builtinValues } from './access.ts';
import type { ListenerSettings } from './listeners.ts';
import { nearest, quote, type Path } from './problem.ts';
import { noteOf, rebuild, type NameTable } from './walk.ts';

/** Tells a problem of a value by its path in a section. */
export type Report = (path: Path, message: string, suggestion?: string) => void;

/** `place` tells where another option of the section stands: `trivium.yml:12:5`. */
export function checkListeners(
  listeners: readonly ListenerSettings[],
  report: Report,
  place: (path: Path) => string,
): void {
  listeners.forEach((listener, index) => {
    const { name } = listener;
    for (const [other, earlier] of listeners.slice(0, index).entries()) {
      if (overlaps(listener, earlier)) {
        const option = listener.path === undefined ? 'port' : 'path';
        report(
          [index, option],
          `${where(listener)} is already taken by listeners[${other}] (${place([other, option])})`,
        );
      }
      if (name !== undefined && name === earlier.name) {
        report(
          [index, 'name'],
          `${quote(name)} is already the name of listeners[${other}] (${place([other, 'name'])})`,
        );
      }
    }
  });
}

function where({ transport, address, port, path }: ListenerSettings): string {
  return path === undefined ? `${transport} port ${port} of ${address}` : `the socket ${quote(path)}`;
}

function overlaps(a: ListenerSettings, b: ListenerSettings): boolean {
  if (a.path !== undefined || b.path !== undefined) return a.path === b.path;
  if (a.port !== b.port || a.port === 0 || a.transport !== b.transport) return false;
  return sameAddress(a.address, b.address);
}

/** `::` takes every address, `0.0.0.0` every IPv4 address. */
function sameAddress(a: string, b: string): boolean {
  const [first, second] = [parseIp(a), parseIp(b)];
  if (first === undefined || second === undefined) return a === b;
  const zero = [first, second].filter(({ words }) => words.every((word) => word === 0));
  if (zero.some(({ family }) => family === 6)) return true;
  if (first.family !== second.family) return false;
  return zero.length > 0 || first.words.every((word, index) => word === second.words[index]);
}

/** The names of each table as the host concerned sees them; undefined when the table itself is not valid. */
export type Tables = Readonly<Record<NameTable, readonly string[] | undefined>>;

/** Checks every value of a section that names an entry of `acl`, `access` or `shapers`. */
export function checkNames(schema: z.ZodType, value: unknown, tables: Tables, report: Report): void {
  rebuild(schema, value, (name, leaf, path) => {
    const table = noteOf(leaf, 'names');
    if (table !== undefined && typeof name === 'string') checkName(table, name, tables, path, report);
    return name;
  });
}

function checkName(table: NameTable, name: string, tables: Tables, path: Path, report: Report): void {
  const given = tables[table];
  if (given === undefined) return;
  const known = [...given, ...(table === 'acl' ? builtinAcls : table === 'shapers' ? builtinValues : [])];
  if (!known.includes(name)) report(path, `there is no ${quote(name)} in ${table}`, nearest(name, known));
}

/** The names that always exist cannot be given another meaning. */
export function checkBuiltins(acls: readonly string[], report: Report): void {
  for (const name of acls) if (builtinAcls.includes(name)) report([name], 'always exists and cannot be changed');
}
