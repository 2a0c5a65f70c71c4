import type { Buffer } from 'node:buffer';
import { readAcknowledgement, readAuth, readDisconnect, readReason } from './acknowledgement.ts';
import { methodFault } from './connect.ts';
import { type Fault, malformed, protocolError } from './fault.ts';
import {
  ACKNOWLEDGEMENTS,
  AUTH,
  CONNACK,
  DISCONNECT,
  type FirstBytes,
  FROM_SERVER_BYTES,
  PINGRESP,
  PUBLISH,
  SUBACK,
  UNSUBACK,
} from './first-byte.ts';
import { Framer } from './framer.ts';
import { readProperties } from './properties.ts';
import { type PublishLimits, PublishReader } from './publish-reader.ts';
import { PacketReader } from './reader.ts';
import { isReasonOf, type ReasonCode, reasonCodes, reasonOfReturnCode } from './reason-codes.ts';
import type { Connack, Pong, Publish, ServerPacket, SubscribeAcknowledgement, Version } from './types.ts';

export interface ServerDecoderLimits extends PublishLimits {
  /** Bytes of a packet, its fixed header included: what CONNECT said. */
  readonly maxPacketSize: number;
}

export interface ServerDecoderHandler {
  /** Buffers in it are views of what was pushed: who keeps one longer than the call copies it. */
  onPacket(packet: ServerPacket | Publish): void;
  /** Told once; nothing is read after it. */
  onFault(reason: ReasonCode, text: string): void;
}

const PONG: Pong = { type: 'pingresp' };

/** Reads what a server sends, as strictly as `Decoder` what clients send: for connections to other brokers. */
export class ServerPacketDecoder extends Framer {
  private readonly handler: ServerDecoderHandler;
  private readonly version: Version;
  private readonly limits: ServerDecoderLimits;
  private readonly firstBytes: FirstBytes;
  private readonly publishes: PublishReader;
  private connected = false;

  /** @param version what CONNECT said */
  constructor(handler: ServerDecoderHandler, version: Version, limits: ServerDecoderLimits) {
    super();
    this.handler = handler;
    this.version = version;
    this.limits = limits;
    this.firstBytes = FROM_SERVER_BYTES[version];
    this.publishes = new PublishReader(version, true);
  }

  protected override judge(first: number): Fault | undefined {
    const type = first >> 4;
    // [MQTT-3.2.0-1], [MQTT-3.2.0-2]
    if (type === CONNACK ? this.connected : !this.connected && type !== AUTH) {
      return protocolError(this.connected ? 'a second CONNACK' : 'the first packet is not CONNACK');
    }
    return this.firstBytes[first];
  }

  protected override limit(): number {
    return this.limits.maxPacketSize;
  }

  protected override refused({ reason, text }: Fault): void {
    this.handler.onFault(reason, text);
  }

  protected override read(buf: Buffer, first: number, from: number, end: number): Fault | undefined {
    if (this.padded && this.version === 5) {
      return malformed('a Remaining Length that is longer than it needs to be');
    }
    const packet =
      first >> 4 === PUBLISH
        ? this.publishes.read(buf, first, from, end, this.limits)
        : this.decode(buf, first >> 4, from, end);
    if (packet.type === 'fault') return packet;
    this.handler.onPacket(packet);
    return undefined;
  }

  private decode(buf: Buffer, type: number, from: number, end: number): ServerPacket | Fault {
    const { version } = this;
    const acknowledgement = ACKNOWLEDGEMENTS[type];
    if (acknowledgement !== undefined) return readAcknowledgement(acknowledgement, buf, from, end, version);
    switch (type) {
      case CONNACK:
        this.connected = true;
        return readConnack(buf, from, end, version);
      case SUBACK:
        return readSubscribeAcknowledgement('suback', buf, from, end, version);
      case UNSUBACK:
        return readSubscribeAcknowledgement('unsuback', buf, from, end, version);
      case PINGRESP:
        return from === end ? PONG : malformed('a PINGRESP that is not empty');
      case DISCONNECT:
        return readDisconnect(buf, from, end, version, true);
      case AUTH:
        return readAuth(buf, from, end, true);
      default:
        throw new Error(`packets of type ${type} are refused by their first byte`);
    }
  }
}

/** MQTT 5 section 3.2. */
function readConnack(buf: Buffer, from: number, end: number, version: Version): Connack | Fault {
  if (end - from < 2) return malformed('a CONNACK without reason code');
  const reader = new PacketReader(buf, from, end);
  const flags = reader.byte();
  // [MQTT-3.2.2-1]; 3.1 reserves the byte.
  if (version > 3 && flags > 1) reader.refuse(malformed('reserved flags of CONNACK are set'));
  const sessionPresent = version > 3 && flags === 1;
  const reason = version === 5 ? readReason(reader, 'connack') : reasonOfReturnCode(reader.byte());
  if (reason === undefined) return malformed('a return code that is reserved');
  const properties = version === 5 ? readProperties(reader, 'connack') : {};
  reader.finish();
  const fault = reader.fault ?? methodFault(properties);
  if (fault !== undefined) return fault;
  // [MQTT-3.2.2-6]; 3.1.1 [MQTT-3.2.2-4]
  if (sessionPresent && reason !== reasonCodes.success) return protocolError('a session present in a refusal');
  return { type: 'connack', sessionPresent, reason, ...properties };
}

/** MQTT 5 sections 3.9 and 3.11. */
function readSubscribeAcknowledgement(
  type: SubscribeAcknowledgement['type'],
  buf: Buffer,
  from: number,
  end: number,
  version: Version,
): SubscribeAcknowledgement | Fault {
  const reader = new PacketReader(buf, from, end);
  const packetId = reader.packetId();
  const properties = version === 5 ? readProperties(reader, type) : {};
  const reasons: ReasonCode[] = [];
  if (version < 5 && type === 'unsuback') reader.finish();
  while (reader.more) {
    const code = reader.byte();
    // 3.1.1 section 3.9.3: three grants and one failure
    if (isReasonOf(type, code) && (version === 5 || code <= reasonCodes.unspecifiedError)) reasons.push(code);
    else reader.refuse(protocolError('a reason code that this packet cannot have'));
  }
  return reader.fault ?? { type, packetId, reasons, ...properties };
}
