import { declare } from '#src/settings/declaration.ts';
import type { Settings } from '#src/settings/settings.ts';
import { count, duration, group } from '#src/settings/types.ts';

export const presenceSection = declare(
  'sip_presence',
  group({
    min_expires: duration({ max: '1h' })
      .prefault('1m')
      .describe(
        'Shortest time that a phone may subscribe or publish for; a shorter one is refused with this one (423).',
      ),
    max_expires: duration({ min: '1m', max: '1d' })
      .prefault('1h')
      .describe('Longest time that a phone subscribes or publishes for; who asks for more, or for nothing, gets this.'),
    notify_interval: duration({ max: '5m' })
      .prefault('5s')
      .describe('Shortest time between two notifications of one subscription (RFC 3856 section 6.10).'),
    max_subscriptions: count(1, 100_000)
      .prefault(500)
      .describe('Subscriptions of an account at the same time; of all watchers from elsewhere to one account as well.'),
    max_publications: count(1, 1000).prefault(10).describe('Documents that an account may have published.'),
    max_watched: count(1, 100_000).prefault(1000).describe('Contacts of a list that are watched by one subscription.'),
  }).describe('Presence of SIP phones: subscriptions and publications.'),
  true,
);

/** What a host takes from the settings. Seconds; milliseconds in `interval`. */
export interface PresenceOptions {
  readonly minExpires: number;
  readonly maxExpires: number;
  readonly interval: number;
  readonly maxSubscriptions: number;
  readonly maxPublications: number;
  readonly maxWatched: number;
}

export function presenceOptions(settings: Settings, host: string): PresenceOptions {
  const own = settings.of(presenceSection, host);
  return {
    minExpires: Math.floor(own.min_expires / 1000),
    maxExpires: Math.floor(Math.max(own.max_expires, own.min_expires) / 1000),
    interval: own.notify_interval,
    maxSubscriptions: own.max_subscriptions,
    maxPublications: own.max_publications,
    maxWatched: own.max_watched,
  };
}

/**
 * How long something holds that a client asks for: RFC 6665 section 4.2.1.1, RFC 3903 section 6.
 * @param asked Expires in seconds; undefined when the client leaves it to the server
 * @returns seconds; 0 for something that ends at once; 'brief' for what is to be refused with 423
 */
export function grantedExpires(
  asked: number | undefined,
  { maxExpires, minExpires }: PresenceOptions,
): number | 'brief' {
  if (asked === undefined || asked > maxExpires) return maxExpires;
  return asked > 0 && asked < minExpires ? 'brief' : asked;
}
