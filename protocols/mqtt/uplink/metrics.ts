import type { Metrics, Sample } from '#src/observe/metrics.ts';
import { dropReasons } from './counters.ts';
import type { Uplinks } from './uplinks.ts';
import type { Uplink } from './uplink.ts';

/** What the uplinks count, read at the scrape. */
export function declareUplinkMetrics(metrics: Metrics, uplinks: Uplinks): void {
  const labels = ['host', 'uplink'];
  const each = (read: (uplink: Uplink) => number): readonly Sample[] =>
    [...uplinks].map(({ host, uplink }) => [[host, uplink.options.name], read(uplink)]);
  const both = (
    first: string,
    one: (uplink: Uplink) => number,
    second: string,
    other: (uplink: Uplink) => number,
  ): readonly Sample[] =>
    [...uplinks].flatMap(({ host, uplink }): readonly Sample[] => {
      const { name } = uplink.options;
      return [
        [[host, name, first], one(uplink)],
        [[host, name, second], other(uplink)],
      ];
    });
  metrics.gauges('trivium_mqtt_uplink_connected', 'Uplinks that are connected: 1, else 0', labels, () =>
    each(({ link }) => (link.phase === 'connected' ? 1 : 0)),
  );
  metrics.gauges('trivium_mqtt_uplink_queued', 'Messages that wait for another broker', labels, () =>
    each(({ state }) => state.waiting),
  );
  metrics.gauges('trivium_mqtt_uplink_queued_bytes', 'Bytes that wait for another broker', labels, () =>
    each(({ state }) => state.bytes),
  );
  metrics.gauges('trivium_mqtt_uplink_in_flight', 'Messages on their way to another broker', labels, () =>
    each(({ inFlight }) => inFlight),
  );
  metrics.countedBy('trivium_mqtt_uplink_messages_total', 'Messages by direction', [...labels, 'direction'], () =>
    both(
      'out',
      ({ counters }) => counters.sent,
      'in',
      ({ counters }) => counters.received,
    ),
  );
  metrics.countedBy(
    'trivium_mqtt_uplink_connections_total',
    'Connections accepted, and attempts that failed',
    [...labels, 'result'],
    () =>
      both(
        'accepted',
        ({ counters }) => counters.connected,
        'failed',
        ({ counters }) => counters.failed,
      ),
  );
  metrics.countedBy(
    'trivium_mqtt_uplink_dropped_total',
    'Messages that did not go out, and why',
    [...labels, 'reason'],
    () =>
      [...uplinks].flatMap(({ host, uplink }) =>
        dropReasons.map((reason): Sample => [[host, uplink.options.name, reason], uplink.counters.dropped[reason]]),
      ),
  );
  metrics.countedBy(
    'trivium_mqtt_uplink_unasked_total',
    'Messages that came in without a topic line for them',
    labels,
    () => each(({ counters }) => counters.unasked),
  );
}
