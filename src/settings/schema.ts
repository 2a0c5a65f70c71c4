/** The sections of the core. Front ends, modules and bridges declare theirs beside their code. */
import { z } from 'zod';
import { logLevels } from '#src/observe/log.ts';
import { accessSection, aclSection, shapersSection } from './access.ts';
import { declare, declareModules, type SettingsDeclaration } from './declaration.ts';
import { connectionLimits, coreKinds, listenersSection, type ListenerKind } from './listeners.ts';
import { accessName, count, duration, entryName, group, many, path, size } from './types.ts';

export const dataSection = declare(
  'data',
  group({
    directory: path()
      .prefault('data')
      .describe('Where everything is stored; made when missing. A relative path starts at the working directory.'),
  }).describe('Storage.'),
  false,
);

// RFC 9325 section 4.2 (TLS 1.2) and the suites of TLS 1.3.
const ciphers = [
  'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

export const tlsSection = declare(
  'tls',
  group({
    certificates: many(path())
      .prefault([])
      .describe(
        'PEM files (chain and key), or directories of them, beside data.directory/certificates. Each host takes the one that names it.',
      ),
    min_version: z.enum(['1.2', '1.3']).prefault('1.2').describe('Oldest TLS version, in quotes.'),
    ciphers: z.string().min(1).max(4096).prefault(ciphers).describe('OpenSSL cipher list, TLS 1.3 suites included.'),
    curves: z.string().min(1).max(1024).prefault('auto').describe('Key exchange groups by preference, or auto.'),
    dh_file: path()
      .prefault('auto')
      .describe('PEM file with Diffie-Hellman parameters, or auto. Used by DHE suites only.'),
    client_certificates: z
      .enum(['off', 'request', 'require'])
      .prefault('off')
      .describe('Whether clients are asked for a certificate.'),
    client_ca: many(path()).prefault([]).describe('PEM files of the authorities that sign client certificates.'),
    required_on_loopback: z
      .boolean()
      .prefault(false)
      .describe('Also ask for TLS where "tls: required" holds and both ends of the connection are loopback addresses.'),
  }).describe('TLS.'),
  true,
);

const level = () => z.enum(logLevels);

export const logSection = declare(
  'log',
  group({
    level: level()
      .prefault('info')
      .describe(`What is logged: ${logLevels.join(', ')}.`),
    format: z
      .enum(['pretty', 'json'])
      .prefault('pretty')
      .describe('pretty for people, json (one object a line) for collectors.'),
    scopes: z
      .record(entryName(), level())
      .prefault({})
      .describe('Levels of parts of the program.')
      .meta({ sample: 'c2s: debug\nstore: warn' }),
    file: path().optional().describe('Write to this file instead of the standard output; opened again on SIGHUP.'),
  }).describe('Logging.'),
  false,
);

export const metricsSection = declare(
  'metrics',
  group({
    enabled: z.boolean().prefault(true).describe('Answer on the http handler "metrics" in the Prometheus text format.'),
    runtime: z
      .boolean()
      .prefault(true)
      .describe('Include memory, CPU, garbage collection and event loop delay of the process.'),
  }).describe('Metrics.'),
  false,
);

export const limitsSection = declare(
  'limits',
  group({
    connections: connectionLimits.describe('Open connections.'),
    stanza_size: size({ min: '10000', max: '16MB' })
      .prefault('256KB')
      .describe('Largest stanza after authentication (RFC 6120 13.12 wants at least 10000 bytes).'),
    stanza_size_before_auth: size({ min: '1KB', max: '1MB' })
      .prefault('16KB')
      .describe('The same before authentication.'),
    stanza_depth: count(8, 1024).prefault(64).describe('Levels of nested elements in a stanza.'),
    stanza_elements: count(16, 1_000_000).prefault(10_000).describe('Elements in a stanza.'),
    auth_attempts: count(1, 100).prefault(5).describe('Failed logins before a connection is closed.'),
    auth_timeout: duration({ min: '1s', max: '1h' }).prefault('60s').describe('Time a connection has to authenticate.'),
    session_queue: size({ min: '64KB', max: '1GB' })
      .prefault('4MB')
      .describe('Bytes waiting for a client that reads slowly; beyond that the connection is closed.'),
  }).describe('Limits on connections.'),
  false,
);

export const quotasSection = declare(
  'quotas',
  group({
    roster_items: count(0, 1_000_000).prefault(2000).describe('Contacts of an account.'),
    blocked: count(0, 1_000_000).prefault(2000).describe('Addresses an account can block.'),
    private_storage: size({ max: '64MB' }).prefault('1MB').describe('Bytes of private data and profile of an account.'),
  }).describe(
    'Limits on what an account stores. Sessions and offline messages are limited by the rules max_sessions and max_offline of access.',
  ),
  true,
);

const iterations = (preset: number) => count(4096, 10_000_000).prefault(preset);

export const accountsSection = declare(
  'accounts',
  group({
    backends: many(z.enum(['internal']))
      .prefault(['internal'])
      .describe('Where accounts are looked up, in this order.'),
    scram_iterations: group({
      sha_1: iterations(4096).describe('For SCRAM-SHA-1.'),
      sha_256: iterations(10_000).describe('For SCRAM-SHA-256.'),
      sha_512: iterations(10_000).describe('For SCRAM-SHA-512.'),
    }).describe('Iterations of the verifiers made from now on (RFC 5802 and RFC 7677 ask for 4096 or more).'),
    digest: z
      .boolean()
      .prefault(true)
      .describe(
        'Also store digest verifiers (RFC 7616: MD5, SHA-256 and SHA-512-256), without which digest and shared-key logins fail.',
      ),
    password_min_length: count(1, 1024).prefault(1).describe('Shortest password that users may choose.'),
  }).describe('Accounts and passwords.'),
  true,
);

export const bansSection = declare(
  'bans',
  group({
    failures: count(1, 1_000_000)
      .prefault(20)
      .describe('Failed logins from an IP address, over all protocols, that lead to a ban.'),
    lifetime: duration({ min: '1s', max: '52w' })
      .prefault('1h')
      .describe('How long a failure counts, and how long the ban lasts.'),
    exempt: accessName('access').prefault('ban_exempt').describe('Rule that tells who is never banned.'),
  }).describe('Bans of addresses that guess passwords.'),
  false,
);

export const registrationSection = declare(
  'registration',
  group({
    enabled: z.boolean().prefault(false).describe('Let strangers make accounts for themselves.'),
    access: accessName('access').prefault('registration').describe('Rule that tells who may.'),
    interval: duration({ max: '7d' })
      .prefault('10m')
      .describe('Time between two registrations from the same IP address; "0s" for none.'),
    instructions: z
      .string()
      .max(1000)
      .prefault('Choose a user name and a password.')
      .describe('Shown by clients on the form.'),
  }).describe('Registration by users.'),
  true,
);

export const shutdownSection = declare(
  'shutdown',
  group({
    grace: duration({ max: '10m' })
      .prefault('5s')
      .describe('Time for connections to end in order when the server stops.'),
    text: z.string().max(1000).prefault('').describe('Told to clients when the server stops; empty for none.'),
  }).describe('Stopping.'),
  false,
);

/** What a front end brings to the settings. */
export interface SettingsPart {
  readonly sections: readonly SettingsDeclaration[];
  readonly listenerKinds: readonly ListenerKind[];
  readonly modules: readonly {
    readonly name: string;
    readonly description: string;
    /** Set on a module that runs only where it is listed. */
    readonly optional?: true;
    readonly settings?: z.ZodObject;
  }[];
}

/** The declarations of the whole program: the core and its front ends. */
export function programSections(parts: readonly SettingsPart[]): readonly SettingsDeclaration[] {
  const modules = parts.flatMap((part) => part.modules);
  return [
    ...coreSections(parts.flatMap((part) => part.listenerKinds)),
    ...parts.flatMap((part) => part.sections),
    declareModules(
      modules.map(({ name, description, optional, settings }) => {
        return { name, description, default: optional !== true, schema: settings ?? z.strictObject({}) };
      }),
    ),
  ];
}

/** The declarations of the core; `kinds` are the listener kinds that front ends bring. */
export function coreSections(kinds: readonly ListenerKind[] = []): readonly SettingsDeclaration[] {
  return [
    dataSection,
    listenersSection([...kinds, ...coreKinds]),
    tlsSection,
    logSection,
    metricsSection,
    limitsSection,
    quotasSection,
    aclSection,
    accessSection,
    shapersSection,
    accountsSection,
    registrationSection,
    bansSection,
    shutdownSection,
  ];
}
