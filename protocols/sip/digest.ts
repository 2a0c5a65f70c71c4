import { hash, randomBytes } from 'node:crypto';
import type { Accounts } from '#src/accounts/accounts.ts';
import { type Ha1Algorithm, ha1Algorithms, type Ha1Form, ha1Hash } from '#src/accounts/verifiers.ts';
import { Nonces, sameText } from './nonces.ts';

/** What an `Authorization` or `Proxy-Authorization` of the scheme Digest says (RFC 7616 section 3.4), unquoted. */
export interface DigestResponse {
  /** In lower-case hexadecimal digits when it is a hash. */
  readonly username: string;
  readonly userhash: boolean;
  readonly realm: string;
  readonly nonce: string;
  readonly uri: string;
  /** In lower-case hexadecimal digits. */
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
  /** Ask again; `stale` says that the nonce was not good, and the password not wrong as far as was looked (RFC 7616 section 3.3). `guess`: count it. */
  | { readonly kind: 'unproven'; readonly stale: boolean; readonly guess: boolean };

const UNPROVEN: Verdict = { kind: 'unproven', stale: false, guess: false };
const STALE: Verdict = { kind: 'unproven', stale: true, guess: false };
const GUESS: Verdict = { kind: 'unproven', stale: false, guess: true };

/** What challenges ask for. */
export interface DigestOptions {
  /** In the order of preference (RFC 8760 section 2.3); others are refused. */
  readonly algorithms: readonly Ha1Algorithm[];
  /** Ask that the user name be hashed (RFC 7616 section 3.4.4). It may be in any case. */
  readonly userhash: boolean;
}

/**
 * Without SHA-512-256: linphone 5.1 gives up when it comes first, where RFC 8760 section 2.4 has clients ignore what they do not know, and it is no stronger
 * than SHA-256. Without userhash: From and To of the same request tell the name.
 */
export const defaultDigestOptions: DigestOptions = { algorithms: ['SHA-256', 'MD5'], userhash: false };

/** Whom a challenge is for, as far as is known. */
export interface Challenged {
  /** The nonce was not good. */
  readonly stale: boolean;
  /** A client that gives up at an algorithm it does not know: MD5 alone. */
  readonly md5Only?: boolean;
  /** The user name that the request says; asked for only where it makes a difference. */
  username?(): string | undefined;
}

type DigestAccounts = Pick<Accounts, 'canonical' | 'ha1Text' | 'userOf'>;

const MD5_ONLY: readonly Ha1Algorithm[] = ['MD5'];
const hexLength = { MD5: 32, 'SHA-256': 64, 'SHA-512-256': 64 } as const satisfies Record<Ha1Algorithm, number>;
/** H(A2) that are remembered, and characters of the longest one's A2. */
const MOST_RESOURCES = 1000;
const LONGEST_RESOURCE = 200;

/**
 * Digest authentication (RFC 3261 section 22, RFC 7616, RFC 8760) against the verifiers of the accounts, with qop "auth" only; the password itself
 * is not needed. Names may be `local` or `local@domain`, and either of them hashed.
 */
export class Digest {
  readonly nonces: Nonces;
  readonly #accounts: DigestAccounts;
  readonly #options: () => DigestOptions;
  /** What an unknown user's response is computed with, so that it costs the same; it proves nobody. */
  readonly #decoy = randomBytes(32).toString('hex');
  /** H(A2) by algorithm and A2: most requests are REGISTER for a domain. */
  readonly #resources: Readonly<Record<Ha1Algorithm, Map<string, string>>> = {
    MD5: new Map(),
    'SHA-256': new Map(),
    'SHA-512-256': new Map(),
  };

  /** @param now milliseconds since 1970 */
  constructor(accounts: DigestAccounts, options = () => defaultDigestOptions, now: () => number = Date.now) {
    this.#accounts = accounts;
    this.#options = options;
    this.nonces = new Nonces(now);
  }

  /** The values of `WWW-Authenticate` or `Proxy-Authenticate`, one for each algorithm. */
  challenges(realm: string, ip: string, whom: Challenged): readonly string[] {
    const { algorithms, userhash } = this.#options();
    const nonce = this.nonces.issue(realm, ip);
    const again = whom.stale ? ', stale=true' : '';
    if (whom.md5Only === true && algorithms.includes('MD5'))
      return MD5_ONLY.map((name) => challenge(realm, nonce, name) + again);
    const rest = userhash ? `, userhash=true${again}` : again;
    return this.#offered(algorithms, realm, whom).map((name) => challenge(realm, nonce, name) + rest);
  }

