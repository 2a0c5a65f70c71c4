import { Buffer } from 'node:buffer';
import { PUBLISH } from './first-byte.ts';
import { bytesOfProperties, writeBareProperties } from './properties.ts';
import { NO_BYTES } from './reader.ts';
import type { Message, Publish, QoS, Version } from './types.ts';
import { bytesOfText, bytesOfVarint, PacketWriter, putVarint } from './writer.ts';

/** What a subscriber's copy of a message has of its own, beside QoS, packet identifier and flags. MQTT 5 only. */
export interface Extras {
  /** MQTT 5 section 3.3.2.3.4. */
  readonly topicAlias?: number;
  /** The client knows the alias: the topic is left out. */
  readonly aliasKnown?: boolean;
  readonly subscriptionIds?: readonly number[];
  /** Seconds that are left, in place of the message's own [MQTT-3.3.2-6]. */
  readonly messageExpiry?: number;
}

/** What takes a packet's bytes, in one or more pieces; an outbox does. */
export interface PieceSink {
  push(bytes: Buffer): void;
}

/** The bytes of one form of the packet. */
interface Form {
  /** Some subscriber has these bytes with its identifier in them: another needs a copy. */
  taken: boolean;
  /** All that stands before the payload, and the payload, too, when it is small. */
  readonly head: Buffer;
  /** Where the packet identifier goes; 0 for QoS 0. */
  readonly idAt: number;
}

/** Up to so many bytes a packet is one piece: copying them costs less than a second piece. */
const ONE_PIECE = 1024;
/** Up to so many characters a topic of ASCII is written one by one: quicker than a call out of JavaScript. */
const SHORT_TOPIC = 64;
const RETAIN = 1;
const DUP = 8;
/** MQTT 5 section 2.2.2.2. */
const MESSAGE_EXPIRY = 0x02;
const SUBSCRIPTION_ID = 0x0b;
const TOPIC_ALIAS = 0x23;

/**
 * A message on its way to its subscribers. Its bytes are made once per protocol and shared: all subscribers at QoS 0 get the same
 * buffer, those at QoS 1 and 2 copies of one template with their packet identifier, and a large payload is never copied.
 */
export class EncodedPublish {
  readonly message: Message;
  /** By version, QoS and RETAIN: see `form`. Made when needed, since most messages need but one. */
  private made: Map<number, Form> | undefined = undefined;
  private lastSlot = -1;
  private last: Form | undefined = undefined;
  /** Undefined for a short one of ASCII, whose characters are its bytes. */
  private readonly topic: Buffer | undefined;
  private readonly topicSize: number;
  /** The properties that are the same for everybody, for MQTT 5. */
  private common: Buffer | undefined = undefined;

  constructor(message: Message) {
    this.message = message;
    const { topic } = message;
    this.topic = isShortAscii(topic) ? undefined : Buffer.from(topic);
    this.topicSize = this.topic?.length ?? topic.length;
  }

  /** Bytes of the packet, its fixed header included. */
  size(version: Version, qos: QoS, extras?: Extras): number {
    const length = this.lengthOf(version, qos, extras);
    return 1 + bytesOfVarint(length) + length;
  }

  /**
   * Gives a subscriber's packet to its sink, in one piece or in two.
   * @param packetId not 0 with QoS 1 and 2 [MQTT-2.2.1-4]; ignored with QoS 0
   * @param dup it was sent before; ignored with QoS 0 [MQTT-3.3.1-2]
   */
  send(
    to: PieceSink,
    version: Version,
    qos: QoS,
    retain: boolean,
    packetId: number,
    dup: boolean,
    extras?: Extras,
  ): void {
    const own = version === 5 ? extras : undefined;
    const form = own === undefined ? this.form(version, qos, retain) : this.make(version, qos, retain, own);
    const { head } = form;
    to.push(qos === 0 ? head : stamped(form, firstByte(qos, retain, dup), packetId));
    const { payload } = this.message;
    if (payload.length > 0 && !this.inOnePiece(payload)) to.push(payload);
  }

  /** A subscriber's packet as one buffer, which others may share. Parameters as for `send`. */
  packet(version: Version, qos: QoS, retain: boolean, packetId: number, dup: boolean, extras?: Extras): Buffer {
    const pieces: Buffer[] = [];
    this.send(pieces, version, qos, retain, packetId, dup, extras);
    const [first = NO_BYTES] = pieces;
    return pieces.length === 1 ? first : Buffer.concat(pieces);
  }

  private inOnePiece(payload: Buffer): boolean {
    return payload.length <= ONE_PIECE;
  }

  private form(version: Version, qos: QoS, retain: boolean): Form {
    const at = (version === 5 ? 3 : 0) + (qos > 0 ? 2 : Number(retain));
    if (this.lastSlot === at && this.last !== undefined) return this.last;
    if (this.last !== undefined) (this.made ??= new Map()).set(this.lastSlot, this.last);
    this.lastSlot = at;
    return (this.last = this.made?.get(at) ?? this.make(version, qos, retain, undefined));
  }

