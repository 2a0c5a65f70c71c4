/** RFC 3261 section 17.2: what both server transactions have. */
import type { Timers } from '#src/net/timers.ts';
import { SipRequest, type SipResponse } from '#protocols/sip/message/message.ts';
import type { Flow } from '#protocols/sip/transport/flow.ts';
import { sentResponse, type SentResponse } from '#protocols/sip/transport/sent-response.ts';
import type { Transports } from '#protocols/sip/transport/transports.ts';
import { Machine, type Table } from './machine.ts';
import type { Timing } from './timing.ts';

/** What the transaction user wants to hear of a server transaction; it sets itself as `user`. */
export interface ServerUser {
  /** A CANCEL came while there was no final response; the 200 to it has been sent. */
  onCancel?(cancel: SipRequest): void;
  /** A response could not be sent, or no ACK came for a final one. The transaction stays as it is (RFC 6026 section 8.8). */
  onFailure?(error: unknown): void;
  /** Nothing more will be heard of it. */
  onTerminated?(): void;
}

/** What server transactions share. */
export interface ServerOwner {
  readonly transports: Pick<Transports, 'repeat' | 'respond'>;
  readonly timers: Timers;
  readonly timing: Timing;
  /** Hands the request to the transaction user. */
  deliver(transaction: ServerTransaction): void;
  ended(transaction: ServerTransaction): void;
}

/** What one is made of. */
export interface ServerParts {
  readonly owner: ServerOwner;
  readonly request: SipRequest;
  readonly flow: Flow;
  /** By which requests find it (keys.ts), and by which a copy that came another way does. */
  readonly key: string;
  readonly mergeKey: string | undefined;
}

const RELEASED = SipRequest.make('RELEASED', 'sip:released.invalid', []);

export abstract class ServerTransaction<
  State extends string = string,
  Event extends string = string,
  Action extends string = string,
> extends Machine<State | 'terminated', Event, Action, SipResponse> {
  protected readonly owner: ServerOwner;
  /** Where the request came from, and the responses go. */
  readonly flow: Flow;
  readonly key: string;
  readonly mergeKey: string | undefined;
  /** Whoever answers. */
  user: ServerUser | undefined;
  /** The last response that was sent; after `release` only what went over the wire is left of it. */
  protected last: SipResponse | undefined;
  #kept: SentResponse | undefined;
  #request: SipRequest | undefined;
  #over = false;

  constructor(table: Table<State | 'terminated', Event, Action>, initial: State, parts: ServerParts) {
    super(table, initial, parts.owner.timers);
    this.owner = parts.owner;
    this.flow = parts.flow;
    this.key = parts.key;
    this.mergeKey = parts.mergeKey;
    this.#request = parts.request;
  }

  /** Once it was released (see there) one that says nothing: what is answered to it is dropped. */
  get request(): SipRequest {
    return this.#request ?? RELEASED;
  }

  /** A final response has been sent. */
  get answered(): boolean {
    return this.#kept !== undefined || (this.last !== undefined && this.last.status >= 200);
  }

  abstract start(): void;

  /** A request that matches this transaction (section 17.2.3): a copy of the first. */
  abstract repeated(): void;

  /** Sends a response. One that the state does not allow is dropped: a second final one, for example. */
  abstract respond(response: SipResponse): void;

  protected deliver(): void {
    this.owner.deliver(this);
  }

  protected transmit(response: SipResponse | undefined): void {
    if (response === undefined) return;
    this.last = response;
    const sent = this.owner.transports.respond(response, this.flow, this.request.via);
    if (sent instanceof Promise) sent.catch((error: unknown) => this.user?.onFailure?.(error));
  }

  /** The last response once more. */
  protected retransmit(): void {
    if (this.#kept === undefined) this.transmit(this.last);
    else this.owner.transports.repeat(this.#kept, this.flow);
  }

  /**
   * Nothing but the bytes of the last response are needed any more: thousands of transactions wait so for half a minute. Its user hears nothing
   * more of it.
   */
  protected release(): void {
    if (this.last !== undefined) this.#kept = sentResponse(this.last, this.flow, this.request.via);
    this.last = undefined;
    this.#request = undefined;
    const { user } = this;
    this.user = undefined;
    user?.onTerminated?.();
  }

  protected override input(event: Event, response?: SipResponse): void {
    super.input(event, response);
    if (this.state !== 'terminated' || this.#over) return;
    this.#over = true;
    this.stopTimers();
    this.owner.ended(this);
    this.user?.onTerminated?.();
  }
}
