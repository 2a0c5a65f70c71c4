import { z } from 'zod';
import { declare } from '#src/settings/declaration.ts';
import type { Settings } from '#src/settings/settings.ts';
import { count, duration, group, size } from '#src/settings/types.ts';

const level = () =>
  z
    .string()
    .regex(/^[^#+/$\0]{1,64}$/)
    .meta({ expects: 'one level of a topic, without wildcards' });

const label = () =>
  z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/)
    .meta({ expects: 'the first label of a domain name' });

export const mqttXmppSection = declare(
  'mqtt_xmpp',
  group({
    enabled: z.boolean().prefault(true).describe('Whether topics reach people and people reach topics.'),
    root: level().prefault('xmpp').describe('First level of the topics that stand for messages and presence.'),
    sip_root: level().prefault('sip').describe('First level of the topics that tell of phones.'),
    max_payload: size({ min: '1KB', max: '1MB' })
      .prefault('64KB')
      .describe('Largest message that a client may send to a person.'),
    contacts: label()
      .prefault('mqtt')
      .describe('Topics are contacts below this name and the host: mqtt stands for mqtt.<host>.'),
    contacts_per_account: count(0, 100_000)
      .prefault(200)
      .describe('Topics that an account may have as contacts; 0 turns them off.'),
    contact_interval: duration({ min: '1s', max: '1d' })
      .prefault('5s')
      .describe('A topic that is faster than this is summed up: its contact sends one message in this time.'),
    contact_retain: z.boolean().prefault(false).describe('Whether what people write to a topic is retained there.'),
  }).describe('Messages and presence between MQTT and the other protocols, topics as contacts.'),
  true,
);

/** What the bridge of a host takes from the settings. Bytes and milliseconds. */
export interface MqttXmppOptions {
  readonly enabled: boolean;
  readonly root: string;
  readonly sipRoot: string;
  readonly maxPayload: number;
  readonly contacts: string;
  readonly contactsPerAccount: number;
  readonly contactInterval: number;
  readonly contactRetain: boolean;
}

export function optionsOf(settings: Settings, host: string): MqttXmppOptions {
  const own = settings.of(mqttXmppSection, host);
  return {
    enabled: own.enabled,
    root: own.root,
    sipRoot: own.sip_root,
    maxPayload: own.max_payload,
    contacts: own.contacts,
    contactsPerAccount: own.contacts_per_account,
    contactInterval: own.contact_interval,
    contactRetain: own.contact_retain,
  };
}
