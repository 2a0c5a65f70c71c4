import { Buffer } from 'node:buffer';
import { hash, timingSafeEqual } from 'node:crypto';

/** Milliseconds that a nonce is good for. */
const LIFETIME = 5 * 60_000;
/** Nonces whose counts are remembered. */
const REMEMBERED = 100_000;
const TIME_BYTES = 6;
const SERIAL_BYTES = 6;
const HEAD_BYTES = TIME_BYTES + SERIAL_BYTES;
const MAC_BYTES = 16;
const TEXT_LENGTH = Math.ceil(((HEAD_BYTES + MAC_BYTES) * 4) / 3);
/** Counts below the highest one that may still come, since datagrams overtake each other. */
const WINDOW = 32;

export type NonceState = 'good' | 'stale' | 'forged';

/** The counts of one nonce: the highest, and which of those below it came (bit n: highest − n). */
interface Counts {
  readonly issued: number;
  highest: number;
  seen: number;
}

/**
 * Nonces of digest authentication (RFC 7616 section 3.3): base64url(time | serial number | MAC of realm and origin). Nothing is stored of a nonce until
 * it was used well; then its counts are, so that no request can be played back (section 5.4).
 */
export class Nonces {
  readonly #secret: Buffer;
  readonly #now: () => number;
  readonly #used = new Map<string, Counts>();
  #serial = 0;
  /** Of nonces up to this time the counts are forgotten: they are stale. Those of an earlier process are. */
  #forgotten: number;

  /** @param now milliseconds since 1970 */
  constructor(secret: Buffer, now: () => number = Date.now) {
    this.#secret = secret;
    this.#now = now;
    this.#forgotten = now() - 1;
  }

  /** Nonces in use. */
  get size(): number {
    return this.#used.size;
  }

  /** @param origin whom it is for: nobody else can make failures count against that origin */
  issue(realm: string, origin: string): string {
    const head = Buffer.allocUnsafe(HEAD_BYTES);
    head.writeUIntBE(this.#now(), 0, TIME_BYTES);
    this.#serial += 1;
    head.writeUIntBE(this.#serial, TIME_BYTES, SERIAL_BYTES);
    return Buffer.concat([head, this.#mac(head, realm, origin)]).toString('base64url');
  }

  state(nonce: string, realm: string, origin: string): NonceState {
    if (nonce.length !== TEXT_LENGTH) return 'forged';
    const bytes = Buffer.from(nonce, 'base64url');
    if (bytes.length !== HEAD_BYTES + MAC_BYTES) return 'forged';
    const head = bytes.subarray(0, HEAD_BYTES);
    if (!timingSafeEqual(bytes.subarray(HEAD_BYTES), this.#mac(head, realm, origin))) return 'forged';
    const issued = head.readUIntBE(0, TIME_BYTES);
    if (issued + LIFETIME < this.#now()) return 'stale';
    return issued <= this.#forgotten && !this.#used.has(nonce) ? 'stale' : 'good';
  }

  /** Counts a use of a good nonce. False when that count came before, or too long ago to tell. */
  use(nonce: string, count: number): boolean {
    const counts = this.#used.get(nonce);
    if (counts === undefined) {
      this.#remember(nonce, count);
      return true;
    }
    const above = count - counts.highest;
    if (above > 0) {
      counts.seen = above >= WINDOW ? 1 : ((counts.seen << above) | 1) >>> 0;
      counts.highest = count;
      return true;
    }
    const bit = (1 << -above) >>> 0;
    if (-above >= WINDOW || (counts.seen & bit) !== 0) return false;
    counts.seen = (counts.seen | bit) >>> 0;
    return true;
  }

  #remember(nonce: string, count: number): void {
    const issued = Buffer.from(nonce, 'base64url').readUIntBE(0, TIME_BYTES);
    this.#used.set(nonce, { issued, highest: count, seen: 1 });
    const old = this.#now() - LIFETIME;
    for (const [oldest, counts] of this.#used) {
      if (counts.issued >= old && this.#used.size <= REMEMBERED) return;
      this.#used.delete(oldest);
      this.#forgotten = Math.max(this.#forgotten, counts.issued);
    }
  }

  /**
   * The secret before and behind, and half of the hash told: SHA-256 in one call, which costs a small part of what an HMAC does here,
   * cannot be extended so.
   */
  #mac(head: Buffer, realm: string, origin: string): Buffer {
    const input = Buffer.concat([this.#secret, head, Buffer.from(`${realm}\0${origin}`), this.#secret]);
    return hash('sha256', input, 'buffer').subarray(0, MAC_BYTES);
  }
}
