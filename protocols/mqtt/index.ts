import type { FrontEnd, RunningFrontEnd, Runtime } from '#src/plugin/front-end.ts';
import { Devices } from './devices.ts';
import { acceptTcp } from './links/tcp.ts';
import { acceptWebSockets } from './links/websocket.ts';
import { declareMetrics } from './metrics.ts';
import { reasonCodes } from './packet/reason-codes.ts';
import { MqttServer } from './server.ts';
import './services.ts';
import { mqttSection } from './settings.ts';
import { specs } from './specs.ts';
import { serveUplinks } from './uplink/index.ts';
import { uplinksSection } from './uplink/settings.ts';

/** The MQTT broker: versions 3.1, 3.1.1 and 5.0. */
export const mqtt: FrontEnd = {
  name: 'mqtt',
  sections: [mqttSection, uplinksSection],
  listenerKinds: [
    {
      kind: 'mqtt',
      description: 'MQTT clients',
      defaults: [
        { name: 'mqtt', kind: 'mqtt', port: 1883, tls: 'off' },
        { name: 'mqtts', kind: 'mqtt', port: 8883, tls: 'direct' },
        { name: 'http', kind: 'http', address: '127.0.0.1', port: 5280, tls: 'off', handlers: { '/mqtt': 'mqtt' } },
        { name: 'https', kind: 'http', port: 5443, tls: 'direct', handlers: { '/mqtt': 'mqtt' } },
      ],
    },
  ],
  specs,
  modules: [],
  start,
};

function start(runtime: Runtime): RunningFrontEnd {
  const server = new MqttServer(runtime);
  runtime.listeners.serve('mqtt', acceptTcp(server));
  runtime.http.upgrade('mqtt', acceptWebSockets(server));
  declareMetrics(runtime.metrics, server);
  followAccounts(runtime, server);
  serveDevices(runtime, server);
  const uplinks = serveUplinks(runtime, server);
  return {
    services: { mqtt: { broker: (host) => server.broker(host), brokers: () => server.brokers, uplinks } },
    async opened() {
      await server.restore();
      for (const broker of server.brokers) broker.system.start();
      await uplinks.restore();
      uplinks.open();
    },
    reloaded() {
      server.reload();
      uplinks.reload();
    },
    stop(text) {
      uplinks.stop();
      server.shutDown(text);
    },
  };
}

/** Clients of accounts are devices among the others. */
function serveDevices({ hosts, registry, services: { presence }, timers }: Runtime, server: MqttServer): void {
  if (presence === undefined) return;
  for (const host of hosts) {
    const broker = server.broker(host.domain);
    if (broker !== undefined) broker.devices = new Devices(broker, host, registry, presence, timers);
  }
}

/** An account that is disabled or has a new password has to log in anew; one that is removed leaves nothing. */
function followAccounts({ accounts }: Runtime, server: MqttServer): void {
  const { administrativeAction, notAuthorized } = reasonCodes;
  accounts.watch({
    removed: (host, local) =>
      server
        .broker(host)
        ?.accountRemoved(local, (session) => session.link?.end(notAuthorized, 'the account was removed')),
    disabled(host, local) {
      for (const session of [...(server.broker(host)?.sessions ?? [])]) {
        if (session.account === local) session.link?.end(administrativeAction, 'the account was disabled');
      }
    },
  });
}
