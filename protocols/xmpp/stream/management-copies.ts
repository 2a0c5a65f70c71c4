import { copied } from '#src/im/carbons.ts';
import type { Reception } from '#src/router/events.ts';
import type { Registry } from '#src/session/registry.ts';
import type { Session } from '#src/session/session.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import { ClientSession } from '../links/client-session.ts';
import type { Entry } from './management-queue.ts';

/**
 * One message of which several sessions of an account got a copy, as itself or as a carbon. When one of them ends without having
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

  /** A session that holds it ends. @returns true when it was the last, and nobody has the message */
  lost(): boolean {
    this.#holders -= 1;
    return !this.#confirmed && this.#holders === 0;
  }
}

/** Joins the copies of a message that was just delivered. Costs one look at the registry for accounts with a single session. */
export function joinCopies(registry: Registry, { bare, stanza, to }: Reception): void {
  const sessions = registry.of(bare);
  // A message that no session took is in the offline store.
  if (sessions.length < 2 || to.length === 0) return;
  let copies: Copies | undefined;
  for (const session of sessions) {
    const direct = to.includes(session);
    if (!direct && !(session.carbons && session.jid.full !== stanza.from?.full)) continue;
    const { management } = session instanceof ClientSession ? session : { management: undefined };
    if (management === undefined) {
      // Without acknowledgements, to be handed over is all there is.
      if (direct || (copied(stanza) && stanza.child('x', 'http://jabber.org/protocol/muc#user') === undefined))
        (copies ??= new Copies(stanza)).acknowledged();
      continue;
    }
    const entry = management.queue.last;
    if (entry === undefined || entry.copies !== undefined || !holds(entry, stanza, direct)) continue;
    copies ??= new Copies(stanza);
    entry.copies = copies;
    copies.held();
  }
}

function holds({ stanza: { content }, stanza }: Entry, message: Stanza, direct: boolean): boolean {
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
