import type { Buffer } from 'node:buffer';
import type { Connection, ConnectionHandler } from '#src/net/connection.ts';
import type { Outbox } from '#src/net/flusher.ts';
import type { Acceptor } from '#src/net/listeners.ts';
import type { Timed } from '#src/net/timers.ts';
import type { Allocation } from '../allocation.ts';
import { receive } from '../requests.ts';
import type { TurnServer } from '../server.ts';
import { type FrameHandler, Framing } from './framing.ts';
import type { Link, Surrendered } from './link.ts';

/** Bytes of a message before the client has an allocation: names, realm and nonce at their longest. */
const MOST_BEFORE = 4096;
/** The longest that a message can be, data included. */
const MOST = 65_535 + 20;
/** Milliseconds that a client may stay without an allocation after what it said last. */
const IDLE = 30_000;
/** Bytes that wait for a client; relayed data beyond it is dropped, as on any road that is full. */
const QUEUE = 262_144;
/** Answers, which are not dropped, get this much more. */
const SPARE = 65_536;

/** A client over TCP or TLS. */
class TcpLink implements Link, ConnectionHandler, FrameHandler, Timed {
  readonly transport: 'tcp' | 'tls';
  readonly padded = true;
  readonly address: string;
  readonly port: number;
  allocating: Buffer | undefined = undefined;
  readonly #server: TurnServer;
  readonly #connection: Connection;
  readonly #outbox: Outbox;
  readonly #framing = new Framing(this, MOST_BEFORE);
  #allocation: Allocation | undefined = undefined;
  #surrendered = false;

  constructor(server: TurnServer, connection: Connection) {
    this.#server = server;
    this.#connection = connection;
    this.transport = connection.secured ? 'tls' : 'tcp';
    this.address = connection.remoteAddress;
    this.port = connection.remotePort;
    this.#outbox = server.flusher.outbox(connection, QUEUE + SPARE, () => connection.destroy());
    connection.handler = this;
    server.timers.add(this, IDLE);
  }

  get serverName(): string | undefined {
    return this.#connection.tls?.serverName;
  }

  get closed(): boolean {
    return this.#connection.closed;
  }

  get allocation(): Allocation | undefined {
    return this.#allocation;
  }

  set allocation(allocation: Allocation | undefined) {
    this.#allocation = allocation;
    this.#framing.most = allocation === undefined ? MOST_BEFORE : MOST;
    if (allocation !== undefined) this.#server.timers.remove(this);
  }

  onData(chunk: Buffer): void {
    if (this.#allocation === undefined) this.#server.timers.add(this, IDLE);
    this.#framing.push(chunk);
  }

  onMessage(bytes: Buffer): void {
    receive(this.#server, this, bytes);
  }

  onChannelData(channel: number, bytes: Buffer): void {
    this.#allocation?.fromChannel(channel, bytes);
  }

  onGarbage(): void {
    this.#server.counters.malformed += 1;
    this.#connection.destroy();
  }

  /** Nobody stays for nothing. */
  onTimeout(): void {
    this.#connection.end();
  }

  onClose(): void {
    this.#server.timers.remove(this);
    if (this.#allocation !== undefined) this.#server.end(this.#allocation, 'disconnected');
  }

  send(message: Buffer): void {
    if (!this.#surrendered) this.#outbox.push(message);
  }

  relay(message: Buffer): boolean {
    if (this.#outbox.size + this.#connection.buffered + message.length > QUEUE) return false;
    this.#outbox.push(message);
    return true;
  }

  released(): void {
    if (!this.#connection.closed) this.#server.timers.add(this, IDLE);
  }

  authenticated(): void {
    this.#connection.authenticated();
  }

  surrender(last: Buffer): Surrendered {
    this.#server.timers.remove(this);
    this.#framing.stop();
    this.#outbox.push(last);
    this.#outbox.flush();
    this.#surrendered = true;
    return { connection: this.#connection, rest: this.#framing.rest };
  }
}

/** Takes the connections of listeners of kind `turn`. ALPN names: RFC 7443. */
export function acceptTcp(server: TurnServer): Acceptor {
  return { alpn: ['stun.turn', 'stun.nat-discovery'], accept: (connection) => void new TcpLink(server, connection) };
}
