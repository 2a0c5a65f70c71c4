import type { Stanza } from '#src/stanza/stanza.ts';

/**
 * One message of which several sessions of an account got a copy, as itself or as a carbon. When one of them ends without its peer having
 * acknowledged it, the message goes elsewhere only if no other has it, or still may acknowledge it: nothing lost, nothing twice.
 */
export class Copies {
  readonly message: Stanza;
  #holders = 0;
  #confirmed = false;

  constructor(message: Stanza) {
    this.message = message;
  }

  /** One more session holds it until it is acknowledged. */
  held(): void {
    this.#holders += 1;
  }

  acknowledged(): void {
    this.#confirmed = true;
  }

  /** A session that holds it ends, or gives up. @returns true when it was the last, and nobody has the message */
  lost(): boolean {
    this.#holders -= 1;
    return !this.#confirmed && this.#holders === 0;
  }
}

/** A stanza that a session keeps until its peer has acknowledged it. */
export interface KeptCopy {
  /** What other sessions of the account got of the same message; undefined when there is nothing to know. */
  copies: Copies | undefined;
}
