/** Walks zod schemas beside the values they describe, so that one declaration also answers "which names are valid here?". */
import { z } from 'zod';
import type { Path } from './problem.ts';

/** The sections whose entries an option can name. */
export type NameTable = 'acl' | 'access' | 'shapers';

declare module 'zod' {
  interface GlobalMeta {
    /** What a value must be, in words: `a duration such as 30s`. */
    readonly expects?: string;
    /** Never shown; may stand in a file or in the environment. */
    readonly secret?: true;
    /** A port this program listens on: `--port-offset` moves it. */
    readonly port?: true;
    /** One value may stand for a list of one. */
    readonly many?: true;
    /** `true` and an empty value mean "with its defaults", `false` means "off" (null). */
    readonly switch?: true;
    /** The value names an entry of this section. */
    readonly names?: NameTable;
    /** YAML shown, commented out, in the settings file that an operator copies. */
    readonly sample?: string;
  }
}

export type Shape =
  | {
      readonly kind: 'object';
      readonly fields: ReadonlyMap<string, z.ZodType>;
      /** The schema of names beside the fields, when such are allowed. */
      readonly others: z.ZodType | undefined;
      /** False when unknown names would pass unseen. */
      readonly strict: boolean;
    }
  | { readonly kind: 'record'; readonly values: z.ZodType }
  | { readonly kind: 'array'; readonly items: z.ZodType }
  | { readonly kind: 'leaf'; readonly schema: z.ZodType };

/** The schema inside defaults, optional and nullable, outermost first, itself included. */
export function layers(schema: z.ZodType): readonly z.ZodType[] {
  const found = [schema];
  let inner: z.ZodType | undefined = schema;
  while (inner !== undefined) {
    inner = innerOf(inner);
    if (inner !== undefined) found.push(inner);
  }
  return found;
}

function innerOf(schema: z.ZodType): z.ZodType | undefined {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodReadonly
  ) {
    return schema.unwrap() as z.ZodType;
  }
  return undefined;
}

/** A note of a schema or of any schema it wraps. */
export function noteOf<K extends keyof z.GlobalMeta>(schema: z.ZodType, name: K): z.GlobalMeta[K] | undefined {
  for (const layer of layers(schema)) {
    const value = z.globalRegistry.get(layer)?.[name];
    if (value !== undefined) return value;
  }
  return undefined;
}

/** The default as the file would give it, or undefined when the option has none. */
export function defaultOf(schema: z.ZodType): unknown {
  for (const layer of layers(schema)) {
    if (layer instanceof z.ZodPrefault || layer instanceof z.ZodDefault) return layer.def.defaultValue;
  }
  return undefined;
}

export function shapeOf(schema: z.ZodType): Shape {
  const core = layers(schema).at(-1) ?? schema;
  if (core instanceof z.ZodObject) {
    const others = core.def.catchall as z.ZodType | undefined;
    const fields = new Map(Object.entries<z.ZodType>(core.shape));
    return {
      kind: 'object',
      fields,
      others: others instanceof z.ZodNever ? undefined : others,
      strict: others !== undefined,
    };
  }
  if (core instanceof z.ZodRecord) return { kind: 'record', values: core.valueType as z.ZodType };
  if (core instanceof z.ZodArray) return { kind: 'array', items: core.element as z.ZodType };
  return { kind: 'leaf', schema: core };
}

/** The schema of one member, or undefined when the name is not valid there. */
export function memberOf(schema: z.ZodType, step: string | number): z.ZodType | undefined {
  const shape = shapeOf(schema);
  if (shape.kind === 'array') return typeof step === 'number' ? shape.items : undefined;
  if (shape.kind === 'record') return shape.values;
  return shape.kind === 'object' ? (shape.fields.get(String(step)) ?? shape.others) : undefined;
}

export function schemaAt(schema: z.ZodType, path: Path): z.ZodType | undefined {
  let found: z.ZodType | undefined = schema;
  for (const step of path) found = found === undefined ? undefined : memberOf(found, step);
  return found;
}

/** The names valid inside a map. */
export function namesIn(schema: z.ZodType | undefined): readonly string[] {
  if (schema === undefined) return [];
  const shape = shapeOf(schema);
  return shape.kind === 'object' ? [...shape.fields.keys()] : [];
}

/** What a value must be, in words an operator reads: `a whole number from 1 to 65535`. */
export function expectation(schema: z.ZodType): string {
  const told = noteOf(schema, 'expects');
  if (told !== undefined) return told;
  if (noteOf(schema, 'switch') !== undefined) return 'a map of options, true or false';
  const core = layers(schema).at(-1) ?? schema;
  if (core instanceof z.ZodEnum) return `one of ${core.options.join(', ')}`;
  if (core instanceof z.ZodBoolean) return 'true or false';
  if (core instanceof z.ZodString) return 'text';
  if (core instanceof z.ZodArray) return 'a list';
  if (core instanceof z.ZodObject || core instanceof z.ZodRecord) return 'a map of options';
  if (core instanceof z.ZodNumber) {
    const kind = core.isInt ? 'a whole number' : 'a number';
    const least = core.minValue ?? -Infinity;
    const most = core.maxValue ?? Infinity;
    const low = least > Number.MIN_SAFE_INTEGER;
    const high = most < Number.MAX_SAFE_INTEGER;
    if (low && high) return `${kind} from ${least} to ${most}`;
    return low ? `${kind} of at least ${least}` : high ? `${kind} of at most ${most}` : kind;
  }
  return 'another kind of value';
}

/** Called for each value that is not a map or a list; what it returns takes the value's place. */
export type Leaf = (value: unknown, schema: z.ZodType, path: Path) => unknown;

/** Rebuilds a validated value, deeply frozen. Maps whose names the operator chooses have no prototype. */
export function rebuild(schema: z.ZodType, value: unknown, leaf: Leaf, path: Path = []): unknown {
  const shape = shapeOf(schema);
  if (shape.kind === 'array' && Array.isArray(value)) {
    return Object.freeze(value.map((item, index) => rebuild(shape.items, item, leaf, [...path, index])));
  }
  if ((shape.kind === 'object' || shape.kind === 'record') && isPlain(value)) {
    const chosen = shape.kind === 'record' || shape.others !== undefined;
    const result = (chosen ? Object.create(null) : {}) as Record<string, unknown>;
    for (const [name, inner] of Object.entries(value)) {
      const member = memberOf(schema, name);
      result[name] = member === undefined ? freeze(inner) : rebuild(member, inner, leaf, [...path, name]);
    }
    return Object.freeze(result);
  }
  return freeze(leaf(value, schema, path));
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function freeze(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value)) return value;
  for (const inner of Object.values(value)) freeze(inner);
  return Object.freeze(value);
}
