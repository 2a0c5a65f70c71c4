import type { Buffer } from 'node:buffer';
import { malformed, protocolError } from './fault.ts';
import type { PacketReader } from './reader.ts';
import { type ReasonCode, reasonCodes } from './reason-codes.ts';
import { topicNameFault } from './topic.ts';
import type { UserProperty } from './types.ts';
import { bytesOfText, bytesOfVarint, type PacketWriter } from './writer.ts';

/** Where properties stand: a packet, or the will of a CONNECT. */
export type Place =
  | 'connect'
  | 'will'
  | 'connack'
  | 'publish'
  | 'puback'
  | 'pubrec'
  | 'pubrel'
  | 'pubcomp'
  | 'subscribe'
  | 'suback'
  | 'unsubscribe'
  | 'unsuback'
  | 'disconnect'
  | 'auth';

/** `flag` is a byte that is 0 or 1 and means false or true, `bit` one that is a number. `topic` is a string that is a topic name. */
type Type = 'flag' | 'bit' | 'uint16' | 'uint32' | 'varint' | 'text' | 'topic' | 'binary' | 'pair';

export interface PropertyValues {
  readonly payloadFormat?: 0 | 1;
  readonly messageExpiry?: number;
  readonly contentType?: string;
  readonly responseTopic?: string;
  readonly correlationData?: Buffer;
  readonly subscriptionId?: number;
  readonly subscriptionIds?: readonly number[];
  readonly sessionExpiry?: number;
  readonly assignedClientId?: string;
  readonly serverKeepAlive?: number;
  readonly authenticationMethod?: string;
  readonly authenticationData?: Buffer;
  readonly requestProblemInformation?: boolean;
  readonly willDelay?: number;
  readonly requestResponseInformation?: boolean;
  readonly responseInformation?: string;
  readonly serverReference?: string;
  readonly reasonString?: string;
  readonly receiveMaximum?: number;
  readonly topicAliasMaximum?: number;
  readonly topicAlias?: number;
  readonly maximumQos?: 0 | 1;
  readonly retainAvailable?: boolean;
  readonly userProperties?: readonly UserProperty[];
  readonly maximumPacketSize?: number;
  readonly wildcardAvailable?: boolean;
  readonly subscriptionIdsAvailable?: boolean;
  readonly sharedAvailable?: boolean;
}

interface Property {
  readonly id: number;
  readonly name: keyof PropertyValues;
  readonly type: Type;
  readonly places: readonly Place[];
  /** It may stand more than once. */
  readonly repeatable: boolean;
  /** Why a value of zero is refused, where it is. */
  readonly zero: ReasonCode | undefined;
}

const property = (
  id: number,
  name: keyof PropertyValues,
  type: Type,
  places: readonly Place[],
  { repeatable = false, zero }: { readonly repeatable?: boolean; readonly zero?: ReasonCode } = {},
): Property => ({ id, name, type, places, repeatable, zero });

const MESSAGE: readonly Place[] = ['publish', 'will'];
const ENDS: readonly Place[] = ['connect', 'connack'];
const ACKNOWLEDGED: readonly Place[] = ['connack', 'puback', 'pubrec', 'pubrel', 'pubcomp', 'suback', 'unsuback'];
const EXPLAINED: readonly Place[] = [...ACKNOWLEDGED, 'disconnect', 'auth'];
const EVERYWHERE: readonly Place[] = [...EXPLAINED, 'connect', 'will', 'publish', 'subscribe', 'unsubscribe'];
const REPEATABLE = { repeatable: true };
const NOT_ZERO = { zero: reasonCodes.protocolError };

