import { dial } from '#src/net/dial.ts';
import type { Runtime } from '#src/plugin/front-end.ts';
import type { MqttServer } from '../server.ts';
import { AddedUplinks } from './added.ts';
import { localBroker } from './local-broker.ts';
import { declareUplinkMetrics } from './metrics.ts';
import { uplinkOptions } from './settings.ts';
import { Uplinks } from './uplinks.ts';

/** The uplinks of a server to other brokers. They connect with `open`. */
export function serveUplinks(runtime: Runtime, server: MqttServer): Uplinks {
  const { flusher, key, log, metrics, settings, store, timers } = runtime;
  const uplinks = new Uplinks({
    store,
    brokers: [...server.brokers].map(localBroker),
    options: (host) => uplinkOptions(settings(), host),
    added: new AddedUplinks(store, key),
    maxPacketSize: (host) => (server.broker(host)?.options ?? server.options).maxPacketSize,
    durably: server.durably,
    timers,
    flusher,
    log: log.scope('mqtt'),
    dial,
  });
  declareUplinkMetrics(metrics, uplinks);
  return uplinks;
}
