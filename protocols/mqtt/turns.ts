/** Who is not read on until the next turn of the event loop. */
export interface Resting {
  turnEnded(): void;
}

/** What one client may cost in a turn: a message costs one, and one for each KB. */
export const SHARE = 256;

/**
 * Gives each client its share of a turn of the event loop: one that floods is read on in the next turn, after all the others, so that
 * nobody waits for its whole flood.
 */
export class Turns {
  readonly #end = (): void => this.#ended();
  #resting: Resting[] = [];
  /** Tells turns apart. */
  now = 0;
  /** Shares that were used up since the start. */
  rests = 0;
  #begun = false;

  /** Something was read: a turn goes on until the event loop has gone round. */
  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    setImmediate(this.#end);
  }

  rest(who: Resting): void {
    this.#resting.push(who);
    this.rests += 1;
    this.begin();
  }

  #ended(): void {
    const resting = this.#resting;
    this.#resting = [];
    this.#begun = false;
    this.now += 1;
    for (const who of resting) who.turnEnded();
  }
}
