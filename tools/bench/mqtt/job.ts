import type { QoS } from '#tools/bench/mqtt/packet.ts';
import type { Endpoint } from '#tools/bench/result.ts';

interface Common {
  readonly endpoint: Endpoint;
}

interface Timed extends Common {
  /** Seconds. */
  readonly warmup: number;
  readonly seconds: number;
}

/** Pairs of a publisher and a subscriber with a topic of their own; `window` messages are on their way in each. */
export interface PairsJob extends Timed {
  readonly kind: 'pairs';
  readonly pairs: number;
  readonly qos: QoS;
  readonly window: number;
}

/** One publisher, many subscribers; a message counts against the window until all have it. */
export interface FanoutJob extends Timed {
  readonly kind: 'fanout';
  readonly subscribers: number;
  readonly qos: QoS;
  readonly window: number;
}

/** Many publishers, each with its window, one subscriber. */
export interface FaninJob extends Timed {
  readonly kind: 'fanin';
  readonly publishers: number;
  readonly qos: QoS;
  readonly window: number;
}

/** Publishes, each of which matches exactly one of that many filters with wildcards. */
export interface SubscriptionsJob extends Timed {
  readonly kind: 'subscriptions';
  readonly filters: number;
}

/** QoS 1 to sessions that are away, then they come and take it; one of the two is measured. */
export interface DurableJob extends Timed {
  readonly kind: 'durable';
  readonly measured: 'store' | 'deliver';
  readonly sessions: number;
  /** Messages for each session in each cycle. */
  readonly messages: number;
}

/** `base` clients connect, then `clients` more: the memory that these add. */
export interface IdleJob extends Common {
  readonly kind: 'idle';
  readonly base: number;
  readonly clients: number;
  readonly subscribed: boolean;
}

export type Job = PairsJob | FanoutJob | FaninJob | SubscriptionsJob | DurableJob | IdleJob;
