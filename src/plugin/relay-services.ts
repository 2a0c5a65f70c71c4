import type { Jid } from '#src/address/jid.ts';

/** What a user may prove itself to a service with, and until when. */
export interface RelayCredentials {
  readonly username: string;
  readonly password: string;
  /** Milliseconds since 1970; the service takes them until then and not after. */
  readonly expires: number;
}

/** A service outside of the router that clients use by its address, such as a relay for the bytes of calls. */
export interface RelayService {
  /** The scheme of its URIs (RFC 7064, RFC 7065), and its type in XEP-0215. */
  readonly type: string;
  readonly transport: 'udp' | 'tcp';
  /** A domain name or an IP address as clients reach it. */
  readonly host: string;
  readonly port: number;
  /** For people. */
  readonly name?: string;
  /** Makes credentials for a user of the server, new ones at each call; absent when the service asks for none. */
  readonly credentials?: (user: Jid) => RelayCredentials;
}

/** Tells what it offers to the users of a host, by the settings in force at the time. */
export type RelayProvider = (host: string) => readonly RelayService[];

/** The services that front ends offer to the clients of others. A front end adds its own at its start, whichever starts first. */
export class Relays {
  readonly #providers = new Set<RelayProvider>();

  add(provider: RelayProvider): Disposable {
    this.#providers.add(provider);
    return { [Symbol.dispose]: () => void this.#providers.delete(provider) };
  }

  of(host: string): readonly RelayService[] {
    return [...this.#providers].flatMap((provider) => provider(host));
  }
}

declare module './contracts.ts' {
  interface Services {
    /** There from the start: `services.relays?.add(…)`. */
    readonly relays: Relays;
  }
}
