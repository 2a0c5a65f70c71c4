import { Buffer } from 'node:buffer';
import { parseIp } from '#src/address/ip.ts';
import { Jid } from '#src/address/jid.ts';
import type { ClientStream } from '../links/client-stream.ts';
import { AUTHENTICATED, SECURED } from './feature.ts';
import { failure, type SaslCondition, type SaslFailure, writeFailure } from './sasl-failure.ts';
import type { SaslExchange, SaslProof, SaslStep } from './sasl-mechanism.ts';

/** How a profile of SASL (RFC 6120 section 6, XEP-0388) puts a negotiation on the stream. */
export interface SaslProfile {
  readonly xmlns: string;
  /** The proof was right and the account may log in: the rest is the profile's. Nothing more is read until its promise settles. */
  succeed(stream: ClientStream, proof: SaslProof, negotiation: SaslNegotiation): void | Promise<void>;
}

/**
 * One handshake of a mechanism on a stream, from the client's request to success or failure. It stands in `stream.exchange` while
 * it runs.
 */
export class SaslNegotiation {
  readonly profile: SaslProfile;
  readonly mechanism: string;
  readonly exchange: SaslExchange;
  readonly #stream: ClientStream;

  constructor(stream: ClientStream, profile: SaslProfile, mechanism: string, exchange: SaslExchange) {
    this.#stream = stream;
    this.profile = profile;
    this.mechanism = mechanism;
    this.exchange = exchange;
  }

  /** Without an initial response the server's first challenge is empty (RFC 4422 section 5, RFC 6120 section 6.4.3). */
  begin(initial: Buffer | undefined): void {
    this.#stream.exchange = this;
    if (initial === undefined) this.#challenge(Buffer.alloc(0));
    else this.take(initial);
  }

  /** The client's next message. */
  take(data: Buffer): void {
    const step = this.exchange.step(data);
    if (step instanceof Promise) this.#await(step.then((made) => this.#proceed(made)));
    else {
      const done = this.#proceed(step);
      if (done !== undefined) this.#await(done);
    }
  }

  #await(done: Promise<void>): void {
    const stream = this.#stream;
    stream.hold();
    void done
      .catch((error: unknown) => {
        stream.server.log.error('a login was not decided', { mechanism: this.mechanism, error: String(error) });
        if (stream.has(AUTHENTICATED)) stream.fail('internal-server-error');
        else this.fail(failure('temporary-auth-failure'));
      })
      .finally(() => stream.release());
  }

  #proceed(step: SaslStep): Promise<void> | undefined {
    const stream = this.#stream;
    if (stream.ended) return undefined;
    if (step.kind === 'challenge') {
      this.#challenge(step.data);
      return undefined;
    }
    const refusal = step.kind === 'failure' ? step : objectionTo(stream, step);
    if (step.kind === 'failure' || refusal !== undefined) {
      if (refusal !== undefined) this.fail(refusal);
      return undefined;
    }
    return this.profile.succeed(stream, step, this) ?? undefined;
  }

  #challenge(data: Buffer): void {
    const { xmlns } = this.profile;
    const text = data.toString('base64');
    this.#stream.write(
      text === '' ? `<challenge xmlns='${xmlns}'/>` : `<challenge xmlns='${xmlns}'>${text}</challenge>`,
    );
  }

  fail(refusal: SaslFailure): void {
    failLogin(this.#stream, this.profile, refusal, this.mechanism);
  }
}

/** Failures that a stranger who guesses gets; the others tell of an honest client, or cost it nothing to guess. */
const guesses: ReadonlySet<SaslCondition> = new Set(['not-authorized', 'invalid-authzid']);

/**
 * Ends a handshake without success: counts it, tells the client, and ends the stream when it has tried often enough (RFC 6120
 * section 6.4.5).
 */
export function failLogin(stream: ClientStream, profile: SaslProfile, refusal: SaslFailure, mechanism?: string): void {
  if (stream.ended) return;
  const { server, transport } = stream;
  const { condition, text } = refusal;
  stream.exchange = undefined;
  stream.failures += 1;
  server.counters.refused += 1;
  server.log.info('login failed', { condition, text, mechanism, host: stream.host?.host.domain, ip: transport.ip });
  stream.write(writeFailure(profile.xmlns, refusal));
  const ban = guesses.has(condition) ? server.bans.fail(transport.ip, 'failed logins') : undefined;
  if (ban !== undefined) return stream.fail('policy-violation', 'too many failed logins from this address');
  if (stream.failures >= server.options.authAttempts) stream.fail('policy-violation', 'too many failed logins');
}

/** Why an account that proved itself still may not log in. Asked after the proof, so that a stranger learns nothing. */
function objectionTo(stream: ClientStream, proof: SaslProof): SaslFailure | undefined {
  const { server, transport } = stream;
  const { domain, local } = proof.account;
  if (!agreesWithHeader(stream, proof)) return failure('invalid-authzid', 'the stream header is from another account');
  const ban = server.accounts.banDetails(domain, local);
  if (ban !== undefined) return failure('account-disabled', ban.reason);
  const address = parseIp(transport.ip);
  const subject = { local, domain, protocol: 'xmpp', ...(address === undefined ? {} : { address }) };
  return server.access(domain).allows('c2s', subject) ? undefined : failure('account-disabled', 'not allowed here');
}

/**
 * RFC 6120 section 6.4.6: a `from` that came under TLS is the account that authenticates. XEP-0388, "SASL Definition": so is any
 * `from` where the client names whom it acts as.
 */
function agreesWithHeader(stream: ClientStream, { account, authzid }: SaslProof): boolean {
  const { from } = stream;
  if (from === undefined || (authzid === undefined && !stream.has(SECURED))) return true;
  const claimed = Jid.parse(from);
  return claimed === undefined || claimed.local === '' || claimed.bare === account.bare;
}

/** The account is logged in: counted, noted, and from now on `stream.account`. */
export function admit(stream: ClientStream, { account }: SaslProof, mechanism: string): void {
  const { server, transport } = stream;
  stream.authenticated(account);
  server.accounts.noteLogin(account.domain, account.local, 'xmpp', transport.ip);
  server.log.info('logged in', { jid: account.bare, mechanism, ip: transport.ip });
}
