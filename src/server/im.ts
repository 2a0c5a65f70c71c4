import { Blocking } from '#src/im/blocking.ts';
import { Carbons } from '#src/im/carbons.ts';
import { LastActivity } from '#src/im/last.ts';
import { Offline } from '#src/im/offline.ts';
import { Presence } from '#src/im/presence.ts';
import { Rosters } from '#src/im/roster.ts';
import { Subscriptions } from '#src/im/subscriptions.ts';
import type { Services } from '#src/plugin/contracts.ts';
import type { Router } from '#src/router/router.ts';
import type { Registry } from '#src/session/registry.ts';
import type { Store } from '#src/store/store.ts';

export interface ImLimits {
  roster_items(host: string): number;
  offline_messages(host: string): number;
  blocked(host: string): number;
}

/** What every protocol shares: built once, and taking part in the life of every host. */
export function serveIm(
  router: Router,
  registry: Registry,
  store: Store,
  limits: ImLimits,
): Pick<Services, 'roster' | 'subscriptions' | 'presence' | 'last' | 'offline' | 'blocking'> {
  const roster = new Rosters(store, limits, (change) => router.host(change.account.domain)?.hooks.notice('roster/changed').tell(change));
  const subscriptions = new Subscriptions(router, registry, roster);
  const last = new LastActivity(store);
  const presence = new Presence(router, registry, roster, subscriptions, last);
  const offline = new Offline(store, limits);
  const blocking = new Blocking(store, limits, router, registry, presence);
  const carbons = new Carbons(registry);
  for (const host of router.hosts) {
    for (const part of [blocking, presence, offline, carbons]) part.serve(host);
    host.hooks.notice('account/removed').add('main', ({ host: domain, local }) => {
      roster.drop(domain, local);
      last.drop(domain, local);
    });
  }
  return { roster, subscriptions, presence, last, offline, blocking };
}
