import { z } from 'zod';
import { declare } from '#src/settings/declaration.ts';
import { limitsSection } from '#src/settings/schema.ts';
import type { Settings } from '#src/settings/settings.ts';
import { accessName, count, duration, group, many, size } from '#src/settings/types.ts';

export const proxy65Section = declare(
  'proxy65',
  group({
    authentication: z
      .enum(['off', 'optional', 'required'])
      .prefault('off')
      .describe(
        'Whether a connection proves by user name and password (RFC 1929) that it is one of an account: never, where the client ' +
          'offers nothing else (over TLS or from this machine), or always.',
      ),
    activation_timeout: duration({ min: '1s', max: '1h' })
      .prefault('1m')
      .describe('Time from the first connection of a bytestream to its activation.'),
    idle_timeout: duration({ min: '1s', max: '1d' })
      .prefault('5m')
      .describe('Time without a byte after which a bytestream is closed.'),
    max_streams: count(1, 1_000_000).prefault(1000).describe('Bytestreams at the same time, over all hosts.'),
    buffer: size({ min: '16KB', max: '16MB' })
      .prefault('256KB')
      .describe('Bytes that may wait for each side of a bytestream; above it the other side is not read.'),
  }).describe('The proxy for SOCKS5 bytestreams: files between clients that cannot reach each other.'),
  false,
);

/** The options of the module on one host. */
export const moduleSettings = z.strictObject({
  subdomain: z
    .string()
    .regex(/^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/)
    .prefault('proxy')
    .meta({ expects: 'a label of a domain name such as proxy' })
    .describe('First label of its domain name: proxy for proxy.example.org on the host example.org.'),
  name: z.string().min(1).max(200).prefault('SOCKS5 Bytestreams').describe('The name under which clients show it.'),
  addresses: many(
    z
      .string()
      .regex(/^[\w.:-]{1,255}$/)
      .meta({ expects: 'a domain name or an IP address' }),
  )
    .prefault([])
    .describe(
      'Domain names or IP addresses that clients are told to connect to; the name of the host when there are none.',
    ),
  port: count(0, 65535).prefault(0).describe('Port that clients are told; 0 for that of the listener.'),
  access: accessName('access').prefault('bytestreams').describe('Rule that says who may open bytestreams.'),
  max_streams: accessName('access')
    .prefault('max_bytestreams')
    .describe('Rule that gives the number of bytestreams of an account at the same time.'),
  shaper: accessName('access')
    .prefault('bytestreams_shaper')
    .describe('Rule that gives the shaper of each side of a bytestream.'),
});
export type ModuleOptions = z.output<typeof moduleSettings>;

/** What the proxy takes from the settings. Milliseconds, bytes. */
export interface ProxyOptions {
  readonly authentication: 'off' | 'optional' | 'required';
  /** For the negotiation of SOCKS. */
  readonly negotiation: number;
  readonly activation: number;
  readonly idle: number;
  readonly maxStreams: number;
  readonly buffer: number;
}

export function optionsOf(settings: Settings): ProxyOptions {
  const own = settings.of(proxy65Section);
  return {
    authentication: own.authentication,
    negotiation: settings.of(limitsSection).auth_timeout,
    activation: own.activation_timeout,
    idle: own.idle_timeout,
    maxStreams: own.max_streams,
    buffer: own.buffer,
  };
}
