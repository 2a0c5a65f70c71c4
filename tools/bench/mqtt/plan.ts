import type { Job } from '#tools/bench/mqtt/job.ts';
import type { QoS } from '#tools/bench/mqtt/packet.ts';
import type { Endpoint } from '#tools/bench/result.ts';

export const SCENES = ['pairs', 'fanout', 'fanin', 'subscriptions', 'durable', 'idle'] as const;
export type SceneKind = (typeof SCENES)[number];

/** What is measured and how much of it; durations in seconds. */
export interface Plan {
  readonly scenes: readonly SceneKind[];
  readonly qos: readonly QoS[];
  readonly windows: readonly number[];
  readonly rounds: number;
  readonly warmup: number;
  readonly seconds: number;
  readonly pairs: number;
  readonly fan: number;
  readonly filters: readonly number[];
  readonly sessions: number;
  readonly idle: number;
}

/** One line of the results for each server: a title and the job that measures it. */
export interface Scene {
  readonly kind: SceneKind;
  readonly title: string;
  readonly job: (endpoint: Endpoint) => Job;
}

/** Window of the fan-out that the bench asks for beside 1: the messages that a server may put into one write. */
const FANOUT_WINDOW = 5;
const IDLE_BASE = 1000;
const MESSAGES_EACH = 200;

/** The scenes of a plan in the order in which they run and print. */
export function scenesOf(plan: Plan): readonly Scene[] {
  return plan.scenes.flatMap((kind) => scenesFor(kind, plan));
}

function scenesFor(kind: SceneKind, plan: Plan): readonly Scene[] {
  const { warmup, seconds, fan } = plan;
  const each = (of: (qos: QoS, window: number) => Scene, windows: readonly number[]): readonly Scene[] =>
    plan.qos.flatMap((qos) => windows.map((window) => of(qos, window)));
  switch (kind) {
    case 'pairs':
      return each((qos, window) => {
        const title = `pairs ${plan.pairs} q${qos} w=${window}`;
        return {
          kind,
          title,
          job: (endpoint) => ({ kind, endpoint, pairs: plan.pairs, qos, window, warmup, seconds }),
        };
      }, plan.windows);
    case 'fanout':
      return each(
        (qos, window) => {
          const title = `fan-out 1→${fan} q${qos} w=${window}`;
          return {
            kind,
            title,
            job: (endpoint) => ({ kind, endpoint, subscribers: fan, qos, window, warmup, seconds }),
          };
        },
        [1, FANOUT_WINDOW],
      ).filter(({ title }) => !title.includes(' q2 '));
    case 'fanin':
      return each(
        (qos, window) => {
          const title = `fan-in ${fan}→1 q${qos} w=${window}`;
          return {
            kind,
            title,
            job: (endpoint) => ({ kind, endpoint, publishers: fan, qos, window, warmup, seconds }),
          };
        },
        [1],
      ).filter(({ title }) => !title.includes(' q2 '));
    case 'subscriptions':
      return plan.filters.map((filters) => ({
        kind,
        title: `filters ${filters}`,
        job: (endpoint) => ({ kind, endpoint, filters, warmup, seconds }),
      }));
    case 'durable':
      return (['store', 'deliver'] as const).map((measured) => ({
        kind,
        title: `durable q1 ${measured}`,
        job: (endpoint) => ({
          kind,
          endpoint,
          measured,
          sessions: plan.sessions,
          messages: MESSAGES_EACH,
          warmup,
          seconds,
        }),
      }));
    case 'idle':
      return [false, true].map((subscribed) => ({
        kind,
        title: subscribed ? 'idle, 1 filter' : 'idle',
        job: (endpoint) => ({ kind, endpoint, base: Math.min(IDLE_BASE, plan.idle), clients: plan.idle, subscribed }),
      }));
  }
}
