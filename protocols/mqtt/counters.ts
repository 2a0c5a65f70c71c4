/** Why messages are not delivered, as the metrics tell it. */
export const dropReasons = [
  /** The queue had all the messages that it may have. */
  'queue_full',
  /** The queue had all the bytes that it may have. */
  'queue_size',
  /** The client reads slowly, and the message is of QoS 0. */
  'slow',
  /** The message expired while it waited. */
  'expired',
  /** It is larger than the client takes. */
  'too_large',
  /** The publisher may not publish there. */
  'not_authorized',
  /** All the clients' messages took more memory than they may. */
  'memory',
  /** There was no room for it among the retained messages. */
  'retained_full',
] as const;

export type DropReason = (typeof dropReasons)[number];

/** One counter for each reason. */
export type Drops = Record<DropReason, number>;

export const noDrops = (): Drops => ({
  queue_full: 0,
  queue_size: 0,
  slow: 0,
  expired: 0,
  too_large: 0,
  not_authorized: 0,
  memory: 0,
  retained_full: 0,
});

/** Plain numbers since the start, for the metrics and $SYS. */
export interface Traffic {
  /** Publications from clients, and copies to them. */
  received: number;
  sent: number;
  packetsReceived: number;
  packetsSent: number;
  bytesReceived: number;
  bytesSent: number;
  /** Most clients that were connected at once. */
  maximum: number;
  expiredSessions: number;
}

export const noTraffic = (): Traffic => ({
  received: 0,
  sent: 0,
  packetsReceived: 0,
  packetsSent: 0,
  bytesReceived: 0,
  bytesSent: 0,
  maximum: 0,
  expiredSessions: 0,
});
