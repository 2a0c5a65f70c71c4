import type { Flow, TransportName } from './flow.ts';

/** Where a message goes: by a flow, or to an address. */
export type Destination = { readonly flow: Flow } | AddressDestination;

export interface AddressDestination {
  readonly transport: TransportName;
  /** IP address, v6 ones without brackets. */
  readonly address: string;
  readonly port: number;
  /** The name that its certificate must have (RFC 5922 section 4); the address when absent. */
  readonly serverName?: string;
}

/** What stands for this server in a Via (RFC 3261 section 18.1.1), and in a Record-Route. */
export interface SentBy {
  /** An IPv6 reference has its brackets. */
  readonly host: string;
  readonly port: number | undefined;
}

/** RFC 3261 section 19.1.2: the default port of a transport. */
export const defaultPort = (transport: string): number =>
  transport.toLowerCase() === 'tls' || transport.toLowerCase() === 'wss' ? 5061 : 5060;
