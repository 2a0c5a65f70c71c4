/**
 * What a client must not send: the bytes, the version, the reason code and the statement that is broken. Statements are those of MQTT 5,
 * and of 3.1.1 where "3.1.1" stands before; a number alone is a section. The notation is that of bytes.ts.
 */
import type { reasonCodes } from '#protocols/mqtt/packet/reason-codes.ts';
import type { Version } from '#protocols/mqtt/packet/types.ts';

export interface MalformedCase {
  readonly version: Version;
  readonly name: string;
  readonly statement: string;
  readonly bytes: string;
  readonly reason: keyof typeof reasonCodes;
  /** A part of the fault's text: the packet is refused for what it is in the table for. */
  readonly says: string;
  /** The bytes are the first that the client sends; else they follow an accepted CONNECT of the version. */
  readonly first: boolean;
}

type Row = readonly [
  versions: readonly Version[],
  name: string,
  statement: string,
  bytes: string,
  reason: keyof typeof reasonCodes,
  says: string,
];

const ALL = [3, 4, 5] as const;
const OLD = [3, 4] as const;
const NEW = [4, 5] as const;
const V4 = [4] as const;
const V5 = [5] as const;

const END = 'over the end';
const UTF8 = 'not UTF-8';
const BEHIND = 'behind the last field';
const REASON = 'this packet cannot have';
const FLAGS = 'reserved flags';

