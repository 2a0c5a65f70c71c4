/** Accounts in this server's own store, with every verifier of the password. */
import { GenerationCache } from '#src/address/cache.ts';
import type { Store, Table, Ticket } from '#src/store/store.ts';
import { credentialCodec } from '../credential.ts';
import type { NodeKey } from '../node-key.ts';
import { PasswordCache } from '../password-cache.ts';
import { passwordForms } from '../password.ts';
import { UserHashes } from '../user-hashes.ts';
import {
  makeCredential,
  makeScram,
  matchesPassword,
  matchesSalted,
  openHa1,
  scramHashes,
  sealHa1,
  type Credential,
  type Ha1,
  type SaltedHash,
  type ScramHash,
  type ScramVerifier,
  type VerifierPolicy,
} from '../verifiers.ts';
import type { ListableBackend, Page, VerifierBackend, WritableBackend, Written } from './backend.ts';

export interface InternalOptions {
  readonly store: Store;
  readonly key: NodeKey;
  readonly policy: (host: string) => VerifierPolicy;
  /** Entries of the password cache; default 10,000. */
  readonly cache?: number;
  /** Accounts whose H(A1) stays at hand; default 50,000, of about half a kilobyte each. */
  readonly digests?: number;
}

/** PLAIN is checked against the first of these that is stored. */
const plainOrder: readonly ScramHash[] = ['SHA-256', 'SHA-1', 'SHA-512'];

export class InternalBackend implements VerifierBackend, WritableBackend, ListableBackend {
  readonly name = 'internal';
  readonly supports = { scram: true, ha1: true, write: true, list: true };
  readonly #store: Store;
  readonly #accounts: Table<Credential>;
  readonly #userHashes: UserHashes;
  readonly #key: NodeKey;
  readonly #policy: (host: string) => VerifierPolicy;
  readonly #cache: PasswordCache;
  /** H(A1) of accounts, for clients that prove themselves with every request. */
  readonly #opened: GenerationCache<Ha1>;
  /** Names that were asked for in vain, so that they cost no more than the others. */
  readonly #absent: GenerationCache<true>;

  constructor({ store, key, policy, cache = 10_000, digests = 50_000 }: InternalOptions) {
    this.#store = store;
    this.#accounts = store.table('accounts', credentialCodec);
    this.#userHashes = new UserHashes(store);
    this.#key = key;
    this.#policy = policy;
    this.#cache = new PasswordCache(cache);
    this.#opened = new GenerationCache(digests);
    this.#absent = new GenerationCache(digests);
  }

  exists(host: string, local: string): boolean {
    const account = `${host}\0${local}`;
    if (this.#opened.get(account) !== undefined) return true;
    return this.#absent.get(account) === undefined && this.#accounts.has([host, local]);
  }

  scram(host: string, local: string, hash: ScramHash): ScramVerifier | undefined {
    return this.#accounts.get([host, local])?.scram[hash];
  }

  /** Undefined too when the host keeps no H(A1), even if an older record still holds one. */
  ha1(host: string, local: string): Ha1 | undefined {
    if (!this.#policy(host).ha1) return undefined;
    const account = `${host}\0${local}`;
    const known = this.#opened.get(account);
    if (known !== undefined || this.#absent.get(account) !== undefined) return known;
    const credential = this.#accounts.get([host, local]);
    const opened = credential?.ha1 && openHa1(host, local, credential.ha1, this.#key);
    if (opened !== undefined) this.#opened.set(account, opened);
    else if (credential === undefined) this.#absent.set(account, true);
    return opened;
  }

  userOf(host: string, userhash: string): string | undefined {
    return this.#policy(host).ha1 ? this.#userHashes.find(host, userhash) : undefined;
  }

  /** Every change of a record goes through here or `remove`. */
  #put(host: string, local: string, credential: Credential): Ticket {
    this.#forget(host, local);
    return this.#store.batch(() => {
      this.#accounts.put([host, local], credential);
      if (credential.ha1 === undefined) this.#userHashes.remove(host, local);
      else this.#userHashes.add(host, local);
    });
  }

  #forget(host: string, local: string): void {
    const account = `${host}\0${local}`;
    this.#opened.delete(account);
    this.#absent.delete(account);
  }

