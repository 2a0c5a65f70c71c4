import { delayed } from '#src/im/delay.ts';
import { hintsOf } from '#src/im/hints.ts';
import { refuse } from '#src/stanza/conditions.ts';
import type { ClientSession } from '../links/client-session.ts';
import { isCarbon } from './management-copies.ts';
import type { Entry } from './management-queue.ts';

const GONE = refuse('service-unavailable');

/**
 * What becomes of stanzas that a session, which has left the registry, never acknowledged: XEP-0198 section 4, "in the same way that
 * it would treat a stanza sent to an unavailable resource". That is RFC 6121 section 8.5.3.2; normal messages go the way of chat,
 * as they may have been sent to the account. All in one turn, so in the write group that also takes them out of the session's queue.
 * @returns how many messages went elsewhere
 */
export function reroute(entries: readonly Entry[], session: ClientSession): number {
  let rerouted = 0;
  for (const entry of entries) {
    const { kind } = entry.stanza;
    // Section 8.5.3.2.3; presence is ignored by section 8.5.3.2.2, and pending requests stand in the roster.
    if (kind === 'iq' && entry.stanza.isRequest) session.host.router.route(entry.stanza.error(GONE));
    else if (kind === 'message' && rerouteMessage(entry, session)) rerouted += 1;
  }
  return rerouted;
}

/** Section 8.5.3.2.1. */
function rerouteMessage({ at, copies, stanza }: Entry, session: ClientSession): boolean {
  if (copies === undefined ? isCarbon(stanza, session) : !copies.lost()) return false;
  const message = copies?.message ?? stanza;
  const type = message.messageType;
  if ((type !== 'chat' && type !== 'normal') || hintsOf(message).transient) return false;
  const { jid } = session;
  const late = delayed({ stanza: message, at }, jid.domain, 'Not acknowledged');
  session.host.router.send(late.addressed(jid.asBare(), message.from));
  return true;
}
