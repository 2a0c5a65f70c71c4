import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import type { Accounts } from '#src/accounts/accounts.ts';
import type { NodeKey } from '#src/accounts/node-key.ts';
import { type Ha1Algorithm, type Ha1Form, ha1Algorithms } from '#src/accounts/verifiers.ts';
import { Nonces } from './nonces.ts';

/** What an `Authorization` or `Proxy-Authorization` of the scheme Digest says (RFC 7616 section 3.4), unquoted. */
export interface DigestResponse {
  readonly username: string;
  readonly realm: string;
  readonly nonce: string;
  readonly uri: string;
  readonly response: string;
  /** Absent means MD5. */
  readonly algorithm: string | undefined;
  readonly cnonce: string | undefined;
  readonly qop: string | undefined;
  readonly nc: string | undefined;
}

/** Who asks whom for what. */
export interface DigestAsk {
  readonly method: string;
  /** The host whose accounts are asked. */
  readonly realm: string;
  /** The IP address that the request came from. */
  readonly ip: string;
}

export type Verdict =
  /** `local` is the canonical local part of the account. */
  | { readonly kind: 'proven'; readonly local: string }
  /** Ask again; `stale` says that the password was right and only the nonce was not (RFC 7616 section 3.3). `guess`: count it. */
  | { readonly kind: 'unproven'; readonly stale: boolean; readonly guess: boolean };

const UNPROVEN: Verdict = { kind: 'unproven', stale: false, guess: false };
const STALE: Verdict = { kind: 'unproven', stale: true, guess: false };
const GUESS: Verdict = { kind: 'unproven', stale: false, guess: true };

/** Strongest first: "the UAS MUST list them in the order of preference" (RFC 8760 section 2.3). */
const OFFERED: readonly Ha1Algorithm[] = ['SHA-256', 'MD5'];
const MD5_ONLY: readonly Ha1Algorithm[] = ['MD5'];
const hashName = { MD5: 'md5', 'SHA-256': 'sha256' } as const satisfies Record<Ha1Algorithm, string>;
const hexLength = { MD5: 32, 'SHA-256': 64 } as const satisfies Record<Ha1Algorithm, number>;

/**
 * Digest authentication (RFC 3261 section 22, RFC 7616, RFC 8760) against the verifiers of the accounts: MD5 and SHA-256, with qop "auth" only;
 * the password itself is not needed. Names may be `local` or `local@domain`.
 */
export class Digest {
  readonly nonces: Nonces;
  readonly #accounts: Pick<Accounts, 'canonical' | 'ha1'>;
  readonly #decoy: Buffer;

  constructor(accounts: Pick<Accounts, 'canonical' | 'ha1'>, key: NodeKey, now: () => number = Date.now) {
    this.#accounts = accounts;
    this.nonces = new Nonces(key.derive('sip-nonce'), now);
    this.#decoy = key.derive('sip-decoy');
  }

  /**
   * The values of `WWW-Authenticate` or `Proxy-Authenticate`, one for each algorithm.
   * @param plain MD5 alone, for a client that gives up at an algorithm it does not know
   */
  challenges(realm: string, ip: string, stale: boolean, plain = false): readonly string[] {
    const nonce = this.nonces.issue(realm, ip);
    const again = stale ? ', stale=true' : '';
    return (plain ? MD5_ONLY : OFFERED).map(
      (algorithm) => `Digest realm="${realm}", qop="auth", nonce="${nonce}", algorithm=${algorithm}${again}`,
    );
  }

  verify(given: DigestResponse, ask: DigestAsk): Verdict {
    const algorithm = algorithmOf(given.algorithm);
    // RFC 7616 section 3.4.3: without qop there is no protection against replay, and auth-int is not offered.
    if (given.realm !== ask.realm || algorithm === undefined || given.qop?.toLowerCase() !== 'auth') return UNPROVEN;
    const count = countOf(given.nc);
    if (given.cnonce === undefined || given.cnonce === '' || count === undefined) return UNPROVEN;
    const state = this.nonces.state(given.nonce, ask.realm, ask.ip);
    const local = this.#matches(given, ask, algorithm);
    // Only who got the nonce from us may be blamed: the address of a datagram proves nothing.
    if (local === undefined) return state === 'forged' ? UNPROVEN : GUESS;
    if (state !== 'good' || !this.nonces.use(given.nonce, count)) return STALE;
    return { kind: 'proven', local };
  }

  /** The account whose verifier gives this response. An unknown one costs the same. */
  #matches(given: DigestResponse, ask: DigestAsk, algorithm: Ha1Algorithm): string | undefined {
    const { form, local } = this.#account(given.username, ask.realm);
    const kept = local === undefined ? undefined : this.#accounts.ha1(ask.realm, local, form, algorithm);
    const ha1 = kept ?? createHmac(hashName[algorithm], this.#decoy).update(given.username).digest();
    const expected = digestResponse(algorithm, ha1, given, ask.method);
    const response = given.response.toLowerCase();
    if (response.length !== hexLength[algorithm]) return undefined;
    const same = timingSafeEqual(
      Buffer.from(response.padEnd(64), 'latin1'),
      Buffer.from(expected.padEnd(64), 'latin1'),
    );
    return same && kept !== undefined ? local : undefined;
  }

  #account(username: string, realm: string): { readonly form: Ha1Form; readonly local: string | undefined } {
    const at = username.lastIndexOf('@');
    if (at < 0) return { form: 'local', local: this.#accounts.canonical(username) };
    const own = username.slice(at + 1).toLowerCase() === realm;
    return { form: 'local@domain', local: own ? this.#accounts.canonical(username.slice(0, at)) : undefined };
  }
}

/** RFC 7616 section 3.4.1, for qop "auth": hexadecimal digits in lower case. */
export function digestResponse(
  algorithm: Ha1Algorithm,
  ha1: Uint8Array,
  given: Pick<DigestResponse, 'nonce' | 'nc' | 'cnonce' | 'uri'>,
  method: string,
): string {
  const name = hashName[algorithm];
  const { cnonce = '', nc = '', nonce, uri } = given;
  const a2 = hash(name, `${method}:${uri}`);
  return hash(name, `${Buffer.from(ha1).toString('hex')}:${nonce}:${nc}:${cnonce}:auth:${a2}`);
}

function algorithmOf(name = 'MD5'): Ha1Algorithm | undefined {
  const upper = name.toUpperCase();
  return ha1Algorithms.find((algorithm) => algorithm === upper);
}

/** nc-value is eight hexadecimal digits. */
function countOf(nc: string | undefined): number | undefined {
  return nc !== undefined && /^[0-9a-f]{8}$/i.test(nc) ? Number.parseInt(nc, 16) : undefined;
}
