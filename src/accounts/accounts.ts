/**
 * The accounts of all virtual hosts: who exists, what proves it, who is disabled. Each host has backends in an order; the first
 * one that knows an account answers for it.
 */
import { prepLocal } from '#src/address/precis.ts';
import { refuse, type Refusal } from '#src/stanza/conditions.ts';
import { json } from '#src/store/codec.ts';
import { compareKeys } from '#src/store/keys.ts';
import type { Store, Table, Ticket } from '#src/store/store.ts';
import { type AccountBan, AccountBans } from './account-bans.ts';
import {
  givesVerifiers,
  isListable,
  isWritable,
  type Backend,
  type Page,
  type WritableBackend,
  type Written,
} from './backends/backend.ts';
import type { NodeKey } from './node-key.ts';
import {
  decoyVerifier,
  matchesPassword,
  type Credential,
  type Ha1,
  type Ha1Algorithm,
  type Ha1Form,
  type ScramHash,
  type ScramVerifier,
} from './verifiers.ts';

export interface HostAccounts {
  readonly backends: readonly Backend[];
  /** What a decoy for an unknown user announces: the iterations that new accounts get. */
  readonly iterations: Readonly<Record<ScramHash, number>>;
  /** UTF-16 units of the shortest password that may be set; default 1. */
  readonly minPassword?: number;
}

export interface AccountsOptions {
  readonly store: Store;
  readonly key: NodeKey;
  /** Undefined for a domain that is not served. */
  readonly hosts: (host: string) => HostAccounts | undefined;
  readonly now?: () => number;
}

/** A write: acknowledge it once the store says that `ticket` is durable. */
export type Change = { readonly ok: true; readonly ticket: Ticket } | { readonly ok: false; readonly refusal: Refusal };

export interface Login {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly protocol: string;
  readonly address?: string;
}

/** Told in the same turn as the write, so what a listener deletes shares its fate. */
export interface AccountListener {
  created?(host: string, local: string): void;
  removed?(host: string, local: string): void;
  passwordChanged?(host: string, local: string): void;
  /** The account was banned: end its sessions. */
  disabled?(host: string, local: string, ban: AccountBan): void;
}

export class Accounts {
  readonly #store: Store;
  readonly #hosts: (host: string) => HostAccounts | undefined;
  readonly #bans: AccountBans;
  readonly #logins: Table<Login>;
  readonly #decoySecret: Buffer;
  readonly #now: () => number;
  #listeners: readonly AccountListener[] = [];

  constructor({ store, key, hosts, now = Date.now }: AccountsOptions) {
    this.#store = store;
    this.#hosts = hosts;
    this.#bans = new AccountBans(store);
    this.#logins = store.table('account-logins', json<Login>());
    this.#decoySecret = key.derive('scram-decoy');
    this.#now = now;
  }

