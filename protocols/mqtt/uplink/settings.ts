import { z } from 'zod';
import { declare } from '#src/settings/declaration.ts';
import type { Settings } from '#src/settings/settings.ts';
import { count, duration, entryName, many, path, secret, size } from '#src/settings/types.ts';
import { isShared, topicFilterFault, topicNameFault } from '../packet/topic.ts';
import type { TopicRule } from './remap.ts';

const HOST = String.raw`(?:\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/@]{1,253})`;
const ADDRESS = new RegExp(`^${HOST}(?::[0-9]{1,5})?$`);

const address = () =>
  z
    .string()
    .max(300)
    .refine((text) => ADDRESS.test(text) && Number(portOf(text) ?? 1) >= 1 && Number(portOf(text) ?? 1) <= 65_535)
    .meta({ expects: 'host, host:port or [IPv6 address]:port' });

const prefix = () =>
  z
    .string()
    .max(1024)
    .refine((text) => text === '' || topicNameFault(text.replace(/^\$share\/[^/]+\/$/, 'x')) === undefined)
    .meta({ expects: 'the beginning of topics, without wildcards' });

const rule = z
  .strictObject({
    filter: z
      .string()
      .max(1024)
      .refine((text) => text === '' || topicFilterFault(text) === undefined)
      .meta({ expects: 'a topic filter such as sensors/#' })
      .prefault('')
      .describe('Topics, without the prefixes; empty where the prefixes are whole topics.'),
    direction: z
      .enum(['in', 'out', 'both'])
      .prefault('out')
      .describe('in: from the other broker, out: to it, both: both ways.'),
    qos: z.literal([0, 1, 2]).meta({ expects: '0, 1 or 2' }).prefault(1).describe('The highest QoS of these messages.'),
    local_prefix: prefix().prefault('').describe('What topics here begin with.'),
    remote_prefix: prefix().prefault('').describe('What topics there begin with instead.'),
  })
  .superRefine(({ direction, filter, local_prefix, remote_prefix }, context) => {
    const problem = ruleFault(direction, filter, local_prefix, remote_prefix);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem, path: ['filter'] });
  });

/** What is wrong with a line as a whole. */
function ruleFault(direction: string, filter: string, local: string, remote: string): string | undefined {
  if (filter === '' && (local === '' || remote === '')) return 'without a filter both prefixes are whole topics';
  if (topicFilterFault(local + filter) !== undefined) return 'with the local prefix it is no topic filter';
  if (topicFilterFault(remote + filter) !== undefined) return 'with the remote prefix it is no topic filter';
  const sharesOut = direction !== 'in' && (isShared(local + filter) || isShared(remote + filter));
  return sharesOut || isShared(local + filter)
    ? 'shared subscriptions are for messages from the other broker'
    : undefined;
}

