export const TRANSPORTS = ['plain', 'tls'] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** Where a server listens and how to speak to it. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte when true; certificates are not checked. */
  readonly tls: boolean;
  readonly domain: string;
  /** Clients need a name and a password, of which any will do. */
  readonly named?: true;
  /** The server's process, when it runs on this machine and is to be metered. */
  readonly pid?: number;
}

/** What was measured. CPU in microseconds per operation, latency in milliseconds, memory in bytes per user. */
export interface Result {
  /** Messages or presences delivered, logins made, users held, accounts made. */
  readonly operations: number;
  readonly perSecond?: number;
  readonly serverCpu?: number | undefined;
  readonly generatorCpu?: number;
  /** How much of one core the generator used, 0 … 1 and more. */
  readonly generatorShare?: number;
  readonly p50?: number;
  readonly p99?: number;
  readonly memory?: number | undefined;
}

export type Reply = { readonly result: Result } | { readonly error: string };

/** One run of one scene against one server. */
export interface Measurement {
  readonly scene: string;
  readonly kind: string;
  readonly server: string;
  readonly round: number;
  readonly outcome: Reply;
}
