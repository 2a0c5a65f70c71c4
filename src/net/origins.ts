import { originOf, parseIp } from '#src/address/ip.ts';

export interface ConnectionLimits {
  /** Open connections over all listeners. */
  readonly total: number;
  /** Of one origin: an IPv4 address or an IPv6 /64. */
  readonly perIp: number;
  /** Of those, connections whose peer has not logged in; by default as many as `perIp`. */
  readonly perIpBeforeAuth?: number;
  /** New connections of one origin; without limit when absent. */
  readonly rate?: { readonly perSecond: number; readonly burst: number };
}

/** One origin and what it has. */
export interface Origin {
  readonly key: string;
  open: number;
  /** Of those, the ones that have not logged in. */
  strangers: number;
  /** Connections it may still open at once, at the time `at`. */
  credit: number;
  at: number;
}

/** Origins that are remembered for their rate alone. */
const IDLE = 100_000;

/** Counts the connections of each origin, so that one of them cannot take what is for all. */
export class Origins {
  readonly #origins = new Map<string, Origin>();
  #idle = 0;

  /** Origins that are known now. */
  get size(): number {
    return this.#origins.size;
  }

  /**
   * Counts a connection.
   * @param now milliseconds of any clock that does not go back
   * @returns its origin, for `leave`; or which limit is reached
   */
  enter(ip: string, limits: ConnectionLimits, now: number): Origin | 'overLimit' | 'overRate' {
    const address = parseIp(ip);
    const key = address === undefined ? ip : originOf(address);
    const { perIp, perIpBeforeAuth = perIp, rate } = limits;
    let origin = this.#origins.get(key);
    if (origin === undefined) {
      origin = { key, open: 0, strangers: 0, credit: rate?.burst ?? 0, at: now };
      this.#origins.set(key, origin);
      this.#idle += 1;
    }
    if (origin.open >= perIp || origin.strangers >= perIpBeforeAuth) return 'overLimit';
    if (rate !== undefined) {
      origin.credit = Math.min(rate.burst, origin.credit + ((now - origin.at) * rate.perSecond) / 1000);
      origin.at = now;
      if (origin.credit < 1) return 'overRate';
      origin.credit -= 1;
    }
    if (origin.open === 0) this.#idle -= 1;
    origin.open += 1;
    origin.strangers += 1;
    return origin;
  }

  /** The peer of one connection has logged in. */
  known(origin: Origin): void {
    origin.strangers -= 1;
  }

  /** @param stranger the connection ended before its peer had logged in */
  leave(origin: Origin, limits: ConnectionLimits, stranger: boolean): void {
    origin.open -= 1;
    if (stranger) origin.strangers -= 1;
    if (origin.open > 0) return;
    this.#idle += 1;
    if (limits.rate === undefined) this.#forget(origin);
    else if (this.#idle > IDLE) for (const other of this.#origins.values()) if (other.open === 0) this.#forget(other);
  }

  #forget(origin: Origin): void {
    this.#origins.delete(origin.key);
    this.#idle -= 1;
  }
}