/** MQTT 5 section 2.2.2.2, table 2-4. */
export const PROPERTIES: readonly Property[] = [
  property(0x01, 'payloadFormat', 'bit', MESSAGE),
  property(0x02, 'messageExpiry', 'uint32', MESSAGE),
  property(0x03, 'contentType', 'text', MESSAGE),
  property(0x08, 'responseTopic', 'topic', MESSAGE),
  property(0x09, 'correlationData', 'binary', MESSAGE),
  property(0x0b, 'subscriptionId', 'varint', ['subscribe'], NOT_ZERO),
  property(0x0b, 'subscriptionIds', 'varint', ['publish'], { ...REPEATABLE, ...NOT_ZERO }),
  property(0x11, 'sessionExpiry', 'uint32', [...ENDS, 'disconnect']),
  property(0x12, 'assignedClientId', 'text', ['connack']),
  property(0x13, 'serverKeepAlive', 'uint16', ['connack']),
  property(0x15, 'authenticationMethod', 'text', [...ENDS, 'auth']),
  property(0x16, 'authenticationData', 'binary', [...ENDS, 'auth']),
  property(0x17, 'requestProblemInformation', 'flag', ['connect']),
  property(0x18, 'willDelay', 'uint32', ['will']),
  property(0x19, 'requestResponseInformation', 'flag', ['connect']),
  property(0x1a, 'responseInformation', 'text', ['connack']),
  property(0x1c, 'serverReference', 'text', ['connack', 'disconnect']),
  property(0x1f, 'reasonString', 'text', EXPLAINED),
  property(0x21, 'receiveMaximum', 'uint16', ENDS, NOT_ZERO),
  property(0x22, 'topicAliasMaximum', 'uint16', ENDS),
  property(0x23, 'topicAlias', 'uint16', ['publish'], { zero: reasonCodes.topicAliasInvalid }),
  property(0x24, 'maximumQos', 'bit', ['connack']),
  property(0x25, 'retainAvailable', 'flag', ['connack']),
  property(0x26, 'userProperties', 'pair', EVERYWHERE, REPEATABLE),
  property(0x27, 'maximumPacketSize', 'uint32', ENDS, NOT_ZERO),
  property(0x28, 'wildcardAvailable', 'flag', ['connack']),
  property(0x29, 'subscriptionIdsAvailable', 'flag', ['connack']),
  property(0x2a, 'sharedAvailable', 'flag', ['connack']),
];

const at = (place: Place): readonly Property[] => PROPERTIES.filter(({ places }) => places.includes(place));

const BY_PLACE: Readonly<Record<Place, readonly Property[]>> = {
  connect: at('connect'),
  will: at('will'),
  connack: at('connack'),
  publish: at('publish'),
  puback: at('puback'),
  pubrec: at('pubrec'),
  pubrel: at('pubrel'),
  pubcomp: at('pubcomp'),
  subscribe: at('subscribe'),
  suback: at('suback'),
  unsubscribe: at('unsubscribe'),
  unsuback: at('unsuback'),
  disconnect: at('disconnect'),
  auth: at('auth'),
};

const byId = (properties: readonly Property[]): readonly (Property | undefined)[] =>
  Array.from({ length: 0x2b }, (_, id) => properties.find((each) => each.id === id));

const BY_ID = Object.fromEntries(
  Object.entries(BY_PLACE).map(([place, properties]) => [place, byId(properties)]),
) as Readonly<Record<Place, readonly (Property | undefined)[]>>;

const NONE: PropertyValues = Object.freeze({});

/**
 * The properties that stand next in a packet (MQTT 5 section 2.2.2), absent ones absent. What is wrong with them goes to the reader:
 * an identifier that is unknown or belongs elsewhere is malformed, a second value of one that cannot repeat a protocol error.
 */
export function readProperties(reader: PacketReader, place: Place): PropertyValues {
  const length = reader.varint();
  if (length === 0) return NONE;
  const packetEnd = reader.end;
  const end = reader.at + length;
  if (end > packetEnd) {
    reader.refuse(malformed('properties go over the end'));
    return NONE;
  }
  const known = BY_ID[place];
  const values: Record<string, unknown> = {};
  reader.end = end;
  while (reader.more) {
    const one = known[reader.varint()];
    if (one === undefined) reader.refuse(malformed('a property that is unknown or belongs to another packet'));
    else readProperty(reader, one, values);
  }
  reader.end = packetEnd;
  return values;
}

