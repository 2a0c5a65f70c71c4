/**
 * Packets and their bytes, for encoders and decoders of both sides. The notation is that of bytes.ts. Bytes that say in a longer form
 * what the encoders say in a shorter one are only read.
 */
import { Buffer } from 'node:buffer';
import { reasonCodes } from '#protocols/mqtt/packet/reason-codes.ts';
import type {
  ClientPacket,
  Connect,
  Publish,
  ServerPacket,
  Subscription,
  Version,
} from '#protocols/mqtt/packet/types.ts';

export interface PacketCase<Packet> {
  readonly version: Version;
  readonly name: string;
  readonly bytes: string;
  readonly packet: Packet;
  /** No encoder writes it so. */
  readonly readOnly: boolean;
}

const one = <Packet>(version: Version, name: string, bytes: string, packet: Packet): PacketCase<Packet> => ({
  version,
  name,
  bytes,
  packet,
  readOnly: false,
});

const longer = <Packet>(version: Version, name: string, bytes: string, packet: Packet): PacketCase<Packet> => ({
  ...one(version, name, bytes, packet),
  readOnly: true,
});

/** A CONNECT that asks for nothing. */
export const connect = (version: Version, own: Partial<Connect> = {}): Connect => ({
  type: 'connect',
  version,
  bridge: false,
  clientId: 'c',
  cleanStart: true,
  keepAlive: 60,
  receiveMaximum: 65_535,
  topicAliasMaximum: 0,
  requestResponseInformation: false,
  requestProblemInformation: true,
  userProperties: [],
  sessionExpiry: version === 5 || own.cleanStart !== false ? 0 : 0xffff_ffff,
  ...own,
});

/** A PUBLISH to the topic "a" without payload. */
export const publish = (own: Partial<Publish> = {}): Publish => ({
  type: 'publish',
  topic: 'a',
  payload: Buffer.alloc(0),
  qos: 0,
  retain: false,
  properties: {},
  dup: false,
  packetId: 0,
  ...own,
});

export const subscription = (filter: string, own: Partial<Subscription> = {}): Subscription => ({
  filter,
  qos: 0,
  noLocal: false,
  retainAsPublished: false,
  retainHandling: 0,
  ...own,
});

const x = Buffer.from('x');
const { success } = reasonCodes;

const will = { topic: 'w', payload: x, qos: 0 as const, retain: false, properties: {}, delay: 0 };

