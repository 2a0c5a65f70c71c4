/** RFC 3261 section 17.1.1.3: the ACK that an INVITE client transaction makes for a final response other than 2xx. */
import { SipRequest, type FieldList, type SipResponse } from '#protocols/sip/message/message.ts';

/** The fields in which a request that stands for another, CANCEL or ACK, equals it: the topmost Via alone, all of Route. */
export function fieldsOf(invite: SipRequest, to: string | undefined, method: string): FieldList {
  return [
    ['Via', invite.via ?? ''],
    ...invite.all('Route').map((route) => ['Route', route] as const),
    ['Max-Forwards', 70],
    ['From', invite.get('From') ?? ''],
    ['To', to ?? ''],
    ['Call-ID', invite.callId ?? ''],
    ['CSeq', `${invite.cseq?.number ?? 0} ${method}`],
  ];
}

/** "The To header field in the ACK MUST equal the To header field in the response being acknowledged." */
export const ackOf = (invite: SipRequest, response: SipResponse): SipRequest =>
  SipRequest.make('ACK', invite.uri, fieldsOf(invite, response.get('To'), 'ACK'));
