import { isUtf8, type Buffer } from 'node:buffer';
import { Fault, malformed, protocolError } from './fault.ts';
import { type PropertyValues, readProperties } from './properties.ts';
import { PacketReader } from './reader.ts';
import { reasonCodes } from './reason-codes.ts';
import { topicNameFault } from './topic.ts';
import type { Connect, QoS, Version, Will } from './types.ts';

/** Session Expiry Interval: for ever (MQTT 5 section 3.1.2.11.2). */
export const FOR_EVER = 0xffff_ffff;
/** Of Receive Maximum, when it is absent (MQTT 5 section 3.1.2.11.3). */
const MOST_IN_FLIGHT = 65_535;
/** A bridge of mosquitto sets it in the protocol level. */
export const BRIDGE = 0x80;

export const CLEAN = 0x02;
export const WILL = 0x04;
export const WILL_RETAIN = 0x20;
export const PASSWORD = 0x40;
export const USERNAME = 0x80;

/** Protocol name and level: MQTT 3.1 section 3.1, 3.1.1 and 5 section 3.1.2. */
function readVersion(name: string, level: number): Version | undefined {
  if (name === 'MQIsdp') return level === 3 ? 3 : undefined;
  return name === 'MQTT' && (level === 4 || level === 5) ? level : undefined;
}

/** What stands before the version cannot be trusted: a peer of another protocol is told so, however long its "name" is. */
const unsupported = (): Fault => new Fault(reasonCodes.unsupportedProtocolVersion, 'not MQTT 3.1, 3.1.1 or 5.0');

/** A CONNECT from behind its fixed header: MQTT 5 section 3.1. The password and the will's payload are views of `buf`. */
export function readConnect(buf: Buffer, from: number, end: number, maxTopicLevels: number): Connect | Fault {
  const reader = new PacketReader(buf, from, end);
  const name = reader.text();
  const level = reader.byte();
  if (reader.fault !== undefined) return reader.fault;
  const version = readVersion(name, level & ~BRIDGE);
  const bridge = (level & BRIDGE) !== 0;
  if (version === undefined || (bridge && version === 5)) return unsupported();
  const flags = reader.byte();
  const keepAlive = reader.uint16();
  const wrong = reader.fault ?? flagsFault(flags, version);
  if (wrong !== undefined) return wrong;
  const properties = version === 5 ? readProperties(reader, 'connect') : {};
  const clientId = reader.text();
  const will = (flags & WILL) === 0 ? undefined : readWill(reader, flags, version, maxTopicLevels);
  // MQTT 3.1 section 3.1: "the Remaining Length field takes precedence over the User Name flag", and over that of the password.
  const named = (flags & USERNAME) !== 0 && (version > 3 || reader.more);
  const username = named ? reader.text() : undefined;
  const secret = (flags & PASSWORD) !== 0 && (version > 3 || reader.more);
  const password = secret ? reader.binary() : undefined;
  reader.finish();
  const clean = (flags & CLEAN) !== 0;
  const fault = reader.fault ?? clientIdFault(clientId, version, clean) ?? methodFault(properties);
  if (fault !== undefined) return fault;
  return {
    type: 'connect',
    version,
    bridge,
    clientId,
    cleanStart: clean,
    keepAlive,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(will !== undefined && { will }),
    receiveMaximum: MOST_IN_FLIGHT,
    topicAliasMaximum: 0,
    requestResponseInformation: false,
    requestProblemInformation: true,
    userProperties: [],
    sessionExpiry: version === 5 || clean ? 0 : FOR_EVER,
    ...properties,
  };
}

/** MQTT 5 section 3.1.2.3, 3.1.1 section 3.1.2.3; 3.1 reserves bits without saying what they are. */
function flagsFault(flags: number, version: Version): Fault | undefined {
  const willQos = (flags >> 3) & 3;
  if ((flags & WILL) !== 0 && willQos === 3) return malformed('a will of QoS 3');
  // 3.1.1 [MQTT-3.1.2-22], and 3.1 section 3.1; MQTT 5 allows it.
  if (version < 5 && (flags & USERNAME) === 0 && (flags & PASSWORD) !== 0) {
    return malformed('a password without a user name');
  }
  if (version === 3) return undefined;
  // [MQTT-3.1.2-3]
  if ((flags & 1) !== 0) return malformed('the reserved flag of CONNECT is set');
  // [MQTT-3.1.2-11], [MQTT-3.1.2-13]
  if ((flags & WILL) === 0 && (flags & 0x38) !== 0) return malformed('flags of a will without a will');
  return undefined;
}

/**
 * Whether the client may leave it to the server to name it: 3.1.1 [MQTT-3.1.3-7]; never in 3.1, always in MQTT 5. The 23 characters
 * of 3.1 are no limit here: its clients have not kept to them for long.
 */
function clientIdFault(clientId: string, version: Version, clean: boolean): Fault | undefined {
  if (clientId !== '' || version === 5 || (version === 4 && clean)) return undefined;
  return new Fault(reasonCodes.clientIdentifierNotValid, 'an empty client identifier');
}

/** MQTT 5 sections 3.1.2.11.10 and 3.15.2.2.3. */
export function methodFault({ authenticationMethod, authenticationData }: PropertyValues): Fault | undefined {
  if (authenticationMethod !== undefined || authenticationData === undefined) return undefined;
  return protocolError('authentication data without a method');
}

/** MQTT 5 sections 3.1.3.2 to 3.1.3.4. */
function readWill(reader: PacketReader, flags: number, version: Version, maxTopicLevels: number): Will {
  const { willDelay = 0, ...properties } = version === 5 ? readProperties(reader, 'will') : {};
  const topic = reader.text();
  if (reader.fault === undefined) {
    const wrong = topicNameFault(topic, maxTopicLevels);
    if (wrong !== undefined) reader.fail(reasonCodes.topicNameInvalid, wrong);
  }
  const payload = reader.binary();
  if (properties.payloadFormat === 1 && !isUtf8(payload)) {
    reader.fail(reasonCodes.payloadFormatInvalid, 'a will that is said to be UTF-8 and is not');
  }
  const qos = ((flags >> 3) & 3) as QoS;
  return { topic, payload, qos, retain: (flags & WILL_RETAIN) !== 0, properties, delay: willDelay };
}
