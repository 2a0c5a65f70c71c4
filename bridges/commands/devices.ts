import { host } from '#src/admin/commands/common.ts';
import { CommandError, defineCommand } from '#src/admin/commands.ts';
import { Jid } from '#src/address/jid.ts';

export const devices = defineCommand({
  name: 'devices',
  description: 'All devices of an account, whatever they speak.',
  tags: ['bridge', 'session'],
  arguments: [{ name: 'user', type: 'string', description: 'Local part of the account' }, host],
  result: 'table',
  run({ accounts, registry }, args) {
    const account = Jid.make(args.user, args.host);
    if (account === undefined || !accounts.exists(account.domain, account.local))
      throw new CommandError(404, 'no such account');
    return registry.of(account.bare).map(({ carbons, fallback, jid, origin, presence, priority, protocol, since }) => ({
      resource: jid.resource,
      protocol,
      connection: origin.connection,
      ip: origin.ip,
      presence: presence === undefined ? 'unavailable' : (presence.child('show')?.getText() ?? 'available'),
      status: presence?.child('status')?.getText() ?? '',
      priority: presence === undefined ? '' : priority,
      takes: fallback
        ? 'what no other device takes'
        : priority >= 0 && presence !== undefined
          ? 'all'
          : 'what is for it',
      copies: carbons ? 'yes' : 'no',
      since: new Date(since).toISOString(),
    }));
  },
});
