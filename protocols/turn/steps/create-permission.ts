import { xorPeerAddress } from '#protocols/stun/attributes/xor-peer-address.ts';
import { errorCodes } from '#protocols/stun/error-codes.ts';
import { type Exchange, isRefused, type Refused } from '../exchange.ts';
import { checkPeer, ownAllocation } from './common.ts';

/** RFC 8656 section 10.2: receiving a CreatePermission request. */
export function createPermission(exchange: Exchange): Refused | void {
  const allocation = ownAllocation(exchange);
  if (isRefused(allocation)) return allocation;
  // "If no such attribute exists, or if any of these attributes are invalid, then a 400 (Bad Request) error is returned."
  const peers = exchange.request.all(xorPeerAddress);
  if (peers === undefined || peers.length === 0) return exchange.refuse(errorCodes.badRequest);
  for (const peer of peers) {
    const refused = checkPeer(exchange, allocation, peer);
    if (refused !== undefined) return refused;
  }
  // "unable to satisfy the request due to some capacity limit": 508
  for (const peer of peers) {
    if (allocation.permit(peer) === undefined) return exchange.refuse(errorCodes.insufficientCapacity);
  }
  exchange.succeed();
}
