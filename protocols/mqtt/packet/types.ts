import type { Buffer } from 'node:buffer';
import type { ReasonCode } from './reason-codes.ts';

/** MQTT 3.1 (level 3), 3.1.1 (level 4) and 5.0 (level 5). */
export type Version = 3 | 4 | 5;
export type QoS = 0 | 1 | 2;
/** MQTT 5 section 3.8.3.1. */
export type RetainHandling = 0 | 1 | 2;

/** A name and a value that the receiver of a message may understand (MQTT 5 section 1.5.7). Order and repetition count. */
export type UserProperty = readonly [name: string, value: string];

/** What goes with a published message and stays the same on its way to each subscriber (MQTT 5 sections 3.3.2.3 and 3.1.3.2). */
export interface MessageProperties {
  /** 1: the payload is UTF-8 text. */
  readonly payloadFormat?: 0 | 1;
  /** Seconds. */
  readonly messageExpiry?: number;
  readonly contentType?: string;
  readonly responseTopic?: string;
  readonly correlationData?: Buffer;
  readonly userProperties?: readonly UserProperty[];
}

/** An application message, however it came in. */
export interface Message {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly properties: MessageProperties;
}

export interface Will extends Message {
  /** Seconds between the loss of the connection and the publication. */
  readonly delay: number;
}

export interface Connect {
  readonly type: 'connect';
  readonly version: Version;
  /** Another broker's bridge, by the private bit 0x80 of the protocol level: it wants No Local and Retain As Published everywhere. */
  readonly bridge: boolean;
  /** Empty: the server assigns one (not in 3.1). */
  readonly clientId: string;
  readonly cleanStart: boolean;
  /** Seconds; 0 for none. */
  readonly keepAlive: number;
  readonly username?: string;
  readonly password?: Buffer;
  readonly will?: Will;
  /** Seconds; 0xFFFFFFFF for ever. Before MQTT 5: 0 with clean start, for ever without. */
  readonly sessionExpiry: number;
  readonly receiveMaximum: number;
  /** Bytes that the client takes in one packet; undefined for no limit. */
  readonly maximumPacketSize?: number;
  readonly topicAliasMaximum: number;
  readonly requestResponseInformation: boolean;
  readonly requestProblemInformation: boolean;
  readonly authenticationMethod?: string;
  readonly authenticationData?: Buffer;
  readonly userProperties: readonly UserProperty[];
}

export interface Publish extends Message {
  readonly type: 'publish';
  readonly dup: boolean;
  /** 0 with QoS 0. */
  readonly packetId: number;
  /** As it came in; the decoders have put the topic in its place already. */
  readonly topicAlias?: number;
  /** From the server only. */
  readonly subscriptionIds?: readonly number[];
}

/** PUBACK, PUBREC, PUBREL, PUBCOMP. */
export interface Acknowledgement {
  readonly type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp';
  readonly packetId: number;
  readonly reason: ReasonCode;
  readonly reasonString?: string;
  readonly userProperties?: readonly UserProperty[];
}

export interface Subscription {
  readonly filter: string;
  readonly qos: QoS;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: RetainHandling;
}

export interface Subscribe {
  readonly type: 'subscribe';
  readonly packetId: number;
  readonly subscriptions: readonly Subscription[];
  readonly subscriptionId?: number;
  readonly userProperties: readonly UserProperty[];
}

export interface Unsubscribe {
  readonly type: 'unsubscribe';
  readonly packetId: number;
  readonly filters: readonly string[];
  readonly userProperties: readonly UserProperty[];
}

export interface Ping {
  readonly type: 'pingreq';
}

export interface Disconnect {
  readonly type: 'disconnect';
  readonly reason: ReasonCode;
  /** Seconds; undefined leaves what CONNECT said. */
  readonly sessionExpiry?: number;
  readonly reasonString?: string;
  readonly serverReference?: string;
  readonly userProperties?: readonly UserProperty[];
}

export interface Auth {
  readonly type: 'auth';
  readonly reason: ReasonCode;
  readonly method?: string;
  readonly data?: Buffer;
  readonly reasonString?: string;
  readonly userProperties?: readonly UserProperty[];
}

/** What a client may send. */
export type ClientPacket = Connect | Publish | Acknowledgement | Subscribe | Unsubscribe | Ping | Disconnect | Auth;

export interface Connack {
  readonly type: 'connack';
  readonly sessionPresent: boolean;
  readonly reason: ReasonCode;
  readonly sessionExpiry?: number;
  readonly receiveMaximum?: number;
  readonly maximumQos?: 0 | 1;
  readonly retainAvailable?: boolean;
  readonly maximumPacketSize?: number;
  readonly assignedClientId?: string;
  readonly topicAliasMaximum?: number;
  readonly reasonString?: string;
  readonly wildcardAvailable?: boolean;
  readonly subscriptionIdsAvailable?: boolean;
  readonly sharedAvailable?: boolean;
  readonly serverKeepAlive?: number;
  readonly responseInformation?: string;
  readonly serverReference?: string;
  readonly authenticationMethod?: string;
  readonly authenticationData?: Buffer;
  readonly userProperties?: readonly UserProperty[];
}

/** SUBACK and UNSUBACK: a reason code for each filter, in the order of the request. */
export interface SubscribeAcknowledgement {
  readonly type: 'suback' | 'unsuback';
  readonly packetId: number;
  /** Empty in an UNSUBACK before MQTT 5. */
  readonly reasons: readonly ReasonCode[];
  readonly reasonString?: string;
  readonly userProperties?: readonly UserProperty[];
}

export interface Pong {
  readonly type: 'pingresp';
}

/** What the server sends; PUBLISH has its own encoder, which shares its bytes between subscribers. */
export type ServerPacket = Connack | Acknowledgement | SubscribeAcknowledgement | Pong | Disconnect | Auth;
