import { type Command, CommandError, defineCommand, type Row } from '#src/admin/commands.ts';
import type { AdminParts } from '#src/admin/parts.ts';
import type { Allocation } from '../allocation.ts';
import type { TurnServer } from '../server.ts';
import '../services.ts';

export const tags = ['turn'];

/** @throws CommandError 404 */
export function relayOf(parts: AdminParts): TurnServer {
  const { turn } = parts.services;
  if (turn === undefined) throw new CommandError(404, 'this server has no relay');
  return turn;
}

const place = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

function rowOf(allocation: Allocation, now: number): Row {
  const { created, expires, link, owner, permissions, relays, tcp, traffic } = allocation;
  return {
    user: owner.user,
    client: place(link.address, link.port),
    transport: link.transport,
    relay: (tcp === undefined ? relays : [tcp]).map(({ address, port }) => place(address.public, port)),
    peers: [...permissions.values()].filter((each) => each.expires > now).map(({ address }) => address),
    bytes_in: traffic.sentBytes,
    bytes_out: traffic.receivedBytes,
    age: Math.floor((now - created) / 1000),
    expires: Math.max(0, Math.ceil((expires - now) / 1000)),
  };
}

const sessions = defineCommand({
  name: 'turn_sessions',
  description: 'The allocations: whose they are, where they are, what went through them. Seconds, bytes.',
  tags,
  arguments: [],
  result: 'table',
  run(parts) {
    const { allocations, timers } = relayOf(parts);
    return [...allocations].map((allocation) => rowOf(allocation, timers.now));
  },
});

const disconnect = defineCommand({
  name: 'turn_disconnect',
  description: 'End all allocations of a user. Answers how many there were.',
  tags,
  arguments: [{ name: 'user', type: 'string', description: 'As turn_sessions tells it: a bare JID' }],
  result: 'value',
  run: (parts, args) => relayOf(parts).endUser(args.user, 'operator'),
});

const stats = defineCommand({
  name: 'turn_stats',
  description: 'What the relay has done since its start.',
  tags,
  arguments: [],
  result: 'tuple',
  run(parts) {
    const { allocations, alternates, counters, flood } = relayOf(parts);
    return {
      allocations: allocations.size,
      allocations_total: counters.allocations,
      sent_packets: counters.sentPackets,
      sent_bytes: counters.sentBytes,
      received_packets: counters.receivedPackets,
      received_bytes: counters.receivedBytes,
      dropped_packets: Object.values(counters.dropped).reduce((sum, count) => sum + count, 0),
      errors: [...counters.errors.values()].reduce((sum, count) => sum + count, 0),
      unanswered: flood.dropped,
      draining: alternates === undefined ? 'false' : 'true',
    };
  },
});

export const sessionCommands: readonly Command[] = [sessions, disconnect, stats];
