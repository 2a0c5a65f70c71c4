/**
 * Tokens for fast reauthentication, XEP-0484 version 0.2.0: two slots per client, as its section "Server-side handling of
 * multiple active tokens" says. Tokens are HMAC keys, so they cannot be stored hashed; they are sealed by the node key.
 */
import { createHash, randomBytes } from 'node:crypto';
import { json } from '#src/store/codec.ts';
import type { Store, Table, Ticket } from '#src/store/store.ts';
import { isInitiator, responder, type TokenMechanism } from './hashed-token.ts';
import type { NodeKey } from './node-key.ts';

export interface TokenPolicy {
  /** Seconds that a token is valid. */
  readonly lifetime: number;
  /** Seconds after which a used token is replaced by a new one. */
  readonly rotateAfter: number;
  /** Clients of one account that hold a token; beyond it the one that was used longest ago loses it. */
  readonly maxClients: number;
}

export const defaultTokenPolicy: TokenPolicy = { lifetime: 21 * 86_400, rotateAfter: 86_400, maxClients: 20 };

export interface IssuedToken {
  readonly token: string;
  /** Milliseconds since 1970. */
  readonly expires: number;
  readonly ticket: Ticket;
}

export interface TokenLogin {
  readonly host: string;
  readonly local: string;
  /** The `id` of the client's user agent (XEP-0388). */
  readonly agent: string;
  readonly mechanism: TokenMechanism;
  readonly hash: Buffer;
  /** Channel binding data of the mechanism's type; empty for HT-*-NONE. */
  readonly binding: Buffer;
  /** The attribute `count`: must be there in TLS early data. */
  readonly count?: number;
  readonly earlyData?: boolean;
}

export type TokenVerdict =
  | { readonly ok: true; readonly responder: Buffer; readonly rotate: boolean; readonly ticket: Ticket | undefined }
  | { readonly ok: false; readonly condition: 'not-authorized' | 'credentials-expired' };

interface Slot {
  readonly mechanism: TokenMechanism;
  /** Base64 of the sealed token. */
  readonly sealed: string;
  readonly issued: number;
  readonly expires: number;
  /** The highest `count` that was accepted. */
  readonly count?: number;
}

interface Client {
  /** SHA-256 of the user agent's id: an id of any length gives a key of this one. */
  readonly agent: string;
  readonly used: number;
  readonly current?: Slot;
  readonly fresh?: Slot;
}

interface TokenRecord {
  readonly version: 1;
  readonly clients: readonly Client[];
}

/** What ends tokens: the accounts tell it. */
export interface CredentialEvents {
  watch(listener: {
    removed(host: string, local: string): void;
    passwordChanged(host: string, local: string): void;
  }): Disposable;
}

export interface TokensOptions {
  readonly store: Store;
  readonly key: NodeKey;
  readonly accounts: CredentialEvents;
  readonly policy?: (host: string) => TokenPolicy;
  readonly now?: () => number;
}

const tokenBytes = 24;

export class FastTokens {
  readonly #table: Table<TokenRecord>;
  readonly #key: NodeKey;
  readonly #policy: (host: string) => TokenPolicy;
  readonly #now: () => number;
  readonly #nobody = randomBytes(tokenBytes).toString('base64url');

  constructor({ store, key, accounts, policy = () => defaultTokenPolicy, now = Date.now }: TokensOptions) {
    this.#table = store.table('fast-tokens', json<TokenRecord>());
    this.#key = key;
    this.#policy = policy;
    this.#now = now;
    const end = (host: string, local: string): void => void this.revokeAll(host, local);
    accounts.watch({ removed: end, passwordChanged: end });
  }

  /** A new token in the client's "new" slot; the one before it stays valid until this one is used. */
  issue(host: string, local: string, agent: string, mechanism: TokenMechanism): IssuedToken {
    const { lifetime, maxClients } = this.#policy(host);
    const issued = this.#now();
    const expires = issued + lifetime * 1000;
    const token = `fast-${randomBytes(tokenBytes).toString('base64url')}`;
    const id = agentKey(agent);
    const sealed = this.#key.seal(Buffer.from(token), context(host, local, id)).toString('base64');
    const clients = this.#clients(host, local);
    const before = clients.find((client) => client.agent === id);
    const client: Client = { ...before, agent: id, used: issued, fresh: { mechanism, sealed, issued, expires } };
    const others = clients.filter((other) => other.agent !== id).toSorted((a, b) => b.used - a.used);
    const ticket = this.#save(host, local, [client, ...others.slice(0, Math.max(0, maxClients - 1))]);
    return { token, expires, ticket };
  }

