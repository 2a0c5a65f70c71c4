/** RFC 3261 section 16.6 step 7 inside a dialog, RFC 5626 section 5.3: how each side is reached again, as a route token keeps it. */
import { parseIp } from '#src/address/ip.ts';
import { innerNetwork } from '#protocols/sip/inner-networks.ts';
import { addressOfHost } from '#protocols/sip/message/host.ts';
import { NameAddr } from '#protocols/sip/message/name-addr.ts';
import { SipUri } from '#protocols/sip/message/uri.ts';
import type { SipRequest } from '#protocols/sip/message/message.ts';
import type { Destination } from '#protocols/sip/transport/destination.ts';
import type { Flow } from '#protocols/sip/transport/flow.ts';
import { contactHash, ownerHash, type Side } from './route-token.ts';
import type { ForwardTarget } from './target.ts';

const LOCATED: Side = { kind: 'located' };
const DEFAULT_PORT = 5060;

/** The top Via tells, as it was filled in on arrival, whether an address was translated between the sender and this server. */
function isTranslated({ contacts, via }: SipRequest, flow: Flow): boolean {
  if (via === undefined) return false;
  if (addressOfHost(via.host) !== flow.remoteAddress || (via.port ?? DEFAULT_PORT) !== flow.remotePort) return true;
  // Some clients learn their outer address for the Via (RFC 3581), and still write the inner one into Contact.
  const uri = SipUri.parse(contacts?.[0]?.uri ?? '');
  const contact = uri === undefined ? undefined : addressOfHost(uri.host);
  return contact !== undefined && contact !== flow.remoteAddress && isInner(contact);
}

function isInner(text: string): boolean {
  const address = parseIp(text);
  return address !== undefined && innerNetwork(address) !== undefined;
}

/** The account that registered by a flow. */
export type OwnerOf = (flow: Flow) => string | undefined;

/**
 * Who sent a request that creates a dialog. One that came by a further proxy is found by that proxy's Route, or by its Contact.
 * @param fixed it is to be found there only: the other side is elsewhere, and nobody there may send through this server to where it likes
 */
export function callerSide(request: SipRequest, flow: Flow, ownerOf: OwnerOf, fixed = false): Side {
  const contact = request.contacts?.[0]?.uri;
  const located = fixed ? { ...LOCATED, only: contactHash(request.recordRoutes?.[0]?.uri ?? contact) } : LOCATED;
  if (request.vias?.length !== 1) return located;
  if (flow.reliable) return sideOf(flow, contact, ownerOf);
  return isTranslated(request, flow) ? { kind: 'udp', address: flow.remoteAddress, port: flow.remotePort } : located;
}

/** Is it to be found at one place only? */
export const isFixed = (side: Side | undefined): boolean => side?.kind === 'located' && side.only !== undefined;

/** Whom it is forwarded to. */
export function calleeSide(target: ForwardTarget, destination: Destination, ownerOf: OwnerOf): Side {
  const [path] = target.routes ?? [];
  const place = path === undefined ? target.uri : NameAddr.parse(path)?.uri;
  const located = target.fixed === true ? { ...LOCATED, only: contactHash(place) } : LOCATED;
  if (target.destination === undefined || path !== undefined) return located;
  if (!('flow' in destination)) {
    const { address, port, transport } = destination;
    return transport === 'udp' ? { kind: 'udp', address, port } : located;
  }
  const { flow } = destination;
  if (flow.reliable) return sideOf(flow, target.uri, ownerOf);
  return { kind: 'udp', address: flow.remoteAddress, port: flow.remotePort };
}

const sideOf = (flow: Flow, contact: string | undefined, ownerOf: OwnerOf): Side => ({
  kind: 'flow',
  id: flow.id,
  contact: contactHash(contact),
  owner: ownerHash(ownerOf(flow)),
});

/** Where a device that came back by another flow is now, by its Contact and by the account that registered it. */
export type Relocate = (contact: string, isOwner: (account: string) => boolean) => Destination | undefined;

type Unlocated = 'located' | 'gone' | 'elsewhere';

export interface SideParts {
  /** What the side has told since of where it is. */
  places?(): readonly string[];
  /** The open flow of this id. */
  flow(id: string): Flow | undefined;
  readonly relocate?: Relocate;
}

/** A browser never listens, nor does what registered over a flow (RFC 7118 section 7, RFC 5626 section 7). */
function isDialable(text: string): boolean {
  const uri = SipUri.parse(text);
  if (uri === undefined || uri.param('ob') !== undefined || uri.host.endsWith('.invalid')) return false;
  return uri.transport !== 'ws' && uri.transport !== 'wss';
}

/**
 * Where a request inside a dialog goes; 'gone' when its connection is and nothing listens at the Contact: 430 (RFC 5626 section 5.3). 'elsewhere'
 * when it would be taken to another place than where the dialog is.
 * @param hop where it would be located: its next Route, or its Request-URI
 */
export function wayTo(side: Side, uri: string, hop: string, parts: SideParts): Destination | Unlocated {
  if (side.kind === 'located') {
    if (side.only === undefined || side.only === contactHash(hop)) return 'located';
    const places = parts.places?.() ?? [];
    return places.some((place) => contactHash(place) === contactHash(hop)) ? 'located' : 'elsewhere';
  }
  if (side.kind === 'udp') return { transport: 'udp', address: side.address, port: side.port };
  const flow = parts.flow(side.id);
  if (flow?.open === true) return { flow };
  // A Contact can be anybody's: what somebody else registers is not where the dialog goes on.
  const { owner } = side;
  const found = owner === '' ? undefined : parts.relocate?.(uri, (account) => ownerHash(account) === owner);
  if (found !== undefined) return found;
  // Only where it was when the dialog began: the token of a dead flow opens no way to others.
  return side.contact !== '' && side.contact === contactHash(hop) && isDialable(uri) ? 'located' : 'gone';
}
