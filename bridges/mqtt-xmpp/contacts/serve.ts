import type { Broker } from '#protocols/mqtt/broker.ts';
import { Jid } from '#src/address/jid.ts';
import { localFromTopic } from '#src/address/topic.ts';
import type { Rosters } from '#src/im/roster.ts';
import type { Runtime } from '#src/plugin/front-end.ts';
import type { Host } from '#src/router/host.ts';
import type { Table } from '#src/store/store.ts';
import type { MqttXmppOptions } from '../settings.ts';
import { type StoredContact, TopicContacts } from './contacts.ts';

export interface ServedContacts {
  readonly owned: readonly Disposable[];
  readonly opened: () => Promise<void>;
}

/** Puts the topics of a host behind `mqtt.<host>`, and says so in the host's service discovery. */
export function serveContacts(
  { registry, router, timers }: Runtime,
  host: Host,
  broker: Broker,
  rosters: Rosters,
  table: Table<StoredContact>,
  options: () => MqttXmppOptions,
): ServedContacts | undefined {
  const { contacts: label, contactsPerAccount, enabled } = options();
  const address = Jid.make('', `${label}.${host.domain}`);
  if (address === undefined || !enabled || contactsPerAccount === 0) return undefined;
  const interval = (): number => options().contactInterval;
  const contacts = new TopicContacts({ host, broker, router, registry, rosters, timers, table, options, interval });
  const jidOf = (service: Jid, filter: string): Jid | undefined => {
    const local = localFromTopic(filter);
    return local === undefined ? undefined : Jid.make(local, service.domain, 'mqtt');
  };
  const item = { jid: address.domain, name: 'MQTT topics' };
  return {
    owned: [
      router.attach(address, contacts),
      host.hooks
        .transformation('disco/items')
        .add('main', (items, { scope }) => (scope === 'host' ? [...items, item] : items)),
      host.hooks.notice('account/removed').add('main', ({ local }) => {
        const account = Jid.make(local, host.domain);
        if (account !== undefined) contacts.drop(account);
      }),
    ],
    opened: () => contacts.restore(address, (local) => Jid.make(local, host.domain), jidOf),
  };
}
