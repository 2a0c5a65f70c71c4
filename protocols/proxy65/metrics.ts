import type { Metrics } from '#src/observe/metrics.ts';
import type { ProxyServer } from './server.ts';

/** What the proxy counts, read at the scrape. */
export function declareMetrics(metrics: Metrics, { counters, links, streams }: ProxyServer): void {
  metrics.gauge('trivium_proxy65_negotiating', 'Connections that negotiate SOCKS', () => links.size);
  metrics.gauges('trivium_proxy65_streams', 'Bytestreams by state', ['state'], () => {
    const { open } = streams;
    return [
      [['open'], open],
      [['waiting'], streams.size - open],
    ];
  });
  metrics.counted('trivium_proxy65_connections_total', 'Connections accepted', () => counters.opened);
  metrics.counted('trivium_proxy65_activated_total', 'Bytestreams activated', () => streams.counters.activated);
  metrics.counted('trivium_proxy65_bytes_total', 'Bytes relayed', () => streams.counters.bytes);
  metrics.countedBy('trivium_proxy65_rejected_total', 'Connections refused by reason', ['reason'], () =>
    [...counters.rejected].map(([reason, count]) => [[reason], count]),
  );
  metrics.countedBy('trivium_proxy65_ended_total', 'Bytestreams ended by reason', ['reason'], () =>
    [...streams.counters.ended].map(([reason, count]) => [[reason], count]),
  );
}
