import { Buffer } from 'node:buffer';
import { json } from '#src/store/codec.ts';
import type { Codec } from '#src/store/codec.ts';
import type { Journal, Store, Table } from '#src/store/store.ts';
import type { Message, MessageProperties, QoS, UserProperty } from './packet/types.ts';
import type { Retained } from './topics/retained.ts';
import type { Granted } from './topics/tree.ts';

/** What a session is when nobody is connected (MQTT 5 section 4.1), without what changes often. */
export interface SessionRecord {
  /** Local part of the account; empty for an anonymous client. */
  readonly account: string;
  readonly clientId: string;
  /** Seconds after the end of the connection; 0xFFFFFFFF for ever. */
  readonly expiry: number;
  /** When the connection ended, milliseconds since the epoch; undefined while it lasts. */
  readonly ended?: number;
  /** Queued messages with a lower number had been sent when the connection ended. */
  readonly sent?: number;
}

/** A subscription without its filter, which is in the key. */
export type StoredSubscription = Omit<Granted, 'filter'>;

/** Exchanges of QoS 2 that are not complete (MQTT 5 section 4.3.3). */
export interface StoredFlows {
  /** Packet identifiers that the client has published with and not released. */
  readonly received: readonly number[];
  /** Numbers of queued messages that the client has received. */
  readonly released: readonly number[];
}

/** A message on its way to a session: kept until the client has acknowledged it. */
export interface QueuedMessage {
  readonly message: Message;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly ids: readonly number[];
  /** When it came in, milliseconds since the epoch: the message expiry counts from there. */
  readonly at: number;
  /** The share group that it came through: `name/filter`. */
  readonly share?: string | undefined;
}

interface MessageHead {
  readonly t: string;
  readonly q: QoS;
  readonly r?: 1;
  readonly p?: StoredProperties;
}

interface QueuedHead extends MessageHead {
  readonly o: QoS;
  readonly k?: 1;
  readonly i?: readonly number[];
  readonly a: number;
  readonly s?: string;
}

interface StoredProperties {
  readonly format?: 0 | 1;
  readonly expiry?: number;
  readonly type?: string;
  readonly response?: string;
  readonly correlation?: string;
  readonly user?: readonly UserProperty[];
}

const NEWLINE = 10;

/** One line of JSON, then the payload as it came. */
function join(head: object, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), payload]);
}

function split(bytes: Uint8Array): readonly [head: unknown, payload: Buffer] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = buffer.indexOf(NEWLINE);
  if (end < 0) throw new Error('a stored message has no head');
  return [JSON.parse(buffer.toString('utf8', 0, end)), buffer.subarray(end + 1)];
}

function storedProperties(properties: MessageProperties): StoredProperties | undefined {
  const { contentType, correlationData, messageExpiry, payloadFormat, responseTopic, userProperties } = properties;
  const stored: StoredProperties = {
    ...(payloadFormat === undefined ? {} : { format: payloadFormat }),
    ...(messageExpiry === undefined ? {} : { expiry: messageExpiry }),
    ...(contentType === undefined ? {} : { type: contentType }),
    ...(responseTopic === undefined ? {} : { response: responseTopic }),
    ...(correlationData === undefined ? {} : { correlation: correlationData.toString('base64') }),
    ...(userProperties === undefined ? {} : { user: userProperties }),
  };
  return Object.keys(stored).length === 0 ? undefined : stored;
}

function readProperties(stored: StoredProperties | undefined): MessageProperties {
  if (stored === undefined) return {};
  const { correlation, expiry, format, response, type, user } = stored;
  return {
    ...(format === undefined ? {} : { payloadFormat: format }),
    ...(expiry === undefined ? {} : { messageExpiry: expiry }),
    ...(type === undefined ? {} : { contentType: type }),
    ...(response === undefined ? {} : { responseTopic: response }),
    ...(correlation === undefined ? {} : { correlationData: Buffer.from(correlation, 'base64') }),
    ...(user === undefined ? {} : { userProperties: user }),
  };
}

function headOf({ properties, qos, retain, topic }: Message): MessageHead {
  const p = storedProperties(properties);
  return { t: topic, q: qos, ...(retain ? { r: 1 } : {}), ...(p === undefined ? {} : { p }) };
}

function messageOf({ p, q, r, t }: MessageHead, payload: Buffer): Message {
  return { topic: t, payload, qos: q, retain: r === 1, properties: readProperties(p) };
}

export const queuedCodec: Codec<QueuedMessage> = {
  encode({ at, ids, message, qos, retain, share }) {
    const head: QueuedHead = {
      ...headOf(message),
      o: qos,
      a: at,
      ...(retain ? { k: 1 } : {}),
      ...(ids.length === 0 ? {} : { i: ids }),
      ...(share === undefined ? {} : { s: share }),
    };
    return join(head, message.payload);
  },
  decode(bytes) {
    const [head, payload] = split(bytes);
    const { a, i, k, o, s, ...message } = head as QueuedHead;
    return { message: messageOf(message, payload), qos: o, retain: k === 1, ids: i ?? [], at: a, share: s };
  },
};

export const retainedCodec: Codec<Retained> = {
  encode: ({ at, expires, message }) => join({ ...headOf(message), a: at, e: expires }, message.payload),
  decode(bytes) {
    const [head, payload] = split(bytes);
    const { a, e, ...message } = head as MessageHead & { readonly a: number; readonly e?: number };
    return { message: messageOf(message, payload), at: a, expires: e };
  },
};

/** A will, of a client that is connected or of one that has gone (MQTT 5 section 3.1.2.5). */
export interface StoredWill {
  readonly message: Message;
  /** Seconds. */
  readonly delay: number;
  /** When it is to be published, milliseconds since the epoch; undefined while the client is connected. */
  readonly due: number | undefined;
  /** Local part of the account and client identifier: by whose rights it is published. */
  readonly account: string;
  readonly clientId: string;
}

interface WillHead extends MessageHead {
  readonly w: number;
  readonly d?: number;
  readonly u: string;
  readonly c: string;
}

export const willCodec: Codec<StoredWill> = {
  encode({ account, clientId, delay, due, message }) {
    const head: WillHead = {
      ...headOf(message),
      w: delay,
      u: account,
      c: clientId,
      ...(due === undefined ? {} : { d: due }),
    };
    return join(head, message.payload);
  },
  decode(bytes) {
    const [head, payload] = split(bytes);
    const { c, d, u, w, ...message } = head as WillHead;
    return { message: messageOf(message, payload), delay: w, due: d, account: u, clientId: c };
  },
};

/** What the brokers of all hosts keep. Keys begin with the host, then the session. */
export class SessionStore {
  readonly store: Store;
  readonly sessions: Table<SessionRecord>;
  readonly subscriptions: Table<StoredSubscription>;
  readonly queue: Journal<QueuedMessage>;
  readonly flows: Table<StoredFlows>;
  readonly wills: Table<StoredWill>;
  readonly retained: Table<Retained>;

  constructor(store: Store) {
    this.store = store;
    this.sessions = store.table('mqtt-sessions', json<SessionRecord>());
    this.subscriptions = store.table('mqtt-subscriptions', json<StoredSubscription>());
    this.queue = store.journal('mqtt-queue', queuedCodec);
    this.flows = store.table('mqtt-flows', json<StoredFlows>());
    this.wills = store.table('mqtt-wills', willCodec);
    this.retained = store.table('mqtt-retained', retainedCodec);
  }
}
