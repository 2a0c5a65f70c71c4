import { Jid } from '#src/address/jid.ts';
import { type Refusal, refuse } from '#src/stanza/conditions.ts';
import { Stanza } from '#src/stanza/stanza.ts';
import type { Registry } from '#src/session/registry.ts';
import type { Session } from '#src/session/session.ts';
import { DELIVERED, DROPPED, type Outcome } from '#src/router/outcome.ts';
import type { Router } from '#src/router/router.ts';
import type { RosterItem, Rosters } from './roster.ts';
import {
  asks,
  awaitsApproval,
  inbound,
  outbound,
  seesPresence,
  sharesPresence,
  type SubscriptionEvent,
  subscriptionOf,
} from './subscription.ts';

declare module '#src/plugin/contracts.ts' {
  interface Services {
    readonly subscriptions: Subscriptions;
  }
}

/** The largest subscription request that is kept for an absent user (RFC 6121 section 3.1.3, security warning). */
const REQUEST_BYTES = 4096;

/** Subscriptions between accounts: RFC 6121 section 3, by the tables of `subscription.ts`. */
export class Subscriptions {
  readonly #router: Router;
  readonly #registry: Registry;
  readonly #rosters: Rosters;

  constructor(router: Router, registry: Registry, rosters: Rosters) {
    this.#router = router;
    this.#registry = registry;
    this.#rosters = rosters;
  }

  /** A subscription stanza that a session sends, or a device without one (Appendix A.2). */
  send(session: Pick<Session, 'jid'>, stanza: Stanza, event: SubscriptionEvent): Refusal | undefined {
    // Section 3.1.2: between bare JIDs, whatever was written.
    const account = session.jid.asBare();
    const contact = stanza.to?.asBare();
    if (contact === undefined) return refuse('bad-request', 'a subscription stanza needs an address');
    if (contact.bare === account.bare) return refuse('not-allowed', 'an account needs no subscription to itself');
    const item = this.#rosters.item(account, contact);
    const old = item?.state ?? 'none';
    const row = outbound[event][old];
    const next = { ...(item ?? blank(contact.bare)), state: row.next };
    const refusal = this.#record(account, item, settle(next, row.preApproval, event));
    if (refusal !== undefined) return refusal;
    // Section 3.2.2: unavailable while the contact still sees the user. Section 3.1.5: available once it may.
    if (event === 'unsubscribed' && sharesPresence(old)) this.#sendUnavailable(account, contact);
    const outcome = row.route ? this.#router.route(stanza.addressed(contact, account)) : undefined;
    if (event === 'subscribed' && row.route) this.#sendPresence(account, contact);
    // Section 3.1.2: the error of a stanza that cannot be routed is the sender's, not the account's.
    return outcome?.kind === 'refused' ? outcome.refusal : undefined;
  }

  /** A subscription stanza for an account of ours (Appendix A.3). */
  receive(stanza: Stanza, event: SubscriptionEvent): Outcome {
    const { from, to } = stanza;
    if (from === undefined || to === undefined) return DROPPED;
    const account = to.asBare();
    const contact = from.asBare();
    const item = this.#rosters.item(account, contact);
    const old = item?.state ?? 'none';
    const row = inbound[event][old];
    const approved = item?.approved === true ? row.approved : undefined;
    const state = approved ?? row.next;
    const delivers = approved === undefined && row.deliver;
    // Section 3.1.6: an answer comes before the roster push, to interested resources.
    if (delivers && event !== 'subscribe') this.#deliver(account, stanza.addressed(account, contact), false);
    if (state !== old) {
      const next = { ...(item ?? blank(contact.bare)), state };
      const refusal = this.#record(account, item, event === 'subscribe' ? asking(next, stanza) : without(next));
      if (refusal !== undefined) return { kind: 'refused', refusal };
    }
    // Section 3.1.3: a request comes to available resources, once it is sure that it is kept.
    if (delivers && event === 'subscribe') this.#deliver(account, stanza.addressed(account, contact), true);
    const reply = approved === undefined ? row.reply : 'subscribed';
    if (reply !== undefined) this.#answer(account, contact, stanza.id, reply);
    if (approved !== undefined) this.#sendPresence(account, contact);
    if (event === 'unsubscribe' && sharesPresence(old)) this.#sendUnavailable(account, contact);
    return DELIVERED;
  }