const uplink = z
  .strictObject({
    addresses: many(address())
      .min(1)
      .max(32)
      .describe('host:port, several of which are tried in turn. The port is 1883, with TLS 8883.'),
    same_session: z
      .boolean()
      .prefault(false)
      .describe(
        'The addresses are one cluster, whose members share the session. Otherwise each change of address begins a new one.',
      ),
    tls: z.boolean().prefault(false).describe('Whether to use TLS.'),
    ca: many(path()).prefault([]).describe("PEM files of the authorities to trust in place of the system's."),
    certificate: path().optional().describe('PEM file of our own certificate, the key in it or beside it.'),
    server_name: z
      .string()
      .min(1)
      .max(255)
      .optional()
      .describe("The name in the other broker's certificate; the host when absent."),
    verify: z
      .boolean()
      .prefault(true)
      .describe("Whether the other broker's certificate is checked. Never turn it off over a network."),
    version: z.enum(['5', '3.1.1']).prefault('5').describe('The MQTT version, in quotes.'),
    client_id: z
      .string()
      .min(1)
      .max(255)
      .optional()
      .describe('The client identifier; %d stands for the host. trivium-HOST-NAME when absent.'),
    username: z.string().min(1).max(1024).optional().describe('The user name there.'),
    password: secret().optional().describe('The password there.'),
    keep_alive: duration({ min: '5s', max: '18h' })
      .prefault('60s')
      .describe('Longest silence before the connection is tested.'),
    clean_start: z
      .boolean()
      .prefault(false)
      .describe('Begin a new session with each connection: the other broker keeps nothing while we are away.'),
    session_expiry: duration({ min: '1s', max: '520w' })
      .prefault('1d')
      .describe('How long the other broker is to keep the session while we are away. MQTT 5 only.'),
    start: z
      .enum(['automatic', 'once', 'lazy', 'manual'])
      .prefault('automatic')
      .describe('When to connect: always, once, only while messages wait, or by command.'),
    idle_timeout: duration({ min: '1s', max: '1d' })
      .prefault('60s')
      .describe('Silence after which a lazy uplink disconnects.'),
    connect_timeout: duration({ min: '1s', max: '10m' })
      .prefault('30s')
      .describe('Time for a connection to be made and accepted.'),
    reconnect_min: duration({ min: '10ms', max: '1h' })
      .prefault('1s')
      .describe('Shortest pause before another attempt.'),
    reconnect_max: duration({ min: '10ms', max: '1d' }).prefault('1m').describe('Longest pause; they grow at random.'),
    max_in_flight: count(1, 10_000)
      .prefault(20)
      .describe('Messages of QoS 1 and 2 on their way at once; the other broker may ask for fewer.'),
    receive_maximum: count(1, 65_535).prefault(100).describe('The same in the other direction. MQTT 5 only.'),
    max_queued_size: size({ min: '1KB', max: '64GB' })
      .prefault('64MB')
      .describe('Bytes that wait for the other broker, on disk.'),
    queue_full: z
      .enum(['drop_newest', 'drop_oldest'])
      .prefault('drop_newest')
      .describe('Which message is dropped when the queue is full.'),
    queue_qos0: z.boolean().prefault(false).describe('Also keep messages of QoS 0 while there is no connection.'),
    retain: z.boolean().prefault(true).describe('Whether messages keep their RETAIN flag on the way out.'),
    relay: z
      .boolean()
      .prefault(false)
      .describe(
        'Also send what came from other uplinks. Without it a message passes one uplink at most, so that no circle of brokers can loop.',
      ),
    bridge_bit: z
      .boolean()
      .prefault(true)
      .describe(
        'Tell the other broker with a private bit that this is a bridge. MQTT 3.1.1 only; MQTT 5 has No Local for it.',
      ),
    notifications: z
      .enum(['off', 'local', 'both'])
      .prefault('local')
      .describe('Where the state is published, retained, as 1 or 0: nowhere, here, or on both sides.'),
    notification_topic: z
      .string()
      .max(1024)
      .refine((text) => topicNameFault(text) === undefined)
      .meta({ expects: 'a topic without wildcards' })
      .prefault('$SYS/broker/connection/%c/state')
      .describe('The topic of that; %c stands for the client identifier.'),
    topics: z
      .array(rule)
      .max(1000)
      .prefault([])
      .describe('Which topics go which way: the first line that fits decides.'),
  })
  .refine(({ reconnect_max, reconnect_min }) => reconnect_max >= reconnect_min, {
    path: ['reconnect_max'],
    error: 'is less than reconnect_min',
  });

