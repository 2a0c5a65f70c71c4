import type { Metrics } from '#src/observe/metrics.ts';
import type { SipServer } from './server.ts';

/** Plain counters by their names. */
const named = (counters: object) =>
  Object.entries(counters).flatMap(([name, value]: [string, unknown]) =>
    typeof value === 'number' ? [[[name], value] as const] : [],
  );

/** What the server counts, read at the scrape. */
export function declareMetrics(metrics: Metrics, server: SipServer): void {
  const { authenticator, bindings, core, devices, guard, messages, registrar, senders, transactions, transports } =
    server;
  metrics.gauge('trivium_sip_bindings', 'Registered contacts', () => bindings.size);
  metrics.gauge('trivium_sip_devices', 'Registered devices', () => server.sessions.size);
  metrics.gauge('trivium_sip_streams', 'Open connections of all transports but UDP', () => transports.streams);
  metrics.gauge('trivium_sip_transactions', 'Transactions that live', () => transactions.size);
  metrics.gauge('trivium_sip_calls', 'Calls that ring or were answered', () => server.activeCalls.size);
  metrics.countedBy('trivium_sip_calls_total', 'Calls by what became of them', ['event'], () =>
    named(server.activeCalls.counters),
  );
  metrics.countedBy('trivium_sip_calls_refused_total', 'Calls that somebody had too many of', ['by'], () =>
    named(server.limits.counters),
  );
  metrics.gauge('trivium_sip_media_relayed', 'Calls, or forks of them, that are relayed', () => server.media.size);
  metrics.gauge('trivium_sip_media_ports', 'Open ports of the media relay', () => server.media.ports);
  metrics.countedBy('trivium_sip_media_total', 'What the media relay did', ['event'], () =>
    named(server.media.counters),
  );
  metrics.gauges('trivium_sip_trunks', 'Trunks by state', ['state'], () => {
    const states = Map.groupBy(server.trunks, ({ state }) => state);
    return [...states].map(([state, trunks]) => [[state], trunks.length] as const);
  });
  metrics.counted(
    'trivium_sip_nat_pings_total',
    'Bytes sent to keep the way to phones open',
    () => devices.natPings.counters.pings,
  );
  metrics.countedBy('trivium_sip_requests_total', 'Requests by method', ['method'], () =>
    [...core.counters.requests].map(([method, count]) => [[method], count]),
  );
  metrics.countedBy('trivium_sip_transport_total', 'What the transports did', ['event'], () =>
    named({ ...transports.counters }),
  );
  metrics.countedBy('trivium_sip_transactions_total', 'What the transactions did', ['event'], () =>
    named(transactions.counters),
  );
  metrics.countedBy('trivium_sip_authentication_total', 'Requests by what their credentials proved', ['result'], () =>
    named(authenticator.counters),
  );
  metrics.countedBy('trivium_sip_registrations_total', 'REGISTER requests by result', ['result'], () =>
    named({ ...registrar.counters, ...bindings.counters }),
  );
  metrics.countedBy('trivium_sip_messages_total', 'MESSAGE requests from phones by result', ['result'], () =>
    named(messages.counters),
  );
  metrics.countedBy('trivium_sip_messages_out_total', 'MESSAGE requests to phones by result', ['result'], () =>
    named(devices.sender.counters),
  );
  metrics.countedBy('trivium_sip_strangers_total', 'Requests of people from elsewhere', ['result'], () =>
    named(senders.counters),
  );
  metrics.countedBy('trivium_sip_dropped_total', 'Messages that got no answer', ['reason'], () =>
    named({ ...guard.counters, ...server.network.counters }),
  );
}
