import type { FrontEnd, RunningFrontEnd, Runtime } from '#src/plugin/front-end.ts';
import { relayServices } from './external.ts';
import { acceptTcp } from './links/tcp.ts';
import { acceptUdp } from './links/udp.ts';
import { declareMetrics } from './metrics.ts';
import { TurnServer } from './server.ts';
import './services.ts';
import { turnSection } from './settings.ts';
import { specs } from './specs.ts';

/** STUN (RFC 8489) and TURN (RFC 8656, RFC 6062): the relay for the media of calls. Nothing that it relays enters the router. */
export const turn: FrontEnd = {
  name: 'turn',
  specs,
  sections: [turnSection],
  listenerKinds: [
    {
      kind: 'turn',
      description: 'STUN and TURN clients',
      defaults: [
        { name: 'turn-udp', kind: 'turn', port: 3478, transport: 'udp', tls: 'off' },
        { name: 'turn', kind: 'turn', port: 3478, tls: 'off' },
        { name: 'turns', kind: 'turn', port: 5349, tls: 'direct' },
      ],
    },
  ],
  modules: [],
  start,
};

function start(runtime: Runtime): RunningFrontEnd {
  const { accounts, listeners, metrics, services } = runtime;
  const server = new TurnServer(runtime);
  listeners.serveDatagrams('turn', acceptUdp(server));
  listeners.serve('turn', acceptTcp(server));
  declareMetrics(metrics, server);
  // Who is gone, or disabled, relays no more.
  accounts.watch({
    removed: (host, local) => void server.endUser(`${local}@${host}`, 'account'),
    disabled: (host, local) => void server.endUser(`${local}@${host}`, 'account'),
  });
  services.relays?.add((host) => relayServices(server, listeners.bound, host));
  return {
    services: { turn: server },
    opened: () => server.open(),
    reloaded: () => server.reload(),
    stop: () => server.stop(),
  };
}