export const uplinksSection = declare(
  'mqtt_uplinks',
  z
    .record(entryName(), uplink)
    .prefault({})
    .describe(
      'Connections to other MQTT brokers, by name. With several hosts, set them under the host whose topics they share.',
    )
    .meta({
      sample: [
        'cloud:',
        '  addresses: broker.example.com:8883',
        '  tls: true',
        '  username: site-12',
        '  password: {file: /run/secrets/cloud}',
        '  topics:',
        '    - { filter: sensors/#, direction: out, remote_prefix: sites/12/ }',
        '    - { filter: commands/#, direction: in, remote_prefix: sites/12/ }',
      ].join('\n'),
    }),
  true,
);

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** An uplink as the settings have it. Milliseconds, bytes, counts; `sessionExpiry` and `keepAlive` in seconds. */
export interface UplinkOptions {
  readonly name: string;
  readonly addresses: readonly Address[];
  readonly sameSession: boolean;
  readonly tls: UplinkTls | undefined;
  readonly version: 4 | 5;
  readonly clientId: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly keepAlive: number;
  readonly cleanStart: boolean;
  readonly sessionExpiry: number;
  readonly start: 'automatic' | 'once' | 'lazy' | 'manual';
  readonly idleTimeout: number;
  readonly connectTimeout: number;
  readonly reconnectMin: number;
  readonly reconnectMax: number;
  readonly maxInFlight: number;
  readonly receiveMaximum: number;
  readonly maxQueuedSize: number;
  readonly dropOldest: boolean;
  readonly queueQos0: boolean;
  readonly retain: boolean;
  readonly relay: boolean;
  readonly bridgeBit: boolean;
  readonly notifications: 'off' | 'local' | 'both';
  readonly notificationTopic: string;
  readonly topics: readonly TopicRule[];
}

/** Files are read when the uplink connects. */
export interface UplinkTls {
  readonly authorities: readonly string[];
  readonly certificate: string | undefined;
  readonly serverName: string | undefined;
  readonly verify: boolean;
}

/** The uplinks of a host from the settings in force. */
export function uplinkOptions(settings: Settings, host: string): readonly UplinkOptions[] {
  return Object.entries(settings.of(uplinksSection, host)).map(([name, given]) => optionsOf(name, given, host));
}

function optionsOf(name: string, given: z.output<typeof uplink>, host: string): UplinkOptions {
  const clientId = (given.client_id ?? `trivium-%d-${name}`).replaceAll('%d', host);
  const { ca, certificate, server_name: serverName, verify } = given;
  return {
    name,
    addresses: given.addresses.map((text) => addressOf(text, given.tls ? 8883 : 1883)),
    sameSession: given.same_session,
    tls: given.tls ? { authorities: ca, certificate, serverName, verify } : undefined,
    version: given.version === '5' ? 5 : 4,
    clientId,
    username: given.username,
    password: given.password,
    keepAlive: Math.floor(given.keep_alive / 1000),
    cleanStart: given.clean_start,
    sessionExpiry: Math.floor(given.session_expiry / 1000),
    start: given.start,
    idleTimeout: given.idle_timeout,
    connectTimeout: given.connect_timeout,
    reconnectMin: given.reconnect_min,
    reconnectMax: given.reconnect_max,
    maxInFlight: given.max_in_flight,
    receiveMaximum: given.receive_maximum,
    maxQueuedSize: given.max_queued_size,
    dropOldest: given.queue_full === 'drop_oldest',
    queueQos0: given.queue_qos0,
    retain: given.retain,
    relay: given.relay,
    bridgeBit: given.bridge_bit,
    notifications: given.notifications,
    notificationTopic: given.notification_topic.replaceAll('%c', () => clientId.replaceAll(/[+#/]/g, '_')),
    topics: given.topics.map(({ direction, filter, local_prefix, qos, remote_prefix }) => {
      return { filter, direction, qos, localPrefix: local_prefix, remotePrefix: remote_prefix };
    }),
  };
}

const portOf = (text: string): string | undefined => /:(\d+)$/.exec(text.replace(/^\[.*?\]/, ''))?.[1];

/** `host:port`; an IPv6 address stands in brackets. */
export function addressOf(text: string, standard: number): Address {
  const port = portOf(text);
  const host = port === undefined ? text : text.slice(0, -port.length - 1);
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: port === undefined ? standard : Number(port) };
}