/** The first packet. Where its version cannot be told, or does not matter, 5 is given. */
const FIRST: readonly Row[] = [
  [V5, 'PUBLISH first', '[MQTT-3.1.0-1]', `30 [ "a" ]`, 'protocolError', 'not CONNECT'],
  [V5, 'PINGREQ first', '[MQTT-3.1.0-1]', `c0 00`, 'protocolError', 'not CONNECT'],
  [V5, 'AUTH first', '[MQTT-3.1.0-1]', `f0 [ 18 ( 15 "X" ) ]`, 'protocolError', 'not CONNECT'],
  [V5, 'HTTP', '[MQTT-3.1.0-1]', `'GET / HTTP/1.1'`, 'protocolError', 'not CONNECT'],
  [V5, 'a TLS handshake on a port without TLS', '[MQTT-2.1.3-1]', `16 0301 00c8 01`, 'malformedPacket', FLAGS],
  [V5, 'flags of the fixed header', '[MQTT-2.1.3-1]', `11 [ "MQTT" 04 02 003c "c" ]`, 'malformedPacket', FLAGS],
  [V5, 'a protocol level of none', '[MQTT-3.1.2-2]', `10 [ "MQTT" 06 02 003c 00 "c" ]`, 'unsupportedProtocolVersion', 'not MQTT'],
  [V5, 'a protocol level of 3 as MQTT', '[MQTT-3.1.2-2]', `10 [ "MQTT" 03 02 003c "c" ]`, 'unsupportedProtocolVersion', 'not MQTT'],
  [V5, 'a protocol level of 4 as MQIsdp', '[MQTT-3.1.2-1]', `10 [ "MQIsdp" 04 02 003c "c" ]`, 'unsupportedProtocolVersion', 'not MQTT'],
  [V5, 'a bridge of MQTT 5', '[MQTT-3.1.2-2]', `10 [ "MQTT" 85 02 003c 00 "c" ]`, 'unsupportedProtocolVersion', 'not MQTT'],
  [V5, 'another protocol name', '[MQTT-3.1.2-1]', `10 [ "AMQP" 04 02 003c "c" ]`, 'unsupportedProtocolVersion', 'not MQTT'],
  [V5, 'a protocol name in lower case', '[MQTT-3.1.2-1]', `10 [ "mqtt" 05 02 003c 00 "c" ]`, 'unsupportedProtocolVersion', 'not MQTT'],
  [V5, 'a protocol name that is not UTF-8', '[MQTT-1.5.4-1]', `10 [ 0004 ffffffff 04 02 003c "c" ]`, 'malformedPacket', UTF8],
  [V5, 'an empty CONNECT', '[MQTT-3.1.4-1]', `10 00`, 'malformedPacket', END],
  [V5, 'a CONNECT cut in its header', '[MQTT-3.1.4-1]', `10 [ "MQTT" 04 02 00 ]`, 'malformedPacket', END],
  [V5, 'a Remaining Length of five bytes', '2.1.4', `10 8080808001`, 'malformedPacket', 'more than four bytes'],
  [V5, 'a CONNECT of 256 MB', '3.1.2.11.4', `10 ffffff7f`, 'packetTooLarge', 'more than'],
  [V5, 'a CONNECT with a padded Remaining Length', '[MQTT-1.5.5-1]', `10 8e00 "MQTT" 05 02 003c 00 "c"`, 'malformedPacket', 'longer than it needs'],
  [V4, 'the reserved flag', '3.1.1 [MQTT-3.1.2-3]', `10 [ "MQTT" 04 03 003c "c" ]`, 'malformedPacket', 'reserved flag of CONNECT'],
  [V5, 'the reserved flag', '[MQTT-3.1.2-3]', `10 [ "MQTT" 05 03 003c 00 "c" ]`, 'malformedPacket', 'reserved flag of CONNECT'],
  [V4, 'a will QoS without a will', '3.1.1 [MQTT-3.1.2-13]', `10 [ "MQTT" 04 0a 003c "c" ]`, 'malformedPacket', 'without a will'],
  [V5, 'a will QoS without a will', '[MQTT-3.1.2-11]', `10 [ "MQTT" 05 0a 003c 00 "c" ]`, 'malformedPacket', 'without a will'],
  [V4, 'a will retain without a will', '3.1.1 [MQTT-3.1.2-15]', `10 [ "MQTT" 04 22 003c "c" ]`, 'malformedPacket', 'without a will'],
  [V5, 'a will retain without a will', '[MQTT-3.1.2-13]', `10 [ "MQTT" 05 22 003c 00 "c" ]`, 'malformedPacket', 'without a will'],
  [[3], 'a will of QoS 3', '3.1 section 3.1', `10 [ "MQIsdp" 03 1e 003c "c" "w" "x" ]`, 'malformedPacket', 'a will of QoS 3'],
  [V4, 'a will of QoS 3', '3.1.1 [MQTT-3.1.2-14]', `10 [ "MQTT" 04 1e 003c "c" "w" "x" ]`, 'malformedPacket', 'a will of QoS 3'],
  [V5, 'a will of QoS 3', '[MQTT-3.1.2-12]', `10 [ "MQTT" 05 1e 003c 00 "c" 00 "w" "x" ]`, 'malformedPacket', 'a will of QoS 3'],
  [V4, 'a will that is missing', '3.1.1 [MQTT-3.1.2-9]', `10 [ "MQTT" 04 06 003c "c" ]`, 'malformedPacket', END],
  [V5, 'a will that is missing', '[MQTT-3.1.2-9]', `10 [ "MQTT" 05 06 003c 00 "c" ]`, 'malformedPacket', END],
  [V5, 'a will without payload', '[MQTT-3.1.2-9]', `10 [ "MQTT" 05 06 003c 00 "c" 00 "w" ]`, 'malformedPacket', END],
  [V4, 'a wildcard in the will topic', '[MQTT-4.7.0-1]', `10 [ "MQTT" 04 06 003c "c" "a/#" "x" ]`, 'topicNameInvalid', 'wildcard'],
  [V5, 'an empty will topic', '[MQTT-4.7.3-1]', `10 [ "MQTT" 05 06 003c 00 "c" 00 "" "x" ]`, 'topicNameInvalid', 'empty'],
  [V5, 'a will topic that is not UTF-8', '[MQTT-3.1.3-11]', `10 [ "MQTT" 05 06 003c 00 "c" 00 0001 ff "x" ]`, 'malformedPacket', UTF8],
  [V5, 'a will that is not the UTF-8 it is said to be', '3.1.3.2.3', `10 [ "MQTT" 05 06 003c 00 "c" ( 01 01 ) "w" 0001 ff ]`, 'payloadFormatInvalid', 'a will'],
  [V5, 'a property of PUBLISH in the will', '2.2.2.2', `10 [ "MQTT" 05 06 003c 00 "c" ( 23 0001 ) "w" "x" ]`, 'malformedPacket', 'another packet'],
  [V5, 'two delays of the will', '3.1.3.2.2', `10 [ "MQTT" 05 06 003c 00 "c" ( 18 00000001 18 00000001 ) "w" "x" ]`, 'protocolError', 'second value'],
  [[3], 'no client identifier', '3.1 section 3.1', `10 [ "MQIsdp" 03 02 003c "" ]`, 'clientIdentifierNotValid', 'empty client identifier'],
  [V4, 'no client identifier with a lasting session', '3.1.1 [MQTT-3.1.3-8]', `10 [ "MQTT" 04 00 003c "" ]`, 'clientIdentifierNotValid', 'empty client identifier'],
  [V4, 'a client identifier that is not there', '[MQTT-3.1.3-3]', `10 [ "MQTT" 04 02 003c ]`, 'malformedPacket', END],
  [V4, 'U+0000 in the client identifier', '[MQTT-1.5.4-2]', `10 [ "MQTT" 04 02 003c 0003 610062 ]`, 'malformedPacket', UTF8],
  [V5, 'a surrogate in the client identifier', '[MQTT-1.5.4-1]', `10 [ "MQTT" 05 02 003c 00 0003 eda080 ]`, 'malformedPacket', UTF8],
  [V4, 'a user name that is missing', '3.1.1 [MQTT-3.1.2-19]', `10 [ "MQTT" 04 82 003c "c" ]`, 'malformedPacket', END],
  [V5, 'a user name that is missing', '[MQTT-3.1.2-17]', `10 [ "MQTT" 05 82 003c 00 "c" ]`, 'malformedPacket', END],
  [V5, 'a user name that is not UTF-8', '[MQTT-3.1.3-12]', `10 [ "MQTT" 05 82 003c 00 "c" 0002 c3ff ]`, 'malformedPacket', UTF8],
  [[3], 'a password without a user name', '3.1 section 3.1', `10 [ "MQIsdp" 03 42 003c "c" "p" ]`, 'malformedPacket', 'without a user name'],
  [V4, 'a password without a user name', '3.1.1 [MQTT-3.1.2-22]', `10 [ "MQTT" 04 42 003c "c" "p" ]`, 'malformedPacket', 'without a user name'],
  [V5, 'a password that is missing', '[MQTT-3.1.2-19]', `10 [ "MQTT" 05 42 003c 00 "c" ]`, 'malformedPacket', END],
  [[3], 'bytes behind the payload', '[MQTT-3.1.4-1]', `10 [ "MQIsdp" 03 02 003c "c" 00 ]`, 'malformedPacket', BEHIND],
  [V4, 'a user name without its flag', '3.1.1 [MQTT-3.1.2-18]', `10 [ "MQTT" 04 02 003c "c" "u" ]`, 'malformedPacket', BEHIND],
  [V5, 'a user name without its flag', '[MQTT-3.1.2-16]', `10 [ "MQTT" 05 02 003c 00 "c" "u" ]`, 'malformedPacket', BEHIND],
  [V5, 'a password without its flag', '[MQTT-3.1.2-18]', `10 [ "MQTT" 05 82 003c 00 "c" "u" "p" ]`, 'malformedPacket', BEHIND],
  [V5, 'properties that are missing', '[MQTT-2.2.2-1]', `10 [ "MQTT" 05 02 003c ]`, 'malformedPacket', END],
  [V5, 'a Property Length over the end', '2.2.2.1', `10 [ "MQTT" 05 02 003c 7f "c" ]`, 'malformedPacket', END],
  [V5, 'a padded Property Length', '[MQTT-1.5.5-1]', `10 [ "MQTT" 05 02 003c 8000 "c" ]`, 'malformedPacket', 'longer than it needs'],
  [V5, 'a Property Length of five bytes', '1.5.5', `10 [ "MQTT" 05 02 003c 8080808001 "c" ]`, 'malformedPacket', 'more than four bytes'],
  [V5, 'a property over the Property Length', '2.2.2.1', `10 [ "MQTT" 05 02 003c 03 11 00000001 "c" ]`, 'malformedPacket', END],
  [V5, 'an unknown property', '2.2.2.2', `10 [ "MQTT" 05 02 003c ( 04 01 ) "c" ]`, 'malformedPacket', 'unknown'],
  [V5, 'a property of two bytes of identifier', '2.2.2.2', `10 [ "MQTT" 05 02 003c ( 8001 01 ) "c" ]`, 'malformedPacket', 'unknown'],
  [V5, 'a property of CONNACK', '2.2.2.2', `10 [ "MQTT" 05 02 003c ( 24 01 ) "c" ]`, 'malformedPacket', 'another packet'],
  [V5, 'two Session Expiry Intervals', '3.1.2.11.2', `10 [ "MQTT" 05 02 003c ( 11 00000001 11 00000001 ) "c" ]`, 'protocolError', 'second value'],
  [V5, 'a Receive Maximum of 0', '3.1.2.11.3', `10 [ "MQTT" 05 02 003c ( 21 0000 ) "c" ]`, 'protocolError', '0 for receiveMaximum'],
  [V5, 'two Receive Maximums', '3.1.2.11.3', `10 [ "MQTT" 05 02 003c ( 21 0001 21 0001 ) "c" ]`, 'protocolError', 'second value'],
  [V5, 'a Maximum Packet Size of 0', '3.1.2.11.4', `10 [ "MQTT" 05 02 003c ( 27 00000000 ) "c" ]`, 'protocolError', '0 for maximumPacketSize'],
  [V5, 'two Topic Alias Maximums', '3.1.2.11.5', `10 [ "MQTT" 05 02 003c ( 22 0001 22 0001 ) "c" ]`, 'protocolError', 'second value'],
  [V5, 'a Request Response Information of 2', '3.1.2.11.6', `10 [ "MQTT" 05 02 003c ( 19 02 ) "c" ]`, 'protocolError', 'neither 0 nor 1'],
  [V5, 'a Request Problem Information of 2', '3.1.2.11.7', `10 [ "MQTT" 05 02 003c ( 17 02 ) "c" ]`, 'protocolError', 'neither 0 nor 1'],
  [V5, 'two authentication methods', '3.1.2.11.9', `10 [ "MQTT" 05 02 003c ( 15 "A" 15 "A" ) "c" ]`, 'protocolError', 'second value'],
  [V5, 'authentication data without a method', '3.1.2.11.10', `10 [ "MQTT" 05 02 003c ( 16 "x" ) "c" ]`, 'protocolError', 'without a method'],
  [V5, 'a user property without value', '[MQTT-1.5.7-1]', `10 [ "MQTT" 05 02 003c ( 26 "k" ) "c" ]`, 'malformedPacket', END],
  [V5, 'a user property that is not UTF-8', '[MQTT-1.5.7-1]', `10 [ "MQTT" 05 02 003c ( 26 "k" 0002 c080 ) "c" ]`, 'malformedPacket', UTF8],
];

