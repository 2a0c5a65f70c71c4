import { stringify } from 'yaml';
import type { SettingsDeclaration } from './declaration.ts';
import type { Settings } from './settings.ts';
import { noteOf, rebuild } from './walk.ts';

const MASK = '********';

/** All settings in force as plain values, the overrides of each host under `hosts`; secrets are masked. */
export function maskedSettings(
  settings: Settings,
  declarations: readonly SettingsDeclaration[],
): Readonly<Record<string, unknown>> {
  const schemas = new Map(declarations.map(({ name, schema }) => [name, schema]));
  const mask = (name: string, value: unknown): unknown => {
    const schema = schemas.get(name);
    if (schema === undefined) return MASK;
    return rebuild(schema, value, (leaf, leafSchema) =>
      leaf !== undefined && noteOf(leafSchema, 'secret') === true ? MASK : leaf,
    );
  };
  const section = (values: Readonly<Record<string, unknown>>): Record<string, unknown> =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, mask(name, value)]));
  const { hosts, ...general } = settings.toJSON();
  const overrides = Object.entries(hosts as Readonly<Record<string, Readonly<Record<string, unknown>>>>);
  return { hosts: Object.fromEntries(overrides.map(([host, values]) => [host, section(values)])), ...section(general) };
}

/** The same as YAML. Durations are milliseconds, sizes bytes. */
export function settingsText(settings: Settings, declarations: readonly SettingsDeclaration[]): string {
  return stringify(maskedSettings(settings, declarations), { lineWidth: 0 });
}
