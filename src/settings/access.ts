/**
 * Who may do what: named lists of people and places (`acl`), rules over them (`access`, first match wins) and traffic shapers.
 * The words are those of ejabberd: acl, access rules, shapers.
 */
import { z } from 'zod';
import { declare } from './declaration.ts';
import { accessName, limitOrName, many, network, rate, size } from './types.ts';

/** Lists that always exist: everyone, nobody, and connections from this machine. */
export const builtinAcls: readonly string[] = ['all', 'none', 'loopback'];
/** Values of rules that are no shapers. */
export const builtinValues: readonly string[] = ['none', 'infinite'];

const words = (about: string) => many(z.string().min(1).max(3071)).optional().describe(about);
const globs = (about: string) => many(z.string().min(1).max(256)).optional().describe(about);

const entry = z
  .strictObject({
    user: words('Account: juliet@example.org, or juliet for that name on any host of this server.'),
    user_glob: globs('Account by pattern, * is any text and ? one character: "*@example.org".'),
    server: words('Domain of the address.'),
    server_glob: globs('Domain by pattern: "*.example.org".'),
    resource: words('Resource (device) of the address.'),
    resource_glob: globs('Resource by pattern.'),
    ip: many(network()).optional().describe('IP address of the connection, or a network: 10.0.0.0/8.'),
    loopback: z.boolean().optional().describe('Whether the connection comes from this machine.'),
    registered: z.boolean().optional().describe('Whether the account exists here.'),
    protocol: words('Protocol of the connection.'),
    listener: words('Name of the listener the connection came in by.'),
  })
  .refine(
    (given) => Object.values(given).some((value) => value !== undefined),
    'names nobody: give user, server, resource or ip',
  );

const acl = many(entry);

export const aclSection = declare(
  'acl',
  z
    .object({
      admin: acl.prefault([]).describe('Who may run operator commands over the network.'),
      blocked: acl.prefault([]).describe('Who may not log in.'),
      local: acl.prefault([{ registered: true }]).describe('The accounts of this server.'),
    })
    .catchall(acl)
    .prefault({})
    .describe(
      'Access control lists: named lists of people and places. Within an entry every option must match, between the entries of a list any. ' +
        'The names all, none and loopback always exist.',
    )
    .meta({ sample: 'admin:\n  - user: juliet@localhost\noffice:\n  - ip: [192.0.2.0/24, "2001:db8::/32"]' }),
  true,
);

const line = z
  .strictObject({
    allow: many(accessName('acl')).min(1).optional().describe('Names from acl; all of them must match.'),
    deny: many(accessName('acl')).min(1).optional().describe('The same, for a denial.'),
    value: limitOrName()
      .optional()
      .describe('What the rule gives: a number, infinite, or the name of a shaper (none for no limit).'),
    for: many(accessName('acl'))
      .min(1)
      .optional()
      .describe('Names from acl that get this value; all of them must match.'),
  })
  .refine(isOneVerdict, 'give one of "allow", "deny", or "value" with "for" in each entry of the list');

function isOneVerdict(given: { allow?: unknown; deny?: unknown; value?: unknown; for?: unknown }): boolean {
  const verdicts = [given.allow, given.deny, given.value].filter((part) => part !== undefined);
  return verdicts.length === 1 && (given.value === undefined) === (given.for === undefined);
}

const rule = many(line);

