import type { Accounts } from '#src/accounts/accounts.ts';
import type { Bans } from '#src/accounts/bans.ts';
import type { LastActivity } from '#src/im/last.ts';
import type { Offline } from '#src/im/offline.ts';
import type { Presence } from '#src/im/presence.ts';
import type { Rosters } from '#src/im/roster.ts';
import type { Subscriptions } from '#src/im/subscriptions.ts';
import type { BoundListener } from '#src/net/listeners.ts';
import type { RootLog } from '#src/observe/log.ts';
import type { Services } from '#src/plugin/contracts.ts';
import type { Router } from '#src/router/router.ts';
import type { Registry } from '#src/session/registry.ts';
import type { BackupResult, Store } from '#src/store/store.ts';

/** What operator commands work on: a server that runs, or the same parts over the data of one that is stopped. */
export interface AdminParts {
  readonly accounts: Accounts;
  readonly bans: Bans;
  readonly last: LastActivity;
  readonly log: RootLog;
  readonly offline: Offline;
  readonly presence: Presence;
  readonly registry: Registry;
  readonly roster: Rosters;
  readonly router: Router;
  /** What front ends give to their own commands. */
  readonly services: Partial<Services>;
  readonly store: Store;
  readonly subscriptions: Subscriptions;
  /** Of the program, as `status` tells it. */
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly started: number;
  listeners(): readonly BoundListener[];
  /** Puts new settings in force. @returns what could not be, in words */
  reload(): Promise<string | undefined>;
  /** Begins to stop, in order. */
  stop(): void;
  /** Replaces everything by a backup; the server has ended its sessions before, and stops after it. */
  restore(file: string): Promise<BackupResult>;
}
