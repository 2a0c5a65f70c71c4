import type { AdminParts } from '../parts.ts';
import { type Argument, type Command, CommandError, defineCommand } from '../commands.ts';
import { account, accountOf, addressOf, assertChanged, durably, host, hostOf, quoted } from './common.ts';

const tags = ['accounts', 'bans'];
const PAGE = 1000;
const OPERATOR = 'operator';

const reason = { name: 'reason', type: 'string', description: 'Why; kept with the ban' } as const satisfies Argument;

const banAccount = defineCommand({
  name: 'ban_account',
  description: 'Disable an account: its sessions end and its logins are refused. What is kept for it stays.',
  tags,
  offline: true,
  arguments: [...account, reason],
  result: 'rescode',
  run(parts, args) {
    const { domain, local } = accountOf(parts, args.user, args.host);
    assertChanged(parts.accounts.ban(domain, local, args.reason, OPERATOR));
    return durably(parts, true);
  },
});

const unbanAccount = defineCommand({
  name: 'unban_account',
  description: 'Let a disabled account log in again, with the password it had.',
  tags,
  offline: true,
  arguments: account,
  result: 'rescode',
  run(parts, args) {
    const jid = accountOf(parts, args.user, args.host);
    if (parts.accounts.banDetails(jid.domain, jid.local) === undefined)
      throw new CommandError(404, `${jid.bare} is not banned`);
    assertChanged(parts.accounts.unban(jid.domain, jid.local));
    return durably(parts, true);
  },
});

const getBanDetails = defineCommand({
  name: 'get_ban_details',
  description: 'Why and since when an account is disabled; nothing when it is not.',
  tags,
  offline: true,
  arguments: account,
  result: 'table',
  run(parts, args) {
    const jid = addressOf(parts, args.user, args.host);
    const ban = parts.accounts.banDetails(jid.domain, jid.local);
    if (ban === undefined) return [];
    const login = parts.accounts.lastLogin(jid.domain, jid.local);
    return [
      { name: 'reason', value: ban.reason },
      { name: 'bandate', value: new Date(ban.since).toISOString() },
      { name: 'bannedby', value: ban.by },
      ...(login === undefined ? [] : [{ name: 'lastlogin', value: new Date(login.at).toISOString() }]),
    ];
  },
});

const countBanned = defineCommand({
  name: 'count_banned',
  description: 'How many accounts of a host are disabled.',
  tags,
  offline: true,
  arguments: [host],
  result: 'value',
  run: (parts, args) => parts.accounts.countBanned(hostOf(parts, args.host)),
});

async function bannedOf({ accounts }: AdminParts, domain: string): Promise<readonly string[]> {
  const names: string[] = [];
  for (;;) {
    const last = names.at(-1);
    const page = await accounts.listBanned(domain, { limit: PAGE, ...(last === undefined ? {} : { after: last }) });
    for (const { local } of page) names.push(local);
    if (page.length < PAGE) return names;
  }
}

const listBanned = defineCommand({
  name: 'list_banned',
  description: 'The user names of the disabled accounts of a host.',
  tags,
  offline: true,
  arguments: [host],
  result: 'list',
  run: (parts, args) => bannedOf(parts, hostOf(parts, args.host)),
});

const address = {
  name: 'address',
  type: 'string',
  description: 'IP address; an IPv6 address stands for its /64',
} as const satisfies Argument;

const banIp = defineCommand({
  name: 'ban_ip',
  description: 'Refuse connections from an IP address.',
  tags: ['bans'],
  offline: true,
  arguments: [
    address,
    { name: 'seconds', type: 'integer', description: 'How long; 0 for without end', default: 0 },
    { ...reason, default: '' },
  ],
  result: 'rescode',
  run(parts, args) {
    if (args.seconds < 0) throw new CommandError(400, 'a ban lasts no negative time');
    const ban = parts.bans.ban(args.address, args.reason, OPERATOR, args.seconds === 0 ? undefined : args.seconds);
    if (ban === undefined) throw new CommandError(400, `${quoted(args.address)} is no IP address`);
    return durably(parts, true);
  },
});

const unbanIp = defineCommand({
  name: 'unban_ip',
  description: 'Take an IP address off the ban list. Answers how many bans ended.',
  tags: ['bans'],
  offline: true,
  arguments: [address],
  result: 'value',
  run(parts, args) {
    return durably(parts, parts.bans.unban(args.address) === undefined ? 0 : 1);
  },
});

const listBannedIps = defineCommand({
  name: 'list_banned_ips',
  description: 'The IP addresses that are banned, by an operator or after failed logins.',
  tags: ['bans'],
  offline: true,
  arguments: [],
  result: 'table',
  run: ({ bans }) =>
    bans.list().map(({ by, origin, reason: why, since, until }) => {
      const end = until === undefined ? 'never' : new Date(until).toISOString();
      return { address: origin, since: new Date(since).toISOString(), until: end, by, reason: why };
    }),
});

export const banCommands: readonly Command[] = [
  banAccount,
  unbanAccount,
  getBanDetails,
  countBanned,
  listBanned,
  banIp,
  unbanIp,
  listBannedIps,
];
