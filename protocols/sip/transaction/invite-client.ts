/** RFC 3261 section 17.1.1 with figure 5 of RFC 6026: the INVITE client transaction. */
import type { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import { ClientTransaction, type ClientParts } from './client.ts';
import { cancelOf } from './cancel.ts';
import { ackOf } from './ack.ts';
import { go, type Table } from './machine.ts';
import { lifetime, timerD } from './timing.ts';

export type InviteClientState = 'calling' | 'proceeding' | 'completed' | 'accepted' | 'terminated';
export type InviteClientEvent =
  | 'start'
  | '1xx'
  | '2xx'
  | '3xx-6xx'
  | 'cancel'
  | 'timer A'
  | 'timer B'
  | 'timer D'
  | 'timer M'
  | 'cancel expired'
  | 'transport error';
export type InviteClientAction =
  | 'send request'
  | 'send ACK'
  | 'send CANCEL'
  | 'response to TU'
  | 'timeout to TU'
  | 'error to TU'
  | 'start A'
  | 'reset A'
  | 'stop A'
  | 'start B'
  | 'stop B'
  | 'start D'
  | 'start M'
  | 'start cancel'
  | 'note cancel';

export const INVITE_CLIENT: Table<InviteClientState, InviteClientEvent, InviteClientAction> = {
  calling: {
    start: go('calling', 'start B', 'start A', 'send request'),
    'timer A': go('calling', 'send request', 'reset A'),
    'timer B': go('terminated', 'timeout to TU'),
    'transport error': go('terminated', 'error to TU'),
    '1xx': go('proceeding', 'stop A', 'stop B', 'response to TU'),
    '2xx': go('accepted', 'stop A', 'start M', 'response to TU'),
    '3xx-6xx': go('completed', 'stop A', 'send ACK', 'response to TU', 'start D'),
    // "If no provisional response has been received, the CANCEL request MUST NOT be sent" (section 9.1).
    cancel: go('calling', 'note cancel'),
  },
  proceeding: {
    '1xx': go('proceeding', 'response to TU'),
    '2xx': go('accepted', 'start M', 'response to TU'),
    '3xx-6xx': go('completed', 'send ACK', 'response to TU', 'start D'),
    cancel: go('proceeding', 'send CANCEL', 'start cancel'),
    // "If there is no final response for the original request in 64*T1 seconds … consider the original transaction cancelled" (section 9.1).
    'cancel expired': go('terminated', 'timeout to TU'),
  },
  completed: {
    '3xx-6xx': go('completed', 'send ACK'),
    'timer D': go('terminated'),
    'transport error': go('terminated', 'error to TU'),
  },
  accepted: {
    '2xx': go('accepted', 'response to TU'),
    'timer M': go('terminated'),
  },
  terminated: {},
};

const eventOf = (status: number): InviteClientEvent => (status < 200 ? '1xx' : status < 300 ? '2xx' : '3xx-6xx');

export class InviteClient extends ClientTransaction<InviteClientState, InviteClientEvent, InviteClientAction> {
  #ack: SipRequest | undefined;
  #cancelled = false;

  constructor(parts: ClientParts) {
    super(INVITE_CLIENT, 'calling', parts);
  }

  start(): void {
    this.input('start');
  }

  get pending(): boolean {
    return this.state === 'calling' || this.state === 'proceeding';
  }

  receive(response: SipResponse): void {
    this.input(eventOf(response.status), response);
    if (this.#cancelled && this.state === 'proceeding') this.#cancel();
  }

  override cancel(reason?: string): boolean {
    if (!this.pending || this.cancelRequested) return false;
    this.cancelRequested = true;
    this.cancelReason = reason;
    this.input('cancel');
    return true;
  }

  #cancel(): void {
    this.#cancelled = false;
    this.input('cancel');
  }

  protected override failed(): void {
    this.input('transport error');
  }

  protected override act(action: InviteClientAction, response: SipResponse | undefined): void {
    const { timing } = this.parts;
    switch (action) {
      case 'send request':
        return this.send(this.request);
      case 'send ACK':
        if (response !== undefined) this.#ack ??= ackOf(this.request, response);
        return this.#ack && this.send(this.#ack);
      case 'send CANCEL':
        return this.parts.dispatch(cancelOf(this.request, this.cancelReason), this.destination);
      case 'response to TU':
        return response && this.tell(response);
      case 'timeout to TU':
        return this.tellTimeout();
      case 'error to TU':
        return this.tellError();
      case 'start A':
        return this.reliable ? undefined : this.repeatAfter(timing.t1, 'timer A');
      case 'reset A':
        return this.repeatLater(Infinity);
      case 'stop A':
        return this.stopRepeating();
      case 'start B':
        return this.endsAfter(lifetime(timing), 'timer B');
      case 'stop B':
        return this.stopTimers();
      case 'start D':
        return this.endsAfter(this.reliable ? 0 : timerD(timing), 'timer D');
      case 'start M':
        return this.endsAfter(lifetime(timing), 'timer M');
      case 'start cancel':
        return this.endsAfter(lifetime(timing), 'cancel expired');
      case 'note cancel':
        this.#cancelled = true;
    }
  }
}
