import { durably, jidOf, quoted } from '#src/admin/commands/common.ts';
import { type Argument, type Command, CommandError, defineCommand, type Row } from '#src/admin/commands.ts';
import { numberIn } from '../aliases.ts';
import type { Trunk } from '../trunks/trunk.ts';
import { sipOf, tags, timeOf } from './common.ts';

const number = {
  name: 'number',
  type: 'string',
  description: 'Telephone number: digits, or + and digits',
} as const satisfies Argument;

/** @throws CommandError 400 */
function numberOf(text: string): string {
  const found = numberIn(text);
  if (found === undefined) throw new CommandError(400, `${quoted(text)} is no telephone number`);
  return found;
}

const aliasSet = defineCommand({
  name: 'sip_alias_set',
  description:
    'Give an account a telephone number: calls to it reach the account, and providers are told it as the caller.',
  tags,
  arguments: [number, { name: 'jid', type: 'string', description: 'The account: user@host' }],
  result: 'rescode',
  run(parts, args) {
    const jid = jidOf(args.jid, 'the account').asBare();
    if (!parts.accounts.exists(jid.domain, jid.local)) throw new CommandError(404, `there is no account ${jid.bare}`);
    sipOf(parts).aliases.set(numberOf(args.number), jid);
    return durably(parts, true);
  },
});

const aliasGet = defineCommand({
  name: 'sip_alias_get',
  description: 'Whose a telephone number is; without one, the numbers of all accounts.',
  tags,
  arguments: [{ ...number, default: '' }],
  result: 'table',
  run(parts, args) {
    const { aliases } = sipOf(parts);
    const wanted = args.number === '' ? undefined : numberOf(args.number);
    return [...aliases]
      .filter(([one]) => wanted === undefined || one === wanted)
      .map(([one, jid]) => ({ number: one, jid: jid.bare }));
  },
});

const aliasDelete = defineCommand({
  name: 'sip_alias_delete',
  description: 'Take a telephone number from its account.',
  tags,
  arguments: [number],
  result: 'rescode',
  run(parts, args) {
    if (sipOf(parts).aliases.delete(numberOf(args.number)) === undefined) {
      throw new CommandError(404, 'the number is nobody’s');
    }
    return durably(parts, true);
  },
});

const trunkRow = ({ counters, expires, name, settings, state, status }: Trunk): Row => ({
  name,
  host: settings.host,
  user: settings.user ?? '',
  prefixes: settings.prefixes ?? [],
  state: settings.register === true ? state : 'not registering',
  last_status: status,
  expires: timeOf(expires),
  calls: counters.calls,
  failures: counters.failures,
});

const trunkList = defineCommand({
  name: 'sip_trunk_list',
  description: 'The trunks of the settings, and whether they are registered.',
  tags,
  arguments: [],
  result: 'table',
  run: (parts) => [...sipOf(parts).trunks].map(trunkRow),
});

const trunkStatus = defineCommand({
  name: 'sip_trunk_status',
  description: 'One trunk: its registration and what went through it.',
  tags,
  arguments: [{ name: 'name', type: 'string', description: 'Name of the trunk' }],
  result: 'tuple',
  run(parts, args) {
    const trunk = sipOf(parts).trunks.get(args.name);
    if (trunk === undefined) throw new CommandError(404, `there is no trunk ${quoted(args.name)}`);
    return trunkRow(trunk);
  },
});

const trunkName = { name: 'name', type: 'string', description: 'Name of the trunk' } as const satisfies Argument;

const trunkAdd = defineCommand({
  name: 'sip_trunk_add',
  description:
    'Add a trunk beside those of the settings, or change one that was added. It stays over restarts; its password is kept sealed.',
  tags,
  arguments: [
    trunkName,
    {
      name: 'trunk',
      type: 'string',
      description: 'What the settings would have of it beside its name, as JSON or YAML',
    },
  ],
  result: 'rescode',
  run(parts, args) {
    const { trunks } = sipOf(parts);
    if (trunks.inSettings(args.name))
      throw new CommandError(409, `the trunk ${quoted(args.name)} is in the settings; change it there`);
    const problem = trunks.add(args.name, args.trunk);
    if (problem !== undefined) throw new CommandError(400, problem);
    return durably(parts, true);
  },
});

const trunkRemove = defineCommand({
  name: 'sip_trunk_remove',
  description: 'Take out a trunk that was added by a command.',
  tags,
  arguments: [trunkName],
  result: 'rescode',
  run(parts, args) {
    if (!sipOf(parts).trunks.remove(args.name))
      throw new CommandError(404, `no trunk ${quoted(args.name)} was added by a command`);
    return durably(parts, true);
  },
});

export const numberCommands: readonly Command[] = [
  aliasSet,
  aliasGet,
  aliasDelete,
  trunkList,
  trunkStatus,
  trunkAdd,
  trunkRemove,
];