const CONNECTS: readonly PacketCase<ClientPacket>[] = [
  one(3, 'CONNECT', `10 [ "MQIsdp" 03 02 003c "c" ]`, connect(3)),
  one(4, 'CONNECT', `10 [ "MQTT" 04 02 003c "c" ]`, connect(4)),
  one(5, 'CONNECT', `10 [ "MQTT" 05 02 003c 00 "c" ]`, connect(5)),
  one(3, 'CONNECT of a bridge', `10 [ "MQIsdp" 83 00 003c "c" ]`, connect(3, { bridge: true, cleanStart: false })),
  one(4, 'CONNECT of a bridge', `10 [ "MQTT" 84 00 003c "c" ]`, connect(4, { bridge: true, cleanStart: false })),
  one(4, 'CONNECT without client identifier', `10 [ "MQTT" 04 02 0000 "" ]`, connect(4, { clientId: '', keepAlive: 0 })),
  one(5, 'CONNECT without client identifier', `10 [ "MQTT" 05 00 ffff 00 "" ]`, connect(5, { clientId: '', keepAlive: 65_535, cleanStart: false })),
  longer(4, 'CONNECT with a padded Remaining Length', `10 8d00 "MQTT" 04 02 003c "c"`, connect(4)),
  longer(3, 'CONNECT with bits that 3.1 does not use', `10 [ "MQIsdp" 03 3b 003c "c" ]`, connect(3)),
  longer(3, 'CONNECT whose user name is missing', `10 [ "MQIsdp" 03 c2 003c "c" ]`, connect(3)),
  longer(3, 'CONNECT whose password is missing', `10 [ "MQIsdp" 03 c2 003c "c" "u" ]`, connect(3, { username: 'u' })),
  one(3, 'CONNECT with everything', `10 [ "MQIsdp" 03 f6 003c "c" "w" "x" "u" "x" ]`, connect(3, { will: { ...will, qos: 2, retain: true }, username: 'u', password: x })),
  one(4, 'CONNECT with everything', `10 [ "MQTT" 04 ec 003c "c" "w" "" "u" "x" ]`, connect(4, { cleanStart: false, will: { ...will, qos: 1, retain: true, payload: Buffer.alloc(0) }, username: 'u', password: x })),
  one(4, 'CONNECT with empty credentials', `10 [ "MQTT" 04 c2 003c "c" "" "" ]`, connect(4, { username: '', password: Buffer.alloc(0) })),
  one(5, 'CONNECT with a password alone', `10 [ "MQTT" 05 42 003c 00 "c" "x" ]`, connect(5, { password: x })),
  one(5, 'CONNECT with a will', `10 [ "MQTT" 05 06 003c 00 "c" 00 "w" "x" ]`, connect(5, { will })),
  one(
    5,
    'CONNECT with everything',
    `10 [ "MQTT" 05 ce 003c ( 11 0000003c 15 "SCRAM" 16 "x" 17 00 19 01 21 000a 22 0005 26 "k" "v" 26 "k" "" 27 00010000 ) "c"
      ( 01 01 02 0000000a 03 "text/plain" 08 "r/€" 09 "x" 18 00000005 26 "" "v" ) "w" "x" "u" "x" ]`,
    connect(5, {
      sessionExpiry: 60,
      receiveMaximum: 10,
      maximumPacketSize: 65_536,
      topicAliasMaximum: 5,
      requestResponseInformation: true,
      requestProblemInformation: false,
      userProperties: [
        ['k', 'v'],
        ['k', ''],
      ],
      authenticationMethod: 'SCRAM',
      authenticationData: x,
      username: 'u',
      password: x,
      will: {
        ...will,
        qos: 1,
        delay: 5,
        properties: {
          payloadFormat: 1,
          messageExpiry: 10,
          contentType: 'text/plain',
          responseTopic: 'r/€',
          correlationData: x,
          userProperties: [['', 'v']],
        },
      },
    }),
  ),
];

