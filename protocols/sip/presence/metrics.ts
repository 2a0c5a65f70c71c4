import type { Metrics } from '#src/observe/metrics.ts';
import type { PresenceAgent } from './agent.ts';

/** What the presence agent counts, read at the scrape. */
export function declarePresenceMetrics(metrics: Metrics, agent: PresenceAgent): void {
  const { counters, publications, publish, subscribe, table } = agent;
  metrics.gauge('trivium_sip_subscriptions', 'Subscriptions of phones to presence', () => table.size);
  metrics.gauge('trivium_sip_publications', 'Documents that phones have published', () => publications.size);
  metrics.countedBy('trivium_sip_subscribe_total', 'SUBSCRIBE requests by result', ['result'], () =>
    Object.entries(subscribe.counters).map(([result, count]) => [[result], count]),
  );
  metrics.countedBy('trivium_sip_publish_total', 'PUBLISH requests by result', ['result'], () =>
    Object.entries({ ...publish.counters, ...publications.counters }).map(([result, count]) => [[result], count]),
  );
  metrics.countedBy('trivium_sip_notify_total', 'Notifications to phones', ['result'], () =>
    Object.entries(counters).map(([result, count]) => [[result], count]),
  );
}
