import type { Buffer } from 'node:buffer';
import { readAcknowledgement, readAuth, readDisconnect } from './acknowledgement.ts';
import { readConnect } from './connect.ts';
import { type Fault, malformed, protocolError } from './fault.ts';
import {
  ACKNOWLEDGEMENTS,
  AUTH,
  DISCONNECT,
  FIRST_FROM_CLIENT,
  FROM_CLIENT_BYTES,
  PINGREQ,
  PUBLISH,
  SUBSCRIBE,
  UNSUBSCRIBE,
} from './first-byte.ts';
import { Framer } from './framer.ts';
import { type PublishLimits, PublishReader } from './publish-reader.ts';
import type { ReasonCode } from './reason-codes.ts';
import { readSubscribe, readUnsubscribe } from './subscribe.ts';
import type { ClientPacket, Ping, Version } from './types.ts';

export interface DecoderLimits extends PublishLimits {
  /** Bytes of a CONNECT, which comes from anybody; `maxPacketSize` holds for it, too. */
  readonly maxConnectSize: number;
  /** Bytes of a packet, its fixed header included. */
  readonly maxPacketSize: number;
}

export interface DecoderHandler {
  /** Buffers in it are views of what was pushed: who keeps one longer than the call copies it. */
  onPacket(packet: ClientPacket): void;
  /** Told once; nothing is read after it. The text says what is wrong and repeats no bytes of the peer. */
  onFault(reason: ReasonCode, text: string): void;
}

const PING: Ping = { type: 'pingreq' };

/**
 * Reads the packets of one client, strictly: MQTT 5 section 2 and 3, 3.1.1 and 3.1 by what its CONNECT says. What the specification
 * calls malformed or a protocol error, and can be seen without knowing the session, is a fault with its reason code; before MQTT 5 the
 * same codes say why the connection is closed. Topic aliases are resolved here.
 *
 * Left to the session: packet identifiers in use, Receive Maximum, what the server does not support, the order of AUTH.
 */
export class Decoder extends Framer {
  /** Changes hold from the next packet on. */
  limits: DecoderLimits;
  private readonly handler: DecoderHandler;
  private firstBytes = FIRST_FROM_CLIENT;
  private publishes: PublishReader | undefined;
  private known: Version | undefined;
  /** CONNECT asked for a session that ends with the connection. */
  private ephemeral = false;

  constructor(handler: DecoderHandler, limits: DecoderLimits) {
    super();
    this.handler = handler;
    this.limits = limits;
  }

  /** What CONNECT said; undefined before. */
  get version(): Version | undefined {
    return this.known;
  }

  protected override judge(first: number): Fault | undefined {
    return this.firstBytes[first];
  }

  protected override limit(): number {
    const { maxConnectSize, maxPacketSize } = this.limits;
    return this.known === undefined ? Math.min(maxConnectSize, maxPacketSize) : maxPacketSize;
  }

  protected override refused({ reason, text }: Fault): void {
    this.handler.onFault(reason, text);
  }

  protected override read(buf: Buffer, first: number, from: number, end: number): Fault | undefined {
    const packet =
      first >> 4 === PUBLISH && this.publishes !== undefined
        ? this.publishes.read(buf, first, from, end, this.limits)
        : this.decode(buf, first >> 4, from, end);
    if (packet.type === 'fault') return packet;
    // [MQTT-1.5.5-1]
    if (this.padded && this.known === 5) return malformed('a Remaining Length that is longer than it needs to be');
    this.handler.onPacket(packet);
    return undefined;
  }

  private decode(buf: Buffer, type: number, from: number, end: number): ClientPacket | Fault {
    const version = this.known;
    if (version === undefined) return this.connect(buf, from, end);
    const { maxTopicLevels } = this.limits;
    const acknowledgement = ACKNOWLEDGEMENTS[type];
    if (acknowledgement !== undefined) return readAcknowledgement(acknowledgement, buf, from, end, version);
    switch (type) {
      case SUBSCRIBE:
        return readSubscribe(buf, from, end, version, maxTopicLevels);
      case UNSUBSCRIBE:
        return readUnsubscribe(buf, from, end, version, maxTopicLevels);
      case PINGREQ:
        return from === end ? PING : malformed('a PINGREQ that is not empty');
      case DISCONNECT:
        return this.disconnect(buf, from, end, version);
      case AUTH:
        return readAuth(buf, from, end, false);
      default:
        throw new Error(`packets of type ${type} are refused by their first byte`);
    }
  }

  private connect(buf: Buffer, from: number, end: number): ClientPacket | Fault {
    const packet = readConnect(buf, from, end, this.limits.maxTopicLevels);
    if (packet.type === 'fault') return packet;
    const { version, sessionExpiry } = packet;
    this.known = version;
    this.firstBytes = FROM_CLIENT_BYTES[version];
    this.publishes = new PublishReader(version, false);
    this.ephemeral = sessionExpiry === 0;
    return packet;
  }

  /** The last packet of a client: [MQTT-3.14.4-1]. */
  private disconnect(buf: Buffer, from: number, end: number, version: Version): ClientPacket | Fault {
    const packet = readDisconnect(buf, from, end, version, false);
    if (packet.type === 'fault') return packet;
    // MQTT 5 section 3.14.2.2.2
    if (this.ephemeral && packet.sessionExpiry !== undefined && packet.sessionExpiry > 0) {
      return protocolError('a session that was to end with the connection gets an expiry in DISCONNECT');
    }
    this.close();
    return packet;
  }
}
