import type { Access } from '#src/accounts/access.ts';
import type { Bans } from '#src/accounts/bans.ts';
import type { NodeKey } from '#src/accounts/node-key.ts';
import type { FastTokens } from '#src/accounts/tokens.ts';
import type { Accounts } from '#src/accounts/accounts.ts';
import type { Flusher } from '#src/net/flusher.ts';
import type { HttpService } from '#src/net/http.ts';
import type { Listeners } from '#src/net/listeners.ts';
import type { Timers } from '#src/net/timers.ts';
import type { Log } from '#src/observe/log.ts';
import type { Metrics } from '#src/observe/metrics.ts';
import type { Host } from '#src/router/host.ts';
import type { Router } from '#src/router/router.ts';
import type { Registry } from '#src/session/registry.ts';
import type { SettingsDeclaration } from '#src/settings/declaration.ts';
import type { ListenerKind } from '#src/settings/listeners.ts';
import type { Settings } from '#src/settings/settings.ts';
import type { Store } from '#src/store/store.ts';
import type { AnyModule, Services, Spec } from './contracts.ts';

/** What the composition root hands to a front end: the parts of the core, all built, nothing started yet. */
export interface Runtime {
  /** The settings in force; a reload replaces them, so read them when needed. */
  readonly settings: () => Settings;
  readonly hosts: readonly Host[];
  readonly router: Router;
  readonly registry: Registry;
  readonly store: Store;
  readonly accounts: Accounts;
  /** Secrets that stay the same over restarts come from it. */
  readonly key: NodeKey;
  /** The access rules of a host. */
  readonly access: (host: string) => Access;
  readonly bans: Bans;
  readonly tokens: FastTokens;
  readonly listeners: Listeners;
  readonly http: HttpService;
  readonly timers: Timers;
  readonly flusher: Flusher;
  readonly log: Log;
  readonly metrics: Metrics;
  /** The parts that others have provided so far. */
  readonly services: Partial<Services>;
}

/** A protocol that the server speaks. */
export interface FrontEnd {
  readonly name: string;
  /** Its sections of the settings. */
  readonly sections: readonly SettingsDeclaration[];
  readonly listenerKinds: readonly ListenerKind[];
  /** The documents that it implements beside those of its modules. */
  readonly specs?: readonly Spec[];
  /** What its virtual hosts can run. */
  readonly modules: readonly AnyModule[];
  /** Builds its parts and says who takes its connections. No connection comes before `opened`. */
  start(runtime: Runtime): RunningFrontEnd;
}

/** The life of a front end, in this order. */
export interface RunningFrontEnd {
  /** What it gives to modules. Known before they start. */
  readonly services: Partial<Services>;
  /** The modules run: brings back what outlived the last process. Connections come when it is done. */
  opened(): Promise<void>;
  /** New settings are in force. */
  reloaded(): void;
  /** The listeners are closed: says good-bye to its peers. */
  stop(text: string): void;
}