export const accessSection = declare(
  'access',
  z
    .object({
      c2s: rule.prefault([{ deny: ['blocked'] }, { allow: ['all'] }]).describe('Who may log in.'),
      registration: rule
        .prefault([{ allow: ['loopback'] }])
        .describe('From where accounts may be registered over the network.'),
      admin: rule.prefault([{ allow: ['admin'] }]).describe('Who may run operator commands over the network.'),
      announce: rule.prefault([{ allow: ['admin'] }]).describe('Who may send announcements.'),
      ban_exempt: rule.prefault([{ allow: ['loopback'] }]).describe('Who is never banned for failed logins.'),
      max_sessions: rule
        .prefault([{ value: 10, for: ['all'] }])
        .describe(
          'Sessions (devices) of an account at the same time: XMPP and SIP each; MQTT has mqtt.max_sessions_per_account.',
        ),
      max_calls: rule
        .prefault([
          { value: 1000, for: ['local'] },
          { value: 20, for: ['all'] },
        ])
        .describe(
          'SIP calls of a caller at the same time: of an account, and of each IP address that callers from elsewhere call from. Trunks have sip.trunks[].max_calls.',
        ),
      max_offline: rule
        .prefault([
          { value: 5000, for: ['admin'] },
          { value: 1000, for: ['all'] },
        ])
        .describe('Messages kept for an account that is offline.'),
      shaper: rule
        .prefault([
          { value: 'none', for: ['admin'] },
          { value: 'normal', for: ['all'] },
        ])
        .describe('The shaper of a client connection.'),
      bytestreams: rule
        .prefault([{ allow: ['local'] }])
        .describe('Who may send files through the proxy of the server (SOCKS5 bytestreams).'),
      max_bytestreams: rule
        .prefault([{ value: 20, for: ['all'] }])
        .describe('Bytestreams of an account through the proxy at the same time.'),
      bytestreams_shaper: rule
        .prefault([{ value: 'none', for: ['all'] }])
        .describe('The shaper of each side of a bytestream through the proxy.'),
    })
    .catchall(rule)
    .prefault({})
    .describe(
      'Rules: ordered lists of which the first match decides; no match denies. More rules can be added by any name.',
    )
    .meta({ sample: 'uploads:\n  - deny: guests\n  - allow: all' }),
  true,
);

const shaper = z.strictObject({
  rate: rate({ min: '100B/s' }).describe('Bytes per second, on average.'),
  burst: size({ min: '1KB' }).describe('Bytes that may come at once.'),
});
export type Shaper = z.output<typeof shaper>;

export const shapersSection = declare(
  'shapers',
  z
    .object({
      normal: shaper.prefault({ rate: '256KB/s', burst: '1MB' }).describe('For clients.'),
      fast: shaper.prefault({ rate: '4MB/s', burst: '8MB' }).describe('For servers, components and gateways.'),
    })
    .catchall(shaper)
    .prefault({})
    .describe('Limits on the bytes received from a connection. Rules of access choose them by name.')
    .meta({ sample: 'slow:\n  rate: 3KB/s\n  burst: 20KB' }),
  true,
);

/** Options of an ACL entry, and of a line of a rule, with the names they have in code. */
export interface AclData {
  readonly user?: readonly string[];
  readonly userGlob?: readonly string[];
  readonly server?: readonly string[];
  readonly serverGlob?: readonly string[];
  readonly resource?: readonly string[];
  readonly resourceGlob?: readonly string[];
  readonly ip?: readonly string[];
  readonly loopback?: boolean;
  readonly registered?: boolean;
  readonly protocol?: readonly string[];
  readonly listener?: readonly string[];
}
export type RuleData =
  | { readonly allow: readonly string[] }
  | { readonly deny: readonly string[] }
  | { readonly value: string | number; readonly for: readonly string[] };

/** The sections `acl` and `access` as the access rules take them; checked, so every name in them exists. */
export function accessData(
  lists: z.output<typeof aclSection.schema>,
  rules: z.output<typeof accessSection.schema>,
): {
  readonly acl: Readonly<Record<string, readonly AclData[]>>;
  readonly access: Readonly<Record<string, readonly RuleData[]>>;
} {
  const acls = Object.entries(lists).map(([name, entries]) => [name, entries.map(camelCase)] as const);
  // The schema lets a line have exactly one of the three forms.
  return { acl: table(acls), access: table(Object.entries(rules)) as Readonly<Record<string, readonly RuleData[]>> };
}

function camelCase(given: z.output<typeof entry>): AclData {
  const { user_glob: userGlob, server_glob: serverGlob, resource_glob: resourceGlob, ...rest } = given;
  const all = { ...rest, userGlob, serverGlob, resourceGlob };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function table<T>(entries: readonly (readonly [string, T])[]): Readonly<Record<string, T>> {
  return Object.assign(Object.create(null) as Record<string, T>, Object.fromEntries(entries));
}
