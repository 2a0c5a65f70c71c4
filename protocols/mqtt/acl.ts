import type { Access } from '#src/accounts/access.ts';
import type { Subject } from '#src/accounts/acl.ts';
import { matchGlob } from '#src/accounts/glob.ts';
import { json } from '#src/store/codec.ts';
import type { Store, Table } from '#src/store/store.ts';
import { readShared } from './topics/shared.ts';
import { covers, matchesFilter, overlaps } from './topics/filters.ts';
import type { Identity } from './session.ts';

export type AclAction = 'publish' | 'subscribe';

/** Who may publish or subscribe to what: data, from the settings or from commands. */
export interface AclEntry {
  /** `*`, an account by pattern, `anonymous`, or `acl:NAME`. */
  readonly who: string;
  readonly action: AclAction | 'all';
  /** With `%u`, `%c`, `%d` for user name, client identifier and domain; `%g` for each ACL of the settings that the client is in. */
  readonly filter: string;
  readonly allow: boolean;
}

/** An entry that was made by a command, with the name to delete it by. */
export interface NamedAclEntry extends AclEntry {
  readonly id: string;
}

interface Rule {
  readonly filter: string;
  readonly allow: boolean;
}

/** The entries that are about one client, its own names filled in. */
export interface AclView {
  readonly generation: number;
  readonly publish: readonly Rule[];
  readonly subscribe: readonly Rule[];
}

export interface AclOptions {
  readonly domain: string;
  readonly table: Table<AclEntry>;
  readonly settings: () => { readonly acl: readonly AclEntry[]; readonly aclDefault: boolean };
  readonly access: () => Access;
  /** Told after each change. */
  readonly changed: () => void;
}

export const aclTable = (store: Store): Table<AclEntry> => store.table('mqtt-acl', json<AclEntry>());

/** The access list of a host: entries made by commands, in their order, then those of the settings; the first that fits decides. */
export class Acl {
  readonly #options: AclOptions;
  readonly #stored = new Map<string, AclEntry>();
  #generation = 1;
  #next = 1;

  constructor(options: AclOptions) {
    this.#options = options;
  }

  async restore(): Promise<void> {
    const { domain, table } = this.#options;
    for await (const [[, id = ''], entry] of table.scan([domain])) {
      this.#stored.set(id, entry);
      this.#next = Math.max(this.#next, Number.parseInt(id, 10) + 1);
    }
    this.#generation += 1;
  }

  list(): readonly NamedAclEntry[] {
    const named = (id: string, entry: AclEntry): NamedAclEntry => Object.assign({ id }, entry);
    const stored = [...this.#stored].map(([id, entry]) => named(id, entry));
    return [...stored, ...this.#options.settings().acl.map((entry) => named('settings', entry))];
  }

  add(entry: AclEntry): string {
    const { domain, table } = this.#options;
    const id = String(this.#next++).padStart(8, '0');
    this.#stored.set(id, entry);
    table.put([domain, id], entry);
    this.touch();
    return id;
  }

  delete(id: string): boolean {
    const { domain, table } = this.#options;
    if (!this.#stored.delete(id)) return false;
    table.delete([domain, id]);
    this.touch();
    return true;
  }

  /** The entries may have changed: who is connected feels it at once. */
  touch(): void {
    this.#generation += 1;
    this.#options.changed();
  }

  /** What holds for a client now: `view` if it is still up to date, else a new one to keep. */
  viewOf(identity: Identity, view: AclView | undefined): AclView {
    if (view?.generation === this.#generation) return view;
    const entries = [...this.#stored.values(), ...this.#options.settings().acl].filter(({ who }) =>
      this.#isAbout(who, identity),
    );
    const rules = (action: AclAction): readonly Rule[] =>
      entries.flatMap((entry) =>
        entry.action === action || entry.action === 'all' ? this.#ruleOf(entry, identity) : [],
      );
    return { generation: this.#generation, publish: rules('publish'), subscribe: rules('subscribe') };
  }

  mayPublish(view: AclView, topic: string): boolean {
    for (const { allow, filter } of view.publish) if (matchesFilter(filter, topic)) return allow;
    return this.#options.settings().aclDefault;
  }

  /** A filter is allowed as a whole: a denied part of it denies it. */
  maySubscribe(view: AclView, filter: string): boolean {
    const wanted = readShared(filter)?.filter ?? filter;
    for (const rule of view.subscribe) {
      if (rule.allow ? covers(rule.filter, wanted) : overlaps(rule.filter, wanted)) return rule.allow;
    }
    return this.#options.settings().aclDefault;
  }

  #isAbout(who: string, identity: Identity): boolean {
    const { access, domain } = this.#options;
    const { account } = identity;
    if (who === '*') return true;
    if (who.startsWith('acl:')) return access().matches(who.slice(4), this.#subjectOf(identity));
    if (account === '') return who === 'anonymous';
    const at = who.indexOf('@');
    if (at < 0) return matchGlob(who, account);
    return matchGlob(who, account, 0, at) && matchGlob(who, domain, at + 1);
  }

  #subjectOf({ account, clientId }: Identity): Subject {
    const { domain } = this.#options;
    return { domain, resource: clientId, protocol: 'mqtt', ...(account === '' ? {} : { local: account }) };
  }

  /** An entry with `%g` holds for each group. */
  #ruleOf(entry: AclEntry, identity: Identity): readonly Rule[] {
    if (!entry.filter.includes('%g')) return this.#filled(entry, identity, '');
    const groups = this.#options.access().groupsOf(this.#subjectOf(identity));
    return groups.flatMap((group) => this.#filled(entry, identity, group));
  }

  /** An entry whose filter would get wildcards or levels from the client's names holds for nobody. */
  #filled({ allow, filter }: AclEntry, { account, clientId }: Identity, group: string): readonly Rule[] {
    if (!filter.includes('%')) return [{ filter, allow }];
    const names: Readonly<Record<string, string>> = { u: account, c: clientId, d: this.#options.domain, g: group };
    let sound = true;
    const filled = filter.replaceAll(/%([ucdg])/g, (_, letter: string) => {
      const name = names[letter] ?? '';
      if (name === '' || /[+#/]/.test(name)) sound = false;
      return name;
    });
    return sound ? [{ filter: filled, allow }] : [];
  }
}
