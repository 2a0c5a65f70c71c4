import { durably, host, hostOf, quoted } from '#src/admin/commands/common.ts';
import { type Argument, type Command, CommandError, defineCommand, type Row } from '#src/admin/commands.ts';
import type { AdminParts } from '#src/admin/parts.ts';
import '../services.ts';
import type { Uplink } from '../uplink/uplink.ts';
import type { Uplinks } from '../uplink/uplinks.ts';

const tags = ['mqtt', 'uplinks'];
const name = {
  name: 'name',
  type: 'string',
  description: 'Name of the uplink in the settings',
} as const satisfies Argument;

/** @throws CommandError 404 when the broker does not run */
function uplinksOf(parts: AdminParts): Uplinks {
  const { mqtt } = parts.services;
  if (mqtt === undefined) throw new CommandError(404, 'there is no broker');
  return mqtt.uplinks;
}

/** @throws CommandError 404 */
function uplinkOf(parts: AdminParts, domain: string, wanted: string): Uplink {
  const uplink = uplinksOf(parts).find(hostOf(parts, domain), wanted);
  if (uplink === undefined) throw new CommandError(404, `there is no uplink ${quoted(wanted)}`);
  return uplink;
}

const list = defineCommand({
  name: 'mqtt_bridge_list',
  description:
    'The uplinks of a host to other MQTT brokers; those that are gone from the settings, too, while something is kept for them.',
  tags,
  arguments: [host],
  result: 'table',
  async run(parts, args) {
    const uplinks = uplinksOf(parts);
    const domain = hostOf(parts, args.host);
    const rows = [...uplinks].filter((entry) => entry.host === domain).map(({ uplink }) => rowOf(uplink));
    const leftovers = await uplinks.leftovers(domain);
    return [...rows, ...leftovers.map((left) => leftoverOf(left, uplinks.waitingFor(domain, left)))];
  },
});

const status = defineCommand({
  name: 'mqtt_bridge_status',
  description: 'The state of an uplink, and what it has counted.',
  tags,
  arguments: [host, name],
  result: 'tuple',
  run: (parts, args) => detailsOf(uplinkOf(parts, args.host, args.name)),
});

const add = defineCommand({
  name: 'mqtt_bridge_add',
  description:
    'Add an uplink beside those of the settings, or change one that was added. It stays over restarts; its password is kept sealed.',
  tags,
  arguments: [
    host,
    name,
    { name: 'uplink', type: 'string', description: 'What the settings would have below its name, as JSON or YAML' },
  ],
  result: 'rescode',
  run(parts, args) {
    const uplinks = uplinksOf(parts);
    const domain = hostOf(parts, args.host);
    if (uplinks.inSettings(domain, args.name))
      throw new CommandError(409, `the uplink ${quoted(args.name)} is in the settings; change it there`);
    const problem = uplinks.add(domain, args.name, args.uplink);
    if (problem !== undefined) throw new CommandError(400, problem);
    return durably(parts, true);
  },
});

const remove = defineCommand({
  name: 'mqtt_bridge_remove',
  description: 'Take out an uplink that was added by a command. What waits for it stays until mqtt_bridge_forget.',
  tags,
  arguments: [host, name],
  result: 'rescode',
  run(parts, args) {
    const uplinks = uplinksOf(parts);
    if (!uplinks.remove(hostOf(parts, args.host), args.name))
      throw new CommandError(404, `no uplink ${quoted(args.name)} was added by a command`);
    return durably(parts, true);
  },
});

const start = defineCommand({
  name: 'mqtt_bridge_start',
  description: 'Connect an uplink now.',
  tags,
  arguments: [host, name],
  result: 'rescode',
  run(parts, args) {
    uplinkOf(parts, args.host, args.name).link.start();
    return true;
  },
});

const stop = defineCommand({
  name: 'mqtt_bridge_stop',
  description:
    'Disconnect an uplink until it is started again or the server is. What is published meanwhile waits for it.',
  tags,
  arguments: [host, name],
  result: 'rescode',
  run(parts, args) {
    uplinkOf(parts, args.host, args.name).link.stop();
    return true;
  },
});

const forget = defineCommand({
  name: 'mqtt_bridge_forget',
  description:
    'Delete what is kept for an uplink that is neither in the settings nor added. Answers how many messages waited for it.',
  tags,
  arguments: [host, name],
  result: 'value',
  async run(parts, args) {
    const uplinks = uplinksOf(parts);
    const domain = hostOf(parts, args.host);
    if (uplinks.find(domain, args.name) !== undefined)
      throw new CommandError(409, `the uplink ${quoted(args.name)} is in use; take it out first`);
    const known = await uplinks.leftovers(domain);
    if (!known.includes(args.name)) throw new CommandError(404, `nothing is kept of an uplink ${quoted(args.name)}`);
    return durably(parts, uplinks.forget(domain, args.name));
  },
});

/** The commands of the uplinks; `bridge` is what MQTT operators call them. */
export const uplinkCommands: readonly Command[] = [list, status, add, remove, start, stop, forget];

function rowOf({ link, options, state }: Uplink): Row {
  return {
    name: options.name,
    state: link.phase,
    address: link.place,
    version: options.version === 5 ? '5.0' : '3.1.1',
    client_id: options.clientId,
    queued: state.waiting,
    queued_bytes: state.bytes,
    problem: link.lastError,
  };
}

function leftoverOf(left: string, queued: number): Row {
  return {
    name: left,
    state: 'removed',
    address: '',
    version: '',
    client_id: '',
    queued,
    queued_bytes: 0,
    problem: 'not in the settings',
  };
}

function detailsOf(uplink: Uplink): Row {
  const { connected, dropped, failed, received, repeated, sent, unasked } = uplink.counters;
  const { since } = uplink.link;
  return {
    ...rowOf(uplink),
    since: since === undefined ? '' : new Date(since).toISOString(),
    in_flight: uplink.inFlight,
    sent,
    received,
    repeated,
    unasked,
    connected,
    failed,
    ...Object.fromEntries(Object.entries(dropped).map(([reason, count]) => [`dropped_${reason}`, count])),
  };
}
