/** The settings described from their declarations: JSON Schema for editors, Markdown for the manual. */
import { z } from 'zod';
import type { SettingsDeclaration } from './declaration.ts';
import { defaultOf, expectation, noteOf, shapeOf } from './walk.ts';

type Json = Record<string, unknown>;
const ownNotes = ['expects', 'secret', 'port', 'many', 'switch', 'names', 'sample'] as const;

/** JSON Schema (2020-12) of a settings file. */
export function jsonSchema(declarations: readonly SettingsDeclaration[]): Json {
  const sections = declarations.map(({ name, schema }) => [name, sectionSchema(schema)] as const);
  const perHost = declarations
    .filter((declaration) => declaration.perHost)
    .map(({ name }) => [name, { $ref: `#/properties/${name}` }] as const);
  const host = { type: ['object', 'null'], properties: Object.fromEntries(perHost), additionalProperties: false };
  const hosts = {
    description: 'The virtual hosts, and for each the sections in which it differs.',
    default: { localhost: {} },
    anyOf: [
      { type: 'object', additionalProperties: host, minProperties: 1 },
      { type: 'array', items: { type: 'string' }, minItems: 1 },
    ],
  };
  const include = {
    description:
      'Settings files whose options hold where this file does not set them; relative paths start at this file.',
    anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }],
  };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Settings of Trivium',
    type: 'object',
    properties: { include, hosts, ...Object.fromEntries(sections) },
    additionalProperties: false,
  };
}

function sectionSchema(schema: z.ZodType): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override({ zodSchema, jsonSchema: found }) {
      refine(found as Json, z.globalRegistry.get(zodSchema) ?? {});
    },
  }) as Json;
  return json;
}

/** Says in JSON Schema what the notes of a setting mean. */
function refine(json: Json, notes: z.GlobalMeta): void {
  for (const note of ownNotes) delete json[note];
  if (json['minimum'] === Number.MIN_SAFE_INTEGER) delete json['minimum'];
  if (json['maximum'] === Number.MAX_SAFE_INTEGER) delete json['maximum'];
  if (notes.many === true && json['type'] === 'array') {
    const { type, items, minItems, maxItems } = json;
    for (const name of ['type', 'items', 'minItems', 'maxItems']) delete json[name];
    const bounds = Object.fromEntries(
      Object.entries({ minItems, maxItems }).filter(([, bound]) => bound !== undefined),
    );
    json['anyOf'] = [items, { type, items, ...bounds }];
  }
  if (notes.secret === true && json['anyOf'] === undefined) {
    const reference = (name: string): Json => ({
      type: 'object',
      properties: { [name]: { type: 'string' } },
      required: [name],
      additionalProperties: false,
    });
    delete json['type'];
    json['anyOf'] = [{ type: 'string', minLength: 1 }, reference('file'), reference('env')];
    delete json['minLength'];
  }
  if (notes.switch === true && Array.isArray(json['anyOf']))
    json['anyOf'] = [...(json['anyOf'] as Json[]), { type: 'boolean' }];
}

/** One option of the reference. */
export interface OptionText {
  /** `listeners[].port`, `log.scopes.<name>`. */
  readonly path: string;
  readonly description: string;
  readonly expects: string;
  /** As written in a file; undefined when there is none. */
  readonly preset: string | undefined;
}

/** Every option of a section, parents before members. */
export function optionsOf(name: string, schema: z.ZodType): readonly OptionText[] {
  const options: OptionText[] = [];
  visit(schema, name, options, true);
  return options;
}

function visit(schema: z.ZodType, path: string, options: OptionText[], top: boolean): void {
  const shape = shapeOf(schema);
  const preset = defaultOf(schema);
  const description = noteOf(schema, 'description');
  const grouped = shape.kind === 'object' && shape.others === undefined;
  if (!top && description !== undefined) {
    const shown = preset === undefined || (grouped && isEmpty(preset)) ? undefined : JSON.stringify(preset);
    options.push({ path, description, expects: kindOf(schema), preset: shown });
  }
  if (shape.kind === 'object') {
    for (const [name, field] of shape.fields) {
      if (shape.others === undefined) visit(field, `${path}.${name}`, options, false);
      else options.push(named(field, `${path}.${name}`));
    }
    if (shape.others !== undefined) visitMembers(shape.others, `${path}.<name>`, options);
  } else if (shape.kind === 'array' && noteOf(schema, 'names') === undefined)
    visitMembers(shape.items, `${path}[]`, options);
  else if (shape.kind === 'record') visitMembers(shape.values, `${path}.<name>`, options);
}

/** An entry that always exists in a table whose other names the operator chooses; its members are told once, for all entries. */
function named(schema: z.ZodType, path: string): OptionText {
  return {
    path,
    description: noteOf(schema, 'description') ?? '',
    expects: kindOf(schema),
    preset: JSON.stringify(defaultOf(schema)),
  };
}

function isEmpty(preset: unknown): boolean {
  return typeof preset === 'object' && preset !== null && Object.keys(preset).length === 0;
}

function visitMembers(schema: z.ZodType, path: string, options: OptionText[]): void {
  const kind = shapeOf(schema).kind;
  if (kind === 'object' || kind === 'array') visit(schema, path, options, false);
}

function kindOf(schema: z.ZodType): string {
  const shape = shapeOf(schema);
  const many = noteOf(schema, 'many') !== undefined;
  if (shape.kind === 'array') {
    const inner = shapeOf(shape.items).kind === 'leaf' ? expectation(shape.items) : 'maps';
    return many ? `${inner}, or a list of such` : `a list: ${inner}`;
  }
  return expectation(schema);
}

/** The reference of all settings in Markdown. */
export function markdown(declarations: readonly SettingsDeclaration[]): string {
  const parts = declarations.map(({ name, schema, perHost }) => {
    const rows = optionsOf(name, schema).map(
      ({ path, description, expects, preset }) =>
        `| \`${path}\` | ${cell(expects)} | ${preset === undefined ? '' : presetCell(preset)} | ${cell(description)} |`,
    );
    const scope = perHost ? 'May be set for one host under `hosts`.' : 'Holds for the whole server.';
    const table = ['| option | value | default | meaning |', '| --- | --- | --- | --- |', ...rows];
    return `## ${name}\n\n${noteOf(schema, 'description') ?? ''} ${scope}\n\n${table.join('\n')}\n`;
  });
  return parts.join('\n');
}

function presetCell(preset: string): string {
  return preset.length > 80 ? '(see config/trivium.yml)' : `\`${preset.replaceAll('|', '\\|')}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');
}