/** Behind CONNECT: the fixed header. */
const HEADER: readonly Row[] = [
  [ALL, 'a packet of type 0', '2.1.2', `00 00`, 'malformedPacket', 'reserved'],
  [OLD, 'a packet of type 15', '3.1.1 section 2.2.1', `f0 00`, 'malformedPacket', 'reserved'],
  [ALL, 'a second CONNECT', '[MQTT-3.1.0-2]', `10 [ "MQTT" 04 02 003c "c" ]`, 'protocolError', 'second CONNECT'],
  [ALL, 'CONNACK', '2.1.2', `20 02 0000`, 'protocolError', 'only servers send'],
  [ALL, 'SUBACK', '2.1.2', `90 03 000100`, 'protocolError', 'only servers send'],
  [ALL, 'UNSUBACK', '2.1.2', `b0 02 0001`, 'protocolError', 'only servers send'],
  [ALL, 'PINGRESP', '2.1.2', `d0 00`, 'protocolError', 'only servers send'],
  [NEW, 'flags of PUBACK', '[MQTT-2.1.3-1]', `42 02 0001`, 'malformedPacket', FLAGS],
  [NEW, 'flags of PUBREC', '[MQTT-2.1.3-1]', `51 02 0001`, 'malformedPacket', FLAGS],
  [NEW, 'flags of PUBREL', '[MQTT-3.6.1-1]', `60 02 0001`, 'malformedPacket', FLAGS],
  [NEW, 'flags of PUBCOMP', '[MQTT-2.1.3-1]', `78 02 0001`, 'malformedPacket', FLAGS],
  [NEW, 'flags of SUBSCRIBE', '[MQTT-3.8.1-1]', `80 [ 0001 "a" 00 ]`, 'malformedPacket', FLAGS],
  [NEW, 'flags of UNSUBSCRIBE', '[MQTT-3.10.1-1]', `a3 [ 0001 "a" ]`, 'malformedPacket', FLAGS],
  [NEW, 'flags of PINGREQ', '[MQTT-2.1.3-1]', `c1 00`, 'malformedPacket', FLAGS],
  [NEW, 'flags of DISCONNECT', '[MQTT-3.14.1-1]', `e4 00`, 'malformedPacket', FLAGS],
  [V5, 'flags of AUTH', '[MQTT-3.15.1-1]', `f8 [ 18 ( 15 "X" ) ]`, 'malformedPacket', FLAGS],
  [ALL, 'a Remaining Length of five bytes', '2.1.4', `30 ffffffff7f`, 'malformedPacket', 'more than four bytes'],
  [V5, 'a padded Remaining Length', '[MQTT-1.5.5-1]', `c0 8000`, 'malformedPacket', 'longer than it needs'],
  [V5, 'a padded Remaining Length of PUBLISH', '[MQTT-1.5.5-1]', `30 848000 "a" 00`, 'malformedPacket', 'longer than it needs'],
  [ALL, 'a packet of 256 MB', '3.2.2.3.6', `30 ffffff7f`, 'packetTooLarge', 'more than'],
  [ALL, 'a packet of one byte too many', '3.2.2.3.6', `30 fe7f`, 'packetTooLarge', 'more than 16384'],
];

