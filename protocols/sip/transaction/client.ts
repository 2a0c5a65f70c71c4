/** RFC 3261 section 17.1: what both client transactions have. */
import type { Timers } from '#src/net/timers.ts';
import type { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import type { Destination } from '#protocols/sip/transport/destination.ts';
import type { Flow } from '#protocols/sip/transport/flow.ts';
import type { Transports } from '#protocols/sip/transport/transports.ts';
import { Machine, type Table } from './machine.ts';
import type { Timing } from './timing.ts';

/** The transaction user of a client transaction. Each transaction ends in exactly one `onTerminated`. */
export interface ClientHandler {
  /** Provisional and final responses, those to an INVITE as often as they are to be forwarded; 100 too. */
  onResponse(response: SipResponse): void;
  /** No final response came in time: timer B or F, or 64*T1 after a CANCEL. */
  onTimeout(): void;
  /** The request could not be sent, or its connection is gone. */
  onTransportError(error: unknown): void;
  onTerminated?(): void;
}

/** What a client transaction is made of. */
export interface ClientParts {
  /** With our Via on top. */
  readonly request: SipRequest;
  readonly destination: Destination;
  readonly handler: ClientHandler;
  readonly transports: Pick<Transports, 'send'>;
  readonly timers: Timers;
  readonly timing: Timing;
  /** Sends a request in a transaction of its own that nobody listens to: a CANCEL. */
  dispatch(request: SipRequest, destination: Destination): void;
  /** The transaction is over: no message finds it from now on. */
  ended(): void;
}

const isReliable = (destination: Destination): boolean =>
  'flow' in destination ? destination.flow.reliable : destination.transport !== 'udp';

export abstract class ClientTransaction<
  State extends string = string,
  Event extends string = string,
  Action extends string = string,
> extends Machine<State | 'terminated', Event, Action, SipResponse> {
  protected readonly parts: ClientParts;
  /** A CANCEL was asked for, sent or not. */
  cancelRequested = false;
  protected cancelReason: string | undefined;
  #flow: Flow | undefined;
  #watch: Disposable | undefined;
  #error: unknown;
  #over = false;

  constructor(table: Table<State | 'terminated', Event, Action>, initial: State, parts: ClientParts) {
    super(table, initial, parts.timers);
    this.parts = parts;
  }

  get request(): SipRequest {
    return this.parts.request;
  }

  /** The flow that the request was sent on, once it was. */
  get flow(): Flow | undefined {
    return this.#flow;
  }

  /** Where further messages of this transaction go: "the same address, port, and transport to which the original request was sent". */
  get destination(): Destination {
    return this.#flow?.open === true ? { flow: this.#flow } : this.parts.destination;
  }

  /** No final response has come yet. */
  abstract readonly pending: boolean;

  abstract start(): void;

  /** A response that matches this transaction (section 17.1.3). */
  abstract receive(response: SipResponse): void;

  /**
   * Has the request cancelled, now or when its first provisional response comes (section 9.1).
   * @param reason value of the Reason field (RFC 3326)
   * @returns false when there is nothing to cancel: it is no INVITE, has been answered, or was cancelled before
   */
  cancel(reason?: string): boolean {
    void reason;
    return false;
  }

  protected abstract failed(): void;

  protected get reliable(): boolean {
    return this.#flow?.reliable ?? isReliable(this.parts.destination);
  }

  protected send(request: SipRequest): void {
    let sent: Promise<Flow> | Flow;
    try {
      sent = this.parts.transports.send(request, this.destination);
    } catch (error) {
      return this.#failed(error);
    }
    if (!(sent instanceof Promise)) return this.#sent(sent);
    sent.then(
      (flow) => this.#sent(flow),
      (error: unknown) => this.#failed(error),
    );
  }

  #sent(flow: Flow): void {
    if (this.#flow === flow || this.#over) return;
    this.#flow = flow;
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
    if (!flow.reliable) return;
    // A request that was too long for a datagram went by a connection: there is nothing to repeat.
    this.stopRepeating();
    this.#watch = flow.watch(() => this.#failed(new Error('the connection was closed')));
  }

  #failed(error: unknown): void {
    this.#error = error;
    this.failed();
  }

  protected tell(response: SipResponse): void {
    this.parts.handler.onResponse(response);
  }

  protected tellTimeout(): void {
    this.parts.handler.onTimeout();
  }

  protected tellError(): void {
    this.parts.handler.onTransportError(this.#error);
  }

  protected override input(event: Event, response?: SipResponse): void {
    super.input(event, response);
    this.#check();
  }

  /** "The client transaction MUST be destroyed the instant it enters the 'Terminated' state." */
  #check(): void {
    if (this.state !== 'terminated' || this.#over) return;
    this.#over = true;
    this.stopTimers();
    this.#watch?.[Symbol.dispose]();
    this.parts.ended();
    this.parts.handler.onTerminated?.();
  }
}
