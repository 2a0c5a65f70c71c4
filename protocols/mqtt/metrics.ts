import type { Metrics } from '#src/observe/metrics.ts';
import type { Broker } from './broker.ts';
import { reasonName } from './packet/reason-codes.ts';
import type { MqttServer } from './server.ts';

/** What the broker counts, read at the scrape. */
export function declareMetrics(metrics: Metrics, server: MqttServer): void {
  const { clients, counters } = server;
  const sum = (read: (broker: Broker) => number): number => {
    let total = 0;
    for (const broker of server.brokers) total += read(broker);
    return total;
  };
  const each = (read: (broker: Broker) => number) =>
    [...server.brokers].map((broker) => [[broker.domain], read(broker)] as const);
  metrics.gauge('trivium_mqtt_connections', 'Open connections, logged in or not', () => clients.size);
  metrics.counted('trivium_mqtt_connections_opened_total', 'Connections accepted', () => counters.opened);
  metrics.counted('trivium_mqtt_authenticated_total', 'CONNECT packets accepted', () => counters.authenticated);
  metrics.counted('trivium_mqtt_authentication_failures_total', 'CONNECT packets refused', () => counters.refused);
  metrics.countedBy('trivium_mqtt_connections_ended_total', 'Connections ended by reason', ['reason'], () =>
    [...counters.ended].map(([reason, count]) => [[reasonName(reason)], count]),
  );
  metrics.gauge(
    'trivium_mqtt_flooding_clients',
    'Clients that took their whole share of many turns and are read into buffers of their own',
    () => server.floods.clients,
  );
  metrics.counted(
    'trivium_mqtt_held_back_total',
    'Times that a client had its whole share of a turn and was read on after the others',
    () => server.turns.rests,
  );
  metrics.gauges('trivium_mqtt_sessions', 'Sessions by host', ['host'], () => each(({ sessions }) => sessions.size));
  metrics.gauges('trivium_mqtt_subscriptions', 'Subscriptions by host', ['host'], () =>
    each(({ subscriptions }) => subscriptions.size),
  );
  metrics.gauges('trivium_mqtt_retained', 'Retained messages by host', ['host'], () =>
    each(({ retained }) => retained.count),
  );
  metrics.counted('trivium_mqtt_messages_received_total', 'PUBLISH packets from clients', () =>
    sum(({ traffic }) => traffic.received),
  );
  metrics.counted('trivium_mqtt_messages_sent_total', 'PUBLISH packets to clients', () =>
    sum(({ traffic }) => traffic.sent),
  );
  metrics.counted('trivium_mqtt_bytes_received_total', 'Bytes from clients', () =>
    sum(({ traffic }) => traffic.bytesReceived),
  );
  metrics.countedBy('trivium_mqtt_messages_dropped_total', 'Messages that were not delivered', ['reason'], () => {
    const totals = new Map<string, number>();
    for (const { drops } of server.brokers) {
      for (const [reason, count] of Object.entries(drops)) totals.set(reason, (totals.get(reason) ?? 0) + count);
    }
    return [...totals].map(([reason, count]) => [[reason], count]);
  });
}