  /** Makes the entries of accounts that are older than the index of user hashes; once for a store. */
  async indexUsers(): Promise<number> {
    if (this.#userHashes.complete) return 0;
    let found = 0;
    for await (const [[host, local], { ha1 }] of this.#accounts.scan([])) {
      // What the scan reads is as it was when it began.
      if (host === undefined || local === undefined || ha1 === undefined || !this.#accounts.has([host, local]))
        continue;
      this.#userHashes.add(host, local);
      found += 1;
      if (found % 1000 === 0) await this.#store.barrier();
    }
    this.#userHashes.finish();
    return found;
  }

  /** A right password also brings the record up to date with the host's policy. */
  async checkPassword(host: string, local: string, password: string): Promise<boolean> {
    const credential = this.#accounts.get([host, local]);
    if (credential?.salted !== undefined)
      return this.#checkSalted(host, local, credential, credential.salted, password);
    const hash = plainOrder.find((name) => credential?.scram[name] !== undefined);
    const verifier = hash === undefined ? undefined : credential?.scram[hash];
    if (credential === undefined || hash === undefined || verifier === undefined) return false;
    const account = `${host}\0${local}`;
    if (this.#cache.has(account, verifier.salt, password)) return true;
    if (!(await matchesPassword(hash, verifier, password))) return false;
    this.#cache.add(account, verifier.salt, password);
    await this.#upgrade(host, local, credential, password);
    return true;
  }

  /** Costs what the others cost, so that its time tells nothing; the right password then makes it one of them. */
  async #checkSalted(
    host: string,
    local: string,
    credential: Credential,
    salted: SaltedHash,
    password: string,
  ): Promise<boolean> {
    const iterations = this.#policy(host).iterations['SHA-256'];
    await matchesPassword('SHA-256', { salt: salted.salt, iterations, keys: [] }, password);
    if (!matchesSalted(salted, password)) return false;
    await this.#upgrade(host, local, credential, password);
    return true;
  }

  async create(host: string, local: string, password: string): Promise<Written> {
    if (this.exists(host, local)) return { ok: false, reason: 'exists' };
    const credential = await makeCredential(host, local, password, this.#policy(host), this.#key);
    if (credential === undefined) return { ok: false, reason: 'bad-password' };
    // Another request may have made it during the derivation.
    if (this.exists(host, local)) return { ok: false, reason: 'exists' };
    return { ok: true, ticket: this.#put(host, local, credential) };
  }

  async setPassword(host: string, local: string, password: string): Promise<Written> {
    if (!this.exists(host, local)) return { ok: false, reason: 'missing' };
    const credential = await makeCredential(host, local, password, this.#policy(host), this.#key);
    if (credential === undefined) return { ok: false, reason: 'bad-password' };
    if (!this.exists(host, local)) return { ok: false, reason: 'missing' };
    this.#cache.delete(`${host}\0${local}`);
    return { ok: true, ticket: this.#put(host, local, credential) };
  }

  remove(host: string, local: string): Written {
    if (!this.exists(host, local)) return { ok: false, reason: 'missing' };
    this.#cache.delete(`${host}\0${local}`);
    this.#forget(host, local);
    const ticket = this.#store.batch(() => {
      this.#userHashes.remove(host, local);
      this.#accounts.delete([host, local]);
    });
    return { ok: true, ticket };
  }

  async list(host: string, { after, limit }: Page): Promise<readonly string[]> {
    const names: string[] = [];
    const options = after === undefined ? { limit } : { after: [host, after], limit };
    for await (const [[, local]] of this.#accounts.scan([host], options)) if (local !== undefined) names.push(local);
    return names;
  }

  count(host: string): Promise<number> {
    return this.#accounts.count([host]);
  }

  /** Stores a credential that came from elsewhere, such as an import with SCRAM verifiers only. */
  adopt(host: string, local: string, credential: Credential): Ticket {
    return this.#put(host, local, credential);
  }

  /** While the password is at hand: adds verifiers that are missing or weaker than the policy asks, makes H(A1) whole or drops it. */
  async #upgrade(host: string, local: string, credential: Credential, password: string): Promise<void> {
    const policy = this.#policy(host);
    const weak = scramHashes.filter((hash) => (credential.scram[hash]?.iterations ?? 0) < policy.iterations[hash]);
    const whole = credential.ha1 !== undefined && openHa1(host, local, credential.ha1, this.#key)?.complete === true;
    if (weak.length === 0 && (policy.ha1 ? whole : credential.ha1 === undefined)) return;
    const forms = passwordForms(password);
    const [opaque] = forms;
    if (opaque === undefined) return;
    const scram = { ...credential.scram };
    for (const hash of weak) scram[hash] = await makeScram(hash, forms, policy.iterations[hash]);
    // The password may have been changed meanwhile; then this one must not come back.
    if (!sameRecord(this.#accounts.get([host, local]), credential)) return;
    const ha1 = whole ? credential.ha1 : sealHa1(host, local, opaque, this.#key);
    this.#put(host, local, { version: 1, scram, ...(policy.ha1 ? { ha1 } : {}) });
  }
}

function sameRecord(now: Credential | undefined, before: Credential): boolean {
  return now !== undefined && Buffer.compare(credentialCodec.encode(now), credentialCodec.encode(before)) === 0;
}
