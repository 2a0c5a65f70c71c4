import type { Access } from '#src/accounts/access.ts';
import type { Accounts } from '#src/accounts/accounts.ts';
import type { Bans } from '#src/accounts/bans.ts';
import { parseIp } from '#src/address/ip.ts';
import { Jid } from '#src/address/jid.ts';
import type { Digest, Verdict } from './digest.ts';
import type { Guard } from './guard.ts';
import type { Incoming } from './incoming.ts';
import { type DigestCredentials, digestOf, parseAuth } from './message/auth.ts';
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
const CREDENTIALS = ['Authorization', 'Proxy-Authorization'] as const;

interface Judgement {
  /** Undefined when there are none for the host. */
  readonly credentials: DigestCredentials | undefined;
  readonly verdict: Verdict;
}

const NOTHING: Judgement = { credentials: undefined, verdict: { kind: 'unproven', stale: false, guess: false } };

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
    const { credentials, verdict } = this.#judge(request, domain, ip);
    if (verdict.kind === 'unproven') {
      this.#challenge(tx, domain, as, verdict, credentials);
      return undefined;
    }
    if (credentials !== undefined && !this.#parts.sameResource(credentials.uri, request.uri)) {
      // RFC 7616 section 3.4.6: "If they do not match, the server … SHOULD return a 400 (Bad Request)"
      tx.respond(SipResponse.to(request, 400, { reason: 'The Credentials Are For Another URI' }));
      return undefined;
    }
    const jid = Jid.parse(`${verdict.local}@${domain}`);
    if (jid === undefined || !this.#mayCome(jid, ip, flow.listener)) {
      this.counters.refused += 1;
      tx.respond(SipResponse.to(request, 403));
      return undefined;
    }
    this.counters.proven += 1;
    this.#parts.guard.proved(ip, Date.now());
    return jid;
  }

  /** Of the credentials for a host, those that prove something, else the last ones. */
  #judge(request: SipRequest, domain: string, ip: string): Judgement {
    let last = NOTHING;
    let left = MOST;
    for (const name of CREDENTIALS) {
      for (const value of request.all(name)) {
        if ((left -= 1) < 0) return last;
        const auth = parseAuth(value);
        const credentials = auth === undefined ? undefined : digestOf(auth);
        if (credentials?.realm !== domain) continue;
        const verdict = this.#parts.digest.verify(credentials, { method: request.method, realm: domain, ip });
        last = { credentials, verdict };
        if (verdict.kind === 'proven') return last;
      }
    }
    return last;
  }

  #challenge(
    tx: Incoming,
    domain: string,
    as: AsksAs,
    { guess, stale }: Verdict & { readonly kind: 'unproven' },
    credentials: DigestCredentials | undefined,
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
    const challenges = this.#parts.digest.challenges(domain, ip, {
      stale,
      md5Only: this.#parts.md5Only(request),
      username: () => (credentials === undefined || credentials.userhash ? userOf(request) : credentials.username),
    });
    const fields = challenges.map((value) => [name, value] as const);
    tx.respond(SipResponse.to(request, status, { fields }));
  }

  /** Asked after the proof, so that a stranger learns nothing. */
  #mayCome({ domain, local }: Jid, ip: string, listener: string): boolean {
    if (this.#parts.accounts.banDetails(domain, local) !== undefined) return false;
    const address = parseIp(ip);
    const subject = { local, domain, protocol: 'sip', listener };
    return this.#parts.access(domain).allows('c2s', address === undefined ? subject : { ...subject, address });
  }
}

/** Whom a request is from: a registration is for whom To says (RFC 3261 section 10.2). */
const userOf = ({ from, method, to }: SipRequest): string | undefined =>
  (method === 'REGISTER' ? to : from)?.sipUri?.user;
