/** Accounts over a memory store, with a clock that the test turns and iterations that cost nothing. */
import type { Backend } from '#src/accounts/backends/backend.ts';
import { InternalBackend } from '#src/accounts/backends/internal.ts';
import { Accounts } from '#src/accounts/accounts.ts';
import { NodeKey } from '#src/accounts/node-key.ts';
import type { VerifierPolicy } from '#src/accounts/verifiers.ts';
import { MemoryData, openMemoryStore } from '#src/store/memory.ts';
import type { Store } from '#src/store/store.ts';

export const quick: VerifierPolicy = { iterations: { 'SHA-1': 10, 'SHA-256': 11, 'SHA-512': 12 }, ha1: true };

export interface World {
  readonly store: Store;
  readonly key: NodeKey;
  readonly accounts: Accounts;
  readonly internal: InternalBackend;
  readonly clock: { now: number };
  policy: VerifierPolicy;
  minPassword: number;
}

/** Serves example.org (internal backend first, then `more`) and example.net (only `more`). */
export async function world(
  more: readonly Backend[] = [],
  data = new MemoryData(),
  key = NodeKey.random(),
): Promise<World> {
  const store = await openMemoryStore({}, data);
  const clock = { now: 1_700_000_000_000 };
  const made = { policy: quick, minPassword: 1 };
  const internal = new InternalBackend({ store, key, policy: () => made.policy });
  const backends = new Map([
    ['example.org', [internal, ...more]],
    ['example.net', more],
  ]);
  const accounts = new Accounts({
    store,
    key,
    now: () => clock.now,
    hosts: (host) => {
      const list = backends.get(host);
      return list === undefined
        ? undefined
        : { backends: list, iterations: quick.iterations, minPassword: made.minPassword };
    },
  });
  return Object.assign(made, { store, key, accounts, internal, clock });
}

/** The condition of a refused change, or `ok`. */
export function outcome(
  change: { readonly ok: true } | { readonly ok: false; readonly refusal: { readonly condition: string } },
): string {
  return change.ok ? 'ok' : change.refusal.condition;
}
