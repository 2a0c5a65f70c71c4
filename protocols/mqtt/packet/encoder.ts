import { Buffer } from 'node:buffer';
import {
  AUTH,
  CONNACK,
  DISCONNECT,
  PINGRESP,
  PUBACK,
  PUBCOMP,
  PUBREC,
  PUBREL,
  SUBACK,
  UNSUBACK,
} from './first-byte.ts';
import { bytesOfProperties, type PropertyValues, writeProperties } from './properties.ts';
import { reasonCodes, returnCodeOf } from './reason-codes.ts';
import type {
  Acknowledgement,
  Auth,
  Connack,
  Connect,
  Disconnect,
  ServerPacket,
  SubscribeAcknowledgement,
  Version,
} from './types.ts';
import { PacketWriter } from './writer.ts';

/** What a client said in CONNECT of the packets it takes. */
export type Receiver = Pick<Connect, 'maximumPacketSize' | 'requestProblemInformation'>;

const ANY: Receiver = { requestProblemInformation: true };
const PONG = Buffer.from([PINGRESP << 4, 0]);
const FIRST = {
  puback: PUBACK << 4,
  pubrec: PUBREC << 4,
  pubrel: (PUBREL << 4) | 2,
  pubcomp: PUBCOMP << 4,
  suback: SUBACK << 4,
  unsuback: UNSUBACK << 4,
} as const;

/**
 * The bytes of a packet to a client. A Reason String and User Properties are left out where the client does not want them
 * [MQTT-3.1.2-29] or has no room for them ([MQTT-3.2.2-19] and its like for the other packets).
 * @returns undefined when the client cannot be told: its version knows no such packet or has no word for the reason (then the
 * connection is closed unsaid), or it takes only smaller packets [MQTT-3.1.2-24]
 */
export function encode(packet: ServerPacket, version: Version, receiver: Receiver = ANY): Buffer | undefined {
  if (version < 5) return encodeBefore5(packet, version);
  const { maximumPacketSize = Infinity, requestProblemInformation } = receiver;
  const explained = 'reasonString' in packet || 'userProperties' in packet;
  const wanted = requestProblemInformation || packet.type === 'connack' || packet.type === 'disconnect';
  for (const form of explained ? forms(packet, wanted) : [packet]) {
    const bytes = encode5(form);
    if (bytes.length <= maximumPacketSize) return bytes;
  }
  return undefined;
}

/** A packet as it is, if that is wanted, and with less and less of what explains it. */
function forms(packet: ServerPacket, wanted: boolean): readonly ServerPacket[] {
  const brief = { ...packet, userProperties: [] };
  const { reasonString: _, ...bare } = brief as typeof brief & { readonly reasonString?: string };
  return wanted ? [packet, brief, bare] : [bare];
}

function encode5(packet: ServerPacket): Buffer {
  switch (packet.type) {
    case 'connack':
      return encodeConnack(packet);
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      return encodeAcknowledgement(packet, 5);
    case 'suback':
    case 'unsuback':
      return encodeSubscribeAcknowledgement(packet);
    case 'pingresp':
      return PONG;
    case 'disconnect':
      return encodeDisconnect(packet);
    case 'auth':
      return encodeAuth(packet);
  }
}

function encodeBefore5(packet: ServerPacket, version: Version): Buffer | undefined {
  switch (packet.type) {
    case 'connack': {
      const code = returnCodeOf(packet.reason);
      if (code === undefined) return undefined;
      // 3.1.1 [MQTT-3.2.2-4]; reserved in 3.1
      const present = packet.sessionPresent && code === 0 && version === 4;
      return Buffer.from([CONNACK << 4, 2, present ? 1 : 0, code]);
    }
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      return encodeAcknowledgement(packet, version);
    case 'suback':
    case 'unsuback': {
      const writer = new PacketWriter();
      writer.uint16(packet.packetId);
      // 3.1.1 section 3.9.3: 0x80 is the one failure. 3.1 has none; its clients read the two low bits, a grant of QoS 0.
      if (packet.type === 'suback') for (const reason of packet.reasons) writer.byte(Math.min(reason, 0x80));
      return writer.packet(FIRST[packet.type]);
    }
    case 'pingresp':
      return PONG;
    case 'disconnect':
    case 'auth':
      return undefined;
  }
}

function encodeConnack(packet: Connack): Buffer {
  const writer = new PacketWriter();
  // [MQTT-3.2.2-6]
  writer.byte(packet.sessionPresent && packet.reason === reasonCodes.success ? 1 : 0);
  writer.byte(packet.reason);
  writeProperties(writer, 'connack', packet);
  return writer.packet(CONNACK << 4);
}

function encodeSubscribeAcknowledgement(packet: SubscribeAcknowledgement): Buffer {
  const { type, packetId, reasons } = packet;
  const writer = new PacketWriter();
  writer.uint16(packetId);
  writeProperties(writer, type, packet);
  for (const reason of reasons) writer.byte(reason);
  return writer.packet(FIRST[type]);
}

/** PUBACK, PUBREC, PUBREL, PUBCOMP, from either side: the reason is left out where it is a success with nothing to say (3.4.2.1). */
export function encodeAcknowledgement(packet: Acknowledgement, version: Version): Buffer {
  const { type, packetId, reason } = packet;
  // Nearly all have none: they are not asked about one by one.
  const bare = version < 5 || (packet.reasonString === undefined && packet.userProperties === undefined);
  if (bare || bytesOfProperties(type, packet) === 0) {
    const short = version < 5 || reason === reasonCodes.success;
    const bytes = Buffer.allocUnsafe(short ? 4 : 5);
    bytes[0] = FIRST[type];
    bytes[1] = short ? 2 : 3;
    bytes[2] = packetId >> 8;
    bytes[3] = packetId & 0xff;
    if (!short) bytes[4] = reason;
    return bytes;
  }
  const writer = new PacketWriter();
  writer.uint16(packetId);
  writer.byte(reason);
  writeProperties(writer, type, packet);
  return writer.packet(FIRST[type]);
}

/** DISCONNECT of MQTT 5, from either side. */
export const encodeDisconnect = (packet: Disconnect): Buffer =>
  encodeReason(DISCONNECT << 4, packet.reason, 'disconnect', packet);

/** AUTH, from either side. */
export function encodeAuth({ reason, method, data, reasonString, userProperties }: Auth): Buffer {
  return encodeReason(AUTH << 4, reason, 'auth', {
    ...(method !== undefined && { authenticationMethod: method }),
    ...(data !== undefined && { authenticationData: data }),
    ...(reasonString !== undefined && { reasonString }),
    ...(userProperties !== undefined && { userProperties }),
  });
}

/** A packet of reason and properties, each left out where it says nothing (sections 3.14.2.2.1 and 3.15.2.1). */
function encodeReason(first: number, reason: number, place: 'disconnect' | 'auth', values: PropertyValues): Buffer {
  const writer = new PacketWriter();
  const properties = bytesOfProperties(place, values) > 0;
  if (properties || reason !== reasonCodes.success) writer.byte(reason);
  if (properties) writeProperties(writer, place, values);
  return writer.packet(first);
}
