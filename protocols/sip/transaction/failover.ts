/** RFC 3263 section 4.3: a request of our own goes to the next place when one of them fails. */
import type { SipResponse } from '#protocols/sip/message/message.ts';
import type { AddressDestination } from '#protocols/sip/transport/destination.ts';
import type { ClientHandler } from './client.ts';

const UNAVAILABLE = 503;

/** Begins a transaction of the same request, with a branch of its own: "the client … constructs a new request … with a different value of the branch ID". */
export type Attempt = (destination: AddressDestination, handler: ClientHandler) => void;

/** One attempt; what it hears goes to the user, unless there is another place to go to. */
class Try implements ClientHandler {
  readonly #begin: Attempt;
  readonly #rest: readonly AddressDestination[];
  readonly #user: ClientHandler;
  #replaced = false;

  constructor(begin: Attempt, rest: readonly AddressDestination[], user: ClientHandler) {
    this.#begin = begin;
    this.#rest = rest;
    this.#user = user;
  }

  onResponse(response: SipResponse): void {
    if (this.#replaced) return;
    if (response.status !== UNAVAILABLE || !this.#next()) this.#user.onResponse(response);
  }

  onTimeout(): void {
    if (!this.#replaced && !this.#next()) this.#user.onTimeout();
  }

  onTransportError(error: unknown): void {
    if (!this.#replaced && !this.#next()) this.#user.onTransportError(error);
  }

  onTerminated(): void {
    if (!this.#replaced) this.#user.onTerminated?.();
  }

  #next(): boolean {
    if (this.#rest.length === 0) return false;
    this.#replaced = true;
    tryEach(this.#begin, this.#rest, this.#user);
    return true;
  }
}

/**
 * Tries places in turn: "a failure … occurs if the transaction layer reports a 503 error response or a transport failure of some sort", or a
 * timeout. The user hears of the last one alone.
 */
export function tryEach(begin: Attempt, places: readonly AddressDestination[], user: ClientHandler): void {
  const [first, ...rest] = places;
  if (first === undefined) return user.onTransportError(new Error('there is no place to send it to'));
  begin(first, rest.length === 0 ? user : new Try(begin, rest, user));
}
