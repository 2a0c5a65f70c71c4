import type { Buffer } from 'node:buffer';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Connection } from '#src/net/connection.ts';
import type { Outbox, Sink } from '#src/net/flusher.ts';
import type { UpgradeHandler } from '#src/net/http.ts';
import { webSockets } from '#src/net/websocket.ts';
import type { DecoderLimits } from '../packet/decoder.ts';
import type { MqttServer } from '../server.ts';
import { Client } from './client.ts';
import { Peer } from './peer.ts';
import { Reading } from './reading.ts';
import type { Transport } from './transport.ts';

/** [MQTT-6.0.0-3]; the second is what clients of 3.1 ask for. */
const SUBPROTOCOLS: readonly string[] = ['mqtt', 'mqttv3.1'];
/** Status codes of RFC 6455 section 7.4.1: normal closure, and unsupported data. */
const NORMAL = 1000;
const UNSUPPORTED = 1003;

/** Takes over HTTP connections that ask for the subprotocol `mqtt` (MQTT 5 section 6); others are refused with 400. */
export function acceptWebSockets(server: MqttServer): UpgradeHandler {
  const options = { subprotocols: SUBPROTOCOLS, maxPayload: server.options.maxPacketSize + 64 * 1024 };
  return webSockets(
    options,
    (socket, connection, below) => void new WebSocketTransport(server, connection, socket, below),
  );
}

/** A client over a WebSocket: packets are cut into binary messages anywhere [MQTT-6.0.0-2]. */
class WebSocketTransport extends Peer implements Transport {
  readonly #socket: WebSocket;
  readonly #outbox: Outbox;
  readonly #client: Client;
  readonly #reading: Reading;
  #closing = false;

  constructor(server: MqttServer, connection: Connection, socket: WebSocket, below: Duplex) {
    super(connection);
    this.#socket = socket;
    this.#client = new Client(server, this);
    const sink: Sink = {
      write: (bytes) => this.#write(bytes),
      get buffered() {
        return socket.bufferedAmount;
      },
    };
    this.#outbox = server.flusher.outbox(sink, server.options.outboxSize, () => this.#client.overflowed());
    this.#reading = new Reading(socket, this.#client, server.limitsBefore);
    socket.binaryType = 'nodebuffer';
    socket.on('message', (data: Buffer, binary: boolean) => this.#received(data, binary));
    socket.on('error', () => socket.terminate());
    socket.on('close', () => this.#client.lost());
    below.on('drain', () => this.#client.drained());
  }

  get label(): string {
    return this.connection.secured ? 'mqtt_wss' : 'mqtt_ws';
  }

  get buffered(): number {
    return this.#socket.bufferedAmount + this.#outbox.size;
  }

  #received(data: Buffer, binary: boolean): void {
    if (this.#closing) return;
    // [MQTT-6.0.0-1]
    if (!binary) {
      this.#socket.close(UNSUPPORTED);
      this.#client.lost();
      return;
    }
    this.#client.heard(data.length);
    this.#reading.push(data);
  }

  #write(bytes: Buffer): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(bytes);
  }

  push(bytes: Buffer): void {
    this.#outbox.push(bytes);
  }

  end(): void {
    this.#outbox.flush();
    this.#closing = true;
    this.#socket.close(NORMAL);
  }

  destroy(): void {
    this.#closing = true;
    this.#socket.terminate();
  }

  hold(): void {
    this.#reading.hold();
  }

  release(): void {
    if (!this.#closing) this.#reading.release();
  }

  admitted(limits: DecoderLimits): void {
    this.#reading.limits = limits;
    this.connection.authenticated();
  }
}