/** What both sides send, and the PUBLISH packets of both. */
const BOTH: readonly PacketCase<(ClientPacket & ServerPacket) | Publish>[] = [
  one(3, 'PUBLISH', `30 [ "a" ]`, publish()),
  longer(3, 'PUBLISH with DUP and QoS 0', `38 [ "a" ]`, publish()),
  one(4, 'PUBLISH', `30 [ "a" 'x' ]`, publish({ payload: x })),
  longer(4, 'PUBLISH with a padded Remaining Length', `30 848000 "a" 'x'`, publish({ payload: x })),
  one(5, 'PUBLISH', `30 [ "a" 00 'x' ]`, publish({ payload: x })),
  one(4, 'PUBLISH with QoS 1', `33 [ "a/b" 0001 'x' ]`, publish({ topic: 'a/b', qos: 1, retain: true, packetId: 1, payload: x })),
  one(5, 'PUBLISH with QoS 2', `3c [ "/" ffff 00 ]`, publish({ topic: '/', qos: 2, dup: true, packetId: 65_535 })),
  one(4, 'PUBLISH to a topic of many characters', `30 [ "$SYS/€/ä/日本/\u{1f600}" ]`, publish({ topic: '$SYS/€/ä/日本/\u{1f600}' })),
  one(4, 'PUBLISH to a topic of U+FEFF', `30 [ 0004 efbbbf61 ]`, publish({ topic: '\ufeffa' })),
  one(4, 'PUBLISH to a topic of control characters and non-characters', `30 [ 0007 017fc285efbfbf ]`, publish({ topic: '\u0001\u007f\u0085\uffff' })),
  one(4, 'PUBLISH of 127 bytes', `30 7f "a" ${'00'.repeat(124)}`, publish({ payload: Buffer.alloc(124) })),
  one(4, 'PUBLISH of 128 bytes', `30 8001 "a" ${'00'.repeat(125)}`, publish({ payload: Buffer.alloc(125) })),
  one(5, 'PUBLISH of 16,383 bytes', `30 ff7f "a" 00 ${'7a'.repeat(16_379)}`, publish({ payload: Buffer.alloc(16_379, 'z') })),
  one(5, 'PUBLISH of 16,384 bytes', `30 808001 "a" 00 ${'7a'.repeat(16_380)}`, publish({ payload: Buffer.alloc(16_380, 'z') })),
  one(
    5,
    'PUBLISH with everything',
    `34 [ "a" 0102 ( 01 01 02 ffffffff 03 "" 08 "r" 09 "" 23 0001 26 "k" "v" 26 "a" "b" 26 "k" "v" ) 'ü' ]`,
    publish({
      qos: 2,
      packetId: 258,
      topicAlias: 1,
      payload: Buffer.from('ü'),
      properties: {
        payloadFormat: 1,
        messageExpiry: 0xffff_ffff,
        contentType: '',
        responseTopic: 'r',
        correlationData: Buffer.alloc(0),
        userProperties: [
          ['k', 'v'],
          ['a', 'b'],
          ['k', 'v'],
        ],
      },
    }),
  ),
  longer(
    5,
    'PUBLISH with properties in another order',
    `30 [ "a" ( 26 "k" "v" 02 0000003c 01 00 ) ]`,
    publish({ properties: { userProperties: [['k', 'v']], messageExpiry: 60, payloadFormat: 0 } }),
  ),
  ...[3 as const, 4 as const, 5 as const].flatMap((version) => [
    one(version, 'PUBACK', `40 02 0001`, { type: 'puback' as const, packetId: 1, reason: success }),
    one(version, 'PUBREC', `50 02 00ff`, { type: 'pubrec' as const, packetId: 255, reason: success }),
    one(version, 'PUBREL', `62 02 ff00`, { type: 'pubrel' as const, packetId: 65_280, reason: success }),
    one(version, 'PUBCOMP', `70 02 ffff`, { type: 'pubcomp' as const, packetId: 65_535, reason: success }),
  ]),
  one(5, 'PUBACK with a reason', `40 03 0001 10`, { type: 'puback', packetId: 1, reason: reasonCodes.noMatchingSubscribers }),
  longer(5, 'PUBACK with its success said', `40 03 0001 00`, { type: 'puback', packetId: 1, reason: success }),
  longer(5, 'PUBACK with no properties said', `40 04 0001 00 00`, { type: 'puback', packetId: 1, reason: success }),
  one(5, 'PUBREC with everything', `50 [ 0001 97 ( 1f "full" 26 "k" "v" ) ]`, { type: 'pubrec', packetId: 1, reason: reasonCodes.quotaExceeded, reasonString: 'full', userProperties: [['k', 'v']] }),
  one(5, 'PUBREL with a reason', `62 [ 0001 92 ]`, { type: 'pubrel', packetId: 1, reason: reasonCodes.packetIdentifierNotFound }),
  one(5, 'PUBCOMP with a reason string', `70 [ 0001 92 ( 1f "" ) ]`, { type: 'pubcomp', packetId: 1, reason: reasonCodes.packetIdentifierNotFound, reasonString: '' }),
  one(5, 'DISCONNECT', `e0 00`, { type: 'disconnect', reason: success }),
  longer(5, 'DISCONNECT with its reason said', `e0 01 00`, { type: 'disconnect', reason: success }),
  one(5, 'DISCONNECT with a reason', `e0 01 97`, { type: 'disconnect', reason: reasonCodes.quotaExceeded }),
  one(5, 'DISCONNECT with a reason string', `e0 [ 00 ( 1f "bye" 26 "k" "v" ) ]`, { type: 'disconnect', reason: success, reasonString: 'bye', userProperties: [['k', 'v']] }),
  one(5, 'AUTH', `f0 [ 18 ( 15 "X" ) ]`, { type: 'auth', reason: reasonCodes.continueAuthentication, method: 'X' }),
  one(5, 'AUTH with everything', `f0 [ 18 ( 15 "X" 16 "x" 1f "go on" 26 "k" "v" ) ]`, { type: 'auth', reason: reasonCodes.continueAuthentication, method: 'X', data: x, reasonString: 'go on', userProperties: [['k', 'v']] }),
];

