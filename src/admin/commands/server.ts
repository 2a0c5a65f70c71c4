import { logLevels, type LogLevel } from '#src/observe/log.ts';
import { type Argument, type Command, CommandError, defineCommand } from '../commands.ts';
import type { AdminParts } from '../parts.ts';
import { host, hostOf, quoted } from './common.ts';

const tags = ['server'];

const status = defineCommand({
  name: 'status',
  description: 'Which server runs, since when, for which hosts.',
  tags,
  arguments: [],
  result: 'restuple',
  run({ router, started, version }) {
    const hosts = [...router.hosts].map(({ domain }) => domain);
    return `Trivium ${version} is running, process ${process.pid}, since ${new Date(started).toISOString()}, serving ${hosts.join(', ')}`;
  },
});

const stop = defineCommand({
  name: 'stop',
  description: 'Stop the server in order: every client is told, everything is written.',
  tags,
  final: true,
  arguments: [],
  result: 'rescode',
  run(parts) {
    parts.stop();
    return true;
  },
});

const reloadConfig = defineCommand({
  name: 'reload_config',
  description:
    'Read the settings and the certificates again, without dropping a connection. Hosts and modules change with a restart.',
  tags: ['config'],
  arguments: [],
  result: 'rescode',
  async run(parts) {
    const problem = await parts.reload();
    if (problem !== undefined) throw new CommandError(400, problem);
    return true;
  },
});

const registeredVhosts = defineCommand({
  name: 'registered_vhosts',
  description: 'The virtual hosts.',
  tags,
  offline: true,
  arguments: [],
  result: 'list',
  run: ({ router }) => [...router.hosts].map(({ domain }) => domain),
});

const listenerList = defineCommand({
  name: 'listener_list',
  description: 'The sockets that the server listens on.',
  tags,
  arguments: [],
  result: 'table',
  run: (parts) =>
    parts.listeners().map(({ address, boundPort, kind, name, path, tls, transport = 'tcp' }) => {
      return { name, kind, address: path ?? address, port: boundPort ?? '', transport, tls };
    }),
});

async function registered({ accounts, router }: AdminParts): Promise<number> {
  let sum = 0;
  for (const { domain } of router.hosts) sum += await accounts.count(domain);
  return sum;
}

const figures: Readonly<Record<string, (parts: AdminParts) => number | Promise<number>>> = {
  registeredusers: registered,
  onlineusers: ({ registry }) => registry.accounts,
  onlineusersnode: ({ registry }) => registry.accounts,
  uptimeseconds: ({ started }) => Math.floor((Date.now() - started) / 1000),
  processes: () => 1,
};

const stats = defineCommand({
  name: 'stats',
  description: `One figure: ${Object.keys(figures).join(', ')}.`,
  tags: ['statistics'],
  arguments: [{ name: 'name', type: 'string', description: 'Name of the figure' }],
  result: 'value',
  run(parts, args) {
    const figure = Object.hasOwn(figures, args.name) ? figures[args.name] : undefined;
    if (figure === undefined)
      throw new CommandError(404, `there is no figure ${quoted(args.name)}: ${Object.keys(figures).join(', ')}`);
    return figure(parts);
  },
});

const statsHost = defineCommand({
  name: 'stats_host',
  description: 'One figure of a host: registeredusers, onlineusers.',
  tags: ['statistics'],
  arguments: [{ name: 'name', type: 'string', description: 'Name of the figure' }, host],
  result: 'value',
  run(parts, args) {
    const domain = hostOf(parts, args.host);
    if (args.name === 'registeredusers') return parts.accounts.count(domain);
    if (args.name !== 'onlineusers')
      throw new CommandError(404, `there is no figure ${quoted(args.name)}: registeredusers, onlineusers`);
    return new Set([...parts.registry].filter(({ jid }) => jid.domain === domain).map(({ jid }) => jid.bare)).size;
  },
});

const scope = {
  name: 'scope',
  type: 'string',
  description: 'Part of the program, as its log lines name it; all parts without a level of their own when absent',
  default: '',
} as const satisfies Argument;
const SCOPE = /^[a-z][a-z0-9_-]{0,63}$/;

const getLoglevel = defineCommand({
  name: 'get_loglevel',
  description: 'The level of the log, or of one part.',
  tags: ['logs'],
  arguments: [scope],
  result: 'value',
  run({ log }, args) {
    const levels = log.levels();
    return levels.get(args.scope) ?? levels.get('') ?? 'info';
  },
});

/** Other names that operators know, and the numbers of ejabberd. */
const synonyms: ReadonlyMap<string, LogLevel> = new Map([
  ['none', 'off'],
  ['critical', 'fatal'],
  ['warning', 'warn'],
  ['notice', 'info'],
  ['0', 'off'],
  ['1', 'fatal'],
  ['2', 'error'],
  ['3', 'warn'],
  ['4', 'info'],
  ['5', 'debug'],
]);

const setLoglevel = defineCommand({
  name: 'set_loglevel',
  description: `Set the level of the log, or of one part, until the settings are read again: ${logLevels.join(', ')}.`,
  tags: ['logs'],
  arguments: [{ name: 'loglevel', type: 'string', description: 'The level' }, scope],
  result: 'rescode',
  run({ log }, args) {
    const level = logLevels.find((name) => name === args.loglevel) ?? synonyms.get(args.loglevel);
    if (level === undefined)
      throw new CommandError(400, `there is no level ${quoted(args.loglevel)}: ${logLevels.join(', ')}`);
    if (args.scope !== '' && !SCOPE.test(args.scope))
      throw new CommandError(400, `there is no part ${quoted(args.scope)}`);
    log.setLevel(args.scope === '' ? undefined : args.scope, level);
    return true;
  },
});

const reopenLog = defineCommand({
  name: 'reopen_log',
  description: 'Open the log file again, after it was moved away.',
  tags: ['logs'],
  arguments: [],
  result: 'rescode',
  run({ log }) {
    log.reopen();
    return true;
  },
});

export const serverCommands: readonly Command[] = [
  status,
  stop,
  reloadConfig,
  registeredVhosts,
  listenerList,
  stats,
  statsHost,
  getLoglevel,
  setLoglevel,
  reopenLog,
];
