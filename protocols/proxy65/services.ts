import type { ProxyServer } from './server.ts';

declare module '#src/plugin/contracts.ts' {
  interface Services {
    /** The proxy for SOCKS5 bytestreams. */
    readonly proxy65: ProxyServer;
  }
}