export const CLIENT_PACKETS: readonly PacketCase<ClientPacket>[] = [
  ...CONNECTS,
  ...BOTH,
  one(3, 'SUBSCRIBE', `82 [ 0001 "a" 01 ]`, { type: 'subscribe', packetId: 1, subscriptions: [subscription('a', { qos: 1 })], userProperties: [] }),
  longer(3, 'SUBSCRIBE with DUP', `8a [ 0001 "a" 01 ]`, { type: 'subscribe', packetId: 1, subscriptions: [subscription('a', { qos: 1 })], userProperties: [] }),
  one(4, 'SUBSCRIBE', `82 [ 0001 "#" 00 "+" 01 "/+/a/#" 02 ]`, {
    type: 'subscribe',
    packetId: 1,
    subscriptions: [subscription('#'), subscription('+', { qos: 1 }), subscription('/+/a/#', { qos: 2 })],
    userProperties: [],
  }),
  one(4, 'SUBSCRIBE, shared', `82 [ 0001 "$share/g/#" 00 "$share" 00 "$shared/x" 00 ]`, {
    type: 'subscribe',
    packetId: 1,
    subscriptions: [subscription('$share/g/#'), subscription('$share'), subscription('$shared/x')],
    userProperties: [],
  }),
  one(5, 'SUBSCRIBE', `82 [ 0001 00 "a//+" 2e ]`, {
    type: 'subscribe',
    packetId: 1,
    subscriptions: [subscription('a//+', { qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 2 })],
    userProperties: [],
  }),
  one(5, 'SUBSCRIBE with properties', `82 [ 0001 ( 0b ffffff7f 26 "k" "v" ) "$share/g//a" 18 ]`, {
    type: 'subscribe',
    packetId: 1,
    subscriptions: [subscription('$share/g//a', { retainAsPublished: true, retainHandling: 1 })],
    subscriptionId: 268_435_455,
    userProperties: [['k', 'v']],
  }),
  one(3, 'UNSUBSCRIBE', `a2 [ 0001 "a" ]`, { type: 'unsubscribe', packetId: 1, filters: ['a'], userProperties: [] }),
  one(4, 'UNSUBSCRIBE', `a2 [ 0001 "a" "+/#" ]`, { type: 'unsubscribe', packetId: 1, filters: ['a', '+/#'], userProperties: [] }),
  one(5, 'UNSUBSCRIBE', `a2 [ 0001 ( 26 "k" "v" ) "a" ]`, { type: 'unsubscribe', packetId: 1, filters: ['a'], userProperties: [['k', 'v']] }),
  one(3, 'PINGREQ', `c0 00`, { type: 'pingreq' }),
  one(5, 'PINGREQ', `c0 00`, { type: 'pingreq' }),
  one(3, 'DISCONNECT', `e0 00`, { type: 'disconnect', reason: success }),
  one(4, 'DISCONNECT', `e0 00`, { type: 'disconnect', reason: success }),
  one(5, 'DISCONNECT that wants the will', `e0 01 04`, { type: 'disconnect', reason: reasonCodes.disconnectWithWill }),
  one(5, 'DISCONNECT that expires at once', `e0 [ 00 ( 11 00000000 ) ]`, { type: 'disconnect', reason: success, sessionExpiry: 0 }),
  one(5, 'AUTH once more', `f0 [ 19 ( 15 "X" ) ]`, { type: 'auth', reason: reasonCodes.reAuthenticate, method: 'X' }),
];

