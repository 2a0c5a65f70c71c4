/** RFC 3261 section 16.11: an ACK for a 2xx, forwarded without a transaction. */
import { hash } from 'node:crypto';
import type { SipRequest } from '#protocols/sip/message/message.ts';
import type { SipUri } from '#protocols/sip/message/uri.ts';
import { MAGIC_COOKIE } from '#protocols/sip/message/via.ts';
import type { Destination } from '#protocols/sip/transport/destination.ts';
import type { Transports } from '#protocols/sip/transport/transports.ts';

export interface AckParts {
  readonly transports: Pick<Transports, 'send'>;
  readonly locate: (uri: SipUri) => Promise<readonly Destination[]>;
  readonly withVia: (request: SipRequest, destination: Destination, branch: string) => SipRequest;
}

/** "The first component of the branch ID of the outgoing request is computed as a hash of the received branch ID": the same for each copy. */
const branchOf = ({ callId, cseq, via }: SipRequest): string =>
  MAGIC_COOKIE + hash('sha256', `${via?.sentBy} ${via?.branch} ${callId} ${cseq?.number}`).slice(0, 20);

/**
 * Sends it, to `destination` or where `hop` is located. There is nobody to tell when it cannot be sent: the callee repeats its 2xx, the caller its ACK.
 * @param arrived as it came; `request` is what is sent of it
 */
export function forwardAck(
  { hop, request }: { readonly request: SipRequest; readonly hop: SipUri | undefined },
  arrived: SipRequest,
  destination: Destination | undefined,
  parts: AckParts,
): void {
  const send = async (to: Destination): Promise<void> => {
    await parts.transports.send(parts.withVia(request, to, branchOf(arrived)), to);
  };
  const located = async (uri: SipUri): Promise<void> => {
    const [first] = await parts.locate(uri);
    if (first !== undefined) await send(first);
  };
  const sent = destination === undefined ? hop && located(hop) : send(destination);
  sent?.catch(() => undefined);
}
