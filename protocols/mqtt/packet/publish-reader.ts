import { type Buffer, isUtf8 } from 'node:buffer';
import { Fault, malformed, protocolError } from './fault.ts';
import { readProperties } from './properties.ts';
import { NO_BYTES, PacketReader, readText } from './reader.ts';
import { reasonCodes } from './reason-codes.ts';
import { topicNameFault } from './topic.ts';
import type { MessageProperties, Publish, QoS, Version } from './types.ts';

export interface PublishLimits {
  readonly maxTopicLevels: number;
  /** Aliases that the peer may use, from 1 on: what we said in CONNACK or CONNECT. */
  readonly topicAliasMaximum: number;
}

const NO_PROPERTIES: MessageProperties = Object.freeze({});
/** A topic that is longer is not kept for the next packet to be compared with. */
const REMEMBERED = 256;

/**
 * Reads the PUBLISH packets of one connection (MQTT 5 section 3.3): keeps the topic aliases, and the last topic, since a peer often
 * publishes to the same one. The flags were judged before.
 */
export class PublishReader {
  private readonly version: Version;
  /** It is the server who sends: subscription identifiers may stand there [MQTT-3.3.4-6]. */
  private readonly fromServer: boolean;
  /** The last topic, of ASCII only; its bytes are its characters. */
  private last = '';
  private aliases: Map<number, string> | undefined;

  constructor(version: Version, fromServer: boolean) {
    this.version = version;
    this.fromServer = fromServer;
  }

  /** The payload is a view of `buf`; who keeps it longer than the call copies it. */
  read(buf: Buffer, first: number, from: number, end: number, limits: PublishLimits): Publish | Fault {
    const topicAt = from + 2;
    let at = topicAt;
    if (at <= end) at += ((buf[from] as number) << 8) | (buf[from + 1] as number);
    if (at > end) return malformed('a topic name goes over the end');
    let topic: string;
    if (this.isLast(buf, topicAt, at)) topic = this.last;
    else {
      const read = at === topicAt ? '' : this.readTopic(buf, topicAt, at, limits.maxTopicLevels);
      if (typeof read === 'object') return read;
      topic = read;
    }
    const qos = ((first >> 1) & 3) as QoS;
    let packetId = 0;
    if (qos > 0) {
      if (at + 2 > end) return malformed('no room for the packet identifier');
      packetId = ((buf[at] as number) << 8) | (buf[at + 1] as number);
      // [MQTT-2.2.1-3]
      if (packetId === 0) return protocolError('a packet identifier of 0');
      at += 2;
    }
    const dup = qos > 0 && (first & 8) !== 0;
    const retain = (first & 1) !== 0;
    if (this.version === 5) {
      if (at === end || buf[at] !== 0)
        return this.readFull(buf, at, end, { topic, qos, retain, dup, packetId }, limits);
      at++;
    }
    if (topic === '') return noTopic(this.version);
    const payload = at === end ? NO_BYTES : buf.subarray(at, end);
    return { type: 'publish', topic, payload, qos, retain, properties: NO_PROPERTIES, dup, packetId };
  }

  /** A PUBLISH that has properties. */
  private readFull(
    buf: Buffer,
    from: number,
    end: number,
    start: Pick<Publish, 'topic' | 'qos' | 'retain' | 'dup' | 'packetId'>,
    limits: PublishLimits,
  ): Publish | Fault {
    const reader = new PacketReader(buf, from, end);
    const { topicAlias, subscriptionIds, ...properties } = readProperties(reader, 'publish');
    if (reader.fault !== undefined) return reader.fault;
    // [MQTT-3.3.4-6]
    if (subscriptionIds && !this.fromServer) return protocolError('a subscription identifier from a client');
    const topic = this.resolve(start.topic, topicAlias, limits);
    if (typeof topic === 'object') return topic;
    const payload = reader.at === end ? NO_BYTES : buf.subarray(reader.at, end);
    if (properties.payloadFormat === 1 && !isUtf8(payload)) {
      return new Fault(reasonCodes.payloadFormatInvalid, 'a payload that is said to be UTF-8 and is not');
    }
    const { qos, retain, dup, packetId } = start;
    const packet: Publish = { type: 'publish', topic, payload, qos, retain, properties, dup, packetId };
    if (topicAlias === undefined && subscriptionIds === undefined) return packet;
    return { ...packet, ...(topicAlias && { topicAlias }), ...(subscriptionIds && { subscriptionIds }) };
  }

  /** The topic that is meant: MQTT 5 section 3.3.2.3.4. */
  private resolve(topic: string, alias: number | undefined, { topicAliasMaximum }: PublishLimits): string | Fault {
    if (alias === undefined) return topic === '' ? noTopic(this.version) : topic;
    // [MQTT-3.3.2-9]; 0 was refused as a value of the property.
    if (alias > topicAliasMaximum) return new Fault(reasonCodes.topicAliasInvalid, 'a topic alias above the maximum');
    if (topic !== '') {
      this.aliases ??= new Map();
      this.aliases.set(alias, topic);
      return topic;
    }
    return this.aliases?.get(alias) ?? protocolError('a topic alias that stands for nothing');
  }

  private isLast(buf: Buffer, from: number, end: number): boolean {
    const { last } = this;
    const { length } = last;
    if (length !== end - from || length === 0) return false;
    // From the end: topics differ there.
    for (let at = length - 1; at >= 0; at--) if (buf[from + at] !== last.charCodeAt(at)) return false;
    return true;
  }

  private readTopic(buf: Buffer, from: number, end: number, maxLevels: number): string | Fault {
    const topic = readText(buf, from, end);
    if (topic === undefined) return malformed('a topic name that is not UTF-8 or has U+0000');
    const wrong = topicNameFault(topic, maxLevels);
    if (wrong !== undefined) return new Fault(reasonCodes.topicNameInvalid, wrong);
    if (topic.length === end - from && topic.length <= REMEMBERED) this.last = topic;
    return topic;
  }
}

/** [MQTT-4.7.3-1]; in MQTT 5 an alias could stand for it (section 3.3.2.3.4). */
const noTopic = (version: Version): Fault =>
  version === 5
    ? protocolError('neither topic name nor topic alias')
    : new Fault(reasonCodes.topicNameInvalid, 'an empty topic name');
