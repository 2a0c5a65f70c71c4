import type { FrontEnd, RunningFrontEnd, Runtime } from '#src/plugin/front-end.ts';
import type { Host } from '#src/router/host.ts';
import { acceptTcp } from './links/tcp.ts';
import { acceptWebSockets } from './links/websocket.ts';
import { modules } from './modules/index.ts';
import { XmppHost, XmppServer } from './server.ts';
import './services.ts';
import { optionsOf, xmppSection } from './settings.ts';
import { bind } from './stream/bind.ts';
import { sasl } from './stream/sasl.ts';
import { session } from './stream/session.ts';
import { starttls } from './stream/starttls.ts';

/** The XMPP service for clients: RFC 6120, RFC 6121 and the XEPs of its modules. */
export const xmpp: FrontEnd = {
  name: 'xmpp',
  sections: [xmppSection],
  listenerKinds: [
    {
      kind: 'c2s',
      description: 'chat clients',
      defaults: [
        { name: 'c2s', kind: 'c2s', port: 5222, tls: 'required' },
        { name: 'c2s-tls', kind: 'c2s', port: 5223, tls: 'direct' },
        { name: 'http', kind: 'http', address: '127.0.0.1', port: 5280, tls: 'off', handlers: { '/ws': 'websocket' } },
        { name: 'https', kind: 'http', port: 5443, tls: 'direct', handlers: { '/ws': 'websocket' } },
      ],
    },
  ],
  modules,
  start,
};

function start(runtime: Runtime): RunningFrontEnd {
  const { services, settings } = runtime;
  const { presence } = services;
  if (presence === undefined) throw new Error('the XMPP service needs presence');
  const server = new XmppServer(optionsOf(settings()), runtime);
  const hosts = new Map<Host, XmppHost>();
  for (const host of runtime.hosts) {
    const own = new XmppHost(host, server, presence);
    // In the order of negotiation, which is the order of announcement.
    for (const feature of [starttls, sasl, bind, session]) own.features.add(feature);
    hosts.set(host, own);
    server.addHost(own);
  }
  runtime.listeners.serve('c2s', acceptTcp(server));
  runtime.http.upgrade('websocket', acceptWebSockets(server));
  declareMetrics(runtime, server);
  return {
    services: {
      streams: (host) => {
        const own = hosts.get(host);
        if (own === undefined) throw new Error(`${host.domain} has no XMPP service`);
        return own;
      },
    },
    opened: () => server.opening(),
    reloaded: () => {
      server.options = optionsOf(settings());
    },
    stop: (text) => server.shutDown(text),
  };
}

function declareMetrics({ metrics }: Runtime, { counters, managements, streams }: XmppServer): void {
  metrics.gauge('trivium_xmpp_streams', 'Open client streams, authenticated or not', () => streams.size);
  metrics.counted('trivium_xmpp_streams_opened_total', 'Client streams accepted', () => counters.opened);
  metrics.counted('trivium_xmpp_authenticated_total', 'Successful logins', () => counters.authenticated);
  metrics.counted('trivium_xmpp_authentication_failures_total', 'Failed logins', () => counters.refused);
  metrics.countedBy('trivium_xmpp_stream_errors_total', 'Streams ended with an error', ['condition'], () =>
    [...counters.errors].map(([condition, count]) => [[condition], count]),
  );
  metrics.gauge('trivium_xmpp_resumable_sessions', 'Sessions that can be resumed', () => managements.size);
  metrics.countedBy('trivium_xmpp_stream_management_total', 'What came of stream management', ['event'], () =>
    Object.entries(managements.counters).map(([event, count]) => [[event], count]),
  );
}
