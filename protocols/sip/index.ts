import { Jid } from '#src/address/jid.ts';
import type { FrontEnd, RunningFrontEnd, Runtime } from '#src/plugin/front-end.ts';
import { declareMetrics } from './metrics.ts';
import { PresenceAgent } from './presence/agent.ts';
import { declarePresenceMetrics } from './presence/metrics.ts';
import { presenceSection } from './presence/settings.ts';
import { SipServer } from './server.ts';
import './services.ts';
import { sipSection } from './settings.ts';
import { specs } from './specs.ts';

/** The SIP server: registrar, proxy and presence (RFC 3261). */
export const sip: FrontEnd = {
  name: 'sip',
  sections: [sipSection, presenceSection],
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
  specs,
  modules: [],
  start,
};

function start(runtime: Runtime): RunningFrontEnd {
  const { blocking, offline, presence, roster, subscriptions } = runtime.services;
  if (blocking === undefined || offline === undefined || presence === undefined) {
    throw new Error('SIP needs the services blocking, offline and presence');
  }
  if (roster === undefined || subscriptions === undefined)
    throw new Error('SIP needs the services roster and subscriptions');
  const server = new SipServer(runtime, { blocking, offline, presence });
  const agent = new PresenceAgent(server, { blocking, presence, roster, subscriptions });
  const { transports } = server;
  runtime.listeners.serve('sip', transports.connections);
  runtime.listeners.serveDatagrams('sip', transports.datagrams);
  runtime.http.upgrade('sip', transports.webSockets);
  declareMetrics(runtime.metrics, server);
  declarePresenceMetrics(runtime.metrics, agent);
  followAccounts(runtime, server, agent);
  return {
    services: { sip: server },
    async opened() {
      await server.restore();
      await agent.restore();
      server.trunks.apply();
    },
    reloaded() {
      server.reload();
      agent.reload();
    },
    stop: () => server.stop(),
  };
}

/** The phones of an account that is removed or disabled are registered no more. */
function followAccounts({ accounts }: Runtime, server: SipServer, agent: PresenceAgent): void {
  const drop = (host: string, local: string): void => {
    const account = Jid.make(local, host);
    if (account === undefined) return;
    agent.drop(account);
    server.devices.drop(account);
  };
  accounts.watch({
    removed(host, local) {
      drop(host, local);
      server.aliases.drop(`${local}@${host}`);
    },
    disabled: drop,
  });
}