  private make(version: Version, qos: QoS, retain: boolean, extras: Extras | undefined): Form {
    const length = this.lengthOf(version, qos, extras);
    const { payload } = this.message;
    const within = this.inOnePiece(payload);
    const head = Buffer.allocUnsafe(1 + bytesOfVarint(length) + length - (within ? 0 : payload.length));
    head[0] = firstByte(qos, retain, false);
    let at = putVarint(head, 1, length);
    at = this.putTopic(head, at, extras?.aliasKnown !== true);
    const idAt = qos > 0 ? at : 0;
    if (qos > 0) at += 2;
    if (version === 5) {
      const common = this.commonProperties();
      at = putVarint(head, at, this.bytesOfOwn(extras) + common.length);
      at = this.putOwn(head, at, extras);
      head.set(common, at);
      at += common.length;
    }
    if (within) head.set(payload, at);
    return { taken: false, head, idAt };
  }

  /** @returns where the next byte goes */
  private putTopic(head: Buffer, from: number, said: boolean): number {
    const size = said ? this.topicSize : 0;
    head[from] = size >> 8;
    head[from + 1] = size & 0xff;
    const at = from + 2;
    const { topic } = this.message;
    if (!said) return at;
    if (this.topic !== undefined) head.set(this.topic, at);
    else for (let n = 0; n < size; n++) head[at + n] = topic.charCodeAt(n);
    return at + size;
  }

  /** The Remaining Length. */
  private lengthOf(version: Version, qos: QoS, extras: Extras | undefined): number {
    const topic = version === 5 && extras?.aliasKnown === true ? 0 : this.topicSize;
    const length = 2 + topic + (qos > 0 ? 2 : 0) + this.message.payload.length;
    if (version < 5) return length;
    const properties = this.bytesOfOwn(extras) + this.commonProperties().length;
    return length + bytesOfVarint(properties) + properties;
  }

  private commonProperties(): Buffer {
    return (this.common ??= encodeCommon(this.message));
  }

  /** Bytes of the properties that are a subscriber's own; the expiry is among them, since it passes. */
  private bytesOfOwn(extras: Extras | undefined): number {
    const expiry = extras?.messageExpiry ?? this.message.properties.messageExpiry;
    let bytes = expiry === undefined ? 0 : 5;
    if (extras === undefined) return bytes;
    if (extras.topicAlias !== undefined) bytes += 3;
    if (extras.subscriptionIds !== undefined) for (const id of extras.subscriptionIds) bytes += 1 + bytesOfVarint(id);
    return bytes;
  }

  /** @returns where the next byte goes */
  private putOwn(head: Buffer, from: number, extras: Extras | undefined): number {
    let at = from;
    const expiry = extras?.messageExpiry ?? this.message.properties.messageExpiry;
    if (expiry !== undefined) {
      head[at] = MESSAGE_EXPIRY;
      at = head.writeUInt32BE(expiry, at + 1);
    }
    if (extras === undefined) return at;
    if (extras.topicAlias !== undefined) {
      head[at] = TOPIC_ALIAS;
      at = head.writeUInt16BE(extras.topicAlias, at + 1);
    }
    if (extras.subscriptionIds === undefined) return at;
    for (const id of extras.subscriptionIds) {
      head[at] = SUBSCRIPTION_ID;
      at = putVarint(head, at + 1, id);
    }
    return at;
  }
}

const firstByte = (qos: QoS, retain: boolean, dup: boolean): number =>
  (PUBLISH << 4) | (dup && qos > 0 ? DUP : 0) | (qos << 1) | (retain ? RETAIN : 0);

/** The form with a packet identifier: the first to take it has its very bytes, all others a copy. */
function stamped(form: Form, first: number, packetId: number): Buffer {
  const { head, idAt } = form;
  let bytes = head;
  if (form.taken) {
    bytes = Buffer.allocUnsafe(head.length);
    bytes.set(head);
  }
  form.taken = true;
  bytes[0] = first;
  bytes[idAt] = packetId >> 8;
  bytes[idAt + 1] = packetId & 0xff;
  return bytes;
}

function isShortAscii(text: string): boolean {
  if (text.length > SHORT_TOPIC) return false;
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7f) return false;
  return true;
}

function encodeCommon({ properties }: Message): Buffer {
  if (Object.keys(properties).length === 0) return NO_BYTES;
  const { messageExpiry: _, ...common } = properties;
  if (bytesOfProperties('publish', common) === 0) return NO_BYTES;
  const writer = new PacketWriter();
  writeBareProperties(writer, 'publish', common);
  return writer.bare();
}

/** One PUBLISH, for who sends it to one peer: an empty topic stands for one that the peer knows by its alias. */
export function encodePublish(packet: Publish, version: Version): Buffer {
  const { topic, qos, retain, dup, packetId, topicAlias, subscriptionIds, payload } = packet;
  const writer = new PacketWriter(bytesOfText(topic) + payload.length + 64);
  writer.text(topic);
  if (qos > 0) writer.uint16(packetId);
  if (version === 5) {
    const values = {
      ...packet.properties,
      ...(topicAlias !== undefined && { topicAlias }),
      ...(subscriptionIds !== undefined && { subscriptionIds }),
    };
    writer.varint(bytesOfProperties('publish', values));
    writeBareProperties(writer, 'publish', values);
  }
  writer.raw(payload);
  return writer.packet(firstByte(qos, retain, dup));
}
