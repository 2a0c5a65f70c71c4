/** RFC 3261 section 8.1.1.7: branches of our own, which nobody can guess, so that nobody off the path can answer in another's place. */
import { Buffer } from 'node:buffer';
import { randomFillSync } from 'node:crypto';
import { MAGIC_COOKIE } from '#protocols/sip/message/via.ts';

const BYTES = 10;

export class Branches {
  readonly #pool = Buffer.alloc(BYTES * 256);
  #used = this.#pool.length;

  /** "MUST be unique across space and time": 80 random bits behind the magic cookie. */
  next(): string {
    if (this.#used === this.#pool.length) {
      randomFillSync(this.#pool);
      this.#used = 0;
    }
    const from = this.#used;
    this.#used += BYTES;
    return MAGIC_COOKIE + this.#pool.toString('hex', from, this.#used);
  }
}
