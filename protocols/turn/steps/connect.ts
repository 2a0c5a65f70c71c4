import { connectionId } from '#protocols/stun/attributes/connection-id.ts';
import { xorPeerAddress } from '#protocols/stun/attributes/xor-peer-address.ts';
import { errorCodes } from '#protocols/stun/error-codes.ts';
import { type Exchange, isRefused, type Refused } from '../exchange.ts';
import { checkPeer, ownAllocation } from './common.ts';

/** RFC 6062 section 5.2: receiving a Connect request. */
export async function connect(exchange: Exchange): Promise<Refused | void> {
  const allocation = ownAllocation(exchange);
  if (isRefused(allocation)) return allocation;
  const { server } = exchange;
  const { tcp } = allocation;
  // A relay of datagrams has no connections.
  if (tcp === undefined) return exchange.refuse(errorCodes.allocationMismatch);
  // "If the request does not contain an XOR-PEER-ADDRESS attribute, or if such attribute is invalid": 400
  const peer = exchange.request.get(xorPeerAddress);
  if (peer === undefined || peer.port === 0) return exchange.refuse(errorCodes.badRequest);
  // "currently processing a Connect request for this allocation with the same XOR-PEER-ADDRESS", or the connection is there: 446
  if (tcp.has(peer)) return exchange.refuse(errorCodes.connectionAlreadyExists);
  // "If the new connection is forbidden by local policy": 403
  const refused = checkPeer(exchange, allocation, peer);
  if (refused !== undefined) return refused;
  if (server.onlyRelays(peer.address) && !server.ports.has(peer.family, peer.port))
    return exchange.refuse(errorCodes.forbidden);
  if (tcp.full) return exchange.refuse(errorCodes.insufficientCapacity);
  // "the server MUST initiate an outgoing TCP connection"; "If the connection attempt fails or times out": 447
  const id = await tcp.connect(peer);
  if (id === undefined) return exchange.refuse(errorCodes.connectionTimeoutOrFailure);
  exchange.succeed((writer) => void writer.add(connectionId, id));
}
