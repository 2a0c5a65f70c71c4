import { createHmac } from 'node:crypto';
import type { RelayCredentials } from '#src/plugin/relay-services.ts';

/** Who a user name of time-limited credentials is about, and until when. */
export interface TimeLimited {
  readonly user: string;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

/**
 * Time-limited credentials: the user name is `expiry:user`, the expiry in seconds since 1970, and the password is what a shared
 * secret makes of it, so that nothing is stored for them (draft-uberti-behave-turn-rest).
 */
export class TurnCredentials {
  readonly #secret: () => string;
  readonly #now: () => number;

  /** @param secret the one in force; who else knows it can make credentials too */
  constructor(secret: () => string, now: () => number = Date.now) {
    this.#secret = secret;
    this.#now = now;
  }

  /**
   * New credentials.
   * @param user a bare JID, or whatever tells users of another program apart
   * @param ttl milliseconds
   */
  mint(user: string, ttl: number): RelayCredentials {
    const expires = Math.floor((this.#now() + ttl) / 1000);
    const username = `${expires}:${user}`;
    return { username, password: this.password(username), expires: expires * 1000 };
  }

  /** The password that belongs to a user name, whether it has expired or not. */
  password(username: string): string {
    return createHmac('sha1', this.#secret()).update(username).digest('base64');
  }

  /** Undefined for the user name of an account: those have no colon (RFC 7622 section 3.3.1). */
  read(username: string): TimeLimited | undefined {
    const colon = username.indexOf(':');
    if (colon < 1 || colon > 12) return undefined;
    for (let at = 0; at < colon; at++)
      if (username.charCodeAt(at) < 0x30 || username.charCodeAt(at) > 0x39) return undefined;
    return { user: username.slice(colon + 1), expires: Number(username.slice(0, colon)) * 1000 };
  }

  expired({ expires }: TimeLimited): boolean {
    return this.#now() >= expires;
  }
}
