/** Plain numbers of one uplink since it was set up, for metrics and commands. */
export interface UplinkCounters {
  /** Messages that went out, those sent again included, and messages that came in. */
  sent: number;
  received: number;
  /** Connections that were accepted, and attempts that failed. */
  connected: number;
  failed: number;
  /** Messages that did not go out, and why. */
  readonly dropped: Record<DropReason, number>;
  /** Messages that came in and were not published here: no topic line is about them. */
  unasked: number;
  /** QoS 2: messages that came in a second time. */
  repeated: number;
}

/**
 * `queue_size`: the queue was full. `offline`: of QoS 0, without a connection. `slow`: of QoS 0, the other broker reads slowly.
 * `expired`: it expired while it waited. `too_large`: larger than the other broker takes. `refused`: the other broker said so.
 */
export const dropReasons = ['queue_size', 'offline', 'slow', 'expired', 'too_large', 'refused'] as const;
export type DropReason = (typeof dropReasons)[number];

export const noCounters = (): UplinkCounters => ({
  sent: 0,
  received: 0,
  connected: 0,
  failed: 0,
  dropped: { queue_size: 0, offline: 0, slow: 0, expired: 0, too_large: 0, refused: 0 },
  unasked: 0,
  repeated: 0,
});
