import type { SipRequest, SipResponse } from './message/message.ts';
import type { Flow } from './transport/flow.ts';

/** A request that waits for its answer: what the parts of the server need of a server transaction. */
export interface Incoming {
  readonly request: SipRequest;
  readonly flow: Flow;
  respond(response: SipResponse): void;
}
