import type { FrontEnd, RunningFrontEnd, Runtime } from '#src/plugin/front-end.ts';
import { declareMetrics } from './metrics.ts';
import { ProxyServer } from './server.ts';
import { proxy65Section } from './settings.ts';
import { bytestreams } from './xep0065-bytestreams.ts';

/** The proxy for SOCKS5 bytestreams (XEP-0065). Its bytes go from socket to socket; only the requests of its users are stanzas. */
export const proxy65: FrontEnd = {
  name: 'proxy65',
  sections: [proxy65Section],
  listenerKinds: [
    {
      kind: 'proxy65',
      description: 'SOCKS5 bytestreams',
      defaults: [{ name: 'proxy65', kind: 'proxy65', port: 7777, tls: 'off' }],
    },
  ],
  modules: [bytestreams],
  start,
};

function start(runtime: Runtime): RunningFrontEnd {
  const server = new ProxyServer(runtime);
  runtime.listeners.serve('proxy65', server);
  declareMetrics(runtime.metrics, server);
  return {
    services: { proxy65: server },
    opened: () => Promise.resolve(),
    reloaded: () => server.reload(),
    stop: () => server.stop(),
  };
}
