import type { Connection, TlsInfo } from '#src/net/connection.ts';

/** What is known of a client by its connection, whatever runs over that. */
export abstract class Peer {
  protected readonly connection: Connection;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  get listener(): string {
    return this.connection.listener.name;
  }

  get ip(): string {
    return this.connection.remoteAddress;
  }

  get port(): number {
    return this.connection.remotePort;
  }

  get secured(): boolean {
    return this.connection.secured;
  }

  get loopback(): boolean {
    return this.connection.loopback;
  }

  get tls(): TlsInfo | undefined {
    return this.connection.tls;
  }
}
