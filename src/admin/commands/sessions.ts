import { hostname } from 'node:os';
import { Jid } from '#src/address/jid.ts';
import type { Session } from '#src/session/session.ts';
import { refuse } from '#src/stanza/conditions.ts';
import { type Command, CommandError, defineCommand, type Row } from '../commands.ts';
import type { AdminParts } from '../parts.ts';
import { account, accountOf, addressOf, host, hostOf } from './common.ts';

const tags = ['session'];

const connectedUsers = defineCommand({
  name: 'connected_users',
  description: 'The addresses of all sessions.',
  tags,
  arguments: [],
  result: 'list',
  run: ({ registry }) => [...registry].map(({ jid }) => jid.full),
});

const connectedUsersVhost = defineCommand({
  name: 'connected_users_vhost',
  description: 'The addresses of the sessions of one host.',
  tags,
  arguments: [host],
  result: 'list',
  run(parts, args) {
    const domain = hostOf(parts, args.host);
    return [...parts.registry].filter(({ jid }) => jid.domain === domain).map(({ jid }) => jid.full);
  },
});

const connectedUsersNumber = defineCommand({
  name: 'connected_users_number',
  description: 'How many sessions there are.',
  tags,
  arguments: [],
  result: 'value',
  run: ({ registry }) => registry.size,
});

const connectedUsersInfo = defineCommand({
  name: 'connected_users_info',
  description: 'All sessions: where they come from, since how many seconds, their presence.',
  tags,
  arguments: [],
  result: 'table',
  run: ({ registry }) => [...registry].map((session) => Object.assign({ jid: session.jid.full }, describe(session))),
});

/** The columns of `user_sessions_info`, in the order that scripts know. */
function describe(session: Session): Row {
  const { jid, origin, presence, priority, since } = session;
  const child = (name: string): string => presence?.child(name)?.getText() ?? '';
  return {
    connection: origin.connection,
    ip: origin.ip,
    port: origin.port,
    priority: presence === undefined ? 'nil' : priority,
    node: hostname(),
    uptime: Math.floor((Date.now() - since) / 1000),
    status: presence === undefined ? 'unavailable' : child('show') || 'available',
    resource: jid.resource,
    statustext: child('status'),
  };
}

const sessionsOf = (parts: AdminParts, user: string, domain: string): readonly Session[] =>
  parts.registry.of(addressOf(parts, user, domain).bare);

const userSessionsInfo = defineCommand({
  name: 'user_sessions_info',
  description: 'The sessions of one account.',
  tags,
  arguments: account,
  result: 'table',
  run: (parts, args) => sessionsOf(parts, args.user, args.host).map(describe),
});

const userResources = defineCommand({
  name: 'user_resources',
  description: 'The resources that an account is connected with.',
  tags,
  arguments: account,
  result: 'list',
  run: (parts, args) => sessionsOf(parts, args.user, args.host).map(({ jid }) => jid.resource),
});

const numResources = defineCommand({
  name: 'num_resources',
  description: 'How many sessions an account has.',
  tags,
  arguments: account,
  result: 'value',
  run: (parts, args) => sessionsOf(parts, args.user, args.host).length,
});

const kickSession = defineCommand({
  name: 'kick_session',
  description: 'End one session; its user is told the reason.',
  tags,
  arguments: [
    ...account,
    { name: 'resource', type: 'string', description: 'The resource of the session' },
    { name: 'reason', type: 'string', description: 'Told to the user', default: '' },
  ],
  result: 'rescode',
  run(parts, args) {
    const bare = accountOf(parts, args.user, args.host);
    const jid = Jid.make(bare.local, bare.domain, args.resource);
    const session = jid === undefined || jid.isBare ? undefined : parts.registry.find(jid);
    if (session === undefined)
      throw new CommandError(404, `${bare.bare} has no session ${JSON.stringify(args.resource.slice(0, 80))}`);
    session.close(kicked(args.reason));
    return true;
  },
});

const kickUser = defineCommand({
  name: 'kick_user',
  description: 'End all sessions of an account. Answers how many there were.',
  tags,
  arguments: account,
  result: 'value',
  run(parts, args) {
    const { bare } = accountOf(parts, args.user, args.host);
    const sessions = parts.registry.of(bare);
    for (const session of sessions) session.close(kicked(''));
    return sessions.length;
  },
});

const kicked = (reason: string) => refuse('policy-violation', reason === '' ? 'ended by an operator' : reason);

const getLast = defineCommand({
  name: 'get_last',
  description: 'When an account was last available, and what it said when it left; ONLINE while it is connected.',
  tags: ['last'],
  offline: true,
  arguments: account,
  result: 'tuple',
  run(parts, args) {
    const jid = accountOf(parts, args.user, args.host);
    if (parts.registry.of(jid.bare).length > 0) return { timestamp: new Date().toISOString(), status: 'ONLINE' };
    const seen = parts.last.of(jid);
    return {
      timestamp: seen === undefined ? '' : new Date(seen.at).toISOString(),
      status: seen === undefined ? 'NOT FOUND' : seen.status,
    };
  },
});

export const sessionCommands: readonly Command[] = [
  connectedUsers,
  connectedUsersVhost,
  connectedUsersNumber,
  connectedUsersInfo,
  userSessionsInfo,
  userResources,
  numResources,
  kickSession,
  kickUser,
  getLast,
];