const PUBLISH: readonly Row[] = [
  [ALL, 'QoS 3', '[MQTT-3.3.1-4]', `36 [ "a" 0001 00 ]`, 'malformedPacket', 'QoS of 3'],
  [NEW, 'DUP with QoS 0', '[MQTT-3.3.1-2]', `38 [ "a" 00 ]`, 'malformedPacket', 'DUP'],
  [NEW, 'DUP and RETAIN with QoS 0', '[MQTT-3.3.1-2]', `39 [ "a" 00 ]`, 'malformedPacket', 'DUP'],
  [ALL, 'nothing at all', '[MQTT-3.3.2-1]', `30 00`, 'malformedPacket', END],
  [ALL, 'half a length of the topic', '[MQTT-3.3.2-1]', `30 01 00`, 'malformedPacket', END],
  [ALL, 'a topic over the end', '[MQTT-3.3.2-1]', `30 [ 0005 'a' ]`, 'malformedPacket', END],
  [ALL, '# in the topic', '[MQTT-3.3.2-2]', `30 [ "a/#" 00 ]`, 'topicNameInvalid', 'wildcard'],
  [ALL, '+ in the topic', '[MQTT-3.3.2-2]', `30 [ "a/+/b" 00 ]`, 'topicNameInvalid', 'wildcard'],
  [OLD, 'an empty topic', '[MQTT-4.7.3-1]', `30 [ "" 00 ]`, 'topicNameInvalid', 'empty'],
  [V5, 'an empty topic without alias', '3.3.2.3.4', `30 [ "" 00 ]`, 'protocolError', 'neither topic name nor'],
  [V5, 'an empty topic with other properties', '3.3.2.3.4', `30 [ "" ( 01 00 ) ]`, 'protocolError', 'neither topic name nor'],
  [ALL, 'U+0000 in the topic', '[MQTT-4.7.3-2]', `30 [ 0003 610062 00 ]`, 'malformedPacket', UTF8],
  [ALL, 'a topic that is not UTF-8', '[MQTT-3.3.2-1]', `30 [ 0002 c328 00 ]`, 'malformedPacket', UTF8],
  [ALL, 'a surrogate in the topic', '[MQTT-1.5.4-1]', `30 [ 0006 eda0bdedb880 00 ]`, 'malformedPacket', UTF8],
  [ALL, 'a slash in two bytes', '[MQTT-1.5.4-1]', `30 [ 0003 61c0af 00 ]`, 'malformedPacket', UTF8],
  [ALL, 'U+0000 in two bytes', '[MQTT-1.5.4-1]', `30 [ 0003 61c080 00 ]`, 'malformedPacket', UTF8],
  [ALL, 'a code point above U+10FFFF', '[MQTT-1.5.4-1]', `30 [ 0004 f4908080 00 ]`, 'malformedPacket', UTF8],
  [ALL, 'a character that is cut', '[MQTT-1.5.4-1]', `30 [ 0003 61e282 00 ]`, 'malformedPacket', UTF8],
  [ALL, 'a topic of 9 levels where 8 are allowed', '4.7', `30 [ "a/b/c/d/e/f/g/h/i" 00 ]`, 'topicNameInvalid', 'more than 8 levels'],
  [ALL, 'a packet identifier that is missing', '2.2.1', `32 [ "a" ]`, 'malformedPacket', 'packet identifier'],
  [ALL, 'half a packet identifier', '2.2.1', `32 [ "a" 00 ]`, 'malformedPacket', 'packet identifier'],
  [ALL, 'a packet identifier of 0', '[MQTT-2.2.1-3]', `32 [ "a" 0000 00 ]`, 'protocolError', 'identifier of 0'],
  [ALL, 'a packet identifier of 0 with QoS 2', '[MQTT-2.2.1-3]', `34 [ "a" 0000 00 ]`, 'protocolError', 'identifier of 0'],
  [V5, 'no properties, not even none', '[MQTT-2.2.2-1]', `30 [ "a" ]`, 'malformedPacket', END],
  [V5, 'a Property Length over the end', '2.2.2.1', `30 [ "a" 05 01 00 ]`, 'malformedPacket', END],
  [V5, 'an alias of 0', '[MQTT-3.3.2-8]', `30 [ "a" ( 23 0000 ) ]`, 'topicAliasInvalid', '0 for topicAlias'],
  [V5, 'an alias above the maximum', '[MQTT-3.3.2-9]', `30 [ "a" ( 23 0006 ) ]`, 'topicAliasInvalid', 'above the maximum'],
  [V5, 'an alias that stands for nothing', '3.3.2.3.4', `30 [ "" ( 23 0001 ) ]`, 'protocolError', 'stands for nothing'],
  [V5, 'two aliases', '3.3.2.3.4', `30 [ "a" ( 23 0001 23 0001 ) ]`, 'protocolError', 'second value'],
  [V5, 'two payload formats', '3.3.2.3.2', `30 [ "a" ( 01 00 01 00 ) ]`, 'protocolError', 'second value'],
  [V5, 'a payload format of 2', '3.3.2.3.2', `30 [ "a" ( 01 02 ) ]`, 'protocolError', 'neither 0 nor 1'],
  [V5, 'a payload that is not the UTF-8 it is said to be', '3.3.2.3.2', `30 [ "a" ( 01 01 ) ff ]`, 'payloadFormatInvalid', 'not'],
  [V5, 'two message expiries', '3.3.2.3.3', `30 [ "a" ( 02 00000001 02 00000002 ) ]`, 'protocolError', 'second value'],
  [V5, 'a message expiry that is cut', '2.2.2.2', `30 [ "a" ( 02 0000 ) ]`, 'malformedPacket', END],
  [V5, 'two content types', '3.3.2.3.9', `30 [ "a" ( 03 "x" 03 "x" ) ]`, 'protocolError', 'second value'],
  [V5, 'a content type that is not UTF-8', '[MQTT-3.3.2-19]', `30 [ "a" ( 03 0001 80 ) ]`, 'malformedPacket', UTF8],
  [V5, 'a wildcard in the response topic', '[MQTT-3.3.2-14]', `30 [ "a" ( 08 "b/#" ) ]`, 'protocolError', 'wildcard'],
  [V5, 'an empty response topic', '[MQTT-4.7.3-1]', `30 [ "a" ( 08 "" ) ]`, 'protocolError', 'empty topic name'],
  [V5, 'a response topic that is not UTF-8', '[MQTT-3.3.2-13]', `30 [ "a" ( 08 0001 ff ) ]`, 'malformedPacket', UTF8],
  [V5, 'two response topics', '3.3.2.3.5', `30 [ "a" ( 08 "b" 08 "b" ) ]`, 'protocolError', 'second value'],
  [V5, 'two correlations', '3.3.2.3.6', `30 [ "a" ( 09 "x" 09 "x" ) ]`, 'protocolError', 'second value'],
  [V5, 'correlation data over the end', '2.2.2.2', `30 [ "a" ( 09 0005 'x' ) ]`, 'malformedPacket', END],
  [V5, 'a subscription identifier', '[MQTT-3.3.4-6]', `30 [ "a" ( 0b 01 ) ]`, 'protocolError', 'from a client'],
  [V5, 'a subscription identifier of 0', '3.3.2.3.8', `30 [ "a" ( 0b 00 ) ]`, 'protocolError', '0 for subscriptionIds'],
  [V5, 'a property of CONNECT', '2.2.2.2', `30 [ "a" ( 21 0001 ) ]`, 'malformedPacket', 'another packet'],
];

