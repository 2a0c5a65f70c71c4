import { Buffer } from 'node:buffer';
import { Jid } from '#src/address/jid.ts';
import type { RosterItem } from '#src/im/roster.ts';
import {
  asks,
  awaitsApproval,
  seesPresence,
  sharesPresence,
  subscriptionOf,
  type SubscriptionState,
} from '#src/im/subscription.ts';
import { Stanza } from '#src/stanza/stanza.ts';
import { type Argument, type Command, CommandError, defineCommand } from '../commands.ts';
import type { AdminParts } from '../parts.ts';
import { account, accountOf, durably, quoted, refusalError } from './common.ts';

const tags = ['roster'];
const NAME_BYTES = 1023;
const GROUPS = 64;

const localAccount = [
  { name: 'localuser', type: 'string', description: 'User name of the account whose roster it is' },
  { name: 'localhost', type: 'string', description: 'Its virtual host' },
] as const satisfies readonly Argument[];
const contactArguments = [
  { name: 'user', type: 'string', description: 'User name of the contact; empty for a service' },
  { name: 'host', type: 'string', description: 'Domain of the contact' },
] as const satisfies readonly Argument[];

const getRoster = defineCommand({
  name: 'get_roster',
  description:
    'The contacts of an account, with what is pending: in (the contact asked), out (the user asked), both or none.',
  tags,
  offline: true,
  arguments: account,
  result: 'table',
  run(parts, args) {
    const { items } = parts.roster.of(accountOf(parts, args.user, args.host));
    return Object.values(items).map(({ groups, jid, name = '', state }) => {
      return { jid, nick: name, subscription: subscriptionOf(state), pending: pendingOf(state), groups };
    });
  },
});

function pendingOf(state: SubscriptionState): 'none' | 'in' | 'out' | 'both' {
  if (asks(state)) return awaitsApproval(state) ? 'both' : 'out';
  return awaitsApproval(state) ? 'in' : 'none';
}

function contactOf(user: string, host: string): Jid {
  const contact = Jid.make(user, host);
  if (contact === undefined) throw new CommandError(400, `${quoted(`${user}@${host}`)} is no address`);
  return contact;
}

const addRosterItem = defineCommand({
  name: 'add_rosteritem',
  description: 'Put a contact into a roster, or change it there. The roster of the contact stays as it is.',
  tags,
  offline: true,
  arguments: [
    ...localAccount,
    ...contactArguments,
    { name: 'nick', type: 'string', description: 'Name of the contact; empty for none' },
    { name: 'groups', type: 'list', description: 'Groups, separated by ";"' },
    { name: 'subs', type: 'string', description: 'Subscription: none, from, to or both' },
  ],
  result: 'rescode',
  run(parts, args) {
    const owner = accountOf(parts, args.localuser, args.localhost);
    const contact = contactOf(args.user, args.host);
    if (contact.bare === owner.bare) throw new CommandError(400, 'an account is no contact of its own');
    const state = stateOf(args.subs);
    const groups = [...new Set(args.groups.filter((group) => group !== ''))];
    if (groups.length > GROUPS) throw new CommandError(400, `a contact has at most ${GROUPS} groups`);
    if ([args.nick, ...groups].some((text) => Buffer.byteLength(text) > NAME_BYTES)) {
      throw new CommandError(400, `a name or a group has at most ${NAME_BYTES} bytes`);
    }
    putItem(parts, owner, contact, {
      jid: contact.bare,
      groups,
      state,
      listed: true,
      ...(args.nick === '' ? {} : { name: args.nick }),
    });
    return durably(parts, true);
  },
});

function stateOf(subs: string): SubscriptionState {
  if (subs === 'none' || subs === 'from' || subs === 'to' || subs === 'both') return subs;
  throw new CommandError(400, `${quoted(subs)} is none of none, from, to, both`);
}

/** Writes the item, and lets presence follow the new subscription (RFC 6121 sections 4.2.2, 4.3.1 and 4.5.2). */
function putItem({ presence, registry, roster, router }: AdminParts, owner: Jid, contact: Jid, item: RosterItem): void {
  const old = roster.state(owner, contact);
  if (sharesPresence(old) && !sharesPresence(item.state)) presence.withdraw(owner, contact);
  const refusal = roster.put(owner, item);
  if (refusal !== undefined) throw refusalError(refusal);
  if (!sharesPresence(old) && sharesPresence(item.state)) presence.restore(owner, contact);
  // Only where the contact shares its presence: the answer of one that does not would undo what was written.
  if (seesPresence(old) || !seesPresence(item.state) || !sharesPresence(roster.state(contact, owner))) return;
  for (const session of registry.of(owner.bare)) {
    if (session.presence !== undefined)
      router.route(Stanza.make('presence', { from: session.jid, to: contact, type: 'probe' }));
  }
}

const deleteRosterItem = defineCommand({
  name: 'delete_rosteritem',
  description: 'Take a contact out of a roster: both subscriptions end, and the contact is told.',
  tags,
  offline: true,
  arguments: [...localAccount, ...contactArguments],
  result: 'rescode',
  run(parts, args) {
    const owner = accountOf(parts, args.localuser, args.localhost);
    const contact = contactOf(args.user, args.host);
    const old = parts.roster.remove(owner, contact.bare);
    if (old === undefined) throw new CommandError(404, `${contact.bare} is no contact of ${owner.bare}`);
    parts.subscriptions.removed(owner, old);
    return durably(parts, true);
  },
});

export const rosterCommands: readonly Command[] = [getRoster, addRosterItem, deleteRosterItem];
