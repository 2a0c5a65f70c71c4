import { hostOf, quoted } from '#src/admin/commands/common.ts';
import { type Argument, CommandError } from '#src/admin/commands.ts';
import type { AdminParts } from '#src/admin/parts.ts';
import type { Broker } from '../broker.ts';
import { topicFilterFault } from '../packet/topic.ts';
import type { Session } from '../session.ts';
import '../services.ts';

export const tags = ['mqtt'];

export const client = {
  name: 'client_id',
  type: 'string',
  description: 'Client identifier, or user/identifier where several accounts have the same one',
} as const satisfies Argument;

export const filter = {
  name: 'filter',
  type: 'string',
  description: 'Topic filter such as devices/+/state',
} as const satisfies Argument;

/** @throws CommandError 404 */
export function brokerOf(parts: AdminParts, host: string): Broker {
  const broker = parts.services.mqtt?.broker(hostOf(parts, host));
  if (broker === undefined) throw new CommandError(404, `${quoted(host)} has no broker`);
  return broker;
}

/** @throws CommandError 404, 409 when several accounts have a session of this name */
export function sessionOf(broker: Broker, name: string): Session {
  const exact = broker.sessions.get(name);
  const found = exact === undefined ? broker.sessions.named(name) : [exact];
  const [session] = found;
  if (session === undefined) throw new CommandError(404, `there is no client ${quoted(name)}`);
  if (found.length > 1) {
    const names = found.map(({ key }) => quoted(key)).join(', ');
    throw new CommandError(409, `several clients are named ${quoted(name)}: ${names}`);
  }
  return session;
}

/** @throws CommandError 400 */
export function checkFilter(text: string): void {
  const fault = topicFilterFault(text);
  if (fault !== undefined) throw new CommandError(400, fault);
}

export const timeOf = (ms: number | undefined): string => (ms === undefined ? '' : new Date(ms).toISOString());
