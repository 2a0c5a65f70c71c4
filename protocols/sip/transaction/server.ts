/** RFC 3261 section 17.2: what both server transactions have. */
import type { Timers } from '#src/net/timers.ts';
import type { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import type { Flow } from '#protocols/sip/transport/flow.ts';
import type { Transports } from '#protocols/sip/transport/transports.ts';
import { Machine, type Table } from './machine.ts';
import type { Timing } from './timing.ts';

/** What the transaction user wants to hear of a server transaction; it sets itself as `user`. */
export interface ServerUser {
  /** A CANCEL came while there was no final response; the 200 to it has been sent. */
  onCancel?(cancel: SipRequest): void;
  /** A response could not be sent, or no ACK came for a final one. The transaction stays as it is (RFC 6026 section 8.8). */
  onFailure?(error: unknown): void;
  onTerminated?(): void;
}

export interface ServerParts {
  readonly request: SipRequest;
  readonly flow: Flow;
  readonly transports: Pick<Transports, 'respond'>;
  readonly timers: Timers;
  readonly timing: Timing;
  /** Hands the request to the transaction user. */
  deliver(transaction: ServerTransaction): void;
  ended(): void;
}

export abstract class ServerTransaction<
  State extends string = string,
  Event extends string = string,
  Action extends string = string,
> extends Machine<State | 'terminated', Event, Action, SipResponse> {
  protected readonly parts: ServerParts;
  /** Whoever answers. */
  user: ServerUser | undefined;
  protected last: SipResponse | undefined;
  #over = false;

  constructor(table: Table<State | 'terminated', Event, Action>, initial: State, parts: ServerParts) {
    super(table, initial, parts.timers);
    this.parts = parts;
  }

  get request(): SipRequest {
    return this.parts.request;
  }

  /** Where the request came from, and the responses go. */
  get flow(): Flow {
    return this.parts.flow;
  }

  /** A final response has been sent. */
  get answered(): boolean {
    return this.last !== undefined && this.last.status >= 200;
  }

  /** The last response that was sent. */
  get response(): SipResponse | undefined {
    return this.last;
  }

  abstract start(): void;

  /** A request that matches this transaction (section 17.2.3): a copy of the first. */
  abstract repeated(): void;

  /** Sends a response. One that the state does not allow is dropped: a second final one, for example. */
  abstract respond(response: SipResponse): void;

  protected deliver(): void {
    this.parts.deliver(this);
  }

  protected transmit(response: SipResponse | undefined): void {
    if (response === undefined) return;
    this.last = response;
    const sent = this.parts.transports.respond(response, this.flow, this.request.via);
    if (sent instanceof Promise) sent.catch((error: unknown) => this.user?.onFailure?.(error));
  }

  protected override input(event: Event, response?: SipResponse): void {
    super.input(event, response);
    if (this.state !== 'terminated' || this.#over) return;
    this.#over = true;
    this.stopTimers();
    this.parts.ended();
    this.user?.onTerminated?.();
  }
}