  watch(listener: AccountListener): Disposable {
    this.#listeners = [...this.#listeners, listener];
    return { [Symbol.dispose]: () => void (this.#listeners = this.#listeners.filter((other) => other !== listener)) };
  }

  /** For canonical parts, as a Jid has them. */
  exists(host: string, local: string): boolean {
    return this.#owner(host, local) !== undefined;
  }

  /** The canonical local part of a user name that a client or an operator gave; undefined when it can be none. */
  canonical(username: string): string | undefined {
    return prepLocal(username);
  }

  async create(host: string, username: string, password: string): Promise<Change> {
    const found = this.#writable(host, username);
    if ('refusal' in found) return { ok: false, refusal: found.refusal };
    const { local, backend } = found;
    if (this.exists(host, local)) return { ok: false, refusal: refuse('conflict', 'there is such an account') };
    const short = this.#tooShort(host, password);
    if (short !== undefined) return { ok: false, refusal: short };
    const change = changeOf(await backend.create(host, local, password));
    if (change.ok) for (const listener of this.#listeners) listener.created?.(host, local);
    return change;
  }

  /** Makes an account of a credential that came from elsewhere, such as an import from another server. */
  adopt(host: string, username: string, credential: Credential): Change {
    const found = this.#writable(host, username);
    if ('refusal' in found) return { ok: false, refusal: found.refusal };
    const { local, backend } = found;
    if (this.exists(host, local)) return { ok: false, refusal: refuse('conflict', 'there is such an account') };
    const ticket = backend.adopt(host, local, credential);
    for (const listener of this.#listeners) listener.created?.(host, local);
    return { ok: true, ticket };
  }

  async setPassword(host: string, username: string, password: string): Promise<Change> {
    const found = this.#writable(host, username);
    if ('refusal' in found) return { ok: false, refusal: found.refusal };
    const { local, backend } = found;
    const short = this.#tooShort(host, password);
    if (short !== undefined) return { ok: false, refusal: short };
    const change = changeOf(await backend.setPassword(host, local, password));
    if (change.ok) for (const listener of this.#listeners) listener.passwordChanged?.(host, local);
    return change;
  }

  /** Removes the account, its ban and its login record, and tells the listeners to remove theirs. */
  remove(host: string, username: string): Change {
    const found = this.#writable(host, username);
    if ('refusal' in found) return { ok: false, refusal: found.refusal };
    const { local, backend } = found;
    const change = changeOf(backend.remove(host, local));
    if (!change.ok) return change;
    this.#bans.delete(host, local);
    this.#logins.delete([host, local]);
    for (const listener of this.#listeners) listener.removed?.(host, local);
    return change;
  }

  /** An unknown user costs the same derivation as a known one. Rejects when a backend cannot be reached. */
  async checkPassword(host: string, username: string, password: string): Promise<boolean> {
    const local = this.canonical(username);
    const owner = local === undefined ? undefined : this.#owner(host, local);
    if (local !== undefined && owner !== undefined) return owner.checkPassword(host, local, password);
    await matchesPassword('SHA-256', this.#decoy(host, local ?? username, 'SHA-256'), password);
    return false;
  }

  /** For an unknown user, or one without this hash, a decoy that always fails; see ScramVerifier. */
  scramVerifier(host: string, username: string, hash: ScramHash): ScramVerifier {
    const local = this.canonical(username);
    const owner = local === undefined ? undefined : this.#owner(host, local);
    if (local === undefined || owner === undefined || !givesVerifiers(owner))
      return this.#decoy(host, local ?? username, hash);
    return owner.scram(host, local, hash) ?? this.#decoy(host, local, hash);
  }

  /** H(A1) of RFC 7616, which is the long-term key of RFC 8489 too; undefined when it is not kept. For canonical parts. */
  ha1(host: string, local: string, form: Ha1Form, algorithm: Ha1Algorithm): Buffer | undefined {
    const text = this.ha1Text(host, local, form, algorithm);
    return text === undefined ? undefined : Buffer.from(text, 'hex');
  }

  /** The same in hexadecimal digits in lower case, as it goes into a digest. */
  ha1Text(host: string, local: string, form: Ha1Form, algorithm: Ha1Algorithm): string | undefined {
    return this.#ha1Of(host, local)?.text(form, algorithm);
  }

  #ha1Of(host: string, local: string): Ha1 | undefined {
    const backends = this.#hosts(host)?.backends ?? [];
    // The last one need not be asked whether the account is its own.
    const owner = backends.find((backend, at) => at === backends.length - 1 || backend.exists(host, local));
    return owner !== undefined && givesVerifiers(owner) ? owner.ha1(host, local) : undefined;
  }

  /** The user name that a userhash (RFC 7616 section 3.4.4: lower-case hexadecimal digits) stands for. */
  userOf(host: string, userhash: string): string | undefined {
    const verifying = (this.#hosts(host)?.backends ?? []).filter(givesVerifiers);
    return verifying.map((backend) => backend.userOf(host, userhash)).find((user) => user !== undefined);
  }

  /** What the host's backends can do together: which mechanisms to offer. */
  supports(host: string): { readonly scram: boolean; readonly ha1: boolean; readonly write: boolean } {
    const backends = this.#hosts(host)?.backends ?? [];
    return {
      scram: backends.some(({ supports }) => supports.scram),
      ha1: backends.some(({ supports }) => supports.ha1),
      write: backends.some(({ supports }) => supports.write),
    };
  }

  /** Local parts in order of their UTF-8 bytes, of all backends that can list. */
  async list(host: string, page: Page): Promise<readonly string[]> {
    const backends = (this.#hosts(host)?.backends ?? []).filter(isListable);
    const pages = await Promise.all(backends.map((backend) => backend.list(host, page)));
    if (pages.length === 1) return pages[0] ?? [];
    return [...new Set(pages.flat())].toSorted(compareKeys).slice(0, page.limit);
  }

  /** An account that two backends know is counted twice. */
  async count(host: string): Promise<number> {
    const backends = (this.#hosts(host)?.backends ?? []).filter(isListable);
    const counts = await Promise.all(backends.map((backend) => backend.count(host)));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Disables an account: it keeps its data, and its logins get `account-disabled` (RFC 6120 section 6.5.1). */
  ban(host: string, username: string, reason: string, by: string): Change {
    const local = this.canonical(username);
    if (local === undefined || !this.exists(host, local)) return missing;
    const ban: AccountBan = { reason, by, since: this.#now() };
    const ticket = this.#bans.set(host, local, ban);
    for (const listener of this.#listeners) listener.disabled?.(host, local, ban);
    return { ok: true, ticket };
  }

  unban(host: string, username: string): Change {
    const local = this.canonical(username);
    if (local === undefined || this.#bans.get(host, local) === undefined) return missing;
    return { ok: true, ticket: this.#bans.delete(host, local) };
  }

  /** Undefined when the account is not disabled. To be asked after the proof, so that it tells nothing to a stranger. */
  banDetails(host: string, local: string): AccountBan | undefined {
    return this.#bans.get(host, local);
  }

  listBanned(host: string, page: Page): Promise<readonly (AccountBan & { readonly local: string })[]> {
    return this.#bans.list(host, page);
  }

  countBanned(host: string): Promise<number> {
    return this.#bans.count(host);
  }

  /** Bookkeeping that nobody waits for: left out while the store is behind. */
  noteLogin(host: string, local: string, protocol: string, address?: string): void {
    if (this.#store.pressure) return;
    const login = { at: this.#now(), protocol };
    this.#logins.put([host, local], address === undefined ? login : { ...login, address });
  }

  lastLogin(host: string, local: string): Login | undefined {
    return this.#logins.get([host, local]);
  }

  #owner(host: string, local: string): Backend | undefined {
    const backends = this.#hosts(host)?.backends;
    if (backends === undefined) return undefined;
    for (const backend of backends) if (backend.exists(host, local)) return backend;
    return undefined;
  }

  #decoy(host: string, username: string, hash: ScramHash): ScramVerifier {
    return decoyVerifier(this.#decoySecret, hash, host, username, this.#hosts(host)?.iterations[hash] ?? 4096);
  }

  #tooShort(host: string, password: string): Refusal | undefined {
    const least = this.#hosts(host)?.minPassword ?? 1;
    return password.length < least
      ? refuse('not-acceptable', `a password has at least ${least} characters`)
      : undefined;
  }

  /** The backend that a change goes to: the account's own, or the first that can be written for a new one. */
  #writable(
    host: string,
    username: string,
  ): { readonly local: string; readonly backend: WritableBackend } | { readonly refusal: Refusal } {
    const backends = this.#hosts(host)?.backends;
    if (backends === undefined) return { refusal: refuse('item-not-found', 'this host is not served') };
    const local = this.canonical(username);
    if (local === undefined) return { refusal: refuse('jid-malformed', 'no user name by RFC 7622') };
    const backend = this.#owner(host, local) ?? backends.find(isWritable);
    if (backend === undefined || !isWritable(backend))
      return { refusal: refuse('not-allowed', 'these accounts are kept elsewhere') };
    return { local, backend };
  }
}

const missing: Change = { ok: false, refusal: refuse('item-not-found', 'there is no such account') };

function changeOf(written: Written): Change {
  if (written.ok) return written;
  if (written.reason === 'missing') return missing;
  if (written.reason === 'exists') return { ok: false, refusal: refuse('conflict', 'there is such an account') };
  return { ok: false, refusal: refuse('not-acceptable', 'a password has 1 to 1023 bytes and no control characters') };
}
