import type { Jid } from '#src/address/jid.ts';
import type { Session } from './session.ts';

const NONE: readonly Session[] = Object.freeze([]);

/**
 * Who is online: the sessions of each account, by bare JID. An account has a few sessions at most, so a full JID is found by
 * walking them: one map, one string key, no object per resource.
 */
export class Registry {
  readonly #accounts = new Map<string, readonly Session[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get accounts(): number {
    return this.#accounts.size;
  }

  /** Adds a session. Its full JID must be free: see `find` and the conflict policy of the front end (RFC 6120 section 7.7.2.2). */
  add(session: Session): void {
    const sessions = this.#accounts.get(session.jid.bare);
    if (sessions?.some((other) => other.jid.resource === session.jid.resource)) {
      throw new Error(`a session holds ${session.jid.full} already`);
    }
    this.#accounts.set(session.jid.bare, sessions === undefined ? [session] : [...sessions, session]);
    this.#size += 1;
  }

  /** Takes a session out; false when it was not in (it was replaced, or never bound). */
  remove(session: Session): boolean {
    const sessions = this.#accounts.get(session.jid.bare);
    if (!sessions?.includes(session)) return false;
    if (sessions.length === 1) this.#accounts.delete(session.jid.bare);
    else
      this.#accounts.set(
        session.jid.bare,
        sessions.filter((other) => other !== session),
      );
    this.#size -= 1;
    return true;
  }

  /** Puts `next` in the place of `session` under the same full JID, as a resumed stream does. */
  replace(session: Session, next: Session): void {
    if (session.jid.full !== next.jid.full) throw new Error('a session is replaced only under its own address');
    const sessions = this.of(session.jid.bare);
    this.#accounts.set(
      session.jid.bare,
      sessions.map((other) => (other === session ? next : other)),
    );
  }

  /** All sessions of an account, oldest first. */
  of(bare: string): readonly Session[] {
    return this.#accounts.get(bare) ?? NONE;
  }

  find(jid: Jid): Session | undefined {
    const sessions = this.#accounts.get(jid.bare);
    if (sessions === undefined) return undefined;
    for (const session of sessions) if (session.jid.resource === jid.resource) return session;
    return undefined;
  }

  *[Symbol.iterator](): IterableIterator<Session> {
    for (const sessions of this.#accounts.values()) yield* sessions;
  }
}
