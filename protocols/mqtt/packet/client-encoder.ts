import { Buffer } from 'node:buffer';
import { BRIDGE, CLEAN, FOR_EVER, PASSWORD, USERNAME, WILL, WILL_RETAIN } from './connect.ts';
import { encodeAcknowledgement, encodeAuth, encodeDisconnect } from './encoder.ts';
import { CONNECT, DISCONNECT, PINGREQ, SUBSCRIBE, UNSUBSCRIBE } from './first-byte.ts';
import { writeProperties } from './properties.ts';
import { encodePublish } from './publish.ts';
import type { ClientPacket, Connect, Subscribe, Subscription, Unsubscribe, Version, Will } from './types.ts';
import { PacketWriter } from './writer.ts';

const PING = Buffer.from([PINGREQ << 4, 0]);
const BYE = Buffer.from([DISCONNECT << 4, 0]);

/**
 * The bytes of a packet to a server. CONNECT carries its own version; before MQTT 5 a packet's properties and reason are left out.
 * @throws Error for AUTH before MQTT 5
 */
export function encodeClient(packet: ClientPacket, version: Version): Buffer {
  switch (packet.type) {
    case 'connect':
      return encodeConnect(packet);
    case 'publish':
      return encodePublish(packet, version);
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      return encodeAcknowledgement(packet, version);
    case 'subscribe':
      return encodeSubscribe(packet, version);
    case 'unsubscribe':
      return encodeUnsubscribe(packet, version);
    case 'pingreq':
      return PING;
    case 'disconnect':
      return version < 5 ? BYE : encodeDisconnect(packet);
    case 'auth':
      if (version < 5) throw new Error('AUTH came with MQTT 5');
      return encodeAuth(packet);
  }
}

/** MQTT 5 section 3.1; properties that say what their absence says, too, are left out. */
function encodeConnect(packet: Connect): Buffer {
  const { version, clientId, will, username, password } = packet;
  const writer = new PacketWriter();
  writer.text(version === 3 ? 'MQIsdp' : 'MQTT');
  writer.byte(version | (packet.bridge ? BRIDGE : 0));
  writer.byte(
    (packet.cleanStart ? CLEAN : 0) |
      (will === undefined ? 0 : WILL | (will.qos << 3) | (will.retain ? WILL_RETAIN : 0)) |
      (username === undefined ? 0 : USERNAME) |
      (password === undefined ? 0 : PASSWORD),
  );
  writer.uint16(packet.keepAlive);
  if (version === 5) writeConnectProperties(writer, packet);
  writer.text(clientId);
  if (will !== undefined) writeWill(writer, will, version);
  if (username !== undefined) writer.text(username);
  if (password !== undefined) writer.binary(password);
  return writer.packet(CONNECT << 4);
}

function writeConnectProperties(writer: PacketWriter, packet: Connect): void {
  const { sessionExpiry, receiveMaximum, topicAliasMaximum, maximumPacketSize } = packet;
  const { authenticationMethod, authenticationData, userProperties } = packet;
  writeProperties(writer, 'connect', {
    ...(sessionExpiry > 0 && { sessionExpiry: Math.min(sessionExpiry, FOR_EVER) }),
    ...(receiveMaximum < 65_535 && { receiveMaximum }),
    ...(maximumPacketSize !== undefined && { maximumPacketSize }),
    ...(topicAliasMaximum > 0 && { topicAliasMaximum }),
    ...(packet.requestResponseInformation && { requestResponseInformation: true }),
    ...(!packet.requestProblemInformation && { requestProblemInformation: false }),
    ...(authenticationMethod !== undefined && { authenticationMethod }),
    ...(authenticationData !== undefined && { authenticationData }),
    userProperties,
  });
}

function writeWill(writer: PacketWriter, { topic, payload, properties, delay }: Will, version: Version): void {
  if (version === 5) writeProperties(writer, 'will', { ...properties, ...(delay > 0 && { willDelay: delay }) });
  writer.text(topic);
  writer.binary(payload);
}

function encodeSubscribe(packet: Subscribe, version: Version): Buffer {
  const writer = new PacketWriter();
  writer.uint16(packet.packetId);
  if (version === 5) writeProperties(writer, 'subscribe', packet);
  for (const subscription of packet.subscriptions) {
    writer.text(subscription.filter);
    writer.byte(version === 5 ? optionsOf(subscription) : subscription.qos);
  }
  return writer.packet((SUBSCRIBE << 4) | 2);
}

/** Subscription Options: MQTT 5 section 3.8.3.1. */
const optionsOf = ({ qos, noLocal, retainAsPublished, retainHandling }: Subscription): number =>
  qos | (noLocal ? 4 : 0) | (retainAsPublished ? 8 : 0) | (retainHandling << 4);

function encodeUnsubscribe(packet: Unsubscribe, version: Version): Buffer {
  const writer = new PacketWriter();
  writer.uint16(packet.packetId);
  if (version === 5) writeProperties(writer, 'unsubscribe', packet);
  for (const filter of packet.filters) writer.text(filter);
  return writer.packet((UNSUBSCRIBE << 4) | 2);
}
