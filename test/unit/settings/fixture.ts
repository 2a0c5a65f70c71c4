/** The declarations that the tests of settings load with: those of the core, and of an invented part and modules. */
import { z } from 'zod';
import { declare } from '#src/settings/declaration.ts';
import { loadSettings, type LoadOptions } from '#src/settings/load.ts';
import { formatProblem } from '#src/settings/problem.ts';
import { programSections } from '#src/settings/schema.ts';
import type { Settings } from '#src/settings/settings.ts';
import { count, duration, group, rate, secret, size } from '#src/settings/types.ts';

export const gatewaySection = declare(
  'gateway',
  group({
    password: secret().optional().describe('Shared secret.'),
    title: z.string().max(20).prefault('Gateway').describe('Shown to users.'),
    peers: z.array(z.string()).max(2).prefault([]).describe('Addresses.'),
    ratio: z.number().min(0).max(1).prefault(0.5).describe('Share.'),
    wait: duration({ min: '1s', max: '1h' }).prefault('30s').describe('Patience.'),
    room: size({ max: '1MB' }).prefault('64KB').describe('Room.'),
    speed: rate().prefault('1KB/s').describe('Speed.'),
    port: z.int().min(1).max(65535).prefault(7000).describe('Port of the peer.'),
  }).describe('An invented part.'),
  true,
);

export const declarations = programSections([
  {
    sections: [gatewaySection],
    listenerKinds: [
      {
        kind: 'c2s',
        description: 'chat clients',
        defaults: [
          { name: 'c2s', kind: 'c2s', port: 5222, tls: 'required' },
          { name: 'c2s-tls', kind: 'c2s', port: 5223, tls: 'direct' },
        ],
      },
    ],
    modules: [
      {
        name: 'ping',
        description: 'Answers pings.',
        settings: z.strictObject({ timeout: duration().prefault('10s').describe('Patience.') }),
      },
      {
        name: 'echo',
        description: 'Answers echoes.',
        optional: true,
        settings: z.strictObject({ times: count(1, 9).prefault(1).describe('How often.') }),
      },
    ],
  },
]);

const quiet: LoadOptions = { env: {} };

/** The problems of a text, formatted. */
export function problemsIn(text: string, options: LoadOptions = quiet): readonly string[] {
  return (loadSettings(text, 'trivium.yml', declarations, options).problems ?? []).map(formatProblem);
}

/** The settings of a text that is valid. */
export function settingsOf(text: string, options: LoadOptions = quiet): Settings {
  const { settings, problems } = loadSettings(text, 'trivium.yml', declarations, options);
  if (settings === undefined) throw new Error(problems.map(formatProblem).join('\n'));
  return settings;
}
