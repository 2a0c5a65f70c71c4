import type { Metrics } from '#src/observe/metrics.ts';
import { methodName } from '#protocols/stun/methods.ts';
import type { TurnServer } from './server.ts';

/** Seconds: from a call that failed to one of a day. */
const DURATIONS = [1, 5, 15, 60, 300, 900, 3600, 10_800, 43_200, 86_400];

/** What the relay counts, read at the scrape. */
export function declareMetrics(metrics: Metrics, server: TurnServer): void {
  const { allocations, counters, flood, ports } = server;
  const byTransport = (): readonly (readonly [readonly [string], number])[] => {
    const counts = new Map<string, number>([
      ['udp', 0],
      ['tcp', 0],
      ['tls', 0],
    ]);
    for (const { link } of allocations) counts.set(link.transport, (counts.get(link.transport) ?? 0) + 1);
    return [...counts].map(([transport, count]) => [[transport], count]);
  };
  metrics.gauges('trivium_turn_allocations', 'Allocations by transport of the client', ['transport'], byTransport);
  metrics.gauge('trivium_turn_reservations', 'Relays that are reserved', () => ports.reservations);
  metrics.counted('trivium_turn_allocations_total', 'Allocations made', () => counters.allocations);
  metrics.countedBy('trivium_turn_allocations_ended_total', 'Allocations ended by reason', ['reason'], () =>
    Object.entries(counters.ended).map(([reason, count]) => [[reason], count]),
  );
  const duration = metrics.histogram('trivium_turn_session_duration_seconds', 'How long allocations last', DURATIONS);
  server.onEnd = (seconds) => duration.observe(seconds);
  metrics.countedBy('trivium_turn_relayed_packets_total', 'Datagrams relayed', ['direction'], () => [
    [['sent'], counters.sentPackets],
    [['received'], counters.receivedPackets],
  ]);
  metrics.countedBy('trivium_turn_relayed_bytes_total', 'Bytes relayed, TCP included', ['direction'], () => [
    [['sent'], counters.sentBytes],
    [['received'], counters.receivedBytes],
  ]);
  metrics.countedBy('trivium_turn_dropped_packets_total', 'Datagrams that were not relayed', ['reason'], () =>
    Object.entries(counters.dropped).map(([reason, count]) => [[reason], count]),
  );
  metrics.countedBy('trivium_stun_requests_total', 'Requests and indications by method', ['method'], () =>
    [...counters.requests].map(([method, count]) => [[methodName(method)], count]),
  );
  metrics.countedBy('trivium_stun_errors_total', 'Error responses by code', ['code'], () =>
    [...counters.errors].map(([code, count]) => [[String(code)], count]),
  );
  metrics.counted('trivium_stun_malformed_total', 'Messages that were none', () => counters.malformed);
  metrics.counted('trivium_stun_unanswered_total', 'Requests beyond the limit of refusals', () => flood.dropped);
}
