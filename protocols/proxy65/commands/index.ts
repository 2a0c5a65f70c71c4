import { type Command, CommandError, defineCommand, type Row } from '#src/admin/commands.ts';
import { quoted } from '#src/admin/commands/common.ts';
import type { AdminParts } from '#src/admin/parts.ts';
import type { Bytestream } from '../bytestream.ts';
import type { ProxyServer } from '../server.ts';
import '../services.ts';

const tags = ['proxy65'];

/** @throws CommandError 503 */
function proxyOf({ services }: AdminParts): ProxyServer {
  const { proxy65 } = services;
  if (proxy65 === undefined) throw new CommandError(503, 'there is no proxy for bytestreams');
  return proxy65;
}

function rowOf({ activation, bytes, connections, hash, open, paired, since }: Bytestream, now: number): Row {
  return {
    sid: activation?.sid ?? '',
    initiator: activation?.initiator.full ?? '',
    target: activation?.target ?? '',
    proxy: activation?.proxy ?? '',
    state: open ? 'open' : paired ? 'paired' : 'waiting',
    peers: connections.map(({ remoteAddress, remotePort }) => `${remoteAddress} ${remotePort}`),
    bytes,
    age: Math.round((now - since) / 1000),
    hash,
  };
}

const streams = defineCommand({
  name: 'proxy65_streams',
  description: 'The bytestreams through the proxy: who sends to whom, the bytes so far, the age in seconds.',
  tags,
  arguments: [],
  result: 'table',
  run(parts) {
    const server = proxyOf(parts);
    return [...server.streams].map((stream) => rowOf(stream, server.timers.now));
  },
});

const kill = defineCommand({
  name: 'proxy65_kill',
  description: 'Cut off the bytestreams with a stream identifier. Answers how many there were.',
  tags,
  arguments: [{ name: 'sid', type: 'string', description: 'Stream identifier, or the hash of one bytestream' }],
  result: 'value',
  run(parts, { sid }) {
    const killed = proxyOf(parts).streams.kill(sid);
    if (killed === 0) throw new CommandError(404, `there is no bytestream ${quoted(sid)}`);
    return killed;
  },
});

/** The operator commands of the proxy. */
export const proxy65Commands: readonly Command[] = [streams, kill];
