import { Buffer } from 'node:buffer';
import type { Connection, ConnectionHandler } from '#src/net/connection.ts';
import type { Lending, Outbox } from '#src/net/flusher.ts';
import type { Acceptor } from '#src/net/listeners.ts';
import type { DecoderLimits } from '../packet/decoder.ts';
import type { Lender } from '../packet/framer.ts';
import type { MqttServer } from '../server.ts';
import { Client } from './client.ts';
import { Peer } from './peer.ts';
import { Reading } from './reading.ts';
import type { Transport } from './transport.ts';

interface LentChunk extends Lending {
  readonly chunk: Buffer;
}

/** Clients that are read into buffers of their own, which they keep, however little they send later: one of 64 KB, and one to gather in. */
const MAX_FLOODS = 32;
/** Bytes of a packet that is gathered in a buffer that is used again. */
const MAX_GATHERED = 1024 * 1024;

/** A client over TCP or TLS (MQTT 5 section 4.2). */
class TcpTransport extends Peer implements Transport, ConnectionHandler, Lender {
  readonly #outbox: Outbox;
  readonly #client: Client;
  readonly #reading: Reading;
  readonly #server: MqttServer;
  /** Where packets are gathered, for a client that is read into buffers that are used again. */
  #gathering: Buffer | undefined = undefined;
  /** The buffer at hand, until all of it is read. */
  #lending: LentChunk | undefined = undefined;

  constructor(server: MqttServer, connection: Connection) {
    super(connection);
    this.#server = server;
    connection.handler = this;
    this.#client = new Client(server, this);
    this.#outbox = server.flusher.outbox(connection, server.options.outboxSize, () => this.#client.overflowed());
    this.#reading = new Reading(connection, this.#client, server.limitsBefore);
  }

  get label(): string {
    return this.connection.secured ? 'mqtts' : 'mqtt';
  }

  get buffered(): number {
    return this.connection.buffered + this.#outbox.size;
  }

  onData(chunk: Buffer): void {
    this.#client.heard(chunk.length);
    if (this.#gathering !== undefined) {
      this.#lending = { chunk, buffers: [chunk.buffer, this.#gathering.buffer], taken: false };
      return this.#lend(this.#lending, () => this.#reading.push(chunk));
    }
    this.#reading.push(chunk);
    if (this.#client.flow.floods && !this.#reading.held) this.#flooded();
  }

  /**
   * Its chunks would be a buffer of 64 KB each, thrown away at once: a flood of them has the collector walk the whole heap again and
   * again, and everybody waits for that.
   */
  #flooded(): void {
    const { floods } = this.#server;
    if (floods.clients >= MAX_FLOODS || !this.connection.readInto(floods.buffers)) return;
    floods.clients += 1;
    this.#gathering = floods.buffers.take();
    this.#reading.lender = this;
  }

  /** For the packets that go over the end of a buffer. */
  take(bytes: number): Buffer | undefined {
    const gathering = this.#gathering;
    if (gathering === undefined || bytes > MAX_GATHERED) return undefined;
    if (bytes <= gathering.length) return gathering;
    return (this.#gathering = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(bytes))));
  }

  done(): void {
    if (this.#lending?.taken === true) this.#gathering = this.#server.floods.buffers.take();
  }

  /** Reads of a chunk; gives its buffer back unless some of it waits for somebody. */
  #lend(lending: LentChunk, read: () => void): void {
    const { floods, flusher } = this.#server;
    const before = flusher.lending;
    flusher.lending = lending;
    try {
      read();
    } finally {
      flusher.lending = before;
    }
    if (this.#reading.held || this.#lending !== lending) return;
    this.#lending = undefined;
    if (!lending.taken) floods.buffers.give(lending.chunk);
  }

  onDrain(): void {
    this.#client.drained();
  }

  onClose(): void {
    if (this.#gathering !== undefined) this.#server.floods.clients -= 1;
    this.#client.lost();
  }

  push(bytes: Buffer): void {
    this.#outbox.push(bytes);
  }

  end(): void {
    this.#outbox.flush();
    this.connection.end();
  }

  destroy(): void {
    this.connection.destroy();
  }

  hold(): void {
    this.#reading.hold();
  }

  release(): void {
    if (this.connection.closed) return;
    if (this.#lending === undefined) this.#reading.release();
    else this.#lend(this.#lending, () => this.#reading.release());
  }

  admitted(limits: DecoderLimits): void {
    this.#reading.limits = limits;
    this.connection.authenticated();
  }
}

/** Takes the connections of listeners of kind `mqtt`. The ALPN name is that of IANA's registry. */
export function acceptTcp(server: MqttServer): Acceptor {
  return { alpn: ['mqtt'], accept: (connection) => void new TcpTransport(server, connection) };
}
