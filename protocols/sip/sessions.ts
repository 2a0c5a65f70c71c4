import { createHash } from 'node:crypto';
import { Jid } from '#src/address/jid.ts';
import type { Offline } from '#src/im/offline.ts';
import type { Presence } from '#src/im/presence.ts';
import type { Router } from '#src/router/router.ts';
import type { Registry } from '#src/session/registry.ts';
import { Stanza } from '#src/stanza/stanza.ts';
import { type Binding, deviceOf } from './binding.ts';
import type { StanzaEdge } from './edge.ts';
import type { Outboxes, Sent } from './outbox.ts';
import { atBack, presenceOf, SipSession, type SipSessionHome } from './session.ts';

export interface SessionParts {
  readonly registry: Registry;
  readonly router: Router;
  readonly presence: Presence;
  readonly offline: Offline;
  readonly outboxes: Outboxes;
  edge(): StanzaEdge;
  queue(host: string): number;
  copies(host: string): boolean;
  /** Sends a stanza to a phone. */
  send(session: SipSession, stanza: Stanza, seq: number, told: (sent: Sent) => void): void;
  /** Can a request be sent to the binding now? */
  reachable(binding: Binding): boolean;
  /** Takes the bindings of a session away. */
  unregister(session: SipSession): void;
}

/** Hexadecimal digits of the hash that a resource is made of; more when two devices of an account share them. */
const DIGITS = 8;
const ALL_DIGITS = 64;

/** The phones of all accounts as sessions of the core: they come and go with their bindings. */
export class SipSessions implements SipSessionHome {
  readonly #parts: SessionParts;
  readonly #sessions = new Map<string, SipSession>();
  /** Sessions come back without a word: nobody was told that they were gone. */
  #restoring = false;

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get outboxes(): Outboxes {
    return this.#parts.outboxes;
  }

  get(jid: Jid): SipSession | undefined {
    return this.#sessions.get(jid.full);
  }

  [Symbol.iterator](): IterableIterator<SipSession> {
    return this.#sessions.values();
  }

  /** The resource that a device of an account has: `sip-` and the beginning of a hash. */
  resource(account: Jid, bindings: readonly Binding[], device: string): string {
    const known = bindings.find((binding) => deviceOf(binding) === device);
    if (known !== undefined) return known.resource;
    const hash = createHash('sha256').update(device).digest('hex');
    for (let digits = DIGITS; ; digits += DIGITS) {
      const resource = `sip-${hash.slice(0, digits)}`;
      const jid = account.withResource(resource);
      if (jid === undefined || digits >= ALL_DIGITS) return resource;
      if (this.#parts.registry.find(jid) === undefined && !bindings.some((one) => one.resource === resource))
        return resource;
    }
  }

  /** Bindings of an account changed. */
  changed(account: Jid, before: readonly Binding[], after: readonly Binding[]): void {
    const [only] = after;
    // What happens all day: the one phone of an account registers again.
    if (only !== undefined && after.length === 1 && before.length === 1 && before[0]?.resource === only.resource)
      return this.#stands(account, only.resource, after, before);
    const standing = Map.groupBy(after, ({ resource }) => resource);
    for (const resource of new Set(before.map((binding) => binding.resource))) {
      const jid = account.withResource(resource);
      const session = jid === undefined ? undefined : this.#sessions.get(jid.full);
      if (session !== undefined && !standing.has(resource)) this.#end(session);
    }
    for (const [resource, bindings] of standing) this.#stands(account, resource, bindings, before);
  }

  #stands(account: Jid, resource: string, bindings: readonly Binding[], before: readonly Binding[]): void {
    const session = this.#sessions.get(`${account.bare}/${resource}`);
    if (session === undefined) {
      const jid = account.withResource(resource);
      if (jid !== undefined) this.#begin(jid, bindings);
      return;
    }
    const fresh = bindings.some((binding) => !before.includes(binding));
    session.bindings = bindings;
    if (fresh) this.#awake(session);
  }

