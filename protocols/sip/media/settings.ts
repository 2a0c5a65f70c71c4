import { z } from 'zod';
import { parseIp } from '#src/address/ip.ts';
import { address, count, duration, group } from '#src/settings/types.ts';
import type { MediaSettings } from './relay.ts';

/** What the section `sip` says of the relay. */
export const mediaFields = {
  media_relay: z
    .enum(['never', 'nat', 'always'])
    .prefault('nat')
    .describe(
      'Which calls have their media pass through this server: those of which one side is seen to be behind a NAT, all, or none. Between parties that find their way themselves (ICE), as browsers do, media stays out of it.',
    ),
  media_ports: group({
    from: count(1024, 65_535).prefault(30_000).describe('The lowest one.'),
    to: count(1024, 65_535).prefault(39_999).describe('The highest one.'),
  }).describe('UDP ports that media is relayed by, four for each stream of a call; the firewall must let them in.'),
  media_address: address()
    .optional()
    .describe(
      'What phones elsewhere are told to send media to, where this server is behind a NAT; external_address when absent, if that is an IP address.',
    ),
  media_timeout: duration({ min: '10s', max: '1d' })
    .prefault('5m')
    .describe(
      'For how long a relayed call may be silent, RTCP included, until its ports are closed and it is ended: a phone has gone without a word. On hold an hour at least.',
    ),
  media_sources: z
    .enum(['expected', 'any'])
    .prefault('expected')
    .describe(
      'Where media of a party may come from: the addresses of its signalling and of its session description, or any address, for parties behind servers that relay no media themselves. With any, whoever finds the port first can take a call over.',
    ),
};

interface MediaValues {
  readonly external_address?: string | undefined;
  readonly media_address?: string | undefined;
  readonly media_ports: { readonly from: number; readonly to: number };
  readonly media_sources: 'expected' | 'any';
  readonly media_timeout: number;
}

export function mediaSettings(own: MediaValues): MediaSettings {
  const { external_address: external, media_ports: ports } = own;
  return {
    ports: { from: Math.min(ports.from, ports.to), to: Math.max(ports.from, ports.to) },
    address: own.media_address ?? (external !== undefined && parseIp(external) !== undefined ? external : undefined),
    timeout: own.media_timeout,
    anywhere: own.media_sources === 'any',
  };
}
