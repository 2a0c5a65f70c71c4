import type { Listeners } from '#src/net/listeners.ts';
import type { Metrics } from '#src/observe/metrics.ts';
import type { Services } from '#src/plugin/contracts.ts';
import type { Router } from '#src/router/router.ts';
import type { Registry } from '#src/session/registry.ts';
import type { Store } from '#src/store/store.ts';

interface Parts {
  readonly registry: Registry;
  readonly router: Router;
  readonly listeners: Listeners;
  readonly store: Store;
  readonly services: Partial<Services>;
}

/** What the core counts, read at the scrape. */
export function declareCoreMetrics(metrics: Metrics, { listeners, registry, router, services, store }: Parts): void {
  metrics.gauges('trivium_sessions', 'Sessions by connection', ['connection'], () => {
    const counts = new Map<string, number>();
    for (const { origin } of registry) counts.set(origin.connection, (counts.get(origin.connection) ?? 0) + 1);
    return [...counts].map(([connection, count]) => [[connection], count]);
  });
  metrics.gauge('trivium_accounts_online', 'Accounts with a session', () => registry.accounts);
  metrics.countedBy('trivium_stanzas_routed_total', 'Stanzas routed by kind', ['kind'], () => {
    const { iq, message, presence } = router.counters;
    return [
      [['message'], message],
      [['presence'], presence],
      [['iq'], iq],
    ];
  });
  metrics.counted('trivium_stanzas_refused_total', 'Stanzas answered with an error', () => router.counters.refused);
  metrics.gauge('trivium_connections', 'Open connections over all listeners', () => listeners.connections);
  const { datagrams } = listeners;
  metrics.counted('trivium_datagrams_received_total', 'Datagrams received', () => datagrams.counters.received);
  metrics.counted('trivium_datagrams_received_bytes_total', 'Bytes of them', () => datagrams.counters.receivedBytes);
  metrics.counted('trivium_datagrams_sent_total', 'Datagrams sent by listeners', () => datagrams.counters.sent);
  metrics.counted('trivium_datagrams_sent_bytes_total', 'Bytes of them', () => datagrams.counters.sentBytes);
  metrics.counted(
    'trivium_datagrams_dropped_total',
    'Datagrams that could not be sent',
    () => datagrams.counters.dropped,
  );
  metrics.countedBy('trivium_datagrams_refused_total', 'Datagrams that no front end saw', ['reason'], () => [
    [['ban'], datagrams.refused],
    [['access'], datagrams.denied],
  ]);
  metrics.counted('trivium_connections_accepted_total', 'Connections accepted', () => listeners.counters.accepted);
  metrics.countedBy(
    'trivium_connections_refused_total',
    'Connections closed before a front end saw them',
    ['reason'],
    () => {
      const { denied, overLimit, overRate, proxyErrors, refused, tlsErrors } = listeners.counters;
      return [
        [['ban'], refused],
        [['access'], denied],
        [['limit'], overLimit],
        [['rate'], overRate],
        [['proxy'], proxyErrors],
        [['tls'], tlsErrors],
      ];
    },
  );
  metrics.counted('trivium_store_groups_total', 'Write groups committed', () => store.stats.groups);
  metrics.counted('trivium_store_operations_total', 'Keys written', () => store.stats.operations);
  metrics.counted('trivium_store_bytes_total', 'Bytes written', () => store.stats.bytes);
  metrics.counted(
    'trivium_store_failed_commits_total',
    'Commits that failed and are tried again',
    () => store.stats.failedCommits,
  );
  metrics.gauge('trivium_store_pending_bytes', 'Bytes waiting for the disk', () => store.stats.pendingBytes);
  metrics.gauge(
    'trivium_store_last_commit_seconds',
    'Duration of the last commit',
    () => store.stats.lastCommitMs / 1000,
  );
  metrics.countedBy('trivium_offline_messages_total', 'Messages of absent accounts', ['outcome'], () => {
    const { delivered = 0, refused = 0, stored = 0 } = services.offline?.counters ?? {};
    return [
      [['stored'], stored],
      [['delivered'], delivered],
      [['refused'], refused],
    ];
  });
}
