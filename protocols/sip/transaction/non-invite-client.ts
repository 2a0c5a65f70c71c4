/** RFC 3261 section 17.1.2: the non-INVITE client transaction. */
import type { SipResponse } from '#protocols/sip/message/message.ts';
import { ClientTransaction, type ClientParts } from './client.ts';
import { go, type Table } from './machine.ts';
import { lifetime } from './timing.ts';

export type NonInviteClientState = 'trying' | 'proceeding' | 'completed' | 'terminated';
export type NonInviteClientEvent = 'start' | '1xx' | '2xx-6xx' | 'timer E' | 'timer F' | 'timer K' | 'transport error';
export type NonInviteClientAction =
  | 'send request'
  | 'response to TU'
  | 'timeout to TU'
  | 'error to TU'
  | 'start E'
  | 'reset E'
  | 'reset E to T2'
  | 'stop E'
  | 'start F'
  | 'start K';

export const NON_INVITE_CLIENT: Table<NonInviteClientState, NonInviteClientEvent, NonInviteClientAction> = {
  trying: {
    start: go('trying', 'start F', 'start E', 'send request'),
    'timer E': go('trying', 'send request', 'reset E'),
    'timer F': go('terminated', 'timeout to TU'),
    'transport error': go('terminated', 'error to TU'),
    '1xx': go('proceeding', 'response to TU'),
    '2xx-6xx': go('completed', 'stop E', 'response to TU', 'start K'),
  },
  proceeding: {
    'timer E': go('proceeding', 'send request', 'reset E to T2'),
    'timer F': go('terminated', 'timeout to TU'),
    'transport error': go('terminated', 'error to TU'),
    '1xx': go('proceeding', 'response to TU'),
    '2xx-6xx': go('completed', 'stop E', 'response to TU', 'start K'),
  },
  completed: {
    'timer K': go('terminated'),
  },
  terminated: {},
};

export class NonInviteClient extends ClientTransaction<
  NonInviteClientState,
  NonInviteClientEvent,
  NonInviteClientAction
> {
  constructor(parts: ClientParts) {
    super(NON_INVITE_CLIENT, 'trying', parts);
  }

  start(): void {
    this.input('start');
  }

  get pending(): boolean {
    return this.state === 'trying' || this.state === 'proceeding';
  }

  receive(response: SipResponse): void {
    this.input(response.status < 200 ? '1xx' : '2xx-6xx', response);
  }

  protected override failed(): void {
    this.input('transport error');
  }

  protected override act(action: NonInviteClientAction, response: SipResponse | undefined): void {
    const { timing } = this.parts;
    switch (action) {
      case 'send request':
        return this.send(this.request);
      case 'response to TU':
        return response && this.tell(response);
      case 'timeout to TU':
        return this.tellTimeout();
      case 'error to TU':
        return this.tellError();
      case 'start E':
        return this.reliable ? undefined : this.repeatAfter(timing.t1, 'timer E');
      case 'reset E':
        return this.repeatLater(timing.t2);
      case 'reset E to T2':
        return this.repeatAfter(timing.t2, 'timer E');
      case 'stop E':
        return this.stopRepeating();
      case 'start F':
        return this.endsAfter(lifetime(timing), 'timer F');
      case 'start K':
        return this.endsAfter(this.reliable ? 0 : timing.t4, 'timer K');
    }
  }
}
