/** RFC 3261 sections 17.1.3, 17.2.3 and 8.2.2.2: by what a message finds its transaction. */
import type { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';

/**
 * "The branch parameter … the sent-by value … the method of the request matches the one that created the transaction, except for ACK"; `method`
 * is that of the transaction looked for. Undefined when the request lacks what identifies it.
 */
export function serverKey(request: SipRequest, method: string): string | undefined {
  const { via } = request;
  if (via === undefined) return undefined;
  // A space is in none of the parts.
  if (via.hasCookie) return `${via.branch} ${via.sentBy} ${method}`;
  // RFC 2543: the To tag is left out, since that of an ACK is the response's. An ACK for a 2xx may match then: see RFC 6026 section 6.
  const { callId, cseq, from } = request;
  return ['RFC2543', request.uri, from?.tag, callId, cseq?.number, String(via), method].join(' ');
}

/** "The same value of the branch parameter … the method parameter in the CSeq header field." */
export function responseKey(response: SipResponse): string | undefined {
  const { cseq, via } = response;
  return via?.branch === undefined || cseq === undefined ? undefined : `${via.branch} ${cseq.method}`;
}

export const clientKey = (branch: string, method: string): string => `${branch} ${method}`;

/** "No tag in the To … the From tag, Call-ID, and CSeq exactly match" (section 8.2.2.2); undefined for a request with a To tag. */
export function mergeKey(request: SipRequest): string | undefined {
  const { callId, cseq, from, to } = request;
  if (to?.tag !== undefined || cseq === undefined) return undefined;
  return `${callId} ${from?.tag} ${cseq.number} ${cseq.method}`;
}
