import { randomBytes } from 'node:crypto';
import type { Jid } from '#src/address/jid.ts';
import type { Stanza } from '#src/stanza/stanza.ts';

interface Pending {
  readonly to: string;
  readonly answered: (answer: Stanza) => void;
}

/** Requests that nobody answers must not pile up. */
const PENDING = 10_000;

/** The iq requests that a host makes itself, until their answers come (RFC 6120 section 8.2.3). */
export class Requests {
  /** By id, oldest first. */
  readonly #pending = new Map<string, Pending>();

  get size(): number {
    return this.#pending.size;
  }

  /** A new request's id, unguessable: an answer counts only when it comes from the one that was asked. */
  open(to: Jid, answered: (answer: Stanza) => void): string {
    const id = randomBytes(12).toString('base64url');
    this.#pending.set(id, { to: to.full, answered });
    if (this.#pending.size > PENDING)
      for (const oldest of this.#pending.keys()) return (this.#pending.delete(oldest), id);
    return id;
  }

  /** An answer to the host. False when nobody waits for it. */
  settle(answer: Stanza): boolean {
    const { from, id } = answer;
    const pending = id === undefined ? undefined : this.#pending.get(id);
    if (id === undefined || pending === undefined || pending.to !== from?.full) return false;
    this.#pending.delete(id);
    pending.answered(answer);
    return true;
  }
}
