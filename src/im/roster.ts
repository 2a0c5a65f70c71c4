import type { Jid } from '#src/address/jid.ts';
import { type Written, written } from '#src/router/iq.ts';
import { type Refusal, refuse } from '#src/stanza/conditions.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import { json } from '#src/store/codec.ts';
import type { Store, Table } from '#src/store/store.ts';
import type { SubscriptionState } from './subscription.ts';

/** A contact as an account keeps it (RFC 6121 section 2.1.2). */
export interface RosterItem {
  /** The contact's bare JID. */
  readonly jid: string;
  readonly name?: string;
  readonly groups: readonly string[];
  readonly state: SubscriptionState;
  /** Pre-approved (section 3.4). */
  readonly approved?: true;
  /** The contact's request that awaits an answer, as serialised children of its presence stanza (section 3.1.3). */
  readonly request?: string;
  /**
   * The user knows of this item. A contact who only asks for a subscription is kept without it, and is in no roster result until
   * the user answers (Appendix A.1, state 3).
   */
  readonly listed: boolean;
}

/** An account's roster; `version` grows with every change that its user can see (section 2.6). */
export interface RosterRecord {
  readonly version: number;
  readonly items: Readonly<Record<string, RosterItem>>;
}

/** A change that interested sessions are told of: a roster push (section 2.1.6). */
export interface RosterChange {
  readonly account: Jid;
  readonly version: number;
  readonly item: RosterItem;
  readonly removed: boolean;
}

export interface RosterLimits {
  /** Contacts of one account. */
  roster_items(host: string): number;
}

declare module '#src/hooks/hooks.ts' {
  interface Notices {
    'roster/changed': RosterChange;
  }
}

declare module '#src/plugin/contracts.ts' {
  interface Services {
    readonly roster: Rosters;
  }
}

const EMPTY: RosterRecord = Object.freeze({
  version: 0,
  items: Object.freeze(Object.create(null) as Record<string, RosterItem>),
});
const CACHED = 1024;

/** The rosters of all accounts: one row each, so that a change and its version are one write. */
export class Rosters {
  readonly #store: Store;
  readonly #rows: Table<RosterRecord>;
  readonly #limits: RosterLimits;
  /** Least recently used first; a bound on the parsed rows that are kept. */
  readonly #cache = new Map<string, RosterRecord>();
  readonly #changed: (change: RosterChange) => void;

  constructor(store: Store, limits: RosterLimits, changed: (change: RosterChange) => void) {
    this.#store = store;
    this.#rows = store.table('roster', json<RosterRecord>());
    this.#limits = limits;
    this.#changed = changed;
  }

  of(account: Jid): RosterRecord {
    const cached = this.#cache.get(account.bare);
    if (cached !== undefined) {
      this.#cache.delete(account.bare);
      this.#cache.set(account.bare, cached);
      return cached;
    }
    const stored = this.#rows.get([account.domain, account.local]);
    if (stored === undefined) return EMPTY;
    // Contacts are names that strangers chose: no prototype.
    const record = {
      version: stored.version,
      items: Object.assign(Object.create(null), stored.items) as RosterRecord['items'],
    };
    this.#remember(account.bare, record);
    return record;
  }

  item(account: Jid, contact: Jid): RosterItem | undefined {
    return this.of(account).items[contact.bare];
  }

  state(account: Jid, contact: Jid): SubscriptionState {
    return this.item(account, contact)?.state ?? 'none';
  }

  /** The contacts in one of the states that the test accepts. */
  contacts(account: Jid, accepts: (state: SubscriptionState) => boolean): readonly string[] {
    const { items } = this.of(account);
    return Object.keys(items).filter((jid) => accepts(items[jid]?.state ?? 'none'));
  }

  /**
   * Writes an item, and tells the account's interested sessions when it is one that they may see.
   * @param visible false for a change that no client would notice, such as a request that now waits
   * @returns resource-constraint when the roster is full
   */
  put(account: Jid, item: RosterItem, visible = item.listed): Refusal | undefined {
    const { items, version } = this.of(account);
    const old = items[item.jid];
    if (old === undefined && Object.keys(items).length >= this.#limits.roster_items(account.domain)) {
      return refuse('resource-constraint', 'the roster is full');
    }
    const next = { version: visible ? version + 1 : version, items: copy(items, item) };
    this.#write(account, next);
    if (visible) this.#changed({ account, version: next.version, item, removed: false });
    return undefined;
  }

  /** Takes an item out. Nothing happens when there is none. */
  remove(account: Jid, contact: string): RosterItem | undefined {
    const { items, version } = this.of(account);
    const old = items[contact];
    if (old === undefined) return undefined;
    const rest = copy(items);
    delete rest[contact];
    this.#write(account, { version: old.listed ? version + 1 : version, items: rest });
    if (old.listed) this.#changed({ account, version: version + 1, item: old, removed: true });
    return old;
  }

  /** A reply that says the write is done: given once it is durable. */
  durable(reply: Stanza): Stanza | Written {
    return written(this.#store, reply);
  }

  /** Forgets an account that was removed. */
  drop(host: string, local: string): void {
    this.#cache.delete(`${local}@${host}`);
    this.#rows.delete([host, local]);
  }

  #write(account: Jid, record: RosterRecord): void {
    this.#remember(account.bare, record);
    this.#rows.put([account.domain, account.local], record);
  }

  #remember(bare: string, record: RosterRecord): void {
    this.#cache.delete(bare);
    this.#cache.set(bare, record);
    if (this.#cache.size > CACHED) for (const oldest of this.#cache.keys()) return void this.#cache.delete(oldest);
  }
}

function copy(items: RosterRecord['items'], item?: RosterItem): Record<string, RosterItem> {
  const next = Object.assign(Object.create(null), items) as Record<string, RosterItem>;
  if (item !== undefined) next[item.jid] = item;
  return next;
}
