import type { Buffer } from 'node:buffer';
import { randomInt } from 'node:crypto';
import type { Connection, ConnectionHandler } from '#src/net/connection.ts';
import { openTcpRelay, splice, type TcpRelaySocket } from '#src/net/tcp-relay.ts';
import type { Timed } from '#src/net/timers.ts';
import { type Family, familyOf, type TransportAddress } from '#protocols/stun/address.ts';
import type { RelayAddress } from './addresses.ts';
import type { Allocation, Owner } from './allocation.ts';
import type { Link } from './links/link.ts';
import type { TurnServer } from './server.ts';

/** RFC 6062 sections 5.2 and 5.3: milliseconds until a peer data connection is bound, and until it is made. */
const BIND_WAIT = 30_000;
const CONNECT_WAIT = 30_000;
/** Connections of an allocation at a time, whether they are bound or not. */
const CONNECTIONS = 50;

/** A peer data connection (RFC 6062 section 5.2), from its making to its end. */
class PeerConnection implements Timed, ConnectionHandler {
  readonly id: number;
  readonly connection: Connection;
  readonly key: string;
  readonly #relay: TcpRelay;

  constructor(relay: TcpRelay, id: number, connection: Connection, key: string) {
    this.id = id;
    this.connection = connection;
    this.key = key;
    this.#relay = relay;
    connection.handler = this;
  }

  /** Never: it is paused until it is bound, and the system's own window holds back what the peer says. */
  onData(): void {
    this.connection.destroy();
  }

  onClose(): void {
    this.#relay.lost(this);
  }

  onTimeout(): void {
    this.connection.destroy();
  }
}

/** The relayed transport address of a TCP allocation (RFC 6062), and its connections with peers. */
export class TcpRelay {
  readonly family: Family;
  readonly address: RelayAddress;
  readonly port: number;
  readonly #server: TurnServer;
  readonly #socket: TcpRelaySocket;
  #allocation: Allocation | undefined = undefined;
  /** Peers that it is connected to, or is about to be. */
  readonly #peers = new Set<string>();
  readonly #pending = new Map<number, PeerConnection>();
  readonly #bound = new Set<Connection>();

  private constructor(server: TurnServer, socket: TcpRelaySocket, family: Family, address: RelayAddress) {
    this.#server = server;
    this.#socket = socket;
    this.family = family;
    this.address = address;
    this.port = socket.localPort;
  }

  /** Undefined when there is no port. */
  static async open(server: TurnServer, family: Family, address: RelayAddress): Promise<TcpRelay | undefined> {
    for (const port of server.ports.candidates(family, false)) {
      if (!server.ports.take(family, port)) continue;
      const made: { relay?: TcpRelay } = {};
      try {
        const socket = await openTcpRelay(address.local, port, (connection) =>
          made.relay === undefined ? connection.destroy() : made.relay.accept(connection),
        );
        return (made.relay = new TcpRelay(server, socket, family, address));
      } catch {
        // Another program has the port.
        server.ports.release(family, port);
      }
    }
    return undefined;
  }

  set allocation(allocation: Allocation) {
    this.#allocation = allocation;
  }

  /** The control connection (RFC 6062 section 3). */
  get control(): Link | undefined {
    return this.#allocation?.link;
  }

  get owner(): Owner | undefined {
    return this.#allocation?.owner;
  }

  get connections(): number {
    return this.#peers.size;
  }

  /** Is there a connection to the peer, or an attempt (section 5.2)? */
  has({ address, port }: TransportAddress): boolean {
    return this.#peers.has(`${address} ${port}`);
  }

  get full(): boolean {
    return this.#peers.size >= CONNECTIONS;
  }

  /** Connects to a peer. @returns the connection's identifier; undefined when it cannot be had */
  async connect({ address, port }: TransportAddress): Promise<number | undefined> {
    const key = `${address} ${port}`;
    this.#peers.add(key);
    try {
      const connection = await this.#socket.connect(address, port, CONNECT_WAIT);
      if (this.#allocation?.ended === false) return this.#wait(connection, key).id;
      connection.destroy();
    } catch {
      // Told by the caller: 447.
    }
    this.#peers.delete(key);
    return undefined;
  }

  /** A peer connects (section 5.3). */
  accept(connection: Connection): void {
    const { remoteAddress: address, remotePort: port } = connection;
    const key = `${address} ${port}`;
    const allocation = this.#allocation;
    // "If no permission for this peer has been installed for this allocation, the server MUST close the connection"
    const allowed = allocation?.ended === false && allocation.permission(address) !== undefined;
    if (!allowed || this.full || this.#peers.has(key)) {
      connection.destroy();
      return;
    }
    this.#peers.add(key);
    const { id } = this.#wait(connection, key);
    this.#server.connectionAttempt(allocation, { family: familyOf(address), address, port }, id);
  }

  /** Joins a client data connection to the peer's (section 5.4), which waits. @param last the answer to the client */
  bind(id: number, client: Link, last: Buffer): void {
    const pending = this.#pending.get(id);
    const allocation = this.#allocation;
    const surrendered = client.surrender?.(last);
    if (pending === undefined || allocation === undefined || surrendered === undefined) return;
    this.#forget(pending);
    const { connection, rest } = surrendered;
    this.#bound.add(connection);
    if (rest.length > 0) pending.connection.write(rest);
    splice(connection, pending.connection, (there, back) => {
      this.#bound.delete(connection);
      this.#peers.delete(pending.key);
      this.#count(allocation, there + rest.length, back);
    });
  }

  /** @internal A peer has gone before it was bound. */
  lost(peer: PeerConnection): void {
    this.#forget(peer);
    this.#peers.delete(peer.key);
  }

  /** "If the allocation associated with a data connection expires, the data connection MUST be closed" (section 5.5). */
  close(): void {
    this.#socket.close();
    this.#server.ports.release(this.family, this.port);
    for (const { connection } of [...this.#pending.values()]) connection.destroy();
    for (const connection of [...this.#bound]) connection.destroy();
  }

  #wait(connection: Connection, key: string): PeerConnection {
    const id = this.#server.newConnectionId(this);
    const peer = new PeerConnection(this, id, connection, key);
    this.#pending.set(id, peer);
    this.#server.timers.add(peer, BIND_WAIT);
    return peer;
  }

  #forget(peer: PeerConnection): void {
    this.#pending.delete(peer.id);
    this.#server.connections.delete(peer.id);
    this.#server.timers.remove(peer);
  }

  #count({ traffic }: Allocation, there: number, back: number): void {
    const { counters } = this.#server;
    traffic.sentBytes += there;
    traffic.receivedBytes += back;
    counters.sentBytes += there;
    counters.receivedBytes += back;
  }
}

/** Identifiers are not to be guessed: who knows one could take the connection, had he the same credentials. */
export const randomConnectionId = (): number => randomInt(1, 0xffff_ffff);
