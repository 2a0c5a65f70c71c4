import { methods } from '#protocols/stun/methods.ts';

/** Why relayed data was dropped. */
export type DropReason = 'permission' | 'forbidden' | 'bandwidth' | 'socket' | 'client';
/** Why an allocation ended. */
export type EndReason = 'expired' | 'deleted' | 'disconnected' | 'operator' | 'account' | 'stopped';

/** Plain numbers since the start. */
export interface Counters {
  allocations: number;
  sentPackets: number;
  sentBytes: number;
  receivedPackets: number;
  receivedBytes: number;
  /** Messages that were no message of ours. */
  malformed: number;
  readonly ended: Record<EndReason, number>;
  readonly dropped: Record<DropReason, number>;
  /** Requests and indications by method, and answers by error code. */
  readonly requests: Map<number, number>;
  readonly errors: Map<number, number>;
}

export function counters(): Counters {
  return {
    allocations: 0,
    sentPackets: 0,
    sentBytes: 0,
    receivedPackets: 0,
    receivedBytes: 0,
    malformed: 0,
    ended: { expired: 0, deleted: 0, disconnected: 0, operator: 0, account: 0, stopped: 0 },
    dropped: { permission: 0, forbidden: 0, bandwidth: 0, socket: 0, client: 0 },
    requests: new Map(Object.values(methods).map((method) => [method, 0])),
    errors: new Map(),
  };
}
