/** The commented settings file that an operator copies: every option with its description and its default, made from the declarations. */
import { stringify } from 'yaml';
import type { z } from 'zod';
import type { SettingsDeclaration } from './declaration.ts';
import { defaultOf, expectation, memberOf, noteOf, shapeOf } from './walk.ts';

const width = 120;

const introduction = `yaml-language-server: $schema=schema.json
Settings of Trivium. Every value below is the default: keep only what you change.

Durations: 500ms, 30s, 5m, 1h, 7d. Sizes: bytes, or 64KB, 1MB (1 KB = 1024 bytes). Rates: 64KB/s.
Any single value can come from the environment:  port: {env: CHAT_PORT}
A secret can also stand in a file:  password: {file: /run/secrets/name}
Such files and includes are found relative to this file, all other paths relative to the working directory.
"trivium check" validates this file; a running server takes changes with "trivium reload_config" or SIGHUP.`;

const includeText = `Other settings files; what this file says itself wins.
include: [more.yml]`;

const hostsText =
  'The virtual hosts, and under each the sections in which it differs from the rest. Sections that this allows say so.';
const hostsSample = `example.org:
  registration:
    enabled: true`;

/** The text of the file. */
export function sampleSettings(declarations: readonly SettingsDeclaration[]): string {
  const sections = declarations.map(({ name, schema, perHost }) => {
    const about = `${noteOf(schema, 'description') ?? ''}${perHost ? ' May differ per host.' : ''}`;
    return `${comment(about, '')}${named(name, schema, '')}`;
  });
  const hosts = `${comment(hostsText, '')}hosts:\n  localhost: {}\n${comment(hostsSample, '  ')}`;
  return [comment(introduction, ''), comment(includeText, ''), hosts, ...sections].join('\n');
}

/** Comment lines, wrapped. */
function comment(text: string, indent: string): string {
  const room = width - indent.length - 2;
  const lines = text.split('\n').flatMap((line) => (line.length <= room ? [line] : wrap(line, room)));
  return lines.map((line) => `${indent}#${line === '' ? '' : ` ${line}`}\n`).join('');
}

function wrap(line: string, room: number): readonly string[] {
  const lines: string[] = [];
  let current = '';
  for (const word of line.split(' ')) {
    if (current !== '' && current.length + 1 + word.length > room) {
      lines.push(current);
      current = word;
    } else current = current === '' ? word : `${current} ${word}`;
  }
  return [...lines, current].map((part, index) => (index > 0 && line.startsWith('- ') ? `  ${part}` : part));
}

/** `name: value` with what is inside it. */
function named(name: string, schema: z.ZodType, indent: string): string {
  const shape = shapeOf(schema);
  const inner = `${indent}  `;
  const preset = defaultOf(schema);
  if (shape.kind === 'object' && isEmpty(preset)) {
    const fields = membersText(schema, inner);
    return `${indent}${name}:${fields === '' ? ' {}\n' : `\n${fields}`}${sampleOf(schema, '', inner)}`;
  }
  const members = shape.kind === 'array' ? memberOptions(shape.items, inner) : '';
  return `${sampleOf(schema, `${name}:\n`, indent)}${members}${indent}${name}:${valueText(schema, preset, inner)}`;
}

function described(name: string, schema: z.ZodType, indent: string): string {
  const about = comment(noteOf(schema, 'description') ?? '', indent);
  const preset = defaultOf(schema);
  if (preset === null) return about + commentedOut(`${name}:\n${membersText(schema, '  ')}`, indent);
  if (preset !== undefined) return about + named(name, schema, indent);
  return `${about}${comment(`${name}: (${expectation(schema)})`, indent)}`;
}

function membersText(schema: z.ZodType, indent: string): string {
  const shape = shapeOf(schema);
  if (shape.kind !== 'object') return '';
  return [...shape.fields].map(([field, member]) => described(field, member, indent)).join('');
}

/** Lines that hold once their comment sign is removed. */
function commentedOut(text: string, indent: string): string {
  return text.replaceAll(/^(?=.)/gm, `${indent}# `);
}

/** The options that entries of a section that is a list can have. */
function memberOptions(schema: z.ZodType, indent: string): string {
  const shape = shapeOf(schema);
  if (shape.kind !== 'object' || indent.length > 2) return '';
  const lines = [...shape.fields].map(([name, field]) => {
    const preset = defaultOf(field);
    const standard = preset === undefined ? '' : ` Default: ${flow(preset)}.`;
    return `- ${name}: ${noteOf(field, 'description') ?? ''}${standard}`;
  });
  return comment(lines.join('\n'), indent.slice(2));
}

function isEmpty(preset: unknown): boolean {
  return typeof preset === 'object' && preset !== null && !Array.isArray(preset) && Object.keys(preset).length === 0;
}

function sampleOf(schema: z.ZodType, heading: string, indent: string): string {
  const sample = noteOf(schema, 'sample');
  const shift = heading === '' ? '' : '  ';
  return sample === undefined
    ? ''
    : comment(`For example:\n${heading}${shift}${sample.replaceAll('\n', `\n${shift}`)}`, indent);
}

function valueText(schema: z.ZodType, preset: unknown, indent: string): string {
  const value = shorten(schema, preset);
  if (Array.isArray(value) && value.some((item) => typeof item === 'object')) {
    return `\n${value.map((item) => `${indent}- ${flow(item)}\n`).join('')}`;
  }
  return ` ${flow(value)}\n`;
}

/** One value where a list of one may be written so. */
function shorten(schema: z.ZodType, value: unknown): unknown {
  if (Array.isArray(value)) {
    const shape = shapeOf(schema);
    const items = value.map((item: unknown) => (shape.kind === 'array' ? shorten(shape.items, item) : item));
    return noteOf(schema, 'many') !== undefined && items.length === 1 && typeof items[0] !== 'object'
      ? items[0]
      : items;
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, shorten(memberOf(schema, name) ?? schema, inner)]),
  );
}

function flow(value: unknown): string {
  return stringify(value, {
    collectionStyle: 'flow',
    lineWidth: 0,
    flowCollectionPadding: false,
    defaultStringType: 'PLAIN',
  }).trim();
}