const ACKNOWLEDGEMENTS: readonly Row[] = [
  [ALL, 'PUBACK without packet identifier', '2.2.1', `40 00`, 'malformedPacket', END],
  [ALL, 'PUBACK with half a packet identifier', '2.2.1', `40 01 00`, 'malformedPacket', END],
  [ALL, 'PUBACK of packet identifier 0', '[MQTT-2.2.1-5]', `40 02 0000`, 'protocolError', 'identifier of 0'],
  [OLD, 'PUBACK with a reason', '3.1.1 section 3.4.1', `40 03 0001 00`, 'malformedPacket', BEHIND],
  [OLD, 'PUBREC with a reason', '3.1.1 section 3.5.1', `50 03 0001 00`, 'malformedPacket', BEHIND],
  [OLD, 'PUBREL with a reason', '3.1.1 section 3.6.1', `62 03 0001 00`, 'malformedPacket', BEHIND],
  [OLD, 'PUBCOMP with a reason', '3.1.1 section 3.7.1', `70 03 0001 00`, 'malformedPacket', BEHIND],
  [V5, 'PUBACK for a reason that it cannot have', '[MQTT-3.4.2-1]', `40 03 0001 92`, 'protocolError', REASON],
  [V5, 'PUBREC for a reason that there is not', '[MQTT-3.5.2-1]', `50 03 0001 01`, 'protocolError', REASON],
  [V5, 'PUBREL for a reason that it cannot have', '[MQTT-3.6.2-1]', `62 03 0001 97`, 'protocolError', REASON],
  [V5, 'PUBCOMP for a reason that it cannot have', '[MQTT-3.7.2-1]', `70 03 0001 80`, 'protocolError', REASON],
  [V5, 'PUBREL of packet identifier 0', '[MQTT-2.2.1-5]', `62 03 0000 00`, 'protocolError', 'identifier of 0'],
  [V5, 'PUBACK with bytes behind its properties', '3.4.2', `40 [ 0001 00 00 00 ]`, 'malformedPacket', BEHIND],
  [V5, 'PUBACK with two reason strings', '3.4.2.2.2', `40 [ 0001 00 ( 1f "x" 1f "x" ) ]`, 'protocolError', 'second value'],
  [V5, 'PUBREC with a property of PUBLISH', '2.2.2.2', `50 [ 0001 00 ( 01 00 ) ]`, 'malformedPacket', 'another packet'],
  [V5, 'PUBCOMP with properties over the end', '2.2.2.1', `70 [ 0001 00 7f ]`, 'malformedPacket', END],
];

