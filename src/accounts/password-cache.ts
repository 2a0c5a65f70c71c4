/** Passwords that were right a moment ago, so that a client that logs in with PLAIN again and again does not cost PBKDF2 each time. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * Keeps an HMAC under a key of this process, bounded, the least recently used goes first. An entry holds for one `stamp` only: a
 * password change changes the stamp, so there is nothing to invalidate. Only right passwords are kept: guessing stays dear.
 */
export class PasswordCache {
  readonly #max: number;
  readonly #key = randomBytes(32);
  readonly #tags = new Map<string, Buffer>();

  /** @param max entries, 0 for no cache. */
  constructor(max: number) {
    this.#max = max;
  }

  has(account: string, stamp: Buffer, password: string): boolean {
    const tag = this.#tags.get(account);
    if (tag === undefined || !timingSafeEqual(tag, this.#tag(account, stamp, password))) return false;
    this.#tags.delete(account);
    this.#tags.set(account, tag);
    return true;
  }

  add(account: string, stamp: Buffer, password: string): void {
    this.#tags.delete(account);
    if (this.#tags.size >= this.#max) {
      const oldest = this.#tags.keys().next();
      if (oldest.done === true) return;
      this.#tags.delete(oldest.value);
    }
    this.#tags.set(account, this.#tag(account, stamp, password));
  }

  delete(account: string): void {
    this.#tags.delete(account);
  }

  #tag(account: string, stamp: Buffer, password: string): Buffer {
    return createHmac('sha256', this.#key).update(account).update('\0').update(stamp).update(password).digest();
  }
}
