import type { Reception } from '#src/router/events.ts';
import type { Host } from '#src/router/host.ts';
import { Copies } from '#src/session/copies.ts';
import type { Registry } from '#src/session/registry.ts';
import { copied } from './carbons.ts';

/** Ties the copies of messages together that sessions of one account keep: see Copies. */
export class JoinedCopies {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  serve(host: Host): readonly Disposable[] {
    // Behind carbons, whose copies are joined too.
    return [host.hooks.notice('message/received').add('after', (reception) => joinCopies(this.#registry, reception))];
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
    const kept = session.keptCopy(stanza, direct);
    if (kept === 'handed over') {
      // Without acknowledgements, to be handed over is all there is.
      if (direct || (copied(stanza) && stanza.child('x', 'http://jabber.org/protocol/muc#user') === undefined))
        (copies ??= new Copies(stanza)).acknowledged();
    } else if (kept !== 'none' && kept.copies === undefined) {
      copies ??= new Copies(stanza);
      kept.copies = copies;
      copies.held();
    }
  }
}
