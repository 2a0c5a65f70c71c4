import { z } from 'zod';
import { ha1Algorithms } from '#src/accounts/verifiers.ts';
import { declare } from '#src/settings/declaration.ts';
import type { Settings } from '#src/settings/settings.ts';
import { accessName, count, duration, entryName, group, many, network, secret, size } from '#src/settings/types.ts';
import { defaultDigestOptions, type DigestOptions } from './digest.ts';
import { mediaFields, mediaSettings } from './media/settings.ts';
import type { RelayMode } from './media/decision.ts';
import type { MediaSettings } from './media/relay.ts';
import type { RegistrationLimits } from './registration.ts';

const domainName = () =>
  z
    .string()
    .regex(/^[\w.:[\]-]{1,255}$/)
    .meta({ expects: 'a host name or an IP address' });

const numberPrefix = () =>
  z
    .string()
    .regex(/^\+?[0-9]{0,20}$/)
    .meta({ expects: 'digits, which may begin with +; empty for all numbers' });

const trunk = z.strictObject({
  name: entryName().describe('Name in commands, logs and metrics.'),
  host: domainName().describe('Where requests go: the provider by its name or address.'),
  port: count(1, 65535).optional().describe('Its port; found by name (RFC 3263) when absent.'),
  transport: z.enum(['udp', 'tcp', 'tls']).optional().describe('Found by name when absent.'),
  domain: domainName().optional().describe('Domain in From and To, where it is another one than host.'),
  user: z.string().min(1).max(255).optional().describe('User name at the provider.'),
  password: secret().optional().describe('The password for it.'),
  register: z.boolean().optional().describe('Register there and keep the registration fresh.'),
  expires: duration({ min: '30s', max: '1d' })
    .optional()
    .describe('For how long it is asked to register; 1h when absent.'),
  addresses: many(network())
    .optional()
    .describe('Where its requests come from, beside the addresses that host stands for.'),
  prefixes: many(numberPrefix())
    .optional()
    .describe('Numbers that begin so are called through it; the longest prefix wins. None when absent.'),
  access: accessName('access')
    .optional()
    .describe('Rule that users must pass who call through it; everybody when absent.'),
  from: z
    .enum(['phone', 'user', 'number'])
    .optional()
    .describe(
      'What From says in calls through it: what the phone wrote, the user name at the provider, or the number of the caller (sip_alias_set) and the user name for who has none. The phone when absent.',
    ),
  asserted: z
    .boolean()
    .optional()
    .describe('Tell it who calls (P-Asserted-Identity, RFC 3325), and believe what it tells. Yes when absent.'),
  max_calls: count(0, 1_000_000)
    .optional()
    .describe('Calls through it at once, in both directions; further ones are answered 486. Any number when absent.'),
});
export type TrunkSettings = z.output<typeof trunk>;

export const sipSection = declare(
  'sip',
  group({
    external_address: domainName()
      .optional()
      .describe(
        'What phones and servers elsewhere reach this server at, where it is behind a NAT: an address or a name.',
      ),
    other_names: many(domainName())
      .prefault([])
      .describe(
        'Names of this server beside its hosts, such as those that SRV records lead to: phones that have one as outbound proxy write it into Route.',
      ),
    max_message_size: size({ min: '2KB', max: '16MB' }).prefault('64KB').describe('Largest message of a peer.'),
    min_expires: duration({ max: '1h' })
      .prefault('1m')
      .describe('Shortest time that a phone may register for; a shorter one is refused with this one (423).'),
    max_expires: duration({ min: '1m', max: '30d' })
      .prefault('1d')
      .describe('Longest time that a phone is registered for; who asks for more gets this.'),
    default_expires: duration({ min: '1m', max: '30d' }).prefault('1h').describe('For phones that ask for no time.'),
    max_contacts: count(1, 1000).prefault(10).describe('Contacts that an account may register at the same time.'),
    flow_timer: duration({ max: '1h' })
      .prefault('2m')
      .describe('How often phones over flows (RFC 5626) are asked to keep them alive; 0s asks nothing.'),
    nat_ping: duration({ max: '1h' })
      .prefault('30s')
      .describe(
        'How often phones behind a NAT that registered over UDP are sent a few bytes, so that they stay reachable; 0s for never.',
      ),
    ...mediaFields,
    service_route: z
      .boolean()
      .prefault(false)
      .describe('Tell phones to send their requests through this server (Service-Route, RFC 3608).'),
    foreign_callers: accessName('access')
      .optional()
      .describe(
        'Rule that callers from elsewhere must pass, by their domain and IP address; they reach accounts of this server only. Nobody when absent.',
      ),
    foreign_domains: z
      .boolean()
      .prefault(true)
      .describe('Whether users may call addresses of other domains; they are found by DNS (RFC 3263).'),
    call_records: count(0, 10_000_000)
      .prefault(10_000)
      .describe('Calls that are over of which each host keeps a record (cdr_list); the oldest give way. 0 keeps none.'),
    message_copies: z
      .boolean()
      .prefault(true)
      .describe("Also send phones copies of what the account's other devices send and receive."),
    message_queue: count(1, 100_000).prefault(1000).describe('Messages that wait for one phone.'),
    request_rate: count(0, 1_000_000)
      .prefault(200)
      .describe(
        'Requests per second from one IP address that has not registered, on average; more are dropped. 0 for no limit.',
      ),
    request_burst: count(1, 1_000_000).prefault(1000).describe('The same, for requests that come at once.'),
    scanners: many(z.string().min(1).max(64))
      .prefault([
        'friendly-scanner',
        'sipvicious',
        'sipcli',
        'sip-scan',
        'sundayddr',
        'iwar',
        'pplsip',
        'vaxsipuseragent',
      ])
      .describe('Programs that get no answer: words in their User-Agent, upper and lower case alike.'),
    digest_algorithms: many(z.enum(ha1Algorithms))
      .min(1)
      .prefault([...defaultDigestOptions.algorithms])
      .describe(
        'Algorithms that phones may prove their password with, the preferred one first (RFC 8760): MD5, SHA-256, SHA-512-256. Some phones give up when SHA-512-256 comes first. Accounts with older passwords are asked for SHA-512-256 only once the password has been set anew or used in a login that shows it.',
      ),
    user_hash: z
      .boolean()
      .prefault(false)
      .describe(
        'Ask phones to hash the user name (RFC 7616 section 3.4.4). From and To tell it all the same; names that are hashed are accepted in any case.',
      ),
    md5_only: many(z.string().min(1).max(64))
      .prefault(['baresip v0', 'baresip v1', 'sipp'])
      .describe(
        'Programs that give up when they are also offered SHA-256, and so are offered MD5 alone: words in their User-Agent, upper and lower case alike.',
      ),
    trunks: z
      .array(trunk)
      .max(1000)
      .prefault([])
      .describe('Providers of telephone numbers, and other servers that calls to numbers go to.')
      .meta({
        sample:
          '- { name: provider, host: sip.example.net, user: "4930123", password: { env: TRUNK }, register: true, prefixes: ["+"] }',
      }),
  }).describe('The SIP server.'),
  true,
);