  /**
   * Accounts whose password was set before there were verifiers for SHA-512-256 are not asked for it, since clients take the first algorithm that they
   * know. Nor is one half of those that do not exist, so that this tells nobody which do.
   */
  #offered(algorithms: readonly Ha1Algorithm[], realm: string, whom: Challenged): readonly Ha1Algorithm[] {
    const username = algorithms.length > 1 && algorithms.includes('SHA-512-256') ? whom.username?.() : undefined;
    if (username === undefined) return algorithms;
    const { form, local } = this.#account(username, realm);
    const has = (algorithm: Ha1Algorithm): boolean =>
      local !== undefined && this.#accounts.ha1Text(realm, local, form, algorithm) !== undefined;
    const isKept = has('MD5') ? has('SHA-512-256') : hash('md5', `${this.#decoy}${username}`) < '8';
    return isKept ? algorithms : algorithms.filter((algorithm) => algorithm !== 'SHA-512-256');
  }

  verify(given: DigestResponse, ask: DigestAsk): Verdict {
    const algorithm = algorithmOf(given.algorithm);
    // RFC 7616 section 3.4.3: without qop there is no protection against replay, and auth-int is not offered.
    if (given.realm !== ask.realm || algorithm === undefined || !isAuth(given.qop)) return UNPROVEN;
    const count = countOf(given.nc);
    if (given.cnonce === undefined || given.cnonce === '' || count === undefined) return UNPROVEN;
    if (!this.#options().algorithms.includes(algorithm)) return UNPROVEN;
    const state = this.nonces.state(given.nonce, ask.realm, ask.ip);
    // Only who got the nonce from us may be blamed, since the address of a datagram proves nothing; who cannot be blamed must not learn whether the
    // password was right.
    if (state === 'forged') return STALE;
    const local = this.#matches(given, ask, algorithm);
    if (local === undefined) return GUESS;
    if (state !== 'good' || !this.nonces.use(given.nonce, count)) return STALE;
    return { kind: 'proven', local };
  }

  /** The account whose verifier gives this response. An unknown one costs the same. */
  #matches(given: DigestResponse, ask: DigestAsk, algorithm: Ha1Algorithm): string | undefined {
    const username = given.userhash ? this.#accounts.userOf(ask.realm, given.username) : given.username;
    const { form, local } = this.#account(username ?? '', ask.realm);
    const kept = local === undefined ? undefined : this.#accounts.ha1Text(ask.realm, local, form, algorithm);
    const ha1 = kept ?? this.#decoy.slice(0, hexLength[algorithm]);
    const same = sameText(given.response, finish(algorithm, ha1, given, this.#ha2(algorithm, ask.method, given.uri)));
    return same && kept !== undefined ? local : undefined;
  }

  #ha2(algorithm: Ha1Algorithm, method: string, uri: string): string {
    const a2 = `${method}:${uri}`;
    const known = this.#resources[algorithm];
    const found = known.get(a2);
    if (found !== undefined) return found;
    const ha2 = hash(ha1Hash[algorithm], a2);
    if (a2.length > LONGEST_RESOURCE) return ha2;
    if (known.size >= MOST_RESOURCES) known.clear();
    known.set(a2, ha2);
    return ha2;
  }

  #account(username: string, realm: string): { readonly form: Ha1Form; readonly local: string | undefined } {
    const at = username.lastIndexOf('@');
    if (at < 0) return { form: 'local', local: this.#accounts.canonical(username) };
    const own = username.slice(at + 1).toLowerCase() === realm;
    return { form: 'local@domain', local: own ? this.#accounts.canonical(username.slice(0, at)) : undefined };
  }
}

/** What the response is computed of besides H(A1) and the method. */
export type Responded = Pick<DigestResponse, 'nonce' | 'nc' | 'cnonce' | 'uri'>;

/** RFC 7616 section 3.4.1, for qop "auth": hexadecimal digits in lower case. */
export function digestResponse(algorithm: Ha1Algorithm, ha1: Uint8Array, given: Responded, method: string): string {
  return finish(algorithm, Buffer.from(ha1).toString('hex'), given, hash(ha1Hash[algorithm], `${method}:${given.uri}`));
}

const finish = (
  algorithm: Ha1Algorithm,
  ha1: string,
  { cnonce = '', nc = '', nonce }: Responded,
  ha2: string,
): string => hash(ha1Hash[algorithm], `${ha1}:${nonce}:${nc}:${cnonce}:auth:${ha2}`);

const challenge = (realm: string, nonce: string, algorithm: Ha1Algorithm): string =>
  `Digest realm="${realm}", qop="auth", nonce="${nonce}", algorithm=${algorithm}`;

function algorithmOf(name = 'MD5'): Ha1Algorithm | undefined {
  const exact = ha1Algorithms.find((algorithm) => algorithm === name);
  if (exact !== undefined) return exact;
  const upper = name.toUpperCase();
  return ha1Algorithms.find((algorithm) => algorithm === upper);
}

const isAuth = (qop: string | undefined): boolean => qop === 'auth' || qop?.toLowerCase() === 'auth';

/** nc-value is eight hexadecimal digits. */
function countOf(nc: string | undefined): number | undefined {
  return nc !== undefined && /^[0-9a-f]{8}$/i.test(nc) ? Number.parseInt(nc, 16) : undefined;
}
