import { type IpBlock, parseBlock, parseIp } from '#src/address/ip.ts';
import { z } from 'zod';
import { declare } from '#src/settings/declaration.ts';
import type { Settings } from '#src/settings/settings.ts';
import { address, count, duration, group, many, network, rate, secret } from '#src/settings/types.ts';
import { familyOf, type TransportAddress } from '#protocols/stun/address.ts';

const DEFAULT_PORT = 3478;

const hostName = () =>
  z
    .string()
    .regex(/^[A-Za-z0-9:]([A-Za-z0-9.:-]{0,253})$/)
    .meta({ expects: 'an IP address or a domain name' });

const server = () =>
  z
    .string()
    .max(64)
    .refine((text) => readServer(text) !== undefined)
    .meta({ expects: 'an IP address with a port or without, such as 192.0.2.7:3478 or [2001:db8::7]:3478' });

export const turnSection = declare(
  'turn',
  group({
    realm: z
      .string()
      .max(253)
      .prefault('')
      .describe('The host whose accounts a client that names none is asked for; the first one when empty.'),
    public_address: many(hostName())
      .prefault([])
      .describe(
        'Addresses by which peers reach the relays: one IPv4, one IPv6, or a domain name that is looked up again and again. Those of the relays themselves when empty.',
      ),
    relay_address: many(address())
      .prefault([])
      .describe('Addresses of this machine that relays are opened on, one of each family. Found when empty.'),
    min_port: count(1024, 65535).prefault(49152).describe('The lowest port of relays.'),
    max_port: count(1024, 65535).prefault(65535).describe('The highest port of relays.'),
    secret: secret()
      .optional()
      .describe(
        'What time-limited credentials are made of, for other programs that make them too; random when absent.',
      ),
    credentials_lifetime: duration({ min: '1m', max: '52w' })
      .prefault('12h')
      .describe('How long credentials serve that are made for a client.'),
    strict_expiry: z
      .boolean()
      .prefault(true)
      .describe(
        'Whether credentials that have expired also end the refreshing of allocations that were made with them.',
      ),
    allow_peers: many(network())
      .prefault([])
      .describe('Networks that may be relayed to although they are private, local or reserved.')
      .meta({ sample: '- 10.20.0.0/16' }),
    deny_peers: many(network()).prefault([]).describe('Networks that may not be relayed to, whatever else is said.'),
    max_allocations: count(1, 1_000_000).prefault(10_000).describe('Allocations of the server.'),
    max_allocations_per_user: count(1, 1_000_000).prefault(50).describe('Allocations of a user.'),
    max_allocations_per_address: count(1, 1_000_000)
      .prefault(200)
      .describe('Allocations from one IP address; an IPv6 network /64 counts as one address.'),
    max_permissions: count(1, 100_000).prefault(100).describe('Peers, and channels, of an allocation.'),
    max_lifetime: duration({ min: '10m', max: '24h' })
      .prefault('1h')
      .describe('Longest lifetime of an allocation that is not refreshed.'),
    nonce_lifetime: duration({ min: '1s', max: '1h' })
      .prefault('1h')
      .describe('How long a nonce serves; clients take a new one by themselves.'),
    unauthorized_rate: count(1, 1_000_000)
      .prefault(100)
      .describe('Refusals for want of credentials per second and IP address; requests beyond it get no answer.'),
    bandwidth_per_allocation: rate()
      .prefault(0)
      .describe('Bytes per second of an allocation; what is more is dropped. 0 for no limit.'),
    bandwidth_per_user: rate().prefault(0).describe('The same of all allocations of a user.'),
    bandwidth_total: rate().prefault(0).describe('The same of all allocations.'),
    tcp_relays: z
      .boolean()
      .prefault(true)
      .describe('Relay TCP connections too (RFC 6062), for clients that come over TCP or TLS.'),
    user_hash: z
      .boolean()
      .prefault(false)
      .describe('Whether accounts may hide their name (USERHASH); takes memory for each account.'),
    alternate_servers: many(server())
      .prefault([])
      .describe('Where clients are sent while the server is being drained; one of each family.'),
    drain: z.boolean().prefault(false).describe('Take no new allocations, and send clients to alternate_servers.'),
    software: z
      .string()
      .max(127)
      .prefault('Trivium')
      .describe('What clients are told that serves them; nothing when empty.'),
  }).describe('The relay for the media of calls (STUN and TURN).'),
  false,
);

/** What the relay takes from the settings. Milliseconds, bytes per second, counts. */
export interface TurnOptions {
  readonly realm: string;
  readonly publicAddress: readonly string[];
  readonly relayAddress: readonly string[];
  readonly minPort: number;
  readonly maxPort: number;
  readonly secret: string | undefined;
  readonly credentialsLifetime: number;
  readonly strictExpiry: boolean;
  readonly allowPeers: readonly IpBlock[];
  readonly denyPeers: readonly IpBlock[];
  readonly maxAllocations: number;
  readonly maxAllocationsPerUser: number;
  readonly maxAllocationsPerAddress: number;
  readonly maxPermissions: number;
  /** Seconds. */
  readonly maxLifetime: number;
  readonly nonceLifetime: number;
  readonly unauthorizedRate: number;
  /** 0 for no limit. */
  readonly bandwidthPerAllocation: number;
  readonly bandwidthPerUser: number;
  readonly bandwidthTotal: number;
  readonly tcpRelays: boolean;
  readonly userHash: boolean;
  readonly alternateServers: readonly TransportAddress[];
  readonly drain: boolean;
  readonly software: string;
}

export function optionsOf(settings: Settings): TurnOptions {
  const own = settings.of(turnSection);
  return {
    realm: own.realm === '' ? (settings.hosts[0] ?? 'localhost') : own.realm,
    publicAddress: own.public_address,
    relayAddress: own.relay_address,
    minPort: Math.min(own.min_port, own.max_port),
    maxPort: Math.max(own.min_port, own.max_port),
    secret: own.secret,
    credentialsLifetime: own.credentials_lifetime,
    strictExpiry: own.strict_expiry,
    allowPeers: own.allow_peers.flatMap((text) => parseBlock(text) ?? []),
    denyPeers: own.deny_peers.flatMap((text) => parseBlock(text) ?? []),
    maxAllocations: own.max_allocations,
    maxAllocationsPerUser: own.max_allocations_per_user,
    maxAllocationsPerAddress: own.max_allocations_per_address,
    maxPermissions: own.max_permissions,
    maxLifetime: Math.floor(own.max_lifetime / 1000),
    nonceLifetime: own.nonce_lifetime,
    unauthorizedRate: own.unauthorized_rate,
    bandwidthPerAllocation: own.bandwidth_per_allocation,
    bandwidthPerUser: own.bandwidth_per_user,
    bandwidthTotal: own.bandwidth_total,
    tcpRelays: own.tcp_relays,
    userHash: own.user_hash,
    alternateServers: own.alternate_servers.flatMap((text) => readServer(text) ?? []),
    drain: own.drain,
    software: own.software,
  };
}

/** `192.0.2.7`, `192.0.2.7:3478`, `2001:db8::7`, `[2001:db8::7]:3478`. */
export function readServer(text: string): TransportAddress | undefined {
  if (parseIp(text) !== undefined) return { family: familyOf(text), address: text, port: DEFAULT_PORT };
  const colon = text.lastIndexOf(':');
  const host = text.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  const port = Number(text.slice(colon + 1));
  if (colon < 0 || parseIp(host) === undefined || !Number.isInteger(port) || port < 1 || port > 65535) return undefined;
  return { family: familyOf(host), address: host, port };
}