const SUBSCRIBE: readonly Row[] = [
  [ALL, 'SUBSCRIBE of packet identifier 0', '[MQTT-2.2.1-3]', `82 [ 0000 00 "a" 00 ]`, 'protocolError', 'identifier of 0'],
  [OLD, 'SUBSCRIBE without filter', '3.1.1 [MQTT-3.8.3-3]', `82 [ 0001 ]`, 'protocolError', 'without a topic filter'],
  [V5, 'SUBSCRIBE without filter', '[MQTT-3.8.3-2]', `82 [ 0001 00 ]`, 'protocolError', 'without a topic filter'],
  [V5, 'SUBSCRIBE without properties', '[MQTT-2.2.2-1]', `82 [ 0001 ]`, 'malformedPacket', END],
  [OLD, 'SUBSCRIBE without options', '3.1.1 section 3.8.3', `82 [ 0001 "a" ]`, 'malformedPacket', END],
  [V5, 'SUBSCRIBE without options', '3.8.3', `82 [ 0001 00 "a" ]`, 'malformedPacket', END],
  [OLD, 'an empty filter', '[MQTT-4.7.3-1]', `82 [ 0001 "" 00 ]`, 'topicFilterInvalid', 'empty'],
  [V5, 'an empty filter', '[MQTT-4.7.3-1]', `82 [ 0001 00 "" 00 ]`, 'topicFilterInvalid', 'empty'],
  [V5, 'a filter that is not UTF-8', '[MQTT-3.8.3-1]', `82 [ 0001 00 0001 ff 00 ]`, 'malformedPacket', UTF8],
  [OLD, 'U+0000 in a filter', '[MQTT-4.7.3-2]', `82 [ 0001 0003 612f00 00 ]`, 'malformedPacket', UTF8],
  [OLD, '# that is not a level', '[MQTT-4.7.1-1]', `82 [ 0001 "a#" 00 ]`, 'topicFilterInvalid', 'level of its own'],
  [V5, '# that is not a level', '[MQTT-4.7.1-1]', `82 [ 0001 00 "a#" 00 ]`, 'topicFilterInvalid', 'level of its own'],
  [V5, '# that is not the last level', '[MQTT-4.7.1-1]', `82 [ 0001 00 "a/#/b" 00 ]`, 'topicFilterInvalid', 'level of its own'],
  [V5, '# and a slash', '[MQTT-4.7.1-1]', `82 [ 0001 00 "#/" 00 ]`, 'topicFilterInvalid', 'level of its own'],
  [V4, '+ that ends a level', '[MQTT-4.7.1-2]', `82 [ 0001 "a+" 00 ]`, 'topicFilterInvalid', 'level of its own'],
  [V5, '+ that begins a level', '[MQTT-4.7.1-2]', `82 [ 0001 00 "a/+b/c" 00 ]`, 'topicFilterInvalid', 'level of its own'],
  [V5, '+ and # in a level', '[MQTT-4.7.1-2]', `82 [ 0001 00 "+#" 00 ]`, 'topicFilterInvalid', 'level of its own'],
  [V5, 'a bad filter behind a good one', '[MQTT-4.7.1-1]', `82 [ 0001 00 "a" 00 "b#" 00 ]`, 'topicFilterInvalid', 'level of its own'],
  [V5, 'a filter of 9 levels where 8 are allowed', '4.7', `82 [ 0001 00 "+/+/+/+/+/+/+/+/#" 00 ]`, 'topicFilterInvalid', 'more than 8 levels'],
  [V5, 'a shared subscription without name', '[MQTT-4.8.2-1]', `82 [ 0001 00 "$share//a" 00 ]`, 'topicFilterInvalid', 'shared'],
  [V5, 'a shared subscription without filter', '[MQTT-4.8.2-2]', `82 [ 0001 00 "$share/g" 00 ]`, 'topicFilterInvalid', 'shared'],
  [V5, 'a shared subscription of an empty filter', '[MQTT-4.8.2-2]', `82 [ 0001 00 "$share/g/" 00 ]`, 'topicFilterInvalid', 'shared'],
  [V5, 'a wildcard in the share name', '[MQTT-4.8.2-2]', `82 [ 0001 00 "$share/g+/a" 00 ]`, 'topicFilterInvalid', 'shared'],
  [V4, 'a share name of #', '[MQTT-4.8.2-2]', `82 [ 0001 "$share/#/a" 00 ]`, 'topicFilterInvalid', 'shared'],
  [V5, 'No Local on a shared subscription', '[MQTT-3.8.3-4]', `82 [ 0001 00 "$share/g/a" 04 ]`, 'protocolError', 'No Local'],
  [OLD, 'a requested QoS of 3', '3.1.1 [MQTT-3-8.3-4]', `82 [ 0001 "a" 03 ]`, 'malformedPacket', 'not 0, 1 or 2'],
  [V4, 'options of MQTT 5', '3.1.1 [MQTT-3-8.3-4]', `82 [ 0001 "a" 04 ]`, 'malformedPacket', 'not 0, 1 or 2'],
  [V5, 'a maximum QoS of 3', '3.8.3.1', `82 [ 0001 00 "a" 03 ]`, 'protocolError', 'QoS of 3'],
  [V5, 'a retain handling of 3', '3.8.3.1', `82 [ 0001 00 "a" 30 ]`, 'protocolError', 'retain handling'],
  [V5, 'reserved bit 6 of the options', '[MQTT-3.8.3-5]', `82 [ 0001 00 "a" 40 ]`, 'malformedPacket', 'reserved bits'],
  [V5, 'reserved bit 7 of the options', '[MQTT-3.8.3-5]', `82 [ 0001 00 "a" 80 ]`, 'malformedPacket', 'reserved bits'],
  [V5, 'a subscription identifier of 0', '3.8.2.1.2', `82 [ 0001 ( 0b 00 ) "a" 00 ]`, 'protocolError', '0 for subscriptionId'],
  [V5, 'two subscription identifiers', '3.8.2.1.2', `82 [ 0001 ( 0b 01 0b 02 ) "a" 00 ]`, 'protocolError', 'second value'],
  [V5, 'a padded subscription identifier', '[MQTT-1.5.5-1]', `82 [ 0001 ( 0b 8100 ) "a" 00 ]`, 'malformedPacket', 'longer than it needs'],
  [V5, 'a reason string in SUBSCRIBE', '2.2.2.2', `82 [ 0001 ( 1f "x" ) "a" 00 ]`, 'malformedPacket', 'another packet'],
  [ALL, 'UNSUBSCRIBE of packet identifier 0', '[MQTT-2.2.1-3]', `a2 [ 0000 00 "a" ]`, 'protocolError', 'identifier of 0'],
  [OLD, 'UNSUBSCRIBE without filter', '3.1.1 [MQTT-3.10.3-2]', `a2 [ 0001 ]`, 'protocolError', 'without a topic filter'],
  [V5, 'UNSUBSCRIBE without filter', '[MQTT-3.10.3-2]', `a2 [ 0001 00 ]`, 'protocolError', 'without a topic filter'],
  [V5, 'UNSUBSCRIBE of a filter that is not UTF-8', '[MQTT-3.10.3-1]', `a2 [ 0001 00 0001 fe ]`, 'malformedPacket', UTF8],
  [V5, 'UNSUBSCRIBE of a filter over the end', '3.10.3', `a2 [ 0001 00 0009 'a' ]`, 'malformedPacket', END],
  [V4, 'UNSUBSCRIBE of a filter that cannot be', '[MQTT-4.7.1-1]', `a2 [ 0001 "a#" ]`, 'topicFilterInvalid', 'level of its own'],
  [V5, 'a subscription identifier in UNSUBSCRIBE', '2.2.2.2', `a2 [ 0001 ( 0b 01 ) "a" ]`, 'malformedPacket', 'another packet'],
];

