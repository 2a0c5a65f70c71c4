import type { Message, QoS } from '#protocols/mqtt/packet/types.ts';
import { Publication } from '#protocols/mqtt/publication.ts';
import type { Session } from '#protocols/mqtt/session.ts';
import { matchesFilter } from '#protocols/mqtt/topics/filters.ts';

/** Whether a session subscribed to a topic below a reserved level, by a filter that names the level. */
export function listensTo(session: Session, topic: string): boolean {
  const prefix = topic.slice(0, topic.indexOf('/') + 1);
  for (const [filter] of session.subscriptions ?? []) {
    if (filter.startsWith(prefix) && matchesFilter(filter, topic)) return true;
  }
  return false;
}

/**
 * Gives one session a message on a topic that is in no tree, as its subscriptions say; overlapping ones are merged (MQTT 5 section 3.3.4).
 * @returns false when none matches, or the message was dropped
 */
export function give(session: Session, message: Message): boolean {
  const { topic } = message;
  const prefix = topic.slice(0, topic.indexOf('/') + 1);
  const ids: number[] = [];
  let qos: QoS | undefined;
  let retain = false;
  for (const [filter, granted] of session.subscriptions ?? []) {
    if (!filter.startsWith(prefix) || !matchesFilter(filter, topic)) continue;
    if (qos === undefined || granted.qos > qos) qos = granted.qos;
    retain ||= granted.retainAsPublished && message.retain;
    if (granted.id !== undefined) ids.push(granted.id);
  }
  if (qos === undefined) return false;
  const lower: QoS = qos < message.qos ? qos : message.qos;
  return session.take(new Publication(message, session.now, undefined), lower, retain, ids, undefined);
}

/** What is known at the time of a subscription: flagged as retained (MQTT 5 section 3.3.1.3). */
export function giveRetained(session: Session, message: Message, qos: QoS, id: number | undefined): void {
  const lower: QoS = qos < message.qos ? qos : message.qos;
  session.take(new Publication(message, session.now, undefined), lower, true, id === undefined ? [] : [id], undefined);
}
