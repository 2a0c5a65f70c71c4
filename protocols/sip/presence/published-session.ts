import type { Jid } from '#src/address/jid.ts';
import { Session, type Origin } from '#src/session/session.ts';
import type { Stanza } from '#src/stanza/stanza.ts';

/** What somebody publishes who is not registered: presence that can be seen, and a device that takes nothing. */
export class PublishedSession extends Session {
  readonly #from: Origin;
  readonly #closed: () => void;

  /** @param closed the core, or an operator, ends it */
  constructor(jid: Jid, from: Origin, closed: () => void) {
    super(jid, 'sip', Date.now());
    this.#from = from;
    this.#closed = closed;
  }

  get origin(): Origin {
    return this.#from;
  }

  /** Presence of others is not lost on somebody who never asked for it; for the rest it is as if nobody was there. */
  deliver(stanza: Stanza): boolean {
    return stanza.kind === 'presence';
  }

  close(): void {
    this.#closed();
  }
}
