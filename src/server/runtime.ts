import type { Runtime } from '#src/plugin/front-end.ts';
import type { Server } from './server.ts';

/** What a server hands to its front ends. */
export function runtimeOf(server: Server): Runtime {
  const { bans, core, flusher, http, listeners, log, metrics, registry, router, services, timers, tokens } = server;
  return {
    settings: () => server.settings,
    hosts: [...router.hosts],
    access: (host) => server.access(host),
    accounts: core.accounts,
    key: core.key,
    store: core.store,
    bans,
    flusher,
    http,
    listeners,
    log,
    metrics,
    registry,
    router,
    services,
    timers,
    tokens,
  };
}
