import { durably, host } from '#src/admin/commands/common.ts';
import { type Command, CommandError, defineCommand } from '#src/admin/commands.ts';
import type { AclEntry } from '../acl.ts';
import { brokerOf, checkFilter, tags } from './common.ts';

const principal = {
  name: 'principal',
  type: 'string',
  description: 'Whom it is about: *, an account by pattern, anonymous, or acl:NAME',
} as const;

const aclList = defineCommand({
  name: 'mqtt_acl_list',
  description: 'Who may publish and subscribe to what; the first entry that fits decides.',
  tags,
  arguments: [host],
  result: 'table',
  run: (parts, args) =>
    brokerOf(parts, args.host)
      .acl.list()
      .map(({ action, allow, filter, id, who }) => ({
        id,
        principal: who,
        action,
        filter,
        allow: String(allow),
      })),
});

const aclAdd = defineCommand({
  name: 'mqtt_acl_add',
  description:
    'Add an entry to the access list, behind those that were added before. It holds at once. Answers its id.',
  tags,
  arguments: [
    host,
    principal,
    { name: 'action', type: 'string', description: 'publish, subscribe or all' },
    {
      name: 'filter',
      type: 'string',
      description: 'Topic filter; %u is the user name, %c the client identifier, %d the domain',
    },
    { name: 'allow', type: 'string', description: 'true or false', default: 'true' },
  ],
  result: 'value',
  run(parts, args) {
    checkFilter(args.filter);
    const { action, allow } = args;
    if (action !== 'publish' && action !== 'subscribe' && action !== 'all') {
      throw new CommandError(400, 'the action is publish, subscribe or all');
    }
    if (allow !== 'true' && allow !== 'false') throw new CommandError(400, 'allow is true or false');
    const entry: AclEntry = { who: args.principal, action, filter: args.filter, allow: allow === 'true' };
    return durably(parts, brokerOf(parts, args.host).acl.add(entry));
  },
});

const aclDelete = defineCommand({
  name: 'mqtt_acl_delete',
  description: 'Delete an entry that was added by a command.',
  tags,
  arguments: [host, { name: 'id', type: 'string', description: 'As mqtt_acl_list tells it' }],
  result: 'rescode',
  run(parts, args) {
    if (!brokerOf(parts, args.host).acl.delete(args.id)) throw new CommandError(404, 'there is no such entry');
    return durably(parts, true);
  },
});

export const aclCommands: readonly Command[] = [aclList, aclAdd, aclDelete];