const OTHERS: readonly Row[] = [
  [ALL, 'PINGREQ with a payload', '3.12.1', `c0 01 00`, 'malformedPacket', 'not empty'],
  [OLD, 'DISCONNECT with a reason', '3.1.1 section 3.14.1', `e0 01 00`, 'malformedPacket', BEHIND],
  [V5, 'DISCONNECT for a reason of servers', '[MQTT-3.14.2-1]', `e0 01 8b`, 'protocolError', REASON],
  [V5, 'DISCONNECT for a reason that there is not', '[MQTT-3.14.2-1]', `e0 01 03`, 'protocolError', REASON],
  [V5, 'DISCONNECT with two expiries', '3.14.2.2.2', `e0 [ 00 ( 11 00000000 11 00000000 ) ]`, 'protocolError', 'second value'],
  [V5, 'DISCONNECT with an expiry after a CONNECT without', '3.14.2.2.2', `e0 [ 00 ( 11 0000003c ) ]`, 'protocolError', 'expiry in DISCONNECT'],
  [V5, 'DISCONNECT with a Server Reference', '3.14.2.2.5', `e0 [ 00 ( 1c "h" ) ]`, 'protocolError', 'Server Reference'],
  [V5, 'DISCONNECT with properties over the end', '2.2.2.1', `e0 [ 00 05 ]`, 'malformedPacket', END],
  [V5, 'DISCONNECT with bytes behind its properties', '3.14.2', `e0 [ 00 00 00 ]`, 'malformedPacket', BEHIND],
  [V5, 'AUTH that says success', '[MQTT-3.15.2-1]', `f0 [ 00 ( 15 "X" ) ]`, 'protocolError', REASON],
  [V5, 'AUTH of nothing', '[MQTT-3.15.2-1]', `f0 00`, 'protocolError', REASON],
  [V5, 'AUTH for a reason that there is not', '[MQTT-3.15.2-1]', `f0 [ 1a ( 15 "X" ) ]`, 'protocolError', REASON],
  [V5, 'AUTH without a method', '3.15.2.2.2', `f0 [ 18 00 ]`, 'protocolError', 'without a method'],
  [V5, 'AUTH with data and no method', '3.15.2.2.3', `f0 [ 18 ( 16 "x" ) ]`, 'protocolError', 'without a method'],
  [V5, 'AUTH with two methods', '3.15.2.2.2', `f0 [ 18 ( 15 "X" 15 "X" ) ]`, 'protocolError', 'second value'],
  [V5, 'AUTH with bytes behind its properties', '3.15.2', `f0 [ 18 ( 15 "X" ) 00 ]`, 'malformedPacket', BEHIND],
];