function readProperty(reader: PacketReader, one: Property, values: Record<string, unknown>): void {
  const { name, type, zero, repeatable } = one;
  const value = readValue(reader, type);
  if (zero !== undefined && value === 0) reader.fail(zero, `a value of 0 for ${name}`);
  const before = values[name];
  if (before === undefined) values[name] = repeatable ? [value] : value;
  else if (repeatable) (before as unknown[]).push(value);
  else reader.refuse(protocolError(`a second value for ${name}`));
}

function readValue(reader: PacketReader, type: Type): unknown {
  switch (type) {
    case 'flag':
      return readBit(reader) === 1;
    case 'bit':
      return readBit(reader);
    case 'uint16':
      return reader.uint16();
    case 'uint32':
      return reader.uint32();
    case 'varint':
      return reader.varint();
    case 'text':
      return reader.text();
    case 'topic':
      return readTopic(reader);
    case 'binary':
      return reader.binary();
    case 'pair':
      return [reader.text(), reader.text()];
  }
}

function readBit(reader: PacketReader): number {
  const value = reader.byte();
  if (value > 1) reader.refuse(protocolError('a property that is neither 0 nor 1'));
  return value;
}

/** A Response Topic: [MQTT-3.3.2-14]. It is as long as the packet lets it be; nothing walks its levels before somebody publishes to it. */
function readTopic(reader: PacketReader): string {
  const topic = reader.text();
  const wrong = reader.fault === undefined ? topicNameFault(topic, Infinity) : undefined;
  if (wrong !== undefined) reader.refuse(protocolError(`Response Topic: ${wrong}`));
  return topic;
}

/** Bytes of the properties without their length. */
export function bytesOfProperties(place: Place, values: PropertyValues): number {
  let bytes = 0;
  for (const { name, type, repeatable } of BY_PLACE[place]) {
    const value = values[name];
    if (value === undefined) continue;
    if (!repeatable) bytes += 1 + bytesOfValue(type, value);
    else for (const each of value as readonly unknown[]) bytes += 1 + bytesOfValue(type, each);
  }
  return bytes;
}

/** Writes the properties of `values` that belong to a place, with their length before them. */
export function writeProperties(writer: PacketWriter, place: Place, values: PropertyValues): void {
  writer.varint(bytesOfProperties(place, values));
  writeBareProperties(writer, place, values);
}

/** As `writeProperties`, without the length. */
export function writeBareProperties(writer: PacketWriter, place: Place, values: PropertyValues): void {
  for (const { id, name, type, repeatable } of BY_PLACE[place]) {
    const value = values[name];
    if (value === undefined) continue;
    for (const each of repeatable ? (value as readonly unknown[]) : [value]) {
      writer.byte(id);
      writeValue(writer, type, each);
    }
  }
}

function bytesOfValue(type: Type, value: unknown): number {
  switch (type) {
    case 'flag':
    case 'bit':
      return 1;
    case 'uint16':
      return 2;
    case 'uint32':
      return 4;
    case 'varint':
      return bytesOfVarint(value as number);
    case 'text':
    case 'topic':
      return bytesOfText(value as string);
    case 'binary':
      return 2 + (value as Buffer).length;
    case 'pair':
      return bytesOfText((value as UserProperty)[0]) + bytesOfText((value as UserProperty)[1]);
  }
}

function writeValue(writer: PacketWriter, type: Type, value: unknown): void {
  switch (type) {
    case 'flag':
    case 'bit':
      return writer.byte(Number(value));
    case 'uint16':
      return writer.uint16(value as number);
    case 'uint32':
      return writer.uint32(value as number);
    case 'varint':
      return writer.varint(value as number);
    case 'text':
    case 'topic':
      return writer.text(value as string);
    case 'binary':
      return writer.binary(value as Buffer);
    case 'pair':
      writer.text((value as UserProperty)[0]);
      return writer.text((value as UserProperty)[1]);
  }
}
