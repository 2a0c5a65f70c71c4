import type { Buffer } from 'node:buffer';
import type { ConnectionHandler } from '#src/net/connection.ts';
import type { Flusher, Outbox, Sink } from '#src/net/flusher.ts';
import type { Timed, Timers } from '#src/net/timers.ts';
import { encodeClient } from '../packet/client-encoder.ts';
import { type ReasonCode, reasonCodes, reasonName } from '../packet/reason-codes.ts';
import { ServerPacketDecoder, type ServerDecoderLimits } from '../packet/server-decoder.ts';
import type {
  Acknowledgement,
  ClientPacket,
  Connack,
  Connect,
  Publish,
  ServerPacket,
  SubscribeAcknowledgement,
  Version,
} from '../packet/types.ts';

/** The part of a connection that an uplink uses. */
export interface Line extends Sink {
  handler: ConnectionHandler;
  pause(): void;
  resume(): void;
  end(bytes?: Buffer): void;
  destroy(): void;
}

/** Who is told what the other broker says. */
export interface RemoteHandler {
  onConnack(packet: Connack): void;
  onPublish(packet: Publish): void;
  onAcknowledgement(packet: Acknowledgement): void;
  onSubscribed(packet: SubscribeAcknowledgement): void;
  /** There is room again for what was held back while `writable` was false. */
  onWritable(): void;
  /** All of a chunk has been read. */
  onRead(): void;
  /** It is over, told once, unless `leave` or `drop` ended it. */
  onLost(why: string): void;
}

export interface RemoteParts {
  readonly timers: Timers;
  readonly flusher: Flusher;
  readonly limits: ServerDecoderLimits;
  /** Milliseconds that the other broker has to answer CONNECT. */
  readonly timeout: number;
}

/** Bytes that may wait for a broker that reads slowly before messages stay in the queue. */
const HIGH_WATER = 1 << 20;

/** One connection to another broker, as a client of it (MQTT 5 section 3, 3.1.1 section 3): packets in and out, and keep alive. */
export class Remote implements ConnectionHandler, Timed {
  readonly version: Version;
  readonly #line: Line;
  readonly #handler: RemoteHandler;
  readonly #parts: RemoteParts;
  readonly #outbox: Outbox;
  readonly #decoder: ServerPacketDecoder;
  #state: 'greeting' | 'open' | 'closed' = 'greeting';
  /** Seconds. */
  #keepAlive: number;
  /** A PINGREQ waits for its answer. */
  #pinged = false;

  /** Sends CONNECT. */
  constructor(line: Line, connect: Connect, handler: RemoteHandler, parts: RemoteParts) {
    this.version = connect.version;
    this.#line = line;
    this.#handler = handler;
    this.#parts = parts;
    this.#keepAlive = connect.keepAlive;
    const limit = HIGH_WATER * 2 + parts.limits.maxPacketSize * 2;
    this.#outbox = parts.flusher.outbox(line, limit, () => this.#lose('it takes nothing any more'));
    this.#decoder = new ServerPacketDecoder(
      { onPacket: (packet) => this.#onPacket(packet), onFault: (reason, text) => this.#fault(reason, text) },
      connect.version,
      parts.limits,
    );
    line.handler = this;
    parts.timers.add(this, parts.timeout);
    this.send(connect);
    line.resume();
  }

  /** The other broker takes what is written. */
  get writable(): boolean {
    return this.#line.buffered + this.#outbox.size < HIGH_WATER;
  }

  send(packet: ClientPacket): void {
    if (this.#state === 'closed') return;
    this.#outbox.push(encodeClient(packet, this.version));
  }

  /** What was encoded before: see `EncodedPublish.send`. */
  push(bytes: Buffer): void {
    if (this.#state === 'closed') return;
    this.#outbox.push(bytes);
  }

  pause(): void {
    this.#line.pause();
  }

  resume(): void {
    if (this.#state !== 'closed') this.#line.resume();
  }

  /** Says good-bye. */
  leave(): void {
    if (this.#state === 'closed') return;
    if (this.#state === 'open') this.send({ type: 'disconnect', reason: reasonCodes.success });
    this.#close();
    this.#outbox.flush();
    this.#line.end();
  }

  /** Goes without a word, so that the other broker publishes the will. */
  drop(): void {
    this.#close();
    this.#line.destroy();
  }

  #close(): void {
    this.#state = 'closed';
    this.#parts.timers.remove(this);
  }

  #lose(why: string): void {
    if (this.#state === 'closed') return;
    this.#close();
    this.#line.destroy();
    this.#handler.onLost(why);
  }

  /** It breaks the protocol: MQTT 5 section 4.13. */
  #fault(reason: ReasonCode, text: string): void {
    if (this.#state === 'open' && this.version === 5) {
      this.send({ type: 'disconnect', reason });
      this.#outbox.flush();
    }
    this.#lose(`it broke the protocol: ${text}`);
  }

  // The connection

  onData(chunk: Buffer): void {
    this.#decoder.push(chunk);
    if (this.#state !== 'closed') this.#handler.onRead();
  }

  onDrain(): void {
    if (this.#state === 'open') this.#handler.onWritable();
  }

  onClose(error?: Error): void {
    this.#lose(error === undefined ? 'it closed the connection' : `the connection broke: ${error.message}`);
  }

  #onPacket(packet: ServerPacket | Publish): void {
    switch (packet.type) {
      case 'connack':
        return this.#onConnack(packet);
      case 'publish':
        return this.#handler.onPublish(packet);
      case 'puback':
      case 'pubrec':
      case 'pubrel':
      case 'pubcomp':
        return this.#handler.onAcknowledgement(packet);
      case 'suback':
      case 'unsuback':
        return this.#handler.onSubscribed(packet);
      case 'pingresp':
        this.#pinged = false;
        return undefined;
      case 'disconnect':
        return this.#lose(`it said ${reasonName(packet.reason)}${quoted(packet.reasonString)}`);
      case 'auth':
        // No method was asked for [MQTT-4.12.0-6].
        return this.#fault(reasonCodes.protocolError, 'an AUTH that nobody asked for');
    }
  }

  #onConnack(packet: Connack): void {
    this.#parts.timers.remove(this);
    if (packet.reason === reasonCodes.success) {
      this.#state = 'open';
      // [MQTT-3.1.2-21]
      this.#keepAlive = packet.serverKeepAlive ?? this.#keepAlive;
      this.#watch();
    }
    this.#handler.onConnack(packet);
  }

  // Keep alive: MQTT 5 section 3.1.2.10

  #watch(): void {
    if (this.#keepAlive > 0) this.#parts.timers.add(this, (this.#keepAlive * 1000) / 2);
  }

  onTimeout(): void {
    if (this.#state === 'greeting') return this.#lose('it did not answer CONNECT in time');
    if (this.#pinged) return this.#lose('it did not answer PINGREQ');
    // Asked for even while we send: a path that takes everything and gives nothing back would not be noticed otherwise.
    this.#pinged = true;
    this.send({ type: 'pingreq' });
    this.#watch();
  }
}

const SHOWN = 200;

/** What a broker said, for a log: shortened; the log escapes it. */
function quoted(text: string | undefined): string {
  return text === undefined || text === '' ? '' : `: ${text.slice(0, SHOWN)}`;
}
