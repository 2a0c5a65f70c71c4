import { z } from 'zod';
import { declare } from '#src/settings/declaration.ts';
import { limitsSection } from '#src/settings/schema.ts';
import type { Settings } from '#src/settings/settings.ts';
import { count, duration, group, many, size } from '#src/settings/types.ts';
import type { AclEntry } from './acl.ts';
import { topicFilterFault } from './packet/topic.ts';
import type { ShareStrategy } from './topics/shared.ts';

const filter = () =>
  z
    .string()
    .min(1)
    .max(1024)
    .refine((text) => topicFilterFault(text) === undefined)
    .meta({ expects: 'a topic filter such as devices/%u/#' });

const aclEntry = z.strictObject({
  who: z
    .string()
    .min(1)
    .max(3071)
    .prefault('*')
    .describe(
      'Whom it is about: an account by pattern (*, fleet-*, sensor@example.org), anonymous, or acl:NAME for a list of acl.',
    ),
  action: z.enum(['publish', 'subscribe', 'all']).prefault('all').describe('What it is about.'),
  filter: filter().describe(
    'Topics; %u stands for the user name, %c for the client identifier, %d for the domain, %g for each acl that the client is in.',
  ),
  allow: z.boolean().prefault(true).describe('Whether it is allowed.'),
});

export const mqttSection = declare(
  'mqtt',
  group({
    max_packet_size: size({ min: '1KB', max: '256MB' }).prefault('2MB').describe('Largest packet of a client.'),
    max_connect_size: size({ min: '1KB', max: '1MB' }).prefault('16KB').describe('Largest CONNECT, the will included.'),
    max_topic_levels: count(1, 65535).prefault(200).describe('Levels of a topic name or filter.'),
    max_subscriptions: count(1, 10_000_000).prefault(10_000).describe('Subscriptions of a session.'),
    max_sessions: count(1, 100_000_000)
      .prefault(1_000_000)
      .describe('Sessions of a host, those of absent clients included.'),
    max_sessions_per_account: count(1, 100_000_000).prefault(10_000).describe('The same of one account.'),
    max_in_flight: count(1, 65535)
      .prefault(100)
      .describe('Messages of QoS 1 and 2 on their way to a client at once; a client may ask for fewer.'),
    max_memory: size({ max: '1TB' })
      .prefault('1GB')
      .describe(
        'Bytes of messages in memory, over all clients; above it nobody new is let in and more is dropped. 0 for no limit.',
      ),
    receive_maximum: count(1, 65535).prefault(1000).describe('The same from a client to the server.'),
    max_queued: count(0, 10_000_000).prefault(1000).describe('Messages that wait for a session.'),
    max_queued_size: size({ min: '1KB', max: '4GB' }).prefault('16MB').describe('Bytes that wait for a session.'),
    queue_full: z
      .enum(['drop_newest', 'drop_oldest'])
      .prefault('drop_newest')
      .describe('Which message is dropped when a queue is full.'),
    queue_qos0: z.boolean().prefault(false).describe('Also keep messages of QoS 0 for sessions whose client is away.'),
    session_expiry: duration({ max: '520w' })
      .prefault('12w')
      .describe('Longest time that a session is kept while its client is away; clients that ask for more get this.'),
    keep_alive: duration({ max: '18h' })
      .prefault('0s')
      .describe('Longest keep alive: clients of MQTT 5 that ask for more, or none, get this one. 0s for no limit.'),
    topic_aliases: count(0, 65535).prefault(100).describe('Topic aliases that a client may use.'),
    topic_aliases_out: count(0, 65535)
      .prefault(16)
      .describe('Topic aliases that the server uses towards a client that takes them.'),
    message_rate: count(0, 1_000_000)
      .prefault(0)
      .describe(
        'Messages per second that are read from a client, on average; what comes faster waits. 0 for no limit.',
      ),
    retained_count: count(0, 100_000_000).prefault(100_000).describe('Retained messages of a host.'),
    retained_size: size({ max: '64GB' }).prefault('256MB').describe('Bytes of all retained messages of a host.'),
    retained_matches: count(1, 10_000_000).prefault(10_000).describe('Retained messages that a subscription brings.'),
    shared: z
      .enum(['round_robin', 'least_in_flight'])
      .prefault('round_robin')
      .describe('How shared subscriptions choose among their members.'),
    anonymous: many(z.string().min(1).max(64))
      .prefault([])
      .describe('Names of listeners where clients may connect without a user name.'),
    plain_without_tls: z
      .enum(['never', 'loopback', 'always'])
      .prefault('loopback')
      .describe('Whether passwords are taken in the clear: never, from this machine, or from everywhere.'),
    certificate_user: z
      .enum(['off', 'cn'])
      .prefault('cn')
      .describe(
        'Whether a client certificate stands for a password: cn for that of the account which its common name tells.',
      ),
    acl: z
      .array(aclEntry)
      .max(10_000)
      .prefault([])
      .describe(
        'Who may publish and subscribe to what: the first entry that fits decides. Entries made by commands come before.',
      )
      .meta({ sample: '- { action: publish, filter: "devices/%u/#" }\n- { who: "acl:admin", filter: "#" }' }),
    acl_default: z.enum(['allow', 'deny']).prefault('allow').describe('What holds where no entry fits.'),
    sys_interval: duration({ max: '1h' })
      .prefault('10s')
      .describe('How often the topics below $SYS are published; 0s for never.'),
    presence: z
      .enum(['none', 'roster', 'always'])
      .prefault('roster')
      .describe(
        "Whether a connected client is an available resource of its account, for those in its account's roster; always: as extended away also while its session waits for it.",
      ),
    device_topics: z
      .boolean()
      .prefault(true)
      .describe('Publish on $SYS/clients/<user>/<client>/status, retained, whether a client is online.'),
  }).describe('The MQTT broker.'),
  true,
);

