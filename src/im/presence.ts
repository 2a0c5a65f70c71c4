import { Jid } from '#src/address/jid.ts';
import type { Host } from '#src/router/host.ts';
import { DELIVERED, DROPPED, type Outcome } from '#src/router/outcome.ts';
import type { Router } from '#src/router/router.ts';
import type { Registry } from '#src/session/registry.ts';
import type { Session } from '#src/session/session.ts';
import { type Refusal, refuse } from '#src/stanza/conditions.ts';
import { escapeText } from '#src/stanza/serialise.ts';
import { Stanza } from '#src/stanza/stanza.ts';
import type { LastActivity } from './last.ts';
import type { Rosters } from './roster.ts';
import { awaitsApproval, isSubscriptionEvent, seesPresence, sharesPresence } from './subscription.ts';
import type { Subscriptions } from './subscriptions.ts';

declare module '#src/hooks/hooks.ts' {
  interface Notices {
    /** A session broadcast available presence; `initial` when it was unavailable before. */
    'presence/available': { readonly session: Session; readonly initial: boolean };
    /** A session became unavailable; `status` is what its user said of it. */
    'presence/unavailable': { readonly session: Session; readonly status: string };
  }
  interface Decisions {
    /** Is presence kept from a contact that has a subscription? */
    'presence/withheld': { readonly input: { readonly account: Jid; readonly contact: Jid }; readonly answer: true };
  }
  interface Transforms {
    /** A session's broadcast presence before it goes out (avatar hashes and the like). */
    'presence/broadcast': { readonly input: Session; readonly value: Stanza };
  }
}

declare module '#src/plugin/contracts.ts' {
  interface Services {
    readonly presence: Presence;
  }
}

/** A bound on the entities that one session keeps directed presence with. */
const DIRECTED = 1000;

/** Presence of all accounts: RFC 6121 section 4. */
export class Presence {
  readonly #router: Router;
  readonly #registry: Registry;
  readonly #rosters: Rosters;
  readonly #subscriptions: Subscriptions;
  readonly #last: LastActivity;

  constructor(router: Router, registry: Registry, rosters: Rosters, subscriptions: Subscriptions, last: LastActivity) {
    this.#router = router;
    this.#registry = registry;
    this.#rosters = rosters;
    this.#subscriptions = subscriptions;
    this.#last = last;
  }

  /** Takes part in the life of a host's accounts. */
  serve(host: Host): readonly Disposable[] {
    return [
      host.hooks.decision('presence/account').add('main', (stanza) => this.receive(stanza)),
      host.hooks.decision('iq/directed').add('main', (stanza) => this.#judgeIq(stanza)),
      host.hooks.notice('session/ended').add('before', (session) => this.ended(session)),
    ];
  }

  /** Any presence stanza that a session sends. Refusals are answered to the session itself. */
  send(session: Session, stanza: Stanza): void {
    const refusal = this.#send(session, stanza);
    if (refusal !== undefined && stanza.type !== 'error') session.deliver(stanza.error(refusal));
  }

  #send(session: Session, stanza: Stanza): Refusal | undefined {
    const { to, type } = stanza;
    if (isSubscriptionEvent(type)) {
      const judged = this.#router.host(session.jid.domain)?.hooks.decision('stanza/outbound').ask({ session, stanza });
      if (judged !== undefined) return judged.kind === 'refused' ? judged.refusal : undefined;
      return this.#subscriptions.send(session, stanza, type);
    }
    if (type === 'probe' || type === 'error') {
      // Section 4.3: probes are a server's; one from a client is judged like any other.
      if (to !== undefined) this.#submit(session, stanza);
      return undefined;
    }
    // Section 4.7.1: no other types than these.
    if (type !== undefined && type !== 'unavailable') return refuse('bad-request', 'no such type of presence');
    if (to !== undefined && to.full !== session.jid.bare) return this.#direct(session, stanza, to);
    return type === undefined ? this.#available(session, stanza) : this.#unavailable(session, stanza);
  }

