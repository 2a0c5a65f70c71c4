/** RFC 3261 section 17, table 4, with timers L and M of RFC 6026: how long each timer runs, from T1, T2 and T4. All in milliseconds. */

export interface Timing {
  /** Estimate of the round-trip time. */
  readonly t1: number;
  /** Longest interval between retransmissions of a non-INVITE request and of a response to INVITE. */
  readonly t2: number;
  /** How long a message stays in the network. */
  readonly t4: number;
}

export const DEFAULT_TIMING: Timing = { t1: 500, t2: 4000, t4: 5000 };

/** "MUST generate a 100 (Trying) response unless it knows that the TU will generate a … response within 200 ms" (section 17.2.1). */
export const TRYING_AFTER = 200;

/** Timers B, F, H, J, L and M: 64*T1. */
export const lifetime = ({ t1 }: Timing): number => 64 * t1;

/** Timer D: "at least 32 s", because the T1 of the server is not known. */
export const timerD = (timing: Timing): number => Math.max(32_000, lifetime(timing));

/** RFC 4320 section 4.1: "the amount of time it takes a client transaction's Timer E to be reset to T2". */
export function untilTimerEIsT2({ t1, t2 }: Timing): number {
  let total = 0;
  for (let interval = t1; interval < t2; interval *= 2) total += interval;
  return total;
}
