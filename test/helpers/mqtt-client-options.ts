import { Buffer } from 'node:buffer';
import type { IConnectPacket, Packet } from 'mqtt-packet';

export interface MqttMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
}

export interface MqttClientOptions {
  readonly port: number;
  readonly clientId: string;
  readonly username: string;
  readonly password: string;
  readonly version: 4 | 5;
  /** The session outlives the connection. */
  readonly durable: boolean;
  /** Publications without a final acknowledgement, at most. */
  readonly window?: number;
  /** MQTT 5 only. */
  readonly receiveMaximum?: number;
  /** MQTT 5 only. */
  readonly topicAliases?: number;
  /** It acknowledges a little later, many at once; in order, as section 4.6 of MQTT 5 wants it. */
  readonly lazy?: boolean;
  /** Called once for each packet, and for QoS 2 once for each message (section 4.3.3, method B). */
  onMessage?(message: MqttMessage): void;
  /** The server broke a rule, or refused something. */
  onFault?(text: string): void;
  onLost?(): void;
}

/** CONNECT, of MQTT 5 or 3.1.1: what 3.1.1 does not know is left out. */
export function connectPacketOf(options: MqttClientOptions): IConnectPacket {
  const { clientId, durable, password, receiveMaximum, topicAliases, username, version } = options;
  const properties = {
    ...(durable ? { sessionExpiryInterval: 86_400 } : {}),
    ...(receiveMaximum === undefined ? {} : { receiveMaximum }),
    ...(topicAliases === undefined ? {} : { topicAliasMaximum: topicAliases }),
  };
  const packet: IConnectPacket = {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: version,
    clean: !durable,
    clientId,
    keepalive: 0,
    username,
    password: Buffer.from(password),
  };
  return version === 5 ? { ...packet, properties } : packet;
}

/** A line of a trace. */
export function describePacket(packet: Packet): string {
  const { cmd, messageId } = packet;
  const words: unknown[] = [cmd, messageId];
  if (packet.cmd === 'publish') {
    const { dup, payload, qos, retain, topic } = packet;
    words.push(topic, `q${qos}`, dup && 'dup', retain && 'retain', String(payload).slice(0, 40));
  } else if (packet.cmd === 'connack') words.push(packet.sessionPresent ? 'present' : 'new');
  return words.filter((word) => word !== undefined && word !== false).join(' ');
}
