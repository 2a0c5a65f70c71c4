/**
 * The kinds of value a setting can be. Each gives plain numbers (milliseconds, bytes, bytes per second) or text, describes itself in
 * words for error messages and the reference, and as JSON Schema for editors.
 */
import { z } from 'zod';
import { parseBlock, parseIp } from '#src/address/ip.ts';
import type { NameTable } from './walk.ts';

interface Reading<T> {
  readonly value: T;
}
interface Kind<T> {
  /** What a value must be, in words. */
  readonly expects: string;
  readonly json: { readonly type: 'string' | 'integer' | readonly string[]; readonly pattern?: string };
  readonly read: (raw: unknown) => Reading<T> | undefined;
}

/** A schema from a reader: undefined refuses the value. */
function kind<T>({ expects, json, read }: Kind<T>): z.ZodPipe<z.ZodUnknown, z.ZodTransform<T>> {
  const schema = z.unknown().transform((raw, context): T => {
    const reading = read(raw);
    if (reading !== undefined) return reading.value;
    context.addIssue({ code: 'custom', message: `expected ${expects}` });
    return z.NEVER;
  });
  // JSON Schema allows a list of types where zod's own typing has one.
  return schema.meta({ expects, ...(json as { readonly type: 'string' }) });
}

const durationUnits: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const sizeUnits: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

function amount(raw: unknown, pattern: RegExp, units: Readonly<Record<string, number>>): number | undefined {
  if (typeof raw === 'number')
    return Object.hasOwn(units, '') && Number.isSafeInteger(raw) && raw >= 0 ? raw : undefined;
  const found = typeof raw === 'string' ? pattern.exec(raw) : null;
  const scale = units[(found?.[2] ?? '').toLowerCase()];
  if (found === null || scale === undefined) return undefined;
  const value = Math.round(Number(found[1]) * scale);
  return Number.isSafeInteger(value) ? value : undefined;
}

const durationPattern = /^(\d{1,15}(?:\.\d{1,3})?)(ms|s|m|h|d|w)$/;
const sizePattern = /^(\d{1,15}(?:\.\d{1,3})?)([KMGT]?)B?$/i;
const ratePattern = /^(\d{1,15}(?:\.\d{1,3})?)([KMGT]?)B?(?:\/s)?$/i;

/** `30s`, `5m`, `1h`: milliseconds. */
export function parseDuration(raw: unknown): number | undefined {
  return amount(raw, durationPattern, durationUnits);
}

/** `256KB`, `1MB` or plain bytes; 1 KB is 1024 bytes. */
export function parseSize(raw: unknown): number | undefined {
  return amount(raw, sizePattern, sizeUnits);
}

/** A word with its bounds: `a duration from 1s to 1h`. */
function between(what: string, bounds: Bounds, sample: string): string {
  const { min, max } = bounds;
  if (min !== undefined && max !== undefined) return `${what} from ${min} to ${max}`;
  return min === undefined ? `${what} such as ${sample}` : `${what} of at least ${min}`;
}

export interface Bounds {
  readonly min?: string;
  readonly max?: string;
}

function within(
  value: number | undefined,
  bounds: Bounds,
  parse: (raw: unknown) => number | undefined,
): Reading<number> | undefined {
  if (value === undefined || value < (parse(bounds.min) ?? 0) || value > (parse(bounds.max) ?? Infinity))
    return undefined;
  return { value };
}

/** A duration in milliseconds. */
export function duration(bounds: Bounds = {}) {
  return kind<number>({
    expects: between('a duration', bounds, '30s, 5m or 1h'),
    json: { type: 'string', pattern: '^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d|w)$' },
    read: (raw) => within(parseDuration(raw), bounds, parseDuration),
  });
}

/** A size in bytes. */
export function size(bounds: Bounds = {}) {
  return kind<number>({
    expects: between('a size', bounds, '256KB or 1MB'),
    json: { type: ['string', 'integer'], pattern: '^[0-9]+(\\.[0-9]+)?[KMGTkmgt]?[Bb]?$' },
    read: (raw) => within(parseSize(raw), bounds, parseSize),
  });
}

/** Bytes per second. */
export function rate(bounds: Bounds = {}) {
  const parse = (raw: unknown): number | undefined => amount(raw, ratePattern, sizeUnits);
  return kind<number>({
    expects: between('a rate', bounds, '64KB/s'),
    json: { type: ['string', 'integer'], pattern: '^[0-9]+(\\.[0-9]+)?[KMGTkmgt]?[Bb]?(/s)?$' },
    read: (raw) => within(parse(raw), bounds, parse),
  });
}

/** A whole number from `min` to `max`. */
export function count(min: number, max: number) {
  return z.int().min(min).max(max);
}

/** A port to listen on, moved by `--port-offset`. 0 lets the system choose. */
export function listenPort() {
  return z.int().min(0).max(65535).meta({ port: true });
}

/** A secret: text, `{file: path}` or `{env: NAME}`. Never shown in messages or logs. */
export function secret() {
  return z.string().min(1).meta({ secret: true, expects: 'a secret: text, {file: path} or {env: NAME}' });
}

/** A list; one value may stand for a list of one. */
export function many<T extends z.ZodType>(items: T) {
  return z.array(items).meta({ many: true });
}

/** A path of the file system. */
export function path() {
  return z
    .string()
    .min(1)
    .max(4096)
    .refine((text) => !text.includes('\0'))
    .meta({ expects: 'a path' });
}

/** Permission bits as octal digits in quotes: a bare 0600 is the number 600 in YAML 1.2. */
export function fileMode() {
  const mode = (raw: unknown): Reading<number> | undefined =>
    typeof raw === 'string' && /^0?[0-7]{3}$/.test(raw) ? { value: Number.parseInt(raw, 8) } : undefined;
  return kind<number>({
    expects: "octal digits in quotes such as '0600'",
    json: { type: 'string', pattern: '^0?[0-7]{3}$' },
    read: mode,
  });
}

/** An IP address to listen on; `::` takes IPv4 too. */
export function address() {
  return z
    .string()
    .refine((text) => parseIp(text) !== undefined)
    .meta({ expects: 'an IP address such as 127.0.0.1 or ::' });
}

/** An IP address or a network in CIDR notation. */
export function network() {
  return z
    .string()
    .refine((text) => parseBlock(text) !== undefined)
    .meta({ expects: 'an IP address or a network such as 10.0.0.0/8' });
}

/** What a rule gives: a whole number, or a word that the settings' cross check knows. */
export function limitOrName() {
  return kind<number | string>({
    expects: 'a whole number, infinite, or the name of a shaper',
    json: { type: ['string', 'integer'] },
    read(raw) {
      if (typeof raw === 'number') return Number.isSafeInteger(raw) && raw >= 0 ? { value: raw } : undefined;
      return typeof raw === 'string' && raw !== '' ? { value: raw } : undefined;
    },
  }).meta({ names: 'shapers' });
}

/** A name the operator gives to an entry of a table. */
export function entryName() {
  return z
    .string()
    .regex(/^[A-Za-z][\w.-]{0,63}$/)
    .meta({ expects: 'a name of letters, digits, _ . and - that begins with a letter' });
}

/** The name of an entry of a table; checked once everything is read. */
export function accessName(table: NameTable) {
  return z
    .string()
    .min(1)
    .meta({ names: table, expects: `a name from ${table}` });
}

/** A map whose options all have defaults: absent or empty means all defaults. Unknown names are refused. */
export function group<T extends z.core.$ZodShape>(fields: T) {
  return z.strictObject(fields).prefault({} as z.input<z.ZodObject<T, z.core.$strict>>);
}
