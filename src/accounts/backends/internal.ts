/** Accounts in this server's own store, with every verifier of the password. */
import type { Store, Table, Ticket } from '#src/store/store.ts';
import { credentialCodec } from '../credential.ts';
import type { NodeKey } from '../node-key.ts';
import { PasswordCache } from '../password-cache.ts';
import { passwordForms } from '../password.ts';
import {
  makeCredential,
  makeScram,
  matchesPassword,
  matchesSalted,
  openHa1,
  scramHashes,
  sealHa1,
  type Credential,
  type Ha1Values,
  type Ha1Algorithm,
  type Ha1Form,
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
}

/** PLAIN is checked against the first of these that is stored. */
const plainOrder: readonly ScramHash[] = ['SHA-256', 'SHA-1', 'SHA-512'];

export class InternalBackend implements VerifierBackend, WritableBackend, ListableBackend {
  readonly name = 'internal';
  readonly supports = { scram: true, ha1: true, write: true, list: true };
  readonly #accounts: Table<Credential>;
  readonly #key: NodeKey;
  readonly #policy: (host: string) => VerifierPolicy;
  readonly #cache: PasswordCache;
  /** H(A1) as it was opened last, for clients that prove themselves with every request; as many as `cache` says. */
  readonly #opened = new Map<string, Ha1Values>();
  readonly #most: number;

  constructor({ store, key, policy, cache = 10_000 }: InternalOptions) {
    this.#accounts = store.table('accounts', credentialCodec);
    this.#key = key;
    this.#policy = policy;
    this.#cache = new PasswordCache(cache);
    this.#most = cache;
  }

  exists(host: string, local: string): boolean {
    return this.#accounts.has([host, local]);
  }

  scram(host: string, local: string, hash: ScramHash): ScramVerifier | undefined {
    return this.#accounts.get([host, local])?.scram[hash];
  }

  /** Undefined too when the host keeps no H(A1), even if an older record still holds one. */
  ha1(host: string, local: string, form: Ha1Form, algorithm: Ha1Algorithm): Buffer | undefined {
    if (!this.#policy(host).ha1) return undefined;
    const account = `${host}\0${local}`;
    const known = this.#opened.get(account);
    if (known !== undefined) return known(form, algorithm);
    const sealed = this.#accounts.get([host, local])?.ha1;
    const opened = sealed && openHa1(host, local, sealed, this.#key);
    if (opened === undefined) return undefined;
    if (this.#opened.size >= this.#most) this.#opened.clear();
    if (this.#most > 0) this.#opened.set(account, opened);
    return opened(form, algorithm);
  }

  /** Every change of a record goes through here or `remove`. */
  #put(host: string, local: string, credential: Credential): Ticket {
    this.#opened.delete(`${host}\0${local}`);
    return this.#accounts.put([host, local], credential);
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
    this.#opened.delete(`${host}\0${local}`);
    return { ok: true, ticket: this.#accounts.delete([host, local]) };
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

  /** While the password is at hand: adds verifiers that are missing or weaker than the policy asks, adds or drops H(A1). */
  async #upgrade(host: string, local: string, credential: Credential, password: string): Promise<void> {
    const policy = this.#policy(host);
    const weak = scramHashes.filter((hash) => (credential.scram[hash]?.iterations ?? 0) < policy.iterations[hash]);
    if (weak.length === 0 && policy.ha1 === (credential.ha1 !== undefined)) return;
    const forms = passwordForms(password);
    const [opaque] = forms;
    if (opaque === undefined) return;
    const scram = { ...credential.scram };
    for (const hash of weak) scram[hash] = await makeScram(hash, forms, policy.iterations[hash]);
    // The password may have been changed meanwhile; then this one must not come back.
    if (!sameRecord(this.#accounts.get([host, local]), credential)) return;
    const ha1 = policy.ha1 ? { ha1: credential.ha1 ?? sealHa1(host, local, opaque, this.#key) } : {};
    this.#put(host, local, { version: 1, scram, ...ha1 });
  }
}

function sameRecord(now: Credential | undefined, before: Credential): boolean {
  return now !== undefined && Buffer.compare(credentialCodec.encode(now), credentialCodec.encode(before)) === 0;
}
