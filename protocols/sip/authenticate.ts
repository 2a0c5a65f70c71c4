import type { Access } from '#src/accounts/access.ts';
import type { Accounts } from '#src/accounts/accounts.ts';
import type { Bans } from '#src/accounts/bans.ts';
import { parseIp } from '#src/address/ip.ts';
import { Jid } from '#src/address/jid.ts';
import type { Digest, Verdict } from './digest.ts';
import type { Guard } from './guard.ts';
import type { Incoming } from './incoming.ts';
import { digestOf, parseAuth } from './message/auth.ts';
import { SipResponse, type SipRequest } from './message/message.ts';

export interface AuthenticatorParts {
  readonly accounts: Pick<Accounts, 'banDetails'>;
  readonly digest: Digest;
  readonly bans: Pick<Bans, 'fail'>;
  readonly guard: Guard;
  readonly access: (host: string) => Access;
  /** Is it a client that gives up at a challenge with an algorithm it does not know, instead of taking another one (RFC 8760 section 2.4)? */
  md5Only(request: SipRequest): boolean;
  /** Does a URI of the credentials mean what the Request-URI does? */
  sameResource(one: string, other: string): boolean;
}

/** Credentials of one request that are looked at. */
const MOST = 4;
const NOTHING: Verdict = { kind: 'unproven', stale: false, guess: false };

/** A server or registrar asks with 401, a proxy with 407 (RFC 3261 section 22.3). */
export type AsksAs = 'server' | 'proxy';

/** RFC 3261 section 22: who sent a request. */
export class Authenticator {
  readonly #parts: AuthenticatorParts;
  /** Plain numbers: read by the metrics. */
  readonly counters = { challenged: 0, stale: 0, proven: 0, failed: 0, refused: 0 };

  constructor(parts: AuthenticatorParts) {
    this.#parts = parts;
  }

  /** The account of a host that the sender of a request has proved to be; undefined when the request has been answered instead. */
  authenticate(tx: Incoming, domain: string, as: AsksAs): Jid | undefined {
    const { flow, request } = tx;
    const ip = flow.remoteAddress;
    const verdict = this.#verdict(request, domain, ip);
    if (verdict === 'mismatch') {
      // RFC 7616 section 3.4.6: "If they do not match, the server … SHOULD return a 400 (Bad Request)"
      tx.respond(SipResponse.to(request, 400, { reason: 'The Credentials Are For Another URI' }));
      return undefined;
    }
    if (verdict.kind === 'unproven') {
      this.#challenge(tx, domain, as, verdict);
      return undefined;
    }
    const jid = Jid.make(verdict.local, domain);
    if (jid === undefined || !this.#mayCome(jid, ip, flow.listener)) {
      this.counters.refused += 1;
      tx.respond(SipResponse.to(request, 403));
      return undefined;
    }
    this.counters.proven += 1;
    this.#parts.guard.proved(ip, Date.now());
    return jid;
  }

  #verdict(request: SipRequest, domain: string, ip: string): Verdict | 'mismatch' {
    let last: Verdict = NOTHING;
    const values = [...request.all('Authorization'), ...request.all('Proxy-Authorization')].slice(0, MOST);
    for (const value of values) {
      const auth = parseAuth(value);
      const given = auth === undefined ? undefined : digestOf(auth);
      if (given?.realm !== domain) continue;
      last = this.#parts.digest.verify(given, { method: request.method, realm: domain, ip });
      if (last.kind === 'unproven') continue;
      return this.#parts.sameResource(given.uri, request.uri) ? last : 'mismatch';
    }
    return last;
  }

  #challenge(
    tx: Incoming,
    domain: string,
    as: AsksAs,
    { guess, stale }: Verdict & { readonly kind: 'unproven' },
  ): void {
    const { flow, request } = tx;
    const ip = flow.remoteAddress;
    if (guess) {
      this.counters.failed += 1;
      this.#parts.bans.fail(ip, 'failed SIP logins');
    } else if (stale) this.counters.stale += 1;
    else this.counters.challenged += 1;
    const [status, name] =
      as === 'server' ? ([401, 'WWW-Authenticate'] as const) : ([407, 'Proxy-Authenticate'] as const);
    const challenges = this.#parts.digest.challenges(domain, ip, stale, this.#parts.md5Only(request));
    const fields = challenges.map((value) => [name, value] as const);
    tx.respond(SipResponse.to(request, status, { fields }));
  }

  /** Asked after the proof, so that a stranger learns nothing. */
  #mayCome({ domain, local }: Jid, ip: string, listener: string): boolean {
    if (this.#parts.accounts.banDetails(domain, local) !== undefined) return false;
    const address = parseIp(ip);
    const subject = { local, domain, protocol: 'sip', listener, ...(address === undefined ? {} : { address }) };
    return this.#parts.access(domain).allows('c2s', subject);
  }
}
