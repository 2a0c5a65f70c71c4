import type { Buffer } from 'node:buffer';
import type { Connection, ConnectionHandler, TlsInfo } from '#src/net/connection.ts';
import type { Outbox } from '#src/net/flusher.ts';
import type { Acceptor } from '#src/net/listeners.ts';
import type { DecoderLimits } from '../packet/decoder.ts';
import type { MqttServer } from '../server.ts';
import { Client } from './client.ts';
import { Reading } from './reading.ts';
import type { Transport } from './transport.ts';

/** A client over TCP or TLS (MQTT 5 section 4.2). */
class TcpTransport implements Transport, ConnectionHandler {
  readonly #connection: Connection;
  readonly #outbox: Outbox;
  readonly #client: Client;
  readonly #reading: Reading;

  constructor(server: MqttServer, connection: Connection) {
    this.#connection = connection;
    connection.handler = this;
    this.#client = new Client(server, this);
    this.#outbox = server.flusher.outbox(connection, server.options.outboxSize, () => this.#client.overflowed());
    this.#reading = new Reading(connection, this.#client, server.limitsBefore);
  }

  get label(): string {
    return this.#connection.secured ? 'mqtts' : 'mqtt';
  }

  get listener(): string {
    return this.#connection.listener.name;
  }

  get ip(): string {
    return this.#connection.remoteAddress;
  }

  get port(): number {
    return this.#connection.remotePort;
  }

  get secured(): boolean {
    return this.#connection.secured;
  }

  get loopback(): boolean {
    return this.#connection.loopback;
  }

  get tls(): TlsInfo | undefined {
    return this.#connection.tls;
  }

  get buffered(): number {
    return this.#connection.buffered + this.#outbox.size;
  }

  onData(chunk: Buffer): void {
    this.#client.heard(chunk.length);
    this.#reading.push(chunk);
  }

  onDrain(): void {
    this.#client.drained();
  }

  onClose(): void {
    this.#client.lost();
  }

  push(bytes: Buffer): void {
    this.#outbox.push(bytes);
  }

  end(): void {
    this.#outbox.flush();
    this.#connection.end();
  }

  destroy(): void {
    this.#connection.destroy();
  }

  hold(): void {
    this.#reading.hold();
  }

  release(): void {
    if (!this.#connection.closed) this.#reading.release();
  }

  admitted(limits: DecoderLimits): void {
    this.#reading.limits = limits;
    this.#connection.authenticated();
  }
}

/** Takes the connections of listeners of kind `mqtt`. The ALPN name is that of IANA's registry. */
export function acceptTcp(server: MqttServer): Acceptor {
  return { alpn: ['mqtt'], accept: (connection) => void new TcpTransport(server, connection) };
}
