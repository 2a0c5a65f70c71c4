import { Buffer } from 'node:buffer';
import { additionalAddressFamily } from '#protocols/stun/attributes/additional-address-family.ts';
import { addressErrorCode } from '#protocols/stun/attributes/address-error-code.ts';
import { alternateServer } from '#protocols/stun/attributes/alternate-server.ts';
import { dontFragment } from '#protocols/stun/attributes/dont-fragment.ts';
import { evenPort } from '#protocols/stun/attributes/even-port.ts';
import { lifetime } from '#protocols/stun/attributes/lifetime.ts';
import { requestedAddressFamily } from '#protocols/stun/attributes/requested-address-family.ts';
import { requestedTransport } from '#protocols/stun/attributes/requested-transport.ts';
import { reservationToken } from '#protocols/stun/attributes/reservation-token.ts';
import { xorMappedAddress } from '#protocols/stun/attributes/xor-mapped-address.ts';
import { xorRelayedAddress } from '#protocols/stun/attributes/xor-relayed-address.ts';
import { type Family, familyOf } from '#protocols/stun/address.ts';
import { errorCodes, reasonPhrases } from '#protocols/stun/error-codes.ts';
import type { Writer } from '#protocols/stun/writer.ts';
import type { Allocation } from '../allocation.ts';
import { type Exchange, isRefused, type Refused } from '../exchange.ts';
import type { Parity } from '../ports.ts';
import type { Relay } from '../relay.ts';
import { TcpRelay } from '../tcp-relay.ts';
import { desiredLifetime } from './common.ts';

/** Protocol numbers of IP. */
const TCP = 6;
const UDP = 17;

/** What is asked for, once it has been found to be in order. */
interface Wish {
  readonly tcp: boolean;
  readonly token: Buffer | undefined;
  readonly families: readonly Family[];
  readonly parity: Parity;
}

/** What there is for it. */
interface Granted {
  readonly relays: readonly Relay[];
  readonly tcp: TcpRelay | undefined;
  readonly token: Buffer | undefined;
  readonly failed: Family | undefined;
}

/** RFC 8656 section 7.2, receiving an Allocate request; and RFC 6062 section 5.1. Step 1, authentication, is done. */
export async function allocate(exchange: Exchange): Promise<Refused | void> {
  const { link, proof, request, server } = exchange;
  const known = checkFiveTuple(exchange);
  if (known !== undefined) return known === 'done' ? undefined : known;
  const wish = readWish(exchange);
  if (isRefused(wish)) return wish;
  const refused = checkQuota(exchange) ?? checkDraining(exchange);
  if (refused !== undefined) return refused;
  // Counted before anything is opened: many requests at once do not get around the quota.
  const meters = server.shares.enter(proof.user, link.address, server.timers.now);
  link.allocating = request.transactionId;
  const granted = await grant(exchange, wish).catch(() => undefined);
  link.allocating = undefined;
  if (granted === undefined || granted === 'closed') {
    server.shares.leave(proof.user, link.address);
    return granted === 'closed' ? undefined : exchange.refuse(errorCodes.insufficientCapacity);
  }
  const { failed, relays, tcp, token: reservation } = granted;
  // A copy: the view would keep a whole chunk of a stream.
  const transactionId = Buffer.from(request.transactionId);
  const { user, username } = proof;
  const allocated = { relays, tcp, meters, transactionId, reservation, failed };
  const allocation = server.begin(link, { user, username }, allocated, desiredLifetime(server, request));
  succeed(exchange, allocation);
}

/** Step 2: "The server checks if the 5-tuple is currently in use by an existing allocation." A repeated request is answered again. */
function checkFiveTuple(exchange: Exchange): Refused | 'done' | undefined {
  const { link, proof, request } = exchange;
  const { allocation } = link;
  // The answer to the first one is on its way.
  if (link.allocating !== undefined) return 'done';
  if (allocation === undefined) return undefined;
  if (!allocation.transactionId.equals(request.transactionId) || allocation.owner.username !== proof.username)
    return exchange.refuse(errorCodes.allocationMismatch);
  succeed(exchange, allocation);
  return 'done';
}

