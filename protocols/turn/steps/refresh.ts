import { lifetime } from '#protocols/stun/attributes/lifetime.ts';
import { requestedAddressFamily } from '#protocols/stun/attributes/requested-address-family.ts';
import { errorCodes } from '#protocols/stun/error-codes.ts';
import type { Exchange, Refused } from '../exchange.ts';
import { desiredLifetime, ownAllocation } from './common.ts';
import { isRefused } from '../exchange.ts';

/** RFC 8656 section 8.2: receiving a Refresh request. */
export function refresh(exchange: Exchange): Refused | void {
  const { request, server } = exchange;
  const allocation = ownAllocation(exchange);
  if (isRefused(allocation)) return allocation;
  // "If the server receives a Refresh Request with a REQUESTED-ADDRESS-FAMILY attribute and the attribute value does not match": 443
  const family = request.get(requestedAddressFamily);
  if (request.broken(requestedAddressFamily) || request.broken(lifetime)) return exchange.refuse(errorCodes.badRequest);
  if (family !== undefined && !allocation.has(family)) return exchange.refuse(errorCodes.peerAddressFamilyMismatch);
  const seconds = request.get(lifetime) === 0 ? 0 : desiredLifetime(server, request);
  exchange.succeed((writer) => void writer.add(lifetime, seconds));
  // "If the desired lifetime is zero, then the request succeeds and the allocation is deleted."
  if (seconds === 0) server.end(allocation, 'deleted');
  else allocation.refresh(seconds);
}
