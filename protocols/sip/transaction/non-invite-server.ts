/** RFC 3261 section 17.2.2 as RFC 4320 has it: the non-INVITE server transaction. */
import { SipResponse } from '#protocols/sip/message/message.ts';
import { go, type Table } from './machine.ts';
import { ServerTransaction, type ServerParts } from './server.ts';
import { lifetime, untilTimerEIsT2 } from './timing.ts';

export type NonInviteServerState = 'trying' | 'proceeding' | 'completed' | 'terminated';
/** `expired`: the client's timer F has fired. "An element that cannot respond before the transaction expires will not send a final response at all" (RFC 4320 section 4.2). */
export type NonInviteServerEvent =
  | 'start'
  | 'request'
  | '1xx'
  | '408'
  | '2xx-6xx'
  | 'timer 100'
  | 'timer J'
  | 'expired';
export type NonInviteServerAction =
  | 'request to TU'
  | 'failure to TU'
  | 'send 100'
  | 'send response'
  | 'send last response'
  | 'start 100'
  | 'release'
  | 'start expiry'
  | 'start J';

export const NON_INVITE_SERVER: Table<NonInviteServerState, NonInviteServerEvent, NonInviteServerAction> = {
  trying: {
    start: go('trying', 'request to TU', 'start 100'),
    request: go('trying'),
    // RFC 4320 section 4.1: nothing but 100, and that not before the client's timer E is T2; then it MUST be sent.
    '1xx': go('trying'),
    'timer 100': go('proceeding', 'send 100', 'start expiry'),
    // "MUST NOT send a response with Status-Code of 408 to a non-INVITE request" (RFC 4320 section 4.2).
    '408': go('trying'),
    '2xx-6xx': go('completed', 'send response', 'release', 'start J'),
  },
  proceeding: {
    request: go('proceeding', 'send last response'),
    '1xx': go('proceeding'),
    '408': go('proceeding'),
    '2xx-6xx': go('completed', 'send response', 'release', 'start J'),
    expired: go('terminated', 'failure to TU'),
  },
  completed: {
    request: go('completed', 'send last response'),
    'timer J': go('terminated'),
  },
  terminated: {},
};

const eventOf = (status: number): NonInviteServerEvent => {
  if (status < 200) return '1xx';
  return status === 408 ? '408' : '2xx-6xx';
};

export class NonInviteServer extends ServerTransaction<
  NonInviteServerState,
  NonInviteServerEvent,
  NonInviteServerAction
> {
  constructor(parts: ServerParts) {
    super(NON_INVITE_SERVER, 'trying', parts);
  }

  start(): void {
    this.input('start');
  }

  repeated(): void {
    this.input('request');
  }

  respond(response: SipResponse): void {
    this.input(eventOf(response.status), response);
  }

  protected override act(action: NonInviteServerAction, response: SipResponse | undefined): void {
    const { timing } = this.owner;
    switch (action) {
      case 'request to TU':
        return this.deliver();
      case 'failure to TU':
        return this.user?.onFailure?.(new Error('no final response in time'));
      case 'send 100':
        return this.transmit(SipResponse.to(this.request, 100));
      case 'send response':
        return this.transmit(response);
      case 'send last response':
        return this.retransmit();
      case 'release':
        return this.release();
      case 'start 100':
        return this.endsAfter(untilTimerEIsT2(timing), 'timer 100');
      case 'start expiry':
        return this.endsAfter(lifetime(timing) - untilTimerEIsT2(timing), 'expired');
      case 'start J':
        return this.endsAfter(this.flow.reliable ? 0 : lifetime(timing), 'timer J');
    }
  }
}
