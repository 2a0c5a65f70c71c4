import { Jid } from '#src/address/jid.ts';
import type { FrontEnd, RunningFrontEnd, Runtime } from '#src/plugin/front-end.ts';
import { declareMetrics } from './metrics.ts';
import { SipServer } from './server.ts';
import './services.ts';
import { sipSection } from './settings.ts';

/** The SIP server: registrar, proxy and presence (RFC 3261). */
export const sip: FrontEnd = {
  name: 'sip',
  sections: [sipSection],
  listenerKinds: [
    {
      kind: 'sip',
      description: 'SIP phones and servers, over UDP or TCP; TLS with "tls: direct"',
      defaults: [
        { name: 'sip', kind: 'sip', port: 5060, transport: 'udp', tls: 'off' },
        { name: 'sip-tcp', kind: 'sip', port: 5060, tls: 'off' },
        { name: 'sips', kind: 'sip', port: 5061, tls: 'direct' },
        { name: 'http', kind: 'http', address: '127.0.0.1', port: 5280, tls: 'off', handlers: { '/sip': 'sip' } },
        { name: 'https', kind: 'http', port: 5443, tls: 'direct', handlers: { '/sip': 'sip' } },
      ],
    },
  ],
  modules: [],
  start,
};

function start(runtime: Runtime): RunningFrontEnd {
  const { blocking, offline, presence } = runtime.services;
  if (blocking === undefined || offline === undefined || presence === undefined) {
    throw new Error('SIP needs the services blocking, offline and presence');
  }
  const server = new SipServer(runtime, { blocking, offline, presence });
  const { transports } = server;
  runtime.listeners.serve('sip', transports.connections);
  runtime.listeners.serveDatagrams('sip', transports.datagrams);
  runtime.http.upgrade('sip', transports.webSockets);
  declareMetrics(runtime.metrics, server);
  followAccounts(runtime, server);
  return {
    services: { sip: server },
    async opened() {
      await server.restore();
      server.trunks.apply();
    },
    reloaded: () => server.reload(),
    stop: () => server.stop(),
  };
}

/** The phones of an account that is removed or disabled are registered no more. */
function followAccounts({ accounts }: Runtime, server: SipServer): void {
  const drop = (host: string, local: string): void => {
    const account = Jid.make(local, host);
    if (account !== undefined) server.drop(account);
  };
  accounts.watch({
    removed(host, local) {
      drop(host, local);
      server.aliases.drop(`${local}@${host}`);
    },
    disabled: drop,
  });
}
