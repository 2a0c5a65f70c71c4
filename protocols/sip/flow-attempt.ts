/** RFC 5626 section 7: a request of our own to a device with several flows goes by the next one when a flow turns out to have failed. */
import type { SipResponse } from './message/message.ts';
import type { ClientHandler } from './transaction/client.ts';

/** RFC 5626 section 11.5: "used by an edge proxy to indicate to the Authoritative Proxy that a specific flow to a UA instance has failed". */
export const FLOW_FAILED = 430;
const TIMEOUT = 408;

/** A request over one flow; what it hears goes to the user, unless another flow takes it. */
export class FlowAttempt implements ClientHandler {
  readonly #user: ClientHandler;
  readonly #next: (status: number) => boolean;
  #replaced = false;

  /** @param next sends it by another flow; false when there is none */
  constructor(user: ClientHandler, next: (status: number) => boolean) {
    this.#user = user;
    this.#next = next;
  }

  /** "A final response from a branch other than a 408 … or a 430": the instance has spoken. */
  onResponse(response: SipResponse): void {
    const { status } = response;
    if ((status !== FLOW_FAILED && status !== TIMEOUT) || !this.#goesOn(status)) this.#user.onResponse(response);
  }

  onTimeout(): void {
    if (!this.#goesOn(TIMEOUT)) this.#user.onTimeout();
  }

  onTransportError(error: unknown): void {
    if (!this.#goesOn(TIMEOUT)) this.#user.onTransportError(error);
  }

  onTerminated(): void {
    if (!this.#replaced) this.#user.onTerminated?.();
  }

  #goesOn(status: number): boolean {
    this.#replaced = this.#replaced || this.#next(status);
    return this.#replaced;
  }
}
