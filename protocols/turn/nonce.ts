import { Buffer } from 'node:buffer';
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';

/** RFC 8489 section 9.2: what a nonce of this specification begins with. */
const COOKIE = 'obMatJos2';
/** Section 18.1: bit 0 is the most significant. */
const PASSWORD_ALGORITHMS = 0x80;
const USERNAME_ANONYMITY = 0x40;
const COOKIE_LENGTH = COOKIE.length + 4;
const STAMP = 6;
const CODE = 15;

/** Where a request comes from. */
export interface Source {
  readonly transport: string;
  readonly address: string;
  readonly port: number;
}

/**
 * Nonces without a memory: each carries when it was made, and a code over that and over whom it was made for. Two sources never get
 * the same one (RFC 8489 section 9.2.4).
 */
export class Nonces {
  readonly #key: KeyObject;
  readonly #prefix: string;

  constructor(key: Buffer, anonymity: boolean) {
    this.#key = createSecretKey(key);
    const features = Buffer.of(PASSWORD_ALGORITHMS | (anonymity ? USERNAME_ANONYMITY : 0), 0, 0);
    this.#prefix = COOKIE + features.toString('base64');
  }

  /** @param now milliseconds since 1970 */
  make(source: Source, now: number): string {
    const stamp = Buffer.alloc(STAMP);
    stamp.writeUIntBE(now, 0, STAMP);
    return this.#prefix + Buffer.concat([stamp, this.#code(stamp, source)]).toString('base64');
  }

  /**
   * `foreign`: not made here for this source.
   * @param lifetime milliseconds
   */
  check(nonce: string, source: Source, now: number, lifetime: number): 'fresh' | 'stale' | 'foreign' {
    if (!nonce.startsWith(this.#prefix)) return 'foreign';
    const bytes = Buffer.from(nonce.slice(COOKIE_LENGTH), 'base64');
    if (bytes.length !== STAMP + CODE) return 'foreign';
    const stamp = bytes.subarray(0, STAMP);
    if (!timingSafeEqual(this.#code(stamp, source), bytes.subarray(STAMP))) return 'foreign';
    const age = now - stamp.readUIntBE(0, STAMP);
    // The clock may have been set back.
    return age < lifetime && age > -lifetime ? 'fresh' : 'stale';
  }

  #code(stamp: Buffer, { address, port, transport }: Source): Buffer {
    return createHmac('sha256', this.#key)
      .update(stamp)
      .update(`${transport} ${address} ${port}`)
      .digest()
      .subarray(0, CODE);
  }
}

/** Does a nonce say that PASSWORD-ALGORITHMS was sent with it (section 9.2.1)? */
export function promisesAlgorithms(nonce: string): boolean {
  if (!nonce.startsWith(COOKIE)) return false;
  const features = Buffer.from(nonce.slice(COOKIE.length, COOKIE_LENGTH), 'base64');
  return ((features[0] ?? 0) & PASSWORD_ALGORITHMS) !== 0;
}
