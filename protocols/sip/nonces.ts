import { Buffer } from 'node:buffer';
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Milliseconds that a nonce is good for. */
const LIFETIME = 5 * 60_000;
/** Of the latest nonces, how many have their counts remembered: those before them are stale. A power of two; 16 bytes each. */
const REMEMBERED = 1 << 18;
/** The very latest ones, mostly of clients whose answer is on its way: they are recognised without their MAC. A power of two. */
const RECENT = 1 << 10;
/** Characters of the MAC: 132 bits, which is about half of the hash. */
const MAC_LENGTH = 22;
/** Digits of a serial number in base 36: more than can be given out. */
const MAX_SERIAL = 11;
/** Counts below the highest one that may still come, since datagrams overtake each other. */
const WINDOW = 32;

export type NonceState = 'good' | 'stale' | 'forged';

interface Issued {
  readonly nonce: string;
  readonly realm: string;
  readonly origin: string;
}

/**
 * Nonces of digest authentication (RFC 7616 section 3.3): a serial number and the MAC of it, the realm and the origin. What is to be known of a
 * nonce stands at its number in a ring of fixed size: when it was issued, and which counts came, so that no request can be played back
 * (section 5.4). The secret is this process's own: nonces of an earlier one, whose counts are lost, are not taken.
 */
export class Nonces {
  readonly #secret = randomBytes(24).toString('base64url');
  readonly #now: () => number;
  readonly #issued = new Float64Array(REMEMBERED);
  readonly #highest = new Uint32Array(REMEMBERED);
  /** Which of the counts up to the highest came (bit n: highest − n); 0 for a nonce that was not used. */
  readonly #seen = new Uint32Array(REMEMBERED);
  readonly #recent: Issued[] = [];
  #serial = 0;

  /** @param now milliseconds since 1970 */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** @param origin whom it is for: nobody else can make failures count against that origin */
  issue(realm: string, origin: string): string {
    const serial = (this.#serial += 1);
    const place = serial % REMEMBERED;
    this.#issued[place] = this.#now();
    this.#seen[place] = 0;
    const head = serial.toString(36);
    const nonce = head + this.#mac(head, realm, origin);
    this.#recent[serial % RECENT] = { nonce, realm, origin };
    return nonce;
  }

  state(nonce: string, realm: string, origin: string): NonceState {
    const length = nonce.length - MAC_LENGTH;
    if (length < 1 || length > MAX_SERIAL) return 'forged';
    const head = nonce.slice(0, length);
    const serial = Number.parseInt(head, 36);
    const recent = this.#recent[serial % RECENT];
    const isRecent = recent?.realm === realm && recent.origin === origin && sameText(nonce, recent.nonce);
    if (!isRecent && !sameText(nonce.slice(length), this.#mac(head, realm, origin))) return 'forged';
    if (serial <= this.#serial - REMEMBERED) return 'stale';
    return (this.#issued[serial % REMEMBERED] ?? 0) + LIFETIME < this.#now() ? 'stale' : 'good';
  }

  /** Counts a use of a good nonce. False when that count came before, or too long ago to tell. */
  use(nonce: string, count: number): boolean {
    const place = Number.parseInt(nonce.slice(0, -MAC_LENGTH), 36) % REMEMBERED;
    const seen = this.#seen[place] ?? 0;
    const above = count - (this.#highest[place] ?? 0);
    if (seen === 0 || above > 0) {
      this.#seen[place] = seen === 0 || above >= WINDOW ? 1 : (seen << above) | 1;
      this.#highest[place] = count;
      return true;
    }
    const bit = (1 << -above) >>> 0;
    if (-above >= WINDOW || (seen & bit) !== 0) return false;
    this.#seen[place] = seen | bit;
    return true;
  }

  /**
   * SHA-256 in one call on one block, the secret in front and half of the hash told: without the other half it cannot be extended. An HMAC costs
   * several times as much.
   */
  #mac(head: string, realm: string, origin: string): string {
    return hash('sha256', `${this.#secret}${head}\0${realm}\0${origin}`, 'base64url').slice(0, MAC_LENGTH);
  }
}

/** By length, to write what is compared into. */
const scratch: (readonly [Buffer, Buffer])[] = [];
const MAX_TEXT = 64;

/** Compares two texts of ASCII, of at most 64 characters, in a time that tells nothing but their length. */
export function sameText(one: string, other: string): boolean {
  const { length } = one;
  if (length !== other.length || length > MAX_TEXT) return false;
  const [left, right] = (scratch[length] ??= [Buffer.alloc(length), Buffer.alloc(length)]);
  left.write(one, 'latin1');
  right.write(other, 'latin1');
  return timingSafeEqual(left, right);
}
