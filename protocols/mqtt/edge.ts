import type { Stanza } from '#src/stanza/stanza.ts';
import type { Session } from './session.ts';

/** How stanzas look to MQTT clients: brought by a bridge. Without one, clients get none. */
export interface StanzaEdge {
  /**
   * Gives a stanza to a client as a message, by the subscriptions that its session has.
   * @returns false when it listens to no such messages, or has no room
   */
  deliver(session: Session, stanza: Stanza): boolean;
  /** Whether a session takes the messages of its account. */
  listens(session: Session): boolean;
}