  /** The user takes a contact out of the roster: both directions end (section 2.5.2). */
  removed(account: Jid, item: RosterItem): void {
    const contact = Jid.parse(item.jid);
    if (contact === undefined) return;
    const { state } = item;
    if (seesPresence(state) || asks(state)) this.#answer(account, contact, undefined, 'unsubscribe');
    if (sharesPresence(state)) this.#sendUnavailable(account, contact);
    if (sharesPresence(state) || awaitsApproval(state)) this.#answer(account, contact, undefined, 'unsubscribed');
  }

  /** An account is removed: its contacts are told, in both directions. Its roster is still there. */
  end(host: string, local: string): void {
    const account = Jid.make(local, host);
    if (account === undefined) return;
    for (const item of Object.values(this.#rosters.of(account).items)) this.removed(account, item);
  }

  /** Requests that await the user's answer: delivered whenever a resource becomes available (section 3.1.3, rule 4). */
  pending(account: Jid): readonly Stanza[] {
    const { items } = this.#rosters.of(account);
    return Object.values(items).flatMap(({ jid, request, state }) => {
      const from = awaitsApproval(state) ? Jid.parse(jid) : undefined;
      return from === undefined
        ? []
        : [Stanza.make('presence', { from, to: account, type: 'subscribe' }, request ?? '')];
    });
  }

  #record(account: Jid, old: RosterItem | undefined, next: RosterItem): Refusal | undefined {
    if (old !== undefined && same(old, next)) return undefined;
    if (next.state === 'none' && !next.listed) {
      if (old !== undefined) this.#rosters.remove(account, next.jid);
      return undefined;
    }
    return this.#rosters.put(account, next, next.listed && !(old !== undefined && looksSame(old, next)));
  }

  #deliver(account: Jid, stanza: Stanza, toAvailable: boolean): void {
    for (const session of this.#registry.of(account.bare)) {
      if (toAvailable ? session.presence !== undefined : session.interested) session.deliver(stanza);
    }
  }

  #answer(account: Jid, contact: Jid, id: string | undefined, type: SubscriptionEvent): void {
    this.#router.route(Stanza.make('presence', { from: account, to: contact, id, type }));
  }

  #sendPresence(account: Jid, contact: Jid): void {
    for (const { jid, presence } of this.#registry.of(account.bare)) {
      if (presence !== undefined) this.#router.route(presence.addressed(contact, jid));
    }
  }

  #sendUnavailable(account: Jid, contact: Jid): void {
    for (const { jid, presence } of this.#registry.of(account.bare)) {
      if (presence === undefined) continue;
      this.#router.route(Stanza.make('presence', { from: jid, to: contact, type: 'unavailable' }));
    }
  }
}

function blank(jid: string): RosterItem {
  return { jid, groups: [], state: 'none', listed: false };
}

/** The item after the user's own stanza: the user now knows the contact, and has answered where an answer was awaited. */
function settle(item: RosterItem, preApproval: 'grant' | 'cancel' | undefined, event: SubscriptionEvent): RosterItem {
  const { approved, request, ...rest } = item;
  const keepsRequest = awaitsApproval(item.state) && request !== undefined;
  const keepsApproval = preApproval === 'grant' || (approved === true && event !== 'unsubscribed');
  const listed = item.listed || event === 'subscribe' || event === 'subscribed';
  return { ...rest, listed, ...(keepsApproval ? { approved: true } : {}), ...(keepsRequest ? { request } : {}) };
}

/** The item that keeps a contact's request; one too large is kept without its contents. */
function asking(item: RosterItem, stanza: Stanza): RosterItem {
  if (!awaitsApproval(item.state)) return without(item);
  const { length } = stanza.content;
  // Content that leans on declarations of its stream would not stand alone.
  const request = length <= REQUEST_BYTES && stanza.declarations === '' ? stanza.content.toString() : '';
  return request === '' ? item : { ...item, request };
}

function without(item: RosterItem): RosterItem {
  const { request: _, ...rest } = item;
  return awaitsApproval(item.state) ? item : rest;
}

/** Would a client see a difference (section 2.1.2)? That a request waits for an answer is in no roster push (Appendix A.1, state 3). */
function looksSame(one: RosterItem, other: RosterItem): boolean {
  const shown = ({ approved, listed, state }: RosterItem): string =>
    `${subscriptionOf(state)} ${asks(state)} ${approved} ${listed}`;
  return shown(one) === shown(other);
}

function same(one: RosterItem, other: RosterItem): boolean {
  const { approved, listed, request, state } = one;
  return state === other.state && approved === other.approved && listed === other.listed && request === other.request;
}
