/**
 * What a Record-Route URI of ours carries in its user part, so that no dialog has to be remembered: the two sides of the dialog, sealed.
 *
 * "A proxy need only place enough information in those URIs to recognize them as values it provided when they later appear" (RFC 3261 section
 * 16.4); RFC 5626 section 5.3 has the flow in it. The seal covers Call-ID and the caller's tag, so a token serves no other dialog, and tells
 * by which of a request's two tags it opens who sends it.
 */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { NodeKey } from '#src/accounts/node-key.ts';
import type { SipRequest } from '#protocols/sip/message/message.ts';
import { SipUri } from '#protocols/sip/message/uri.ts';

/** How a side of a dialog is reached. */
export type Side =
  /** Where its next Route or, without one, its Contact says (RFC 3263): anywhere, or only at the place with the hash `only`. */
  | { readonly kind: 'located'; readonly only?: string }
  /** From where it sent: what its NAT let out comes back in by the same way. */
  | { readonly kind: 'udp'; readonly address: string; readonly port: number }
  /**
   * By a connection; when that is gone, at its Contact of then, if `contact` is that one's hash, or by a new connection of the same account, if
   * `owner` is that one's hash. Both '' where there is none.
   */
  | { readonly kind: 'flow'; readonly id: string; readonly contact: string; readonly owner: string };

export interface DialogSides {
  readonly caller: Side;
  readonly callee: Side;
}

/** A token that fits a request: where that is to go, and the side that it comes from. */
export type TokenMatch = { readonly toward: 'caller' | 'callee'; readonly side: Side; readonly from: Side };

/** Characters of a token at most: what is longer is none of ours. */
const LONGEST = 400;
const FIELD = '\t';
const NEITHER = /[\t\n]/g;

function encode(side: Side): string {
  if (side.kind === 'located') return side.only === undefined ? '' : `l${FIELD}${side.only}`;
  const fields =
    side.kind === 'udp'
      ? ['u', side.address, side.port]
      : ['f', side.id.replace(NEITHER, ''), side.contact, side.owner];
  return fields.join(FIELD);
}

function decode(text: string | undefined): Side {
  const [kind, first = '', second = '', third = ''] = (text ?? '').split(FIELD);
  if (kind === 'u') return { kind: 'udp', address: first, port: Number(second) };
  if (kind === 'l') return { kind: 'located', only: first };
  return kind === 'f' ? { kind: 'flow', id: first, contact: second, owner: third } : { kind: 'located' };
}

/** What is kept of a Contact: whether a later Request-URI is at the same place. */
export function contactHash(uri: string | undefined): string {
  const parsed = uri === undefined ? undefined : SipUri.parse(uri);
  if (parsed === undefined) return '';
  const place = `${parsed.scheme} ${parsed.host} ${parsed.port ?? ''} ${parsed.transport ?? ''}`;
  return createHash('sha256').update(place).digest('base64url').slice(0, 6);
}

/** What is kept of the account that registered by a connection: whether another one is of the same. */
export function ownerHash(account: string | undefined): string {
  return account === undefined ? '' : createHash('sha256').update(account).digest('base64url').slice(0, 12);
}

export class RouteTokens {
  readonly #key: Pick<NodeKey, 'seal' | 'open'>;

  /** @param key the same after a restart, so that calls outlive it */
  constructor(key: Pick<NodeKey, 'seal' | 'open'>) {
    this.#key = key;
  }

  /** The user part for a request that creates a dialog; it tells nobody but this server anything. */
  make(request: SipRequest, { callee, caller }: DialogSides): string {
    const payload = Buffer.from(`${encode(caller)}\n${encode(callee)}`);
    return this.#key.seal(payload, context(request.callId, request.from?.tag)).toString('base64url');
  }

  /** Where `request` goes by the token, if that is one of this server for the dialog of `request`. */
  match(token: string, request: SipRequest): TokenMatch | undefined {
    if (token.length > LONGEST) return undefined;
    const sealed = Buffer.from(token, 'base64url');
    const byCaller = this.#key.open(sealed, context(request.callId, request.from?.tag));
    if (byCaller !== undefined) {
      const [caller, callee] = sidesIn(byCaller);
      return { toward: 'callee', side: callee, from: caller };
    }
    const byCallee = this.#key.open(sealed, context(request.callId, request.to?.tag));
    if (byCallee === undefined) return undefined;
    const [caller, callee] = sidesIn(byCallee);
    return { toward: 'caller', side: caller, from: callee };
  }
}

function sidesIn(payload: Buffer): readonly [caller: Side, callee: Side] {
  const [caller, callee] = payload.toString().split('\n');
  return [decode(caller), decode(callee)];
}

const context = (callId = '', tag = ''): string => `sip-route\0${callId}\0${tag}`;