/** What a server must not send; CONNACK and what stands in its place come first, the others behind one that accepts. */
const SERVER_FIRST: readonly Row[] = [
  [NEW, 'PUBLISH before CONNACK', '[MQTT-3.2.0-1]', `30 [ "a" 00 ]`, 'protocolError', 'not CONNACK'],
  [OLD, 'AUTH before MQTT 5', '2.1.2', `f0 00`, 'malformedPacket', 'reserved'],
  [NEW, 'reserved flags of CONNACK', '[MQTT-3.2.2-1]', `20 [ 02 00 00 ]`, 'malformedPacket', 'flags of CONNACK'],
  [V4, 'a return code that is reserved', '3.1.1 section 3.2.2.3', `20 [ 00 06 ]`, 'malformedPacket', 'reserved'],
  [V4, 'CONNACK with properties', '3.1.1 section 3.2', `20 [ 00 00 00 ]`, 'malformedPacket', BEHIND],
  [NEW, 'CONNACK without reason', '3.2.2', `20 01 00`, 'malformedPacket', 'without reason'],
  [V5, 'CONNACK without properties', '[MQTT-2.2.2-1]', `20 02 0000`, 'malformedPacket', END],
  [V5, 'CONNACK for a reason that it cannot have', '[MQTT-3.2.2-8]', `20 [ 00 8e 00 ]`, 'protocolError', REASON],
  [V4, 'a session present in a refusal', '3.1.1 [MQTT-3.2.2-4]', `20 [ 01 05 ]`, 'protocolError', 'session present'],
  [V5, 'a session present in a refusal', '[MQTT-3.2.2-6]', `20 [ 01 87 00 ]`, 'protocolError', 'session present'],
  [V5, 'a Maximum QoS of 2', '3.2.2.3.4', `20 [ 00 00 ( 24 02 ) ]`, 'protocolError', 'neither 0 nor 1'],
  [V5, 'a padded CONNACK', '[MQTT-1.5.5-1]', `20 8300 000000`, 'malformedPacket', 'longer than it needs'],
];

const SERVER_LATER: readonly Row[] = [
  [NEW, 'a second CONNACK', '[MQTT-3.2.0-2]', `20 [ 00 00 00 ]`, 'protocolError', 'second CONNACK'],
  [ALL, 'SUBSCRIBE', '2.1.2', `82 [ 0001 00 "a" 00 ]`, 'protocolError', 'only clients send'],
  [ALL, 'PINGREQ', '2.1.2', `c0 00`, 'protocolError', 'only clients send'],
  [OLD, 'DISCONNECT', '3.1.1 section 3.14', `e0 00`, 'protocolError', 'only clients send'],
  [NEW, 'flags of SUBACK', '[MQTT-2.1.3-1]', `91 [ 0001 00 00 ]`, 'malformedPacket', FLAGS],
  [V4, 'SUBACK of a reason of MQTT 5', '3.1.1 [MQTT-3.9.3-2]', `90 [ 0001 87 ]`, 'protocolError', REASON],
  [V5, 'SUBACK of a reason that there is not', '[MQTT-3.9.3-2]', `90 [ 0001 00 03 ]`, 'protocolError', REASON],
  [V5, 'UNSUBACK of a grant', '[MQTT-3.11.3-2]', `b0 [ 0001 00 01 ]`, 'protocolError', REASON],
  [V4, 'UNSUBACK with reasons', '3.1.1 section 3.11', `b0 [ 0001 00 ]`, 'malformedPacket', BEHIND],
  [ALL, 'SUBACK of packet identifier 0', '[MQTT-2.2.1-6]', `90 [ 0000 00 00 ]`, 'protocolError', 'identifier of 0'],
  [ALL, 'PINGRESP with a payload', '3.13.1', `d0 01 00`, 'malformedPacket', 'not empty'],
  [V5, 'a Session Expiry Interval in DISCONNECT', '[MQTT-3.14.2-2]', `e0 [ 8b ( 11 00000001 ) ]`, 'protocolError', 'from a server'],
  [V5, 'DISCONNECT for a reason of clients', '[MQTT-3.14.2-1]', `e0 01 04`, 'protocolError', REASON],
  [V5, 'AUTH that asks for authentication', '[MQTT-3.15.2-1]', `f0 [ 19 ( 15 "X" ) ]`, 'protocolError', REASON],
  [V5, 'a subscription identifier of 0', '3.3.2.3.8', `30 [ "a" ( 0b 00 ) ]`, 'protocolError', '0 for subscriptionIds'],
  [V5, 'an alias above the maximum', '[MQTT-3.3.2-11]', `30 [ "a" ( 23 0006 ) ]`, 'topicAliasInvalid', 'above the maximum'],
  [ALL, 'a packet that is too large', '[MQTT-3.1.2-24]', `30 ffff7f`, 'packetTooLarge', 'more than'],
];

const cases = (rows: readonly Row[], first: boolean): readonly MalformedCase[] =>
  rows.flatMap(([versions, name, statement, bytes, reason, says]) =>
    versions.map((version) => ({ version, name, statement, bytes, reason, says, first })),
  );

/** Limits under which the cases are judged. */
export const LIMITS = { maxConnectSize: 4096, maxPacketSize: 16_384, maxTopicLevels: 8, topicAliasMaximum: 5 };

export const MALFORMED: readonly MalformedCase[] = [
  ...cases(FIRST, true),
  ...cases(HEADER, false),
  ...cases(PUBLISH, false),
  ...cases(ACKNOWLEDGEMENTS, false),
  ...cases(SUBSCRIBE, false),
  ...cases(OTHERS, false),
];

/** A CONNECT of each version that is accepted. */
export const CONNECTS: Readonly<Record<Version, string>> = {
  3: `10 [ "MQIsdp" 03 02 003c "c" ]`,
  4: `10 [ "MQTT" 04 02 003c "c" ]`,
  5: `10 [ "MQTT" 05 02 003c 00 "c" ]`,
};

export const MALFORMED_BY_SERVERS: readonly MalformedCase[] = [...cases(SERVER_FIRST, true), ...cases(SERVER_LATER, false)];
