/**
 * A part of the program (core part, front end, module, bridge) declares its settings once: name, zod schema, a description and a
 * default for every option. The loader, the reference, the JSON Schema and the commented file all come from that declaration.
 */
import { z } from 'zod';
import { defaultOf, noteOf, shapeOf } from './walk.ts';

export interface SettingsDeclaration<S extends z.ZodType = z.ZodType> {
  /** The section's name in the file. */
  readonly name: string;
  readonly schema: S;
  /** True when `hosts.<domain>.<name>` may override it. */
  readonly perHost: boolean;
}

/** A module that `modules` can list. */
export interface ModuleSettings {
  readonly name: string;
  readonly schema: z.ZodObject;
  readonly description: string;
  /** On unless the operator sets it to `false`. */
  readonly default: boolean;
}

/**
 * Declares a section. Throws when an option lacks its description or its default: that is a bug of the declaring part.
 * Options inside the entries of a list or of a named table may lack a default, since such entries are written by the operator.
 */
export function declare<S extends z.ZodType>(name: string, schema: S, perHost: boolean): SettingsDeclaration<S> {
  if (!/^[a-z][a-z0-9_]*$/.test(name) || name === 'hosts' || name === 'include')
    throw new Error(`bad section name ${name}`);
  audit(schema, name, true);
  return Object.freeze({ name, schema, perHost });
}

/** The section `modules`: each module listed is on, with its options; `false` turns a default module off. */
export function declareModules(modules: readonly ModuleSettings[]) {
  const fields: Record<string, z.ZodType> = Object.create(null) as Record<string, z.ZodType>;
  for (const { name, schema, description, default: on } of modules) {
    if (name in fields) throw new Error(`two modules are named ${name}`);
    const options = schema.nullable().meta({ switch: true });
    fields[name] = (on ? options.prefault({}) : options.default(null)).describe(description);
  }
  const about =
    'Modules: one that is listed is on, with its options; "name: false" turns it off. Modules that are not listed keep their default.';
  return declare('modules', z.strictObject(fields).prefault({}).describe(about), true);
}

function audit(schema: z.ZodType, path: string, wantsDefault: boolean): void {
  if (noteOf(schema, 'description') === undefined) throw new Error(`the setting ${path} has no description`);
  if (wantsDefault && !schema.safeParse(undefined).success) throw new Error(`the setting ${path} has no default`);
  const shape = shapeOf(schema);
  if (shape.kind === 'object') {
    // An entry with a default of its own (a shaper, say) is replaced as a whole, so its options need none.
    const whole = Object.keys((defaultOf(schema) as object | undefined) ?? {}).length > 0;
    for (const [name, field] of shape.fields) audit(field, `${path}.${name}`, wantsDefault && !whole);
    if (shape.others !== undefined) auditMembers(shape.others, `${path}.*`);
    else if (!shape.strict) throw new Error(`the setting ${path} must refuse unknown names (z.strictObject)`);
  } else if (shape.kind === 'array') auditMembers(shape.items, `${path}[]`);
  else if (shape.kind === 'record') auditMembers(shape.values, `${path}.*`);
}

function auditMembers(schema: z.ZodType, path: string): void {
  const shape = shapeOf(schema);
  if (shape.kind === 'array') return auditMembers(shape.items, `${path}[]`);
  if (shape.kind !== 'object') return;
  for (const [name, field] of shape.fields) audit(field, `${path}.${name}`, false);
}
