import { type Argument, type Command, CommandError, defineCommand } from '#src/admin/commands.ts';
import { checkRelay } from '../self-check.ts';
import { readServer } from '../settings.ts';
import { relayOf, tags } from './sessions.ts';

const user = {
  name: 'user',
  type: 'string',
  description: 'Whom the credentials are for: a bare JID, or a name that another program gives',
} as const satisfies Argument;

const ttl = { name: 'ttl', type: 'integer', description: 'Seconds that they serve' } as const satisfies Argument;

/** @throws CommandError 400 */
function milliseconds(seconds: number): number {
  if (seconds < 1 || seconds > 31_536_000) throw new CommandError(400, 'ttl is from 1 second to a year');
  return seconds * 1000;
}

const credentials = defineCommand({
  name: 'turn_credentials',
  description: 'Make time-limited credentials for the relay.',
  tags,
  arguments: [user, ttl],
  result: 'tuple',
  run(parts, args) {
    const minted = relayOf(parts).credentials.mint(args.user, milliseconds(args.ttl));
    return { username: minted.username, password: minted.password, expires: new Date(minted.expires).toISOString() };
  },
});

const password = defineCommand({
  name: 'turn_password',
  description: 'The password of time-limited credentials alone.',
  tags,
  arguments: [
    { ...user, description: 'As for turn_credentials; with a ttl of 0 a whole user name such as 1893456000:alice' },
    { ...ttl, default: 0 },
  ],
  result: 'value',
  run(parts, args) {
    const { credentials: source } = relayOf(parts);
    if (args.ttl !== 0) return source.mint(args.user, milliseconds(args.ttl)).password;
    if (source.read(args.user) === undefined) throw new CommandError(400, 'the user name has no expiry');
    return source.password(args.user);
  },
});

const check = defineCommand({
  name: 'turn_check',
  description: 'Allocate, and relay a datagram by the public addresses; says what is wrong.',
  tags,
  arguments: [],
  result: 'restuple',
  async run(parts) {
    const { right, wrong } = await checkRelay(relayOf(parts), parts.listeners());
    if (wrong.length > 0) throw new CommandError(500, [...wrong, ...right.map((line) => `yet ${line}`)].join('\n'));
    return right.join('; ');
  },
});

const drain = defineCommand({
  name: 'turn_drain',
  description: 'Take no new allocations until turn_undrain or the next start; clients are sent to other servers.',
  tags,
  arguments: [
    {
      name: 'servers',
      type: 'list',
      description: 'IP addresses, with a port or without, one of each family',
      default: '',
    },
  ],
  result: 'rescode',
  run(parts, args) {
    relayOf(parts).draining = args.servers.map((text) => {
      const server = readServer(text);
      if (server === undefined) throw new CommandError(400, `${JSON.stringify(text)} is no IP address with a port`);
      return server;
    });
    return true;
  },
});

const undrain = defineCommand({
  name: 'turn_undrain',
  description: 'Take allocations again; false when the settings say otherwise.',
  tags,
  arguments: [],
  result: 'rescode',
  run(parts) {
    const relay = relayOf(parts);
    relay.draining = undefined;
    return relay.alternates === undefined;
  },
});

export const operationCommands: readonly Command[] = [credentials, password, check, drain, undrain];