  /** Sections 4.2.2 and 4.4.2. */
  #available(session: Session, stanza: Stanza): Refusal | undefined {
    const priority = priorityOf(stanza);
    if (priority === undefined) return refuse('bad-request', 'priority is an integer from -128 to 127');
    const host = this.#router.host(session.jid.domain);
    const initial = session.presence === undefined;
    const unaddressed = stanza.to === undefined ? stanza : stanza.addressed(undefined, session.jid);
    const presence = host?.hooks.transformation('presence/broadcast').apply(unaddressed, session) ?? unaddressed;
    session.presence = presence;
    session.priority = priority;
    this.#broadcast(session, presence);
    if (initial) this.#greet(session);
    host?.hooks.notice('presence/available').tell({ session, initial });
    return undefined;
  }

  /** Sections 4.5.2 and 4.6.3: contacts, own resources, and whoever was sent directed presence. */
  #unavailable(session: Session, stanza: Stanza): undefined {
    const wasAvailable = session.presence !== undefined;
    const { directed } = session;
    session.directed = undefined;
    session.presence = undefined;
    session.priority = 0;
    if (wasAvailable) {
      this.#broadcast(session, stanza);
      session.deliver(stanza.addressed(session.jid.asBare(), session.jid));
      const status = stanza.child('status')?.getText() ?? '';
      this.#router.host(session.jid.domain)?.hooks.notice('presence/unavailable').tell({ session, status });
    }
    for (const address of directed ?? []) {
      const to = Jid.parse(address);
      if (to === undefined || (wasAvailable && sharesPresence(this.#rosters.state(session.jid, to)))) continue;
      this.#router.route(stanza.addressed(to, session.jid));
    }
    return undefined;
  }

  /** To every contact with a subscription, and to the account's own available resources. */
  #broadcast(session: Session, presence: Stanza): void {
    const { jid } = session;
    const withheld = this.#router.host(jid.domain)?.hooks.decision('presence/withheld');
    for (const contact of this.#rosters.contacts(jid, sharesPresence)) {
      const to = Jid.parse(contact);
      if (to === undefined || withheld?.ask({ account: jid, contact: to }) === true) continue;
      this.#router.route(presence.addressed(to, jid));
    }
    const own = presence.addressed(jid.asBare(), jid);
    for (const other of this.#registry.of(jid.bare)) if (other.presence !== undefined) other.deliver(own);
  }

  /** Tells an available session anew what presence there is: it may have missed some. Nobody else hears of it. */
  refresh(session: Session): void {
    if (session.presence !== undefined) this.#greet(session);
  }

  /** What a session that just became available is told: who else is there, and who asks for a subscription. */
  #greet(session: Session): void {
    const account = session.jid.asBare();
    for (const { jid, presence } of this.#registry.of(account.bare)) {
      if (presence !== undefined && jid !== session.jid) session.deliver(presence.addressed(session.jid, jid));
    }
    for (const request of this.#subscriptions.pending(account)) session.deliver(request);
    for (const contact of this.#rosters.contacts(account, seesPresence)) {
      const to = Jid.parse(contact);
      if (to === undefined) continue;
      // Section 4.3.1: from the bare JID. Within this server from the full one, so that only the new resource is answered.
      const from = this.#router.host(to.domain) === undefined ? account : session.jid;
      this.#router.route(Stanza.make('presence', { from, to, type: 'probe' }));
    }
  }

  /** Directed presence (section 4.6). */
  #direct(session: Session, stanza: Stanza, to: Jid): Refusal | undefined {
    const directed = (session.directed ??= new Set());
    if (stanza.type === 'unavailable') directed.delete(to.full);
    else if (directed.size < DIRECTED) directed.add(to.full);
    else if (!directed.has(to.full)) return refuse('resource-constraint', 'too many entities share directed presence');
    this.#submit(session, stanza);
    return undefined;
  }

  #submit(session: Session, stanza: Stanza): void {
    const host = this.#router.host(session.jid.domain);
    if (host !== undefined) this.#router.submit(host, session, stanza);
  }

  /** Subscription stanzas and probes for an account of ours. */
  receive(stanza: Stanza): Outcome {
    const { type } = stanza;
    if (isSubscriptionEvent(type)) return this.#subscriptions.receive(stanza, type);
    return type === 'probe' ? this.#probed(stanza) : DROPPED;
  }

  /** Section 4.3.2. */
  #probed(probe: Stanza): Outcome {
    const { from, id, to } = probe;
    if (from === undefined || to === undefined) return DROPPED;
    const account = to.asBare();
    const sessions = this.#registry.of(account.bare);
    const state = this.#rosters.state(account, from);
    if (!sharesPresence(state) && from.bare !== account.bare) {
      const session = sessions.find(({ directed, jid }) => jid.full === to.full && knows(directed, from));
      // Section 4.6.6: directed presence authorises a probe of that one resource, answered without details.
      if (session !== undefined) return this.#router.route(Stanza.make('presence', { from: session.jid, to: from }));
      // Rule 1; a request that still waits for its answer is not denied by the way.
      if (awaitsApproval(state)) return DROPPED;
      return this.#router.route(Stanza.make('presence', { from: account, to: from, id, type: 'unsubscribed' }));
    }
    const asked = to.isBare ? sessions : sessions.filter(({ jid }) => jid.full === to.full);
    let answered = 0;
    for (const { jid, presence } of asked) {
      if (presence === undefined) continue;
      // To a probe of one resource: the fact, without details.
      this.#router.route(to.isBare ? presence.addressed(from, jid) : Stanza.make('presence', { from: jid, to: from }));
      answered += 1;
    }
    if (answered === 0 && to.isBare) this.#router.route(this.#absent(account, from, id));
    return DELIVERED;
  }

  /** Rule 3: when the account was last seen, and what it said then (XEP-0203, XEP-0012). */
  #absent(account: Jid, to: Jid, id: string | undefined): Stanza {
    const last = this.#last.of(account);
    const status = last === undefined || last.status === '' ? '' : `<status>${escapeText(last.status)}</status>`;
    const stamp =
      last === undefined ? '' : `<delay xmlns='urn:xmpp:delay' stamp='${new Date(last.at).toISOString()}'/>`;
    return Stanza.make('presence', { from: account, to, id, type: 'unavailable' }, status, stamp);
  }

  /** RFC 6121 section 8.5.3.1: a request to a resource reveals its presence, so the asker must share it. */
  #judgeIq(stanza: Stanza): Refusal | undefined {
    const { from, to } = stanza;
    if (from === undefined || to === undefined || from.local === '' || from.bare === to.bare) return undefined;
    if (sharesPresence(this.#rosters.state(to, from))) return undefined;
    if (knows(this.#registry.find(to)?.directed, from)) return undefined;
    return refuse('service-unavailable');
  }

  /** Makes an account's presence disappear for those an address covers: contacts, and whoever was sent directed presence. */
  withdraw(account: Jid, address: Jid): void {
    for (const session of this.#registry.of(account.bare)) {
      const gone = Stanza.make('presence', { from: session.jid, type: 'unavailable' });
      const directed = [...(session.directed ?? [])].flatMap((text) => Jid.parse(text) ?? []);
      const told = directed.filter((to) => covers(address, to));
      for (const to of told) session.directed?.delete(to.full);
      if (session.presence !== undefined) told.push(...this.#subscribers(account, address));
      for (const to of new Map(told.map((one) => [one.full, one])).values())
        this.#router.route(gone.addressed(to, session.jid));
    }
  }

  /** Shows it again to those contacts who may see it (XEP-0191 section 3.4). */
  restore(account: Jid, address: Jid): void {
    const withheld = this.#router.host(account.domain)?.hooks.decision('presence/withheld');
    const seers = this.#subscribers(account, address).filter((contact) => withheld?.ask({ account, contact }) !== true);
    for (const { jid, presence } of this.#registry.of(account.bare)) {
      if (presence !== undefined) for (const to of seers) this.#router.route(presence.addressed(to, jid));
    }
  }

  /** The contacts with a subscription that an address covers; of one resource only where the address names it. */
  #subscribers(account: Jid, address: Jid): readonly Jid[] {
    const seers = this.#rosters.contacts(account, sharesPresence).flatMap((jid) => Jid.parse(jid) ?? []);
    const covered = seers.filter((seer) => covers(address.asBare(), seer));
    return address.isBare ? covered : covered.flatMap((seer) => seer.withResource(address.resource) ?? []);
  }

  /** A session that left without a word (section 4.5.2: its server says it in its place). */
  ended(session: Session): void {
    if (session.presence === undefined && session.directed === undefined) return;
    this.#unavailable(session, Stanza.make('presence', { from: session.jid, type: 'unavailable' }));
  }
}

/** XEP-0191 section 6: an address without resource covers all resources, one without localpart all accounts of its domain. */
function covers(address: Jid, jid: Jid): boolean {
  if (address.resource !== '' && address.resource !== jid.resource) return false;
  return address.local === '' ? address.domain === jid.domain : address.bare === jid.bare;
}

function knows(directed: ReadonlySet<string> | undefined, jid: Jid): boolean {
  return directed !== undefined && (directed.has(jid.full) || directed.has(jid.bare));
}

/** Section 4.7.2.3: absent is 0; anything but an integer in range is undefined. */
export function priorityOf(stanza: Stanza): number | undefined {
  const text = stanza.child('priority')?.getText().trim();
  if (text === undefined) return 0;
  if (!/^[+-]?\d{1,3}$/.test(text)) return undefined;
  const priority = Number(text);
  return priority >= -128 && priority <= 127 ? priority : undefined;
}
