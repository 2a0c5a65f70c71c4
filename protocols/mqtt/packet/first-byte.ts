import { type Fault, malformed, protocolError } from './fault.ts';
import type { Version } from './types.ts';

/** Packet types: MQTT 5 section 2.1.2. */
export const CONNECT = 1;
export const CONNACK = 2;
export const PUBLISH = 3;
export const PUBACK = 4;
export const PUBREC = 5;
export const PUBREL = 6;
export const PUBCOMP = 7;
export const SUBSCRIBE = 8;
export const SUBACK = 9;
export const UNSUBSCRIBE = 10;
export const UNSUBACK = 11;
export const PINGREQ = 12;
export const PINGRESP = 13;
export const DISCONNECT = 14;
export const AUTH = 15;

/** What both sides send to acknowledge a PUBLISH, by packet type. */
export const ACKNOWLEDGEMENTS = Array.from({ length: 16 }, (_, type) =>
  type >= PUBACK && type <= PUBCOMP ? (['puback', 'pubrec', 'pubrel', 'pubcomp'] as const)[type - PUBACK] : undefined,
);

/** What may begin a packet, by its first byte; undefined where nothing is wrong. */
export type FirstBytes = readonly (Fault | undefined)[];

const every = (judge: (type: number, flags: number) => Fault | undefined): FirstBytes =>
  Array.from({ length: 256 }, (_, first) => judge(first >> 4, first & 15));

const flagsSet = malformed('reserved flags are set otherwise than the packet has them');

/** [MQTT-2.1.3-1]: 2 for PUBREL, SUBSCRIBE and UNSUBSCRIBE, else 0. MQTT 3.1 does not use them, but for a DUP in these three. */
function flagsFault(type: number, flags: number, version: Version): Fault | undefined {
  if (type === PUBLISH) {
    // [MQTT-3.3.1-4]
    if ((flags & 6) === 6) return malformed('a QoS of 3');
    // [MQTT-3.3.1-2]; 3.1 gives DUP no meaning there.
    return version > 3 && (flags & 14) === 8 ? malformed('DUP with QoS 0') : undefined;
  }
  if (version === 3) return undefined;
  return flags === (type === PUBREL || type === SUBSCRIBE || type === UNSUBSCRIBE ? 2 : 0) ? undefined : flagsSet;
}

const FROM_SERVER = [CONNACK, SUBACK, UNSUBACK, PINGRESP];
const FROM_CLIENT = [CONNECT, SUBSCRIBE, UNSUBSCRIBE, PINGREQ];

const reserved = malformed('a packet type that is reserved');
const secondConnect = protocolError('a second CONNECT');
const ofServer = protocolError('a packet that only servers send');
const ofClient = protocolError('a packet that only clients send');

function typeFault(type: number, version: Version, wrong: readonly number[], wrongWay: Fault): Fault | undefined {
  if (type === 0 || (type === AUTH && version < 5)) return reserved;
  return wrong.includes(type) ? wrongWay : undefined;
}

const fromClient = (version: Version): FirstBytes =>
  every((type, flags) => {
    // [MQTT-3.1.0-2]
    if (type === CONNECT) return secondConnect;
    return typeFault(type, version, FROM_SERVER, ofServer) ?? flagsFault(type, flags, version);
  });

const fromServer = (version: Version): FirstBytes =>
  every((type, flags) => {
    if (version < 5 && type === DISCONNECT) return ofClient;
    return typeFault(type, version, FROM_CLIENT, ofClient) ?? flagsFault(type, flags, version);
  });

const notConnect = protocolError('the first packet is not CONNECT');

/** [MQTT-3.1.0-1]. A TLS handshake on a port without TLS begins as a CONNECT would, but for the flags. */
export const FIRST_FROM_CLIENT: FirstBytes = every((type, flags) => {
  if (type !== CONNECT) return notConnect;
  return flags === 0 ? undefined : malformed('reserved flags of CONNECT are set');
});

/** After CONNECT. */
export const FROM_CLIENT_BYTES: Readonly<Record<Version, FirstBytes>> = {
  3: fromClient(3),
  4: fromClient(4),
  5: fromClient(5),
};

export const FROM_SERVER_BYTES: Readonly<Record<Version, FirstBytes>> = {
  3: fromServer(3),
  4: fromServer(4),
  5: fromServer(5),
};