  #begin(jid: Jid, bindings: readonly Binding[]): void {
    const host = this.#parts.router.host(jid.domain);
    // A device of another protocol may have chosen the name meanwhile: the phone is called, and has no session.
    if (host === undefined || this.#parts.registry.find(jid) !== undefined) return;
    const session = new SipSession(jid, bindings, this);
    this.#sessions.set(jid.full, session);
    if (this.#restoring) {
      session.presence = presenceOf(session);
      session.priority = -1;
    }
    host.bind(session);
    if (!this.#restoring) this.#awake(session);
  }

  /** The phone has shown that it is there. */
  #awake(session: SipSession): void {
    if (session.presence === undefined && session.published?.type === undefined)
      this.#parts.presence.send(session, presenceOf(session));
    session.resume();
  }

  /** What a phone publishes takes the place of what its registration says; undefined when it publishes nothing any more. */
  shows(session: SipSession, published: Stanza | undefined): void {
    session.published = published === undefined ? undefined : atBack(published);
    this.#parts.presence.send(session, presenceOf(session));
  }

  #end(session: SipSession): void {
    this.#sessions.delete(session.jid.full);
    const waiting = session.end();
    this.#parts.router.host(session.jid.domain)?.unbind(session);
    this.#store(session, waiting);
  }

  /** Brings sessions back as they were: `restore` puts the bindings there. Nothing is sent before `awaken`. */
  async restore(restore: () => Promise<void>): Promise<void> {
    this.#restoring = true;
    this.#parts.outboxes.paused = true;
    await restore();
    this.#restoring = false;
    for await (const key of this.#parts.outboxes.keys()) {
      const [domain = '', local = '', resource = ''] = key;
      const jid = Jid.make(local, domain, resource);
      if (jid === undefined || this.#sessions.has(jid.full)) continue;
      // Its registration expired while the server was down.
      for (const stanza of this.#parts.outboxes.drain(key)) this.#keep(stanza, jid);
    }
  }

  /** The listeners are open: what waits for phones goes its way. */
  awaken(): void {
    this.#parts.outboxes.paused = false;
    for (const session of [...this.#sessions.values()]) {
      if (!session.bindings.some((one) => this.#parts.reachable(one))) this.lost(session);
      else {
        session.resume();
        // What was stored for the account and not handed over yet follows.
        this.eased(session);
      }
    }
  }

  /** The server stops: what waits is for its next run. */
  pause(): void {
    this.#parts.outboxes.paused = true;
  }

  edge(): StanzaEdge {
    return this.#parts.edge();
  }

  queue(host: string): number {
    return this.#parts.queue(host);
  }

  copies(host: string): boolean {
    return this.#parts.copies(host);
  }

  send(session: SipSession, stanza: Stanza, seq: number, told: (sent: Sent) => void): void {
    this.#parts.send(session, stanza, seq, told);
  }

  route(stanza: Stanza): void {
    this.#parts.router.route(stanza);
  }

  /** The phone does not answer, or its connection is gone: it is not available until it registers again. */
  lost(session: SipSession, waiting: readonly Stanza[] = []): void {
    if (session.presence !== undefined) this.#parts.presence.send(session, unavailable(session));
    this.#store(session, waiting);
  }

  eased(session: SipSession): void {
    this.#parts.router.host(session.jid.domain)?.hooks.notice('session/eased').tell(session);
  }

  closed(session: SipSession): void {
    this.#parts.unregister(session);
  }

  /** Messages that a phone did not get are for the account's other devices, or wait. */
  #store(session: SipSession, waiting: readonly Stanza[]): void {
    if (waiting.length === 0) return;
    for (const stanza of waiting) this.#keep(stanza, session.jid);
    for (const other of this.#parts.registry.of(session.jid.bare))
      if (other !== session) this.#parts.offline.flush(other);
  }

  #keep(stanza: Stanza, jid: Jid): void {
    const { from, type } = stanza;
    const outcome = this.#parts.offline.store(stanza.addressed(jid.asBare(), from));
    if (outcome.kind === 'refused' && from !== undefined && type !== 'error') {
      this.#parts.router.route(stanza.error(outcome.refusal));
    }
  }
}

function unavailable({ jid }: SipSession): Stanza {
  return Stanza.make('presence', { from: jid, type: 'unavailable' });
}