/** What holds for all hosts. Bytes, counts, requests per second. */
export interface SipOptions {
  readonly externalAddress: string | undefined;
  /** In lower case. */
  readonly otherNames: readonly string[];
  readonly media: MediaSettings;
  readonly maxMessageSize: number;
  /** Milliseconds; 0 for never. */
  readonly natPing: number;
  readonly requestRate: number;
  readonly requestBurst: number;
  /** In lower case. */
  readonly scanners: readonly string[];
  readonly md5Only: readonly string[];
  readonly digest: DigestOptions;
}

/** What a host takes from the settings. Seconds in `limits` and `flowTimer`. */
export interface SipHostOptions {
  readonly limits: RegistrationLimits;
  readonly flowTimer: number;
  readonly mediaRelay: RelayMode;
  readonly serviceRoute: boolean;
  readonly foreignCallers: string | undefined;
  readonly foreignDomains: boolean;
  readonly copies: boolean;
  readonly messageQueue: number;
  readonly callRecords: number;
  readonly trunks: readonly TrunkSettings[];
}

/** The settings in force, read once and again after a reload. */
export class SipSettings {
  readonly #settings: () => Settings;
  readonly #hosts = new Map<string, SipHostOptions>();
  #global: SipOptions;

  constructor(settings: () => Settings) {
    this.#settings = settings;
    this.#global = sipOptions(settings());
  }

  get global(): SipOptions {
    return this.#global;
  }

  host(domain: string): SipHostOptions {
    let options = this.#hosts.get(domain);
    if (options === undefined) {
      options = hostOptions(this.#settings(), domain);
      this.#hosts.set(domain, options);
    }
    return options;
  }

  reload(): void {
    this.#global = sipOptions(this.#settings());
    this.#hosts.clear();
  }
}

function sipOptions(settings: Settings): SipOptions {
  const own = settings.of(sipSection);
  return {
    externalAddress: own.external_address,
    otherNames: own.other_names.map((name) => name.toLowerCase()),
    media: mediaSettings(own),
    maxMessageSize: own.max_message_size,
    natPing: own.nat_ping,
    requestRate: own.request_rate,
    requestBurst: own.request_burst,
    scanners: own.scanners.map((name) => name.toLowerCase()),
    md5Only: own.md5_only.map((name) => name.toLowerCase()),
    digest: { algorithms: [...new Set(own.digest_algorithms)], userhash: own.user_hash },
  };
}

function hostOptions(settings: Settings, host: string): SipHostOptions {
  const own = settings.of(sipSection, host);
  const seconds = (ms: number): number => Math.floor(ms / 1000);
  return {
    limits: {
      min: seconds(own.min_expires),
      max: Math.max(seconds(own.max_expires), seconds(own.min_expires)),
      preset: seconds(own.default_expires),
      contacts: own.max_contacts,
    },
    flowTimer: seconds(own.flow_timer),
    mediaRelay: own.media_relay,
    serviceRoute: own.service_route,
    foreignCallers: own.foreign_callers,
    foreignDomains: own.foreign_domains,
    copies: own.message_copies,
    messageQueue: own.message_queue,
    callRecords: own.call_records,
    trunks: own.trunks,
  };
}
