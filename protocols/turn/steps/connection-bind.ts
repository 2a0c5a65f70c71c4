import { connectionId } from '#protocols/stun/attributes/connection-id.ts';
import { errorCodes } from '#protocols/stun/error-codes.ts';
import type { Exchange, Refused } from '../exchange.ts';

/** RFC 6062 section 5.4: receiving a ConnectionBind request. */
export function connectionBind(exchange: Exchange): Refused | void {
  const { link, proof, request, server } = exchange;
  // "If the client connection transport is not TCP or TLS, the server MUST return a 400 (Bad Request) error."
  if (link.surrender === undefined || link.allocation !== undefined) return exchange.refuse(errorCodes.badRequest);
  // "does not contain the CONNECTION-ID attribute, or if this attribute does not refer to an existing pending connection": 400
  const id = request.get(connectionId);
  const relay = id === undefined ? undefined : server.connections.get(id);
  if (id === undefined || relay === undefined) return exchange.refuse(errorCodes.badRequest);
  // RFC 8656 section 5: all requests about an allocation use the same user name
  if (relay.owner?.username !== proof.username) return exchange.refuse(errorCodes.wrongCredentials);
  // "Otherwise, the client connection is now called a client data connection."
  relay.bind(id, link, exchange.success());
}
