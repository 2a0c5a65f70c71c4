import type { Session } from '#src/session/session.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import type { Entry } from './management-queue.ts';

/** Is an entry a message, or the carbon of it? */
export function holds({ stanza: { content }, stanza }: Entry, message: Stanza, direct: boolean): boolean {
  return direct ? stanza === message : content.indexOf('<received ') === 0 && content.includes(message.content);
}

/** A carbon that the server made for this session: XEP-0280 section 7. */
export function isCarbon(stanza: Stanza, { jid }: Session): boolean {
  if (stanza.from?.full !== jid.bare) return false;
  return (
    stanza.child('received', 'urn:xmpp:carbons:2') !== undefined ||
    stanza.child('sent', 'urn:xmpp:carbons:2') !== undefined
  );
}
