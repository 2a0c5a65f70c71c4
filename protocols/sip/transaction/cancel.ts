/** RFC 3261 section 9.1: the CANCEL of an INVITE that was sent. */
import { SipRequest } from '#protocols/sip/message/message.ts';
import { fieldsOf } from './ack.ts';

/** @param reason value of the Reason field (RFC 3326), e.g. `SIP;cause=200;text="Call completed elsewhere"` */
export function cancelOf(invite: SipRequest, reason?: string): SipRequest {
  const fields = fieldsOf(invite, invite.get('To'), 'CANCEL');
  return SipRequest.make('CANCEL', invite.uri, reason === undefined ? fields : [...fields, ['Reason', reason]]);
}
