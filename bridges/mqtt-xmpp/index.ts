import type { RunningFrontEnd, Runtime } from '#src/plugin/front-end.ts';
import type { Bridge } from '#src/plugin/bridge.ts';
import { json } from '#src/store/codec.ts';
import { serveContacts } from './contacts/serve.ts';
import type { StoredContact } from './contacts/contacts.ts';
import { EventTopics } from './events.ts';
import { PresenceTopics } from './presence.ts';
import { type MqttXmppOptions, mqttXmppSection, optionsOf } from './settings.ts';
import { MessageTopics } from './topics.ts';

/** MQTT clients send and receive messages, and see presence. */
export const mqttXmpp: Bridge = {
  name: 'mqtt-xmpp',
  sections: [mqttXmppSection],
  listenerKinds: [],
  modules: [],
  start,
};

function start(runtime: Runtime): RunningFrontEnd {
  const { hosts, registry, router, services, settings } = runtime;
  const { mqtt, roster, sip, tracing } = services;
  const listeners: EventTopics[] = [];
  if (sip !== undefined) {
    sip.activeCalls.changed = (call) => {
      for (const events of listeners) events.called(call);
    };
  }
  const owned: Disposable[] = [];
  const table = runtime.store.table('topic-contacts', json<StoredContact>());
  const opening: (() => Promise<void>)[] = [];
  // Asked for with each publication: read once a reload.
  const current = new Map<string, MqttXmppOptions>();
  for (const host of hosts) {
    const broker = mqtt?.broker(host.domain);
    if (broker === undefined || roster === undefined) continue;
    const domain = host.domain;
    current.set(domain, optionsOf(settings(), domain));
    const options = (): MqttXmppOptions => current.get(domain) ?? optionsOf(settings(), domain);
    const presence = new PresenceTopics(router, registry, roster, () => options().root);
    const events = new EventTopics(broker, host, registry, presence, () => options().sipRoot);
    listeners.push(events);
    const topics = new MessageTopics({ host, broker, router, registry, presence, events, options, tracing });
    broker.reserved = topics;
    broker.edge = topics;
    const contacts = serveContacts(runtime, host, broker, roster, table, options);
    if (contacts !== undefined) opening.push(contacts.opened);
    owned.push(...events.serve(), ...(contacts?.owned ?? []));
  }
  return {
    services: {},
    async opened() {
      for (const open of opening) await open();
    },
    reloaded() {
      for (const domain of current.keys()) current.set(domain, optionsOf(settings(), domain));
    },
    stop() {
      for (const one of owned.splice(0)) one[Symbol.dispose]();
    },
  };
}
