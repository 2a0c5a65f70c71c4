import { Buffer } from 'node:buffer';
import type { Element } from 'ltx';
import { Jid } from '#src/address/jid.ts';
import type { ClientStream } from '../links/client-stream.ts';
import { failure, type SaslFailure } from './sasl-failure.ts';

/** What a mechanism answers to a message of the client. */
export type SaslStep = { readonly kind: 'challenge'; readonly data: Buffer } | SaslProof | SaslFailure;

/** The client is who it says it is. */
export interface SaslProof {
  readonly kind: 'success';
  readonly account: Jid;
  /** The authorization identity that the client named, `account` itself; undefined when it named none. */
  readonly authzid: string | undefined;
  /** Additional data with success (RFC 4422 section 4); undefined for none. */
  readonly data: Buffer | undefined;
}

/** One run of a mechanism. Rejects when the accounts cannot be asked now. */
export interface SaslExchange {
  step(data: Buffer): SaslStep | Promise<SaslStep>;
}

/** A SASL mechanism, server side. All of ours are client-first: the first message is the client's. */
export interface SaslMechanism {
  readonly name: string;
  /** May this stream use it now? */
  offered(stream: ClientStream): boolean;
  /**
   * Begins a run of it on a stream whose host is known.
   * @param request the `<authenticate/>` of XEP-0388, where the profile is that one
   */
  begin(stream: ClientStream, request?: Sasl2Authenticate): SaslExchange | SaslFailure;
}

/** The client's `<authenticate/>` (XEP-0388). */
export interface Sasl2Authenticate {
  /** The whole of it: a feature or mechanism looks for its own child in it. */
  readonly element: Element;
  /** The `id` of `<user-agent/>`, a UUID version 4 in lower case: the client's installation ("Initiation"). */
  readonly agent: string | undefined;
}

/** Has the operator left the mechanism on? */
export function isEnabled({ server }: ClientStream, name: string): boolean {
  return !server.options.disabledMechanisms.has(name);
}

/** RFC 6120 section 6.3.7: a simple user name is the localpart; some clients send their bare JID, which says the same. */
export function simpleName(domain: string, username: string): string {
  const suffix = `@${domain}`;
  return username.endsWith(suffix) ? username.slice(0, -suffix.length) : username;
}

/** The account that a user name stands for on this host; undefined when it can be none (RFC 7622 section 3.3). */
export function accountOf(domain: string, username: string): Jid | undefined {
  const local = simpleName(domain, username);
  return local === '' ? undefined : Jid.make(local, domain);
}

/** RFC 6120 section 6.3.8: who names an identity to act as names a bare JID; here, its own. */
export function mayActAs(account: Jid, authzid: string): boolean {
  return Jid.parse(authzid)?.full === account.bare;
}

/** Ends a run after a right proof: whom it was right for, and as whom they may act. */
export function proven(domain: string, username: string, authzid: string | undefined, data?: Buffer): SaslStep {
  const account = accountOf(domain, username);
  if (account === undefined) return failure('not-authorized');
  if (authzid !== undefined && !mayActAs(account, authzid))
    return failure('invalid-authzid', 'an account acts for itself only');
  return { kind: 'success', account, authzid, data };
}

/**
 * Base64 by RFC 4648 section 4 in its one spelling, padding bits zero (RFC 6120 section 6.3.5); undefined for anything else. No
 * text at all is data of no length.
 */
export function decodeSasl(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}
