/** RFC 3261 section 17.2.1 with figure 7 of RFC 6026: the INVITE server transaction. */
import { SipResponse } from '#protocols/sip/message/message.ts';
import { go, type Table } from './machine.ts';
import { ServerTransaction, type ServerParts } from './server.ts';
import { lifetime, TRYING_AFTER } from './timing.ts';

export type InviteServerState = 'proceeding' | 'completed' | 'confirmed' | 'accepted' | 'terminated';
export type InviteServerEvent =
  | 'start'
  | 'INVITE'
  | 'ACK'
  | '1xx'
  | '2xx'
  | '3xx-6xx'
  | 'timer 100'
  | 'timer G'
  | 'timer H'
  | 'timer I'
  | 'timer L';
export type InviteServerAction =
  | 'request to TU'
  | 'failure to TU'
  | 'send 100'
  | 'send response'
  | 'send last response'
  | 'start 100'
  | 'stop 100'
  | 'start G'
  | 'reset G'
  | 'stop G'
  | 'start H'
  | 'start I'
  | 'start L';

export const INVITE_SERVER: Table<InviteServerState, InviteServerEvent, InviteServerAction> = {
  proceeding: {
    start: go('proceeding', 'request to TU', 'start 100'),
    INVITE: go('proceeding', 'send last response'),
    'timer 100': go('proceeding', 'send 100'),
    '1xx': go('proceeding', 'stop 100', 'send response'),
    '2xx': go('accepted', 'stop 100', 'send response', 'start L'),
    '3xx-6xx': go('completed', 'stop 100', 'send response', 'start G', 'start H'),
  },
  completed: {
    INVITE: go('completed', 'send last response'),
    ACK: go('confirmed', 'stop G', 'start I'),
    'timer G': go('completed', 'send last response', 'reset G'),
    'timer H': go('terminated', 'failure to TU'),
  },
  confirmed: {
    'timer I': go('terminated'),
  },
  accepted: {
    // "Any retransmission of the 2xx response passed from the TU … MUST be passed to the transport layer" (RFC 6026 section 7.1).
    '2xx': go('accepted', 'send response'),
    // "Any ACKs … MUST be passed directly to the TU": Transactions does, which has the ACK.
    ACK: go('accepted'),
    'timer L': go('terminated'),
  },
  terminated: {},
};

const eventOf = (status: number): InviteServerEvent => (status < 200 ? '1xx' : status < 300 ? '2xx' : '3xx-6xx');

export class InviteServer extends ServerTransaction<InviteServerState, InviteServerEvent, InviteServerAction> {
  constructor(parts: ServerParts) {
    super(INVITE_SERVER, 'proceeding', parts);
  }

  start(): void {
    this.input('start');
  }

  repeated(): void {
    this.input('INVITE');
  }

  respond(response: SipResponse): void {
    this.input(eventOf(response.status), response);
  }

  /** An ACK that matches this transaction. */
  acknowledge(): void {
    this.input('ACK');
  }

  protected override act(action: InviteServerAction, response: SipResponse | undefined): void {
    const { timing } = this.owner;
    const { reliable } = this.flow;
    switch (action) {
      case 'request to TU':
        return this.deliver();
      case 'failure to TU':
        return this.user?.onFailure?.(new Error('no ACK for the final response'));
      case 'send 100':
        return this.transmit(SipResponse.to(this.request, 100));
      case 'send response':
        return this.transmit(response);
      case 'send last response':
        return this.retransmit();
      case 'start 100':
        return this.last === undefined ? this.repeatAfter(TRYING_AFTER, 'timer 100') : undefined;
      case 'start G':
        return reliable ? undefined : this.repeatAfter(timing.t1, 'timer G');
      case 'reset G':
        return this.repeatLater(timing.t2);
      case 'stop 100':
      case 'stop G':
        return this.stopRepeating();
      case 'start H':
        return this.endsAfter(lifetime(timing), 'timer H');
      case 'start I':
        return this.endsAfter(reliable ? 0 : timing.t4, 'timer I');
      case 'start L':
        return this.endsAfter(lifetime(timing), 'timer L');
    }
  }
}
