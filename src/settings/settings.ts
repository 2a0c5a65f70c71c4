/** Validated settings: typed by the declaration of each section, deeply frozen, with the overrides of each host laid over. */
import { isDeepStrictEqual } from 'node:util';
import type { z } from 'zod';
import type { SettingsDeclaration } from './declaration.ts';

export type SectionValues = ReadonlyMap<string, unknown>;

export class Settings {
  /** The virtual hosts, in the order of the file. */
  readonly hosts: readonly string[];
  /** The files that were read, the main one first. */
  readonly files: readonly string[];
  readonly #sections: SectionValues;
  readonly #overrides: ReadonlyMap<string, SectionValues>;

  constructor(sections: SectionValues, overrides: ReadonlyMap<string, SectionValues>, files: readonly string[]) {
    this.#sections = sections;
    this.#overrides = overrides;
    this.hosts = Object.freeze([...overrides.keys()]);
    this.files = Object.freeze([...files]);
    Object.freeze(this);
  }

  /** A section as a host sees it; without a host, or for a host that is not served, the section for all. */
  of<S extends z.ZodType>(declaration: SettingsDeclaration<S>, host?: string): z.output<S> {
    const value = this.named(declaration.name, host);
    if (value === undefined)
      throw new Error(`the section ${declaration.name} was not declared when the settings were read`);
    return value as z.output<S>;
  }

  /** The same by name, without its type. */
  named(section: string, host?: string): unknown {
    const own = host === undefined ? undefined : this.#overrides.get(host)?.get(section);
    return own ?? this.#sections.get(section);
  }

  /** The modules that are on at a host, with their options. */
  modules(host: string): ReadonlyMap<string, unknown> {
    const all = (this.named('modules', host) ?? {}) as Readonly<Record<string, unknown>>;
    return new Map(Object.entries(all).filter(([, options]) => options !== null));
  }

  /** All sections, for printing; `hosts` holds what differs there. Secrets are in it. */
  toJSON(): Readonly<Record<string, unknown>> {
    const hosts = Object.fromEntries(
      [...this.#overrides].map(([host, sections]) => [host, Object.fromEntries(sections)]),
    );
    return { hosts, ...Object.fromEntries(this.#sections) };
  }

  get sectionNames(): readonly string[] {
    return [...this.#sections.keys()];
  }
}

/** A section that a reload changed; `host` when only that host sees the change. */
export interface SettingsChange {
  readonly section: string;
  readonly host?: string;
}

/**
 * What differs, for parts to react to. Hosts that came or went are told as the section `hosts`. A section that changed for all is
 * told once, without a host, and again for each host whose own view of it changed.
 */
export function diffSettings(old: Settings, next: Settings): readonly SettingsChange[] {
  const changes: SettingsChange[] = [];
  const sections = new Set([...old.sectionNames, ...next.sectionNames]);
  for (const host of new Set([...old.hosts, ...next.hosts])) {
    if (old.hosts.includes(host) !== next.hosts.includes(host)) changes.push({ section: 'hosts', host });
  }
  for (const section of sections) {
    const general = !isDeepStrictEqual(old.named(section), next.named(section));
    if (general) changes.push({ section });
    for (const host of next.hosts) {
      if (!old.hosts.includes(host)) continue;
      if (!isDeepStrictEqual(old.named(section, host), next.named(section, host))) changes.push({ section, host });
    }
  }
  return changes;
}