/** What the broker of a host takes from the settings. Milliseconds, bytes, counts; expiry and keep alive in seconds. */
export interface MqttOptions {
  readonly authTimeout: number;
  readonly maxPacketSize: number;
  readonly maxConnectSize: number;
  readonly maxTopicLevels: number;
  readonly maxSubscriptions: number;
  readonly maxSessions: number;
  readonly maxSessionsPerAccount: number;
  readonly maxInFlight: number;
  readonly receiveMaximum: number;
  readonly maxMemory: number;
  readonly maxQueued: number;
  readonly maxQueuedSize: number;
  readonly dropOldest: boolean;
  readonly queueQos0: boolean;
  readonly sessionExpiry: number;
  /** 0 for no limit. */
  readonly keepAlive: number;
  readonly topicAliases: number;
  readonly topicAliasesOut: number;
  readonly messageRate: number;
  readonly retainedCount: number;
  readonly retainedSize: number;
  readonly retainedMatches: number;
  readonly shared: ShareStrategy;
  readonly anonymous: ReadonlySet<string>;
  readonly plainWithoutTls: 'never' | 'loopback' | 'always';
  readonly certificateUser: boolean;
  readonly acl: readonly AclEntry[];
  readonly aclDefault: boolean;
  readonly sysInterval: number;
  readonly deviceTopics: boolean;
  readonly presence: 'none' | 'roster' | 'always';
  /** Bytes that may wait for a client's socket; no message is added to more than `writableSize`. */
  readonly outboxSize: number;
  readonly writableSize: number;
}

/** The options of a host from the settings in force. */
export function optionsOf(settings: Settings, host?: string): MqttOptions {
  const own = settings.of(mqttSection, host);
  const limits = settings.of(limitsSection);
  return {
    authTimeout: limits.auth_timeout,
    maxPacketSize: own.max_packet_size,
    maxConnectSize: own.max_connect_size,
    maxTopicLevels: own.max_topic_levels,
    maxSubscriptions: own.max_subscriptions,
    maxSessions: own.max_sessions,
    maxSessionsPerAccount: own.max_sessions_per_account,
    maxInFlight: own.max_in_flight,
    receiveMaximum: own.receive_maximum,
    maxMemory: own.max_memory,
    maxQueued: own.max_queued,
    maxQueuedSize: own.max_queued_size,
    dropOldest: own.queue_full === 'drop_oldest',
    queueQos0: own.queue_qos0,
    sessionExpiry: Math.floor(own.session_expiry / 1000),
    keepAlive: Math.floor(own.keep_alive / 1000),
    topicAliases: own.topic_aliases,
    topicAliasesOut: own.topic_aliases_out,
    messageRate: own.message_rate,
    retainedCount: own.retained_count,
    retainedSize: own.retained_size,
    retainedMatches: own.retained_matches,
    shared: own.shared,
    anonymous: new Set(own.anonymous),
    plainWithoutTls: own.plain_without_tls,
    certificateUser: own.certificate_user === 'cn',
    acl: own.acl,
    aclDefault: own.acl_default === 'allow',
    sysInterval: own.sys_interval,
    deviceTopics: own.device_topics,
    presence: own.presence,
    outboxSize: limits.session_queue + own.max_packet_size,
    writableSize: Math.floor(limits.session_queue / 4),
  };
}
