import { CommandError, defineCommand, type Row } from '#src/admin/commands.ts';
import type { AdminParts } from '#src/admin/parts.ts';
import type { Tracing } from '#src/im/tracing.ts';

const tags = ['bridge', 'trace'];

function tracingOf({ services }: AdminParts): Tracing {
  if (services.tracing === undefined) throw new CommandError(503, 'nothing is traced here');
  return services.tracing;
}

function rows(tracing: Tracing, id: string): readonly Row[] {
  const hops = tracing.hops(id);
  if (hops === undefined) throw new CommandError(404, `no trace ${id}`);
  return hops.map(({ event, part, time, trace }) => ({
    time: new Date(time).toISOString(),
    message: trace,
    part,
    event,
  }));
}

const start = defineCommand({
  name: 'trace_start',
  description: 'Follow the messages of an address, a device or a conversation through all protocols.',
  tags,
  arguments: [
    { name: 'who', type: 'string', description: 'JID, resource, MQTT client identifier, or Call-ID' },
    { name: 'seconds', type: 'integer', description: 'For how long', default: 300 },
  ],
  result: 'value',
  run(parts, { seconds, who }) {
    if (seconds < 1 || seconds > 86_400) throw new CommandError(400, 'between a second and a day');
    return tracingOf(parts).start(who, seconds * 1000).id;
  },
});

const get = defineCommand({
  name: 'trace_get',
  description: 'What a trace has seen: the hops of each message, in order.',
  tags,
  arguments: [{ name: 'id', type: 'string', description: 'What trace_start has answered' }],
  result: 'table',
  run: (parts, { id }) => rows(tracingOf(parts), id),
});

const trace = defineCommand({
  name: 'trace',
  description: 'The hops of all messages that traces have seen; of one address only when it is named.',
  tags,
  arguments: [
    { name: 'who', type: 'string', description: 'What a trace was started with; empty for all', default: '' },
  ],
  result: 'table',
  run(parts, { who }) {
    const tracing = tracingOf(parts);
    return [...tracing.traces].filter((one) => who === '' || one.who === who).flatMap(({ id }) => rows(tracing, id));
  },
});

export const traceCommands = [start, get, trace];
