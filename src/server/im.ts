import type { Accounts } from '#src/accounts/accounts.ts';
import { Blocking } from '#src/im/blocking.ts';
import { Carbons } from '#src/im/carbons.ts';
import { JoinedCopies } from '#src/im/copies.ts';
import { type DocumentLimits, Documents } from '#src/im/documents.ts';
import { LastActivity } from '#src/im/last.ts';
import { Offline } from '#src/im/offline.ts';
import { Presence } from '#src/im/presence.ts';
import { Rosters } from '#src/im/roster.ts';
import { Subscriptions } from '#src/im/subscriptions.ts';
import { Tracing } from '#src/im/tracing.ts';
import type { Services } from '#src/plugin/contracts.ts';
import type { Router } from '#src/router/router.ts';
import type { Registry } from '#src/session/registry.ts';
import { type Refusal, refuse } from '#src/stanza/conditions.ts';
import type { Store } from '#src/store/store.ts';

export interface ImLimits extends DocumentLimits {
  roster_items(host: string): number;
  offline_messages(host: string): number;
  blocked(host: string): number;
}

export type ImServices = Pick<
  Services,
  'roster' | 'subscriptions' | 'presence' | 'last' | 'offline' | 'blocking' | 'documents' | 'tracing'
>;

/** What every protocol shares: built once, and taking part in the life of every host. */
export function serveIm(router: Router, registry: Registry, store: Store, limits: ImLimits): ImServices {
  const roster = new Rosters(store, limits, (change) =>
    router.host(change.account.domain)?.hooks.notice('roster/changed').tell(change),
  );
  const subscriptions = new Subscriptions(router, registry, roster);
  const last = new LastActivity(store);
  const presence = new Presence(router, registry, roster, subscriptions, last);
  const offline = new Offline(store, limits, registry);
  const blocking = new Blocking(store, limits, router, registry, presence);
  const carbons = new Carbons(registry);
  const copies = new JoinedCopies(registry);
  const documents = new Documents(store, limits);
  for (const host of router.hosts) {
    for (const part of [blocking, presence, offline, carbons, copies, documents]) part.serve(host);
    host.hooks.notice('account/removed').add('main', ({ host: domain, local }) => {
      subscriptions.end(domain, local);
      roster.drop(domain, local);
      last.drop(domain, local);
    });
  }
  return { roster, subscriptions, presence, last, offline, blocking, documents, tracing: new Tracing(router) };
}

/** Ends the sessions of accounts that are removed or disabled, and tells everybody to forget the removed ones. */
export function followAccounts(accounts: Accounts, router: Router, registry: Registry): Disposable {
  const close = (host: string, local: string, refusal: Refusal): void => {
    for (const session of registry.of(`${local}@${host}`)) session.close(refusal);
  };
  return accounts.watch({
    removed(host, local) {
      close(host, local, refuse('not-authorized', 'the account was removed'));
      router.host(host)?.hooks.notice('account/removed').tell({ host, local });
    },
    disabled: (host, local) => close(host, local, refuse('policy-violation', 'the account was disabled')),
  });
}
