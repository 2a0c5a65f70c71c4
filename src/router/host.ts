import type { Jid } from '#src/address/jid.ts';
import { Hooks } from '#src/hooks/hooks.ts';
import type { Registry } from '#src/session/registry.ts';
import type { Session } from '#src/session/session.ts';
import { Deliverer } from './deliver.ts';
import './events.ts';
import { Features } from './features.ts';
import { IqTable } from './iq.ts';
import type { Outcome } from './outcome.ts';
import { Requests } from './requests.ts';
import type { Router, Target } from './router.ts';
import { Stanza } from '#src/stanza/stanza.ts';

/** What delivery asks of the accounts: is there such a one? */
export interface AccountDirectory {
  exists(host: string, local: string): boolean;
}

/** One virtual host: its address, its hooks, the requests it answers, the features it announces. */
export class Host implements Target {
  readonly jid: Jid;
  readonly domain: string;
  readonly hooks = new Hooks();
  readonly iq = new IqTable();
  readonly features = new Features();
  /** What it asked of others. */
  readonly requests = new Requests();
  readonly #router: Router;
  readonly #registry: Registry;
  readonly #deliverer: Deliverer;

  constructor(jid: Jid, router: Router, registry: Registry, accounts: AccountDirectory) {
    this.jid = jid;
    this.domain = jid.domain;
    this.#router = router;
    this.#registry = registry;
    this.#deliverer = new Deliverer(this, router, registry, accounts);
  }

  /** A session joins: from now on the router finds it. Its full JID must be free. */
  bind(session: Session): void {
    this.#registry.add(session);
    this.hooks.notice('session/bound').tell(session);
  }

  /** A session leaves for good. False when it had left already. */
  unbind(session: Session): boolean {
    if (!this.#registry.remove(session)) return false;
    this.hooks.notice('session/ended').tell(session);
    return true;
  }

  /** Sends an iq request from the host's own address. `answered` gets the result or the error, or nothing when none comes. */
  ask(to: Jid, payload: string, answered: (answer: Stanza) => void): void {
    const id = this.requests.open(to, answered);
    const request = Stanza.make('iq', { from: this.jid, to, id, type: 'get' }, payload);
    const outcome = this.#router.route(request);
    if (outcome.kind === 'refused') this.requests.settle(request.error(outcome.refusal));
  }

  deliver(stanza: Stanza): Outcome {
    return this.#deliverer.deliver(stanza);
  }
}
