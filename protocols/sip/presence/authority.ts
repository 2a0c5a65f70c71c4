import type { Jid } from '#src/address/jid.ts';
import type { Blocking } from '#src/im/blocking.ts';
import type { Rosters } from '#src/im/roster.ts';
import { asks, awaitsApproval, sharesPresence } from '#src/im/subscription.ts';
import type { Subscriptions } from '#src/im/subscriptions.ts';
import type { Router } from '#src/router/router.ts';
import type { Registry } from '#src/session/registry.ts';
import { Stanza } from '#src/stanza/stanza.ts';

/** What a watcher may see of somebody: all, nothing yet, nothing at all. */
export type Standing = 'active' | 'pending' | 'rejected';

export interface AuthorityParts {
  readonly blocking: Blocking;
  readonly registry: Registry;
  readonly roster: Rosters;
  readonly router: Router;
  readonly subscriptions: Subscriptions;
}

/** Who may see whose presence. The rosters say it, for phones as for everybody. */
export class Authority {
  readonly #parts: AuthorityParts;

  constructor(parts: AuthorityParts) {
    this.#parts = parts;
  }

  /** RFC 8048 section 5: a subscription of phones follows the one of the rosters. */
  standing(watcher: Jid, presentity: Jid): Standing {
    const { roster } = this.#parts;
    if (watcher.bare === presentity.bare) return 'active';
    const theirs = roster.state(presentity, watcher);
    if (sharesPresence(theirs)) return 'active';
    const waits = awaitsApproval(theirs) || asks(roster.state(watcher, presentity));
    return waits ? 'pending' : 'rejected';
  }

  /** Asks the owner, as any other device of the watcher would: a subscription request between accounts. */
  ask(watcher: Jid, presentity: Jid): void {
    const { router, subscriptions } = this.#parts;
    const request = Stanza.make('presence', { from: watcher.asBare(), to: presentity.asBare(), type: 'subscribe' });
    if (router.host(watcher.domain) === undefined) router.route(request);
    else subscriptions.send({ jid: watcher }, request, 'subscribe');
  }

  blocked(watcher: Jid, presentity: Jid): boolean {
    const { blocking } = this.#parts;
    return watcher.bare !== presentity.bare && blocking.blocks(presentity.asBare(), watcher);
  }

  /** The available presence of an account's devices, or of one device, as far as the watcher sees it. */
  shown(watcher: Jid, presentity: Jid): readonly Stanza[] {
    if (this.#withheld(watcher, presentity)) return [];
    return this.#parts.registry.of(presentity.bare).flatMap(({ jid, presence }) => {
      const meant = presentity.resource === '' || presentity.resource === jid.resource;
      return meant && presence !== undefined ? [presence] : [];
    });
  }

  #withheld(watcher: Jid, presentity: Jid): boolean {
    if (watcher.bare === presentity.bare) return false;
    const withheld = this.#parts.router.host(presentity.domain)?.hooks.decision('presence/withheld');
    return withheld?.ask({ account: presentity.asBare(), contact: watcher }) === true;
  }
}
