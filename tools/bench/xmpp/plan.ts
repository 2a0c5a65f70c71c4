import type { Endpoint, Transport } from '#tools/bench/result.ts';
import type { Job } from '#tools/bench/xmpp/job.ts';

export const SCENES = ['chat', 'login', 'idle', 'fanout'] as const;
export type SceneKind = (typeof SCENES)[number];

/** What is measured and how much of it; durations in seconds. */
export interface Plan {
  readonly scenes: readonly SceneKind[];
  readonly transports: readonly Transport[];
  readonly windows: readonly number[];
  readonly rounds: number;
  readonly warmup: number;
  readonly seconds: number;
  readonly pairs: number;
  readonly to: 'full' | 'bare';
  readonly sm: boolean;
  readonly idleUsers: number;
  readonly idleBase: number;
  readonly contacts: number;
}

/** One line of the results for each server: a title and the job that measures it. */
export interface Scene {
  readonly kind: SceneKind;
  readonly title: string;
  readonly transport: Transport;
  readonly job: (endpoint: Endpoint) => Job;
}

/** How many accounts the plan needs. */
export function accountsFor(plan: Plan): number {
  const idle = plan.scenes.includes('idle') ? plan.idleBase + plan.idleUsers : 0;
  const fanout = plan.scenes.includes('fanout') ? plan.contacts + 1 : 0;
  return Math.max(plan.pairs * 2, idle, fanout);
}

/** The scenes of a plan in the order in which they run and print. */
export function scenesOf(plan: Plan): readonly Scene[] {
  return plan.scenes.flatMap((kind) => plan.transports.flatMap((transport) => scenesFor(kind, transport, plan)));
}

function scenesFor(kind: SceneKind, transport: Transport, plan: Plan): readonly Scene[] {
  const { pairs, to, sm, warmup, seconds, contacts } = plan;
  const marks = `${transport}${sm ? ' sm' : ''}`;
  switch (kind) {
    case 'chat':
      return plan.windows.map((window) => ({
        kind,
        title: `chat ${marks}${to === 'bare' ? ' bare' : ''} w=${window}`,
        transport,
        job: (endpoint) => ({ kind, endpoint, pairs, window, to, sm, warmup, seconds }),
      }));
    case 'login':
      return [
        {
          kind,
          title: `login ${transport}`,
          transport,
          job: (endpoint) => ({ kind, endpoint, accounts: pairs * 2, parallel: 20, warmup: warmup / 2, seconds }),
        },
      ];
    case 'idle':
      return [
        {
          kind,
          title: `idle ${marks}`,
          transport,
          job: (endpoint) => ({ kind, endpoint, base: plan.idleBase, users: plan.idleUsers, sm }),
        },
      ];
    case 'fanout':
      return [
        {
          kind,
          title: `fanout ${transport} n=${contacts}`,
          transport,
          job: (endpoint) => ({ kind, endpoint, contacts, warmup, seconds }),
        },
      ];
  }
}
