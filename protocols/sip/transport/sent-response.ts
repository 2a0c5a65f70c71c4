/** What is kept of a response to send it again: transactions wait for repeated requests for half a minute (RFC 3261 section 17.2). */
import type { Buffer } from 'node:buffer';
import type { SipResponse } from '#protocols/sip/message/message.ts';
import type { Via } from '#protocols/sip/message/via.ts';
import type { Flow } from './flow.ts';
import { responsePlace } from './via-routing.ts';

export interface SentResponse {
  readonly bytes: Buffer;
  /** Where datagrams go, which is not always where the request came from. */
  readonly address: string;
  readonly port: number;
}

/** @param via the top one of the request */
export function sentResponse(response: SipResponse, flow: Flow, via: Via | undefined): SentResponse {
  const bytes = response.toBytes();
  const { remoteAddress, remotePort } = flow;
  const place = via === undefined ? undefined : responsePlace(via);
  // The texts of a Via are parts of the whole message, which would be kept with them.
  if (place === undefined || place.address === remoteAddress)
    return { bytes, address: remoteAddress, port: place?.port ?? remotePort };
  return { bytes, ...place };
}