  /** Checks the client's hash against its two tokens. Success makes a "new" token the current one and ends older ones. */
  verify(login: TokenLogin): TokenVerdict {
    const { host, local, hash, binding } = login;
    const id = agentKey(login.agent);
    const clients = this.#clients(host, local);
    const client = clients.find((other) => other.agent === id);
    if (client === undefined) {
      isInitiator(this.#nobody, binding, hash);
      return { ok: false, condition: 'not-authorized' };
    }
    for (const slot of [client.fresh, client.current]) {
      const token = slot === undefined ? undefined : this.#open(host, local, id, slot);
      if (slot === undefined || token === undefined || !isInitiator(token, binding, hash)) continue;
      const condition = this.#objection(slot, login);
      if (condition !== undefined) return { ok: false, condition };
      const ticket = this.#use(login, clients, client, slot);
      return { ok: true, responder: responder(token, binding), rotate: this.#isDue(host, slot), ticket };
    }
    return { ok: false, condition: 'not-authorized' };
  }

  /** Ends the token that the client just used: what its attribute `invalidate` asks for. */
  revoke(host: string, local: string, agent: string): Ticket | undefined {
    const id = agentKey(agent);
    const clients = this.#clients(host, local);
    const rest = clients.filter((client) => client.agent !== id);
    return rest.length === clients.length ? undefined : this.#save(host, local, rest);
  }

  revokeAll(host: string, local: string): Ticket | undefined {
    return this.#table.get([host, local]) === undefined ? undefined : this.#table.delete([host, local]);
  }

  /** "it needs to check not just the token itself": expiry, mechanism, replay counter. */
  #objection(
    slot: Slot,
    { mechanism, count, earlyData }: TokenLogin,
  ): 'not-authorized' | 'credentials-expired' | undefined {
    if (slot.mechanism !== mechanism) return 'not-authorized';
    if (slot.expires <= this.#now()) return 'credentials-expired';
    if (count === undefined) return earlyData === true ? 'not-authorized' : undefined;
    const isPositive = Number.isSafeInteger(count) && count > 0;
    return isPositive && count > (slot.count ?? 0) ? undefined : 'not-authorized';
  }

  #isDue(host: string, slot: Slot): boolean {
    return this.#now() - slot.issued >= this.#policy(host).rotateAfter * 1000;
  }

  /**
   * "Upon successful use of any token, the server MUST invalidate all tokens issued to the same client with an earlier
   * expiry": a used "new" token replaces the current one. A used current one leaves a newer one in its slot.
   */
  #use({ host, local, count }: TokenLogin, clients: readonly Client[], client: Client, slot: Slot): Ticket | undefined {
    const promoted = slot === client.fresh;
    const used = this.#now();
    if (!promoted && count === undefined && used - client.used < 3_600_000) return undefined;
    const current = count === undefined ? slot : { ...slot, count };
    const { agent, fresh } = client;
    const next: Client = promoted || fresh === undefined ? { agent, used, current } : { agent, used, current, fresh };
    return this.#save(
      host,
      local,
      clients.map((other) => (other === client ? next : other)),
    );
  }

  #open(host: string, local: string, agent: string, slot: Slot): string | undefined {
    return this.#key.open(Buffer.from(slot.sealed, 'base64'), context(host, local, agent))?.toString('utf8');
  }

  #clients(host: string, local: string): readonly Client[] {
    return this.#table.get([host, local])?.clients ?? [];
  }

  #save(host: string, local: string, clients: readonly Client[]): Ticket {
    if (clients.length === 0) return this.#table.delete([host, local]);
    return this.#table.put([host, local], { version: 1, clients });
  }
}

function agentKey(agent: string): string {
  return createHash('sha256').update(agent).digest('base64url');
}

function context(host: string, local: string, agent: string): string {
  return `fast\0${host}\0${local}\0${agent}`;
}