export const SERVER_PACKETS: readonly PacketCase<ServerPacket | Publish>[] = [
  ...BOTH,
  one(5, 'PUBLISH with subscription identifiers', `30 [ "a" ( 0b 01 0b 8001 ) ]`, publish({ subscriptionIds: [1, 128] })),
  one(3, 'CONNACK', `20 02 0000`, { type: 'connack', sessionPresent: false, reason: success }),
  one(3, 'CONNACK for a version', `20 02 0001`, { type: 'connack', sessionPresent: false, reason: reasonCodes.unsupportedProtocolVersion }),
  one(4, 'CONNACK with a session', `20 02 0100`, { type: 'connack', sessionPresent: true, reason: success }),
  one(4, 'CONNACK for a client identifier', `20 02 0002`, { type: 'connack', sessionPresent: false, reason: reasonCodes.clientIdentifierNotValid }),
  one(4, 'CONNACK for later', `20 02 0003`, { type: 'connack', sessionPresent: false, reason: reasonCodes.serverUnavailable }),
  one(4, 'CONNACK for a password', `20 02 0004`, { type: 'connack', sessionPresent: false, reason: reasonCodes.badUserNameOrPassword }),
  one(4, 'CONNACK for a rule', `20 02 0005`, { type: 'connack', sessionPresent: false, reason: reasonCodes.notAuthorized }),
  one(5, 'CONNACK', `20 03 0000 00`, { type: 'connack', sessionPresent: false, reason: success }),
  one(5, 'CONNACK with a session', `20 03 0100 00`, { type: 'connack', sessionPresent: true, reason: success }),
  one(5, 'CONNACK that refuses', `20 [ 00 8c ( 1f "no" ) ]`, { type: 'connack', sessionPresent: false, reason: reasonCodes.badAuthenticationMethod, reasonString: 'no' }),
  one(
    5,
    'CONNACK with everything',
    `20 [ 01 00 ( 11 0000003c 12 "id" 13 001e 15 "X" 16 "x" 1a "r/" 1c "h" 1f "why" 21 0014 22 0064 24 01 25 00 26 "k" "v" 27 00100000
      28 01 29 00 2a 01 ) ]`,
    {
      type: 'connack',
      sessionPresent: true,
      reason: success,
      sessionExpiry: 60,
      receiveMaximum: 20,
      maximumQos: 1,
      retainAvailable: false,
      maximumPacketSize: 1_048_576,
      assignedClientId: 'id',
      topicAliasMaximum: 100,
      reasonString: 'why',
      wildcardAvailable: true,
      subscriptionIdsAvailable: false,
      sharedAvailable: true,
      serverKeepAlive: 30,
      responseInformation: 'r/',
      serverReference: 'h',
      authenticationMethod: 'X',
      authenticationData: x,
      userProperties: [['k', 'v']],
    },
  ),
  one(3, 'SUBACK', `90 [ 0001 00 01 ]`, { type: 'suback', packetId: 1, reasons: [success, reasonCodes.grantedQos1] }),
  one(4, 'SUBACK', `90 [ 0001 02 80 ]`, { type: 'suback', packetId: 1, reasons: [reasonCodes.grantedQos2, reasonCodes.unspecifiedError] }),
  one(5, 'SUBACK', `90 [ 0001 ( 1f "why" 26 "k" "v" ) 00 87 ]`, {
    type: 'suback',
    packetId: 1,
    reasons: [success, reasonCodes.notAuthorized],
    reasonString: 'why',
    userProperties: [['k', 'v']],
  }),
  one(3, 'UNSUBACK', `b0 02 0001`, { type: 'unsuback', packetId: 1, reasons: [] }),
  one(4, 'UNSUBACK', `b0 02 0001`, { type: 'unsuback', packetId: 1, reasons: [] }),
  one(5, 'UNSUBACK', `b0 [ 0001 00 00 11 ]`, { type: 'unsuback', packetId: 1, reasons: [success, reasonCodes.noSubscriptionExisted] }),
  one(3, 'PINGRESP', `d0 00`, { type: 'pingresp' }),
  one(5, 'PINGRESP', `d0 00`, { type: 'pingresp' }),
  one(5, 'DISCONNECT of a server', `e0 [ 9d ( 1c "other.example" ) ]`, { type: 'disconnect', reason: reasonCodes.serverMoved, serverReference: 'other.example' }),
  one(5, 'AUTH that says success', `f0 [ 00 ( 15 "X" ) ]`, { type: 'auth', reason: success, method: 'X' }),
  one(5, 'AUTH that says success in no bytes', `f0 00`, { type: 'auth', reason: success }),
];
