import { Jid } from '#src/address/jid.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import { ClientSession } from '../links/client-session.ts';
import type { XmppHost } from '../server.ts';
import type { Management } from './management.ts';
import type { ManagementRows, SessionHead, SessionRow } from './management-store.ts';

/** What of a session's state is in the store: written again when it has changed. */
export class SavedState {
  #head = '';
  #presence: Stanza | undefined = undefined;

  save(rows: ManagementRows, { expires, id, session, terms }: Management): void {
    const { carbons, directed, interested, jid, origin, presence, priority, since, watchesBlocking } = session;
    const head: SessionHead = {
      account: jid.bare,
      resource: jid.resource,
      since,
      origin,
      xmlns: terms.xmlns,
      timeout: terms.timeout,
      expires,
      priority,
      interested,
      carbons,
      watchesBlocking,
      directed: directed === undefined ? [] : [...directed],
    };
    const text = JSON.stringify(head);
    if (text === this.#head && presence === this.#presence) return;
    this.#head = text;
    this.#presence = presence;
    rows.putSession(id, { head, presence });
  }
}

/** The session of a row, as it was, without a stream. Nobody is told of it. @returns undefined when the address is no address */
export function readSession({ head, presence }: SessionRow, host: XmppHost): ClientSession | undefined {
  const jid = Jid.parse(head.account)?.withResource(head.resource);
  if (jid === undefined) return undefined;
  const session = new ClientSession(jid, host, head.origin, head.since);
  session.presence = presence;
  session.priority = head.priority;
  session.interested = head.interested;
  session.carbons = head.carbons;
  session.watchesBlocking = head.watchesBlocking;
  if (head.directed.length > 0) session.directed = new Set(head.directed);
  return session;
}
