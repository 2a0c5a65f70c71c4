import { channelNumber } from '#protocols/stun/attributes/channel-number.ts';
import { xorPeerAddress } from '#protocols/stun/attributes/xor-peer-address.ts';
import { errorCodes } from '#protocols/stun/error-codes.ts';
import type { TransportAddress } from '#protocols/stun/address.ts';
import type { Allocation } from '../allocation.ts';
import { LEAST_CHANNEL, MOST_CHANNEL } from '../channel-data.ts';
import { type Exchange, isRefused, type Refused } from '../exchange.ts';
import { checkPeer, ownAllocation } from './common.ts';

/** RFC 8656 section 12.2: receiving a ChannelBind request. */
export function channelBind(exchange: Exchange): Refused | void {
  const { request, server } = exchange;
  const allocation = ownAllocation(exchange);
  if (isRefused(allocation)) return allocation;
  // "The request contains both a CHANNEL-NUMBER and an XOR-PEER-ADDRESS attribute"
  const number = request.get(channelNumber);
  const peer = request.get(xorPeerAddress);
  if (number === undefined || peer === undefined || peer.port === 0) return exchange.refuse(errorCodes.badRequest);
  // "The channel number is in the range 0x4000 through 0x4FFF": see MOST_CHANNEL
  if (number < LEAST_CHANNEL || number > MOST_CHANNEL) return exchange.refuse(errorCodes.badRequest);
  if (boundOtherwise(allocation, number, peer)) return exchange.refuse(errorCodes.badRequest);
  const refused = checkPeer(exchange, allocation, peer);
  if (refused !== undefined) return refused;
  const relay = allocation.relayOf(peer.family);
  if (relay === undefined) return exchange.refuse(errorCodes.badRequest);
  if (server.onlyRelays(peer.address) && !server.ports.has(peer.family, peer.port))
    return exchange.refuse(errorCodes.forbidden);
  // "The server also installs or refreshes a permission for the IP address"
  if (allocation.bind(number, peer, relay) === undefined) return exchange.refuse(errorCodes.insufficientCapacity);
  exchange.succeed();
}

/** "The channel number is not currently bound to a different transport address", nor the address to a different channel number. */
function boundOtherwise(allocation: Allocation, number: number, { address, port }: TransportAddress): boolean {
  const channel = allocation.channel(number);
  if (channel !== undefined && (channel.permission.address !== address || channel.port !== port)) return true;
  const other = allocation.permissions.get(address)?.channels.get(port);
  return other !== undefined && other.number !== number && allocation.channel(other.number) === other;
}
