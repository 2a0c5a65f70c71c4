import type { Buffer } from 'node:buffer';
import type { Connection } from '#src/net/connection.ts';
import type { Allocation } from '../allocation.ts';

/** The client's end of a 5-tuple (RFC 8656 section 6): how its messages come, and how answers and relayed data go back. */
export interface Link {
  readonly transport: 'udp' | 'tcp' | 'tls';
  /** Of the client. */
  readonly address: string;
  readonly port: number;
  /** What the client asked TLS for (RFC 6066 section 3). */
  readonly serverName: string | undefined;
  /** ChannelData is padded over streams (RFC 8656 section 12.5). */
  readonly padded: boolean;
  /** The client has gone. */
  readonly closed: boolean;
  allocation: Allocation | undefined;
  /** The transaction of an Allocate request that is being carried out. */
  allocating: Buffer | undefined;
  /** An answer, or an indication that is not to be lost. */
  send(message: Buffer): void;
  /** Relayed data. @returns false when it was dropped */
  relay(message: Buffer): boolean;
  /** Its allocation has ended. */
  released(): void;
  /** The client has proved who it is. */
  authenticated(): void;
  /**
   * Ends the messages: from here on the bytes are a peer's (RFC 6062 section 5.4). Writes the last answer, and gives the stream with
   * what has come after the last message. Absent for a transport without connections.
   */
  readonly surrender?: (last: Buffer) => Surrendered;
}

export interface Surrendered {
  readonly connection: Connection;
  readonly rest: Buffer;
}
