import { lifetime } from '#protocols/stun/attributes/lifetime.ts';
import { errorCodes } from '#protocols/stun/error-codes.ts';
import type { Message } from '#protocols/stun/message.ts';
import type { TransportAddress } from '#protocols/stun/address.ts';
import type { Allocation } from '../allocation.ts';
import type { Exchange, Refused } from '../exchange.ts';
import type { TurnServer } from '../server.ts';

/** RFC 8656 section 6: seconds. */
export const DEFAULT_LIFETIME = 600;

/** The allocation of the 5-tuple (RFC 8656 section 5), which has to be the requester's own. */
export function ownAllocation(exchange: Exchange): Allocation | Refused {
  const { link, proof } = exchange;
  const { allocation } = link;
  // "if the 5-tuple does not identify an existing allocation, then the message MUST … be rejected with a 437"
  if (allocation === undefined) return exchange.refuse(errorCodes.allocationMismatch);
  // "the request does not use the same username as used to create the allocation": 441
  if (allocation.owner.username !== proof.username) return exchange.refuse(errorCodes.wrongCredentials);
  return allocation;
}

/** Sections 7.2 and 8.2: "the minimum of the client's proposed lifetime and the server's maximum", but not below the default. */
export function desiredLifetime({ options }: TurnServer, request: Message): number {
  const proposed = Math.min(request.get(lifetime) ?? 0, options.maxLifetime);
  return Math.max(proposed, DEFAULT_LIFETIME);
}

/** Why a peer of a request cannot be one: 443 for its family, 403 for its address. */
export function checkPeer(exchange: Exchange, allocation: Allocation, peer: TransportAddress): Refused | undefined {
  if (!allocation.has(peer.family)) return exchange.refuse(errorCodes.peerAddressFamilyMismatch);
  return exchange.server.mayReach(peer.address) ? undefined : exchange.refuse(errorCodes.forbidden);
}
