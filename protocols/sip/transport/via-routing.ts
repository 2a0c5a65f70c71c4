/** RFC 3261 section 18.2, RFC 3581: what the top Via says of the way of a request, and of its responses. */
import { addressOfHost } from '#protocols/sip/message/host.ts';
import type { SipRequest } from '#protocols/sip/message/message.ts';
import { Via } from '#protocols/sip/message/via.ts';
import { defaultPort } from './destination.ts';

/**
 * Section 18.2.1: "the server transport MUST examine the value of the 'sent-by' parameter … If the host portion … contains a domain name, or if it
 * contains an IP address that differs from the packet source address, the server MUST add a 'received' parameter". RFC 3581 section 4: a `rport`
 * without value gets the source port, and `received` goes with it.
 */
export function noteSource(request: SipRequest, address: string, port: number): SipRequest {
  const { via } = request;
  if (via === undefined) return request;
  const differs = via.host !== address && addressOfHost(via.host) !== address;
  // A value that a client wrote there itself is not to be believed: its answers would go to whom it likes.
  if (!differs && !via.wantsRport && (via.received ?? address) === address) return request;
  const received = ['received', address] as const;
  const noted = via.withAll(via.wantsRport ? [['rport', String(port)], received] : [received]);
  return request.withVia(noted);
}

export interface ResponsePlace {
  readonly address: string;
  readonly port: number;
}

/**
 * Section 18.2.2: where the response to a request goes when its connection is gone, or there was none. Undefined when the Via names no address:
 * no name is looked up for it.
 */
export function responsePlace(via: Via): ResponsePlace | undefined {
  // `maddr`, for multicast, is left out: anybody could have answers sent to anybody by it.
  const { port = defaultPort(via.transport), received, rport } = via;
  // RFC 3581 section 4: "send the response to … the address in received and the port in rport".
  if (received !== undefined) return { address: received, port: rport ?? port };
  const address = addressOfHost(via.host);
  return address === undefined ? undefined : { address, port: rport ?? port };
}

/** "changing the transport … MUST replace the Via" (section 18.1.1): the top one is ours. */
export function withTransport(request: SipRequest, transport: string): SipRequest {
  const { via } = request;
  if (via === undefined) return request;
  const next = Via.parse(String(via).replace('SIP/2.0/UDP', `SIP/2.0/${transport}`));
  return next === undefined ? request : request.edit().replaceFirst('Via', next).done();
}
