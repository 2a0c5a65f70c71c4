/** Why messages were not delivered: one counter for each reason. */
export interface Drops {
  /** The queue had all the messages that it may have. */
  queue_full: number;
  /** The queue had all the bytes that it may have. */
  queue_size: number;
  /** The client reads slowly, and the message is of QoS 0. */
  slow: number;
  /** The message expired while it waited. */
  expired: number;
  /** It is larger than the client takes. */
  too_large: number;
  /** The publisher may not publish there. */
  not_authorized: number;
  /** There was no room for it among the retained messages. */
  retained_full: number;
}

export const noDrops = (): Drops => ({
  queue_full: 0,
  queue_size: 0,
  slow: 0,
  expired: 0,
  too_large: 0,
  not_authorized: 0,
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
