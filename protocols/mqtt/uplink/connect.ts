import { Buffer } from 'node:buffer';
import type { Connect, Message } from '../packet/types.ts';
import type { UplinkOptions } from './settings.ts';

/** Topic aliases that the other broker may use. */
const TOPIC_ALIASES = 16;
/** MQTT 5 section 3.1.2.11.2: for ever, which is what a session of 3.1.1 that is not clean lasts. */
const FOR_EVER = 0xff_ff_ff_ff;

/** The CONNECT of an uplink (MQTT 5 section 3.1). */
export function connectOf(
  options: UplinkOptions,
  clean: boolean,
  bridgeBit: boolean,
  maximumPacketSize: number,
): Connect {
  const { clientId, keepAlive, password, receiveMaximum, sessionExpiry, username, version } = options;
  return {
    type: 'connect',
    version,
    bridge: bridgeBit,
    clientId,
    cleanStart: clean,
    keepAlive: Math.min(keepAlive, 65_535),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: Buffer.from(password) }),
    ...(options.notifications === 'both' ? { will: { ...noteOf(options, '0'), delay: 0 } } : {}),
    sessionExpiry: clean ? 0 : version === 4 ? FOR_EVER : sessionExpiry,
    receiveMaximum,
    maximumPacketSize,
    topicAliasMaximum: TOPIC_ALIASES,
    requestResponseInformation: false,
    requestProblemInformation: true,
    userProperties: [],
  };
}

/** What tells the state of an uplink: `1` or `0`, retained, on the topic that mosquitto uses for it. */
export function noteOf({ notificationTopic }: UplinkOptions, text: string): Message {
  return { topic: notificationTopic, payload: Buffer.from(text), qos: 0, retain: true, properties: {} };
}
