/** Which calls are relayed. */
import { parseIp } from '#src/address/ip.ts';
import { innerNetwork } from '#protocols/sip/inner-networks.ts';
import { addressOfHost } from '#protocols/sip/message/host.ts';
import type { SipRequest } from '#protocols/sip/message/message.ts';
import { SipUri } from '#protocols/sip/message/uri.ts';
import type { ForwardTarget } from '#protocols/sip/proxy/target.ts';
import { asSeen, isHidden, isOutOfReach, type OwnAddresses, type Party } from './party.ts';
import { connectionOf, isRelayable, type Sdp } from './sdp.ts';

/**
 * `never`: no session description is looked at.
 * `nat`: calls of which one side is behind a NAT, as far as the server sees that when the offer passes.
 * `always`: all that can be.
 */
export type RelayMode = 'never' | 'nat' | 'always';

const ORDER: readonly RelayMode[] = ['never', 'nat', 'always'];

/** That of two hosts which asks for more. */
export const strongest = (modes: readonly RelayMode[]): RelayMode =>
  modes.reduce((one, other) => (ORDER.indexOf(other) > ORDER.indexOf(one) ? other : one), 'never');

/** A call at its offer. */
export interface Offer {
  readonly sdp: Sdp;
  /** The side that offers, and the other one. */
  readonly from: Party;
  readonly to: Party;
  /** Addresses that each has written elsewhere than in a session description. */
  readonly fromTold: readonly string[];
  readonly toTold: readonly string[];
  /** The dialog is new: nobody has agreed on anything yet. */
  readonly initial: boolean;
}

/**
 * Is it relayed? Not when it has no stream that could be (RFC 3264: port 0; TCP; multicast), nor when it names a port of this relay already: the call
 * has come back.
 *
 * With ICE (RFC 8839), parties find the way themselves, by TURN if need be. In mode `nat` an offer with ICE passes as it is. In mode `always` it gets
 * the relay as its default place: a callee without ICE uses that; one with ICE that sees the mismatch leaves ICE out (RFC 8839 section 4.2.5); and
 * when the answer has ICE nevertheless, as browsers' have, it passes as it is and the relay steps aside.
 *
 * Otherwise mode `nat` relays when one side is seen to be behind a NAT:
 *  - the offer names an address that is hidden (party.ts, isHidden): private, and not from where its side signals;
 *  - the address in the Via or the Contact of the request is, where no other proxy was in between;
 *  - the Contact of the phone that is called is, where it is reached by an address that was seen and not by that Contact;
 *  - the offer, or that Contact, names a private address that the other side is not near (party.ts, isOutOfReach): the NAT is this server's own.
 */
export function isRelayed(mode: RelayMode, offer: Offer, own: OwnAddresses, isRelay: IsRelay): boolean {
  const { from, fromTold, initial, sdp, to, toTold } = offer;
  if (mode === 'never' || (sdp.ice && (mode === 'nat' || !initial))) return false;
  const streams = sdp.media.filter((media) => isRelayable(sdp, media));
  if (streams.length === 0) return false;
  if (namesRelay(sdp, isRelay)) return false;
  if (mode === 'always') return true;
  const places = inner(streams.map((media) => connectionOf(sdp, media)?.address ?? ''));
  const called = inner(toTold);
  return (
    [...places, ...inner(fromTold)].some((address) => isHidden(address, from.signalling, own)) ||
    called.some((address) => isHidden(address, to.signalling, own)) ||
    places.some((address) => isOutOfReach(address, to.signalling, own)) ||
    called.some((address) => isOutOfReach(address, from.signalling, own))
  );
}

/** Those of private networks, each once: most calls have none, and nothing more is asked. */
function inner(addresses: readonly string[]): readonly string[] {
  return addresses.filter((text, at) => {
    const address = addresses.indexOf(text) === at ? parseIp(text) : undefined;
    return address !== undefined && innerNetwork(address) !== undefined;
  });
}

/** Does it name a port of this relay? Then the call has come back to this server, and is relayed already. */
export function namesRelay(sdp: Sdp, isRelay: IsRelay): boolean {
  return sdp.media.some((media) => isRelay(asSeen(connectionOf(sdp, media)?.address ?? ''), media.port));
}

type IsRelay = (address: string, port: number) => boolean;

/** What a request tells of where its sender is; nothing when a proxy before us wrote some of it. */
export function toldBySender(request: SipRequest): readonly string[] {
  const { contacts, headers, via } = request;
  if (via === undefined || headers.count('Via') !== 1 || request.get('Via')?.includes(',') === true) return [];
  return [addressOfHost(via.host) ?? '', hostOf(contacts?.[0]?.uri)];
}

/** What a phone has told of itself that is reached directly: its Contact is what the request is sent to. */
export function toldByTarget({ destination, routes = [], uri }: ForwardTarget): readonly string[] {
  return destination === undefined || routes.length > 0 ? [] : [hostOf(uri)];
}

const hostOf = (uri = ''): string => addressOfHost(SipUri.parse(uri)?.host ?? '') ?? '';