/** Steps 3 to 9: what the attributes ask for. */
function readWish(exchange: Exchange): Wish | Refused {
  const { link, request, server } = exchange;
  // 3. "If the REQUESTED-TRANSPORT attribute is not included or is malformed": 400; "specifies a protocol that is not supported": 442
  const transport = request.get(requestedTransport);
  if (transport === undefined) return exchange.refuse(errorCodes.badRequest);
  const tcp = transport === TCP;
  if (transport !== UDP && !(tcp && server.options.tcpRelays))
    return exchange.refuse(errorCodes.unsupportedTransportProtocol);
  // RFC 6062 section 5.1: over UDP, or with DONT-FRAGMENT, EVEN-PORT or RESERVATION-TOKEN: 400
  const datagramsOnly = request.has(dontFragment) || request.has(evenPort) || request.has(reservationToken);
  if (tcp && (link.transport === 'udp' || datagramsOnly)) return exchange.refuse(errorCodes.badRequest);
  // 4. Node cannot set the DF bit: "then the server treats the DONT-FRAGMENT attribute … as an unknown comprehension-required attribute"
  if (request.has(dontFragment)) return exchange.refuseUnknown([dontFragment.type]);
  if (ATTRIBUTES.some((attribute) => request.broken(attribute))) return exchange.refuse(errorCodes.badRequest);
  const even = request.get(evenPort);
  const token = request.get(reservationToken);
  const requested = request.get(requestedAddressFamily);
  const additional = request.get(additionalAddressFamily);
  // 5. RESERVATION-TOKEN with EVEN-PORT, REQUESTED-ADDRESS-FAMILY or ADDITIONAL-ADDRESS-FAMILY: 400
  if (token !== undefined && (even ?? requested ?? additional) !== undefined)
    return exchange.refuse(errorCodes.badRequest);
  // 6. "both REQUESTED-ADDRESS-FAMILY and ADDITIONAL-ADDRESS-FAMILY attributes": 400
  if (requested !== undefined && additional !== undefined) return exchange.refuse(errorCodes.badRequest);
  // 7. "If the server does not support the address family requested": 440
  const family = requested ?? 4;
  if (token === undefined && additional === undefined && server.addresses.of(family) === undefined)
    return exchange.refuse(errorCodes.addressFamilyNotSupported);
  // 8. EVEN-PORT "with the R bit set to 1 … and the request also contains an ADDITIONAL-ADDRESS-FAMILY attribute": 400
  // 9. ADDITIONAL-ADDRESS-FAMILY "and the attribute value is 0x01 (IPv4 address family)": 400
  if (additional !== undefined && (even === true || additional === 4 || tcp))
    return exchange.refuse(errorCodes.badRequest);
  const parity = even === undefined ? 'any' : even ? 'pair' : 'even';
  return { tcp, token, families: additional === undefined ? [family] : [4, 6], parity };
}

const ATTRIBUTES = [evenPort, reservationToken, requestedAddressFamily, additionalAddressFamily, lifetime];

/** Step 10: 486 when the user, or its address, has enough; 508 when the server has. */
function checkQuota(exchange: Exchange): Refused | undefined {
  const full = exchange.server.shares.full(exchange.proof.user, exchange.link.address);
  if (full === undefined) return undefined;
  return exchange.refuse(full === 'user' ? errorCodes.allocationQuotaReached : errorCodes.insufficientCapacity);
}

/** Step 11: 300. "an IP address of the same address family as the source IP address of the request" first (RFC 8489 section 10). */
function checkDraining(exchange: Exchange): Refused | undefined {
  const { alternates } = exchange.server;
  if (alternates === undefined) return undefined;
  const family = familyOf(exchange.link.address);
  const [first, ...rest] = alternates.toSorted((a, b) => Math.abs(a.family - family) - Math.abs(b.family - family));
  if (first?.family !== family) return exchange.refuse(errorCodes.insufficientCapacity);
  return exchange.refuse(errorCodes.tryAlternate, (writer) => {
    for (const server of [first, ...rest.slice(0, 1)]) writer.add(alternateServer, server);
  });
}

/** Opens what was asked for; undefined when there is none of it, `closed` when the client has gone meanwhile. */
async function grant(
  exchange: Exchange,
  { families, parity, tcp, token }: Wish,
): Promise<Granted | 'closed' | undefined> {
  const { link, server } = exchange;
  if (token !== undefined) {
    const relay = server.ports.redeem(token);
    return relay === undefined ? undefined : { relays: [relay], tcp: undefined, token: undefined, failed: undefined };
  }
  const relays: Relay[] = [];
  const made: { tcp?: TcpRelay; token?: Buffer | undefined; failed?: Family } = {};
  for (const family of families) {
    const address = server.addresses.of(family);
    const stream = address === undefined || !tcp ? undefined : await TcpRelay.open(server, family, address);
    const opened = address === undefined || tcp ? undefined : await server.ports.open(family, address, parity);
    if (stream !== undefined) made.tcp = stream;
    else if (opened === undefined) made.failed = family;
    else {
      relays.push(opened.relay);
      made.token = opened.token;
    }
  }
  const granted = { relays, tcp: made.tcp, token: made.token, failed: made.failed };
  if (!link.closed) return relays.length > 0 || made.tcp !== undefined ? granted : undefined;
  for (const relay of relays) relay.close();
  made.tcp?.close();
  return 'closed';
}

/** "Once the allocation is created, the server replies with a success response." */
function succeed(exchange: Exchange, allocation: Allocation): void {
  const { link, server } = exchange;
  const { expires, failed, relays, reservation, tcp } = allocation;
  exchange.succeed((writer: Writer) => {
    for (const { address, family, port } of tcp === undefined ? relays : [tcp])
      writer.add(xorRelayedAddress, { family, address: address.public, port });
    // 9. "then it includes ADDRESS-ERROR-CODE attribute in the success response"
    if (failed !== undefined) writer.add(addressErrorCode, failure(failed, server.addresses.of(failed) !== undefined));
    writer.add(lifetime, Math.ceil((expires - server.timers.now) / 1000));
    if (reservation !== undefined) writer.add(reservationToken, reservation);
    writer.add(xorMappedAddress, { family: familyOf(link.address), address: link.address, port: link.port });
  });
}

function failure(family: Family, supported: boolean) {
  const code = supported ? errorCodes.insufficientCapacity : errorCodes.addressFamilyNotSupported;
  return { family, code, phrase: reasonPhrases[code] };
}
