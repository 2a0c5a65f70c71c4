import type { AdminParts } from '../parts.ts';
import { type Argument, type Command, CommandError, defineCommand } from '../commands.ts';
import { account, accountOf, addressOf, assertChanged, durably, host, hostOf } from './common.ts';

const tags = ['accounts'];
const PAGE = 1000;

const password = {
  name: 'password',
  type: 'string',
  description: 'Password; "-" on the command line reads it from the standard input',
  secret: true,
} as const satisfies Argument;

const register = defineCommand({
  name: 'register',
  description: 'Make an account.',
  tags,
  offline: true,
  arguments: [...account, password],
  result: 'restuple',
  async run(parts, args) {
    const jid = addressOf(parts, args.user, args.host);
    const change = await parts.accounts.create(jid.domain, jid.local, args.password);
    if (!change.ok && change.refusal.condition === 'conflict')
      throw new CommandError(409, `User ${jid.bare} already registered`);
    assertChanged(change);
    return durably(parts, `User ${jid.bare} successfully registered`);
  },
});

const unregister = defineCommand({
  name: 'unregister',
  description: 'Remove an account and everything that is kept for it; its sessions end.',
  tags,
  offline: true,
  arguments: account,
  result: 'restuple',
  run(parts, args) {
    const jid = accountOf(parts, args.user, args.host);
    assertChanged(parts.accounts.remove(jid.domain, jid.local));
    return durably(parts, `User ${jid.bare} successfully unregistered`);
  },
});

const changePassword = defineCommand({
  name: 'change_password',
  description: 'Give an account a new password. Sessions stay; tokens for fast logins end.',
  tags,
  offline: true,
  arguments: [...account, { ...password, name: 'newpass' }],
  result: 'rescode',
  async run(parts, args) {
    const jid = accountOf(parts, args.user, args.host);
    assertChanged(await parts.accounts.setPassword(jid.domain, jid.local, args.newpass));
    return durably(parts, true);
  },
});

const checkAccount = defineCommand({
  name: 'check_account',
  description: 'Is there such an account?',
  tags,
  offline: true,
  arguments: account,
  result: 'rescode',
  run(parts, args) {
    const jid = addressOf(parts, args.user, args.host);
    return parts.accounts.exists(jid.domain, jid.local);
  },
});

const checkPassword = defineCommand({
  name: 'check_password',
  description: 'Is this the password of the account?',
  tags,
  offline: true,
  arguments: [...account, password],
  result: 'rescode',
  run(parts, args) {
    const jid = addressOf(parts, args.user, args.host);
    return parts.accounts.checkPassword(jid.domain, jid.local, args.password);
  },
});

/** All accounts of a host, read in pages. */
async function namesOf({ accounts }: AdminParts, domain: string): Promise<readonly string[]> {
  const names: string[] = [];
  for (;;) {
    const last = names.at(-1);
    const page = await accounts.list(domain, { limit: PAGE, ...(last === undefined ? {} : { after: last }) });
    for (const name of page) names.push(name);
    if (page.length < PAGE) return names;
  }
}

const registeredUsers = defineCommand({
  name: 'registered_users',
  description: 'The user names of all accounts of a host.',
  tags,
  offline: true,
  arguments: [host],
  result: 'list',
  run: (parts, args) => namesOf(parts, hostOf(parts, args.host)),
});

export const accountCommands: readonly Command[] = [
  register,
  unregister,
  changePassword,
  checkAccount,
  checkPassword,
  registeredUsers,
];
