/** What a part may declare, what a reload tells, and what is generated from the declarations. */
import test from 'ava';
import { z } from 'zod';
import { declare, declareModules } from '#src/settings/declaration.ts';
import { jsonSchema, markdown } from '#src/settings/describe.ts';
import { loadSettings } from '#src/settings/load.ts';
import { nearest } from '#src/settings/problem.ts';
import { sampleSettings } from '#src/settings/sample.ts';
import { coreSections } from '#src/settings/schema.ts';
import { diffSettings } from '#src/settings/settings.ts';
import { group } from '#src/settings/types.ts';
import { declarations, gatewaySection, settingsOf } from '#test/unit/settings/fixture.ts';

test('a declaration needs a description and a default for every option, and refuses unknown names', (t) => {
  const text = z.string();
  t.throws(() => declare('x', group({ a: text.prefault('') }).describe('X.'), true), {
    message: 'the setting x.a has no description',
  });
  t.throws(() => declare('x', z.strictObject({ a: text.describe('A.') }).describe('X.'), true), {
    message: 'the setting x has no default',
  });
  t.throws(
    () =>
      declare(
        'x',
        z
          .object({ a: text.prefault('').describe('A.') })
          .prefault({})
          .describe('X.'),
        true,
      ),
    {
      message: 'the setting x must refuse unknown names (z.strictObject)',
    },
  );
  t.throws(() => declare('hosts', group({}).describe('X.'), true), { message: 'bad section name hosts' });
  const entries = z.array(z.strictObject({ a: text })).prefault([]);
  t.throws(() => declare('x', group({ list: entries.describe('L.') }).describe('X.'), true), {
    message: 'the setting x.list[].a has no description',
  });
});

test('two parts cannot share a name', (t) => {
  t.throws(() => loadSettings('', 'f', [gatewaySection, gatewaySection], { env: {} }), {
    message: 'two parts declare the section gateway',
  });
  const one = { name: 'a', description: 'A.', default: false, schema: z.strictObject({}) };
  t.throws(() => declareModules([one, one]), { message: 'two modules are named a' });
});

test('a section that was not declared cannot be asked for', (t) => {
  const late = declare('late', group({}).describe('Late.'), false);
  t.throws(() => settingsOf('').of(late), { message: 'the section late was not declared when the settings were read' });
});

test('a reload names the sections that changed, and the hosts that see it', (t) => {
  const old = settingsOf('log: {level: info}\nhosts:\n  a.example: {gateway: {title: Own}}\n  b.example:');
  t.deepEqual(diffSettings(old, settingsOf('hosts:\n  a.example: {gateway: {title: Own}}\n  b.example: {}')), []);
  t.deepEqual(
    diffSettings(old, settingsOf('log: {level: debug}\nhosts:\n  a.example: {gateway: {title: New}}\n  c.example:')),
    [
      { section: 'hosts', host: 'b.example' },
      { section: 'hosts', host: 'c.example' },
      { section: 'log' },
      { section: 'log', host: 'a.example' },
      { section: 'gateway', host: 'a.example' },
    ],
  );
});

test('the commented file holds exactly the defaults', (t) => {
  const text = sampleSettings(declarations);
  t.deepEqual(settingsOf(text).toJSON(), settingsOf('').toJSON());
  for (const { name } of declarations) t.regex(text, new RegExp(`^${name}:`, 'm'));
});

test('its examples are valid once their comment signs are removed', (t) => {
  const lines = sampleSettings(coreSections()).split('\n');
  const examples: string[] = [];
  for (const [index, line] of lines.entries()) {
    if (!line.endsWith('# For example:')) continue;
    const indent = line.indexOf('#');
    const rest = lines.slice(index + 1);
    const end = rest.findIndex((next) => !next.startsWith(`${' '.repeat(indent)}# `));
    examples.push(
      rest
        .slice(0, end)
        .map((next) => ' '.repeat(indent) + next.slice(indent + 2))
        .join('\n'),
    );
  }
  t.is(examples.length, 4);
  const [scopes = '', acl = '', access = '', shapers = ''] = examples;
  const text = `log:\n${scopes}\nacl:\n${acl}\n  guests: {registered: false}\naccess:\n${access}\nshapers:\n${shapers}\n`;
  const { log } = settingsOf(text).toJSON() as { log: { scopes: unknown } };
  t.deepEqual({ ...(log.scopes as object) }, { c2s: 'debug', store: 'warn' });
});

test('the JSON Schema tells types, bounds, choices, defaults and per-host sections', (t) => {
  const schema = jsonSchema(declarations) as {
    properties: Record<string, { properties: Record<string, unknown>; anyOf: unknown[] }>;
  };
  t.like(schema.properties['limits']?.properties['stanza_depth'], {
    type: 'integer',
    minimum: 8,
    maximum: 1024,
    default: 64,
  });
  t.like(schema.properties['log']?.properties['level'], {
    enum: ['off', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'],
    default: 'info',
  });
  t.like(schema.properties['gateway']?.properties['wait'], { type: 'string', default: '30s' });
  const password = schema.properties['gateway']?.properties['password'] as { anyOf: unknown[] } | undefined;
  t.is(password?.anyOf.length, 3);
  const host = schema.properties['hosts']?.anyOf[0] as {
    additionalProperties: { properties: Record<string, unknown> };
  };
  t.deepEqual(
    Object.keys(host.additionalProperties.properties),
    declarations.filter(({ perHost }) => perHost).map(({ name }) => name),
  );
  t.notRegex(JSON.stringify(schema), /"(expects|secret|many|switch|names|sample|port)":(true|")/);
});

test('the reference has a row for every option', (t) => {
  const text = markdown(declarations);
  t.regex(text, /^\| `limits\.connections\.per_ip` \| a whole number from 1 to 1000000 \| `1000` \| .+ \|$/m);
  t.regex(text, /^\| `modules\.echo` \| a map of options, true or false \|/m);
  t.regex(text, /^\| `acl\.<name>\[\]\.user_glob` \|/m);
  t.notRegex(text, /undefined/);
});

for (const [word, expected] of [
  ['stanza_szie', 'stanza_size'],
  ['stanzasize', 'stanza_size'],
  ['STANZA-SIZE', 'stanza_size'],
  ['siz', undefined],
  ['form', 'format'],
  ['levl', 'level'],
  ['lev', 'level'],
  ['x', undefined],
  ['', undefined],
] as const) {
  test(`nearest name to "${word}"`, (t) => t.is(nearest(word, ['stanza_size', 'level', 'format']), expected));
}
