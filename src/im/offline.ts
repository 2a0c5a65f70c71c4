import type { Jid } from '#src/address/jid.ts';
import type { NoticePoint } from '#src/hooks/hooks.ts';
import type { Submission } from '#src/router/events.ts';
import type { Host } from '#src/router/host.ts';
import { DROPPED, type Outcome, refused, STORED } from '#src/router/outcome.ts';
import type { Registry } from '#src/session/registry.ts';
import type { Session } from '#src/session/session.ts';
import { refuse } from '#src/stanza/conditions.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import type { Journal, JournalEntry, Store } from '#src/store/store.ts';
import { delayed } from './delay.ts';
import { hintsOf } from './hints.ts';
import { type StoredStanza, stanzas } from './stanza-codec.ts';

declare module '#src/plugin/contracts.ts' {
  interface Services {
    readonly offline: Offline;
  }
}

declare module '#src/hooks/hooks.ts' {
  interface Notices {
    /** A stored message was handed over to a session. */
    'message/flushed': Submission;
  }
}

export interface OfflineLimits {
  /** Messages kept for one account. */
  offline_messages(host: string): number;
}

/** Entries read at once. */
const READ = 256;

const FULL = refused(refuse('service-unavailable', 'the offline storage of this account is full'));

/** Messages for accounts without a session that can take them: XEP-0160, delivered in order with the time of their arrival. */
export class Offline {
  readonly #queue: Journal<StoredStanza>;
  readonly #limits: OfflineLimits;
  readonly #registry: Registry;
  readonly #flushed = new Map<string, NoticePoint<Submission>>();
  /** Plain numbers: read by the metrics. */
  readonly counters = { stored: 0, delivered: 0, refused: 0 };

  constructor(store: Store, limits: OfflineLimits, registry: Registry) {
    this.#queue = store.journal('offline', stanzas);
    this.#limits = limits;
    this.#registry = registry;
  }

  serve(host: Host): readonly Disposable[] {
    this.#flushed.set(host.domain, host.hooks.notice('message/flushed'));
    return [
      host.hooks.decision('message/unclaimed').add('after', (message) => this.store(message)),
      host.hooks.decision('message/behind').add('main', (message) => this.#storeBehind(message)),
      host.hooks.notice('session/bound').add('main', (session) => this.#returned(session)),
      // After the greeting of presence, so that a client knows its contacts before it reads their messages.
      host.hooks.notice('presence/available').add('after', ({ session }) => this.flush(session)),
      host.hooks.notice('session/eased').add('main', (session) => this.flush(session)),
      host.hooks.notice('account/removed').add('main', ({ host: domain, local }) => this.#queue.drop([domain, local])),
    ];
  }

  /** Keeps a message, or says why not. Messages that are worth nothing later are dropped in silence (XEP-0160 section 3). */
  store(message: Stanza): Outcome {
    const { to } = message;
    if (to === undefined) return DROPPED;
    if (!worthKeeping(message)) return DROPPED;
    if (this.count(to) >= this.#limits.offline_messages(to.domain)) {
      this.counters.refused += 1;
      return FULL;
    }
    this.#queue.append([to.domain, to.local], { stanza: message, at: Date.now() });
    this.counters.stored += 1;
    return STORED;
  }

  count(account: Jid): number {
    return this.#queue.length([account.domain, account.local]);
  }

  /**
   * Hands everything over to a session that may have it: one with a priority that is not negative (RFC 6121 section 8.5.2.1.1), or one that
   * falls in where there is none.
   */
  flush(session: Session): void {
    session.behind = false;
    if (!this.#mayHave(session)) return;
    const key = [session.jid.domain, session.jid.local];
    if (this.#queue.length(key) === 0) return;
    for (const { seq, value } of this.#some(key)) {
      // What is left stays in its order until the session has taken this much.
      if (session.crowded || !session.deliver(delayed(value, session.jid.domain, 'Offline storage'))) {
        session.behind = true;
        return;
      }
      // In the group that holds the session's own copy, if it keeps one.
      this.#queue.trim(key, seq);
      this.counters.delivered += 1;
      const flushed = this.#flushed.get(session.jid.domain);
      if (flushed?.idle === false) flushed.tell({ session, stanza: value.stanza });
    }
  }

  #mayHave({ fallback, jid, presence, priority }: Session): boolean {
    if (presence === undefined || priority >= 0) return presence !== undefined;
    return (
      fallback && !this.#registry.of(jid.bare).some((other) => other.presence !== undefined && other.priority >= 0)
    );
  }

  /** The entries of a queue that is trimmed meanwhile, read a few at a time. */
  *#some(key: readonly string[]): Generator<JournalEntry<StoredStanza>> {
    for (;;) {
      const entries = this.#queue.read(key, undefined, READ);
      if (entries.length === 0) return;
      yield* entries;
    }
  }

  /** Keeps a message in its place behind others. What is not worth keeping, or finds no room, goes to its session at once. */
  #storeBehind(message: Stanza): Outcome | undefined {
    const { to } = message;
    if (to === undefined || !worthKeeping(message)) return undefined;
    return this.count(to) < this.#limits.offline_messages(to.domain) ? this.store(message) : undefined;
  }

  /** A session that was bound with presence came back after a restart: it goes on where it was. */
  #returned(session: Session): void {
    session.behind = this.#mayHave(session) && this.count(session.jid) > 0;
  }
}

/** Chat states alone (XEP-0085) and what its sender does not want kept even for delivery (XEP-0334 section 4.2) are not worth it. */
function worthKeeping(message: Stanza): boolean {
  const hints = hintsOf(message);
  if (hints.noStore) return false;
  return hints.store || (message.content.length > 0 && !hints.transient);
}
