import { Buffer } from 'node:buffer';
import type { Client } from '../links/client.ts';
import { type ReasonCode, reasonCodes } from '../packet/reason-codes.ts';
import type { Publish } from '../packet/types.ts';
import type { Session } from '../session.ts';

/**
 * PUBLISH: MQTT 5 sections 3.3 and 4.3. The acknowledgement leaves in this turn when nothing was written for the message, and else
 * when it is on the disk.
 */
export function handlePublish(client: Client, session: Session, packet: Publish): void {
  const { broker } = session;
  const { packetId, qos } = packet;
  broker.traffic.received += 1;
  client.flow.published(packet.payload.length);
  if (qos > 0 && client.version === 5 && client.unacknowledged >= broker.options.receiveMaximum) {
    return client.end(reasonCodes.receiveMaximumExceeded);
  }
  if (qos === 2) return publishExactlyOnce(client, session, packet);
  broker.wrote = false;
  const reason = route(client, session, packet);
  if (qos === 1) client.reply({ type: 'puback', packetId, reason }, broker.wrote);
}

/** Section 4.3.3, method B: routed at once, and the identifier kept so that it is not routed twice [MQTT-4.3.3-10]. */
function publishExactlyOnce(client: Client, session: Session, packet: Publish): void {
  const { broker } = session;
  const { packetId } = packet;
  const known = session.receiving?.has(packetId) === true;
  broker.wrote = session.durable;
  const reason = known ? reasonCodes.success : route(client, session, packet);
  if (!known && reason < 0x80) {
    (session.receiving ??= new Set()).add(packetId);
    if (session.durable) broker.flowsChanged(session);
  }
  client.reply({ type: 'pubrec', packetId, reason }, broker.wrote);
}

/** Gives the message to its subscribers, or says why not. */
function route(client: Client, session: Session, packet: Publish): ReasonCode {
  const { broker } = session;
  const refusal = refusalOf(client, session, packet);
  if (refusal !== undefined) return refusal;
  if (broker.reserved?.covers(packet.topic) === true) {
    // What was read is used again: who answers for the topic may keep it.
    return broker.reserved.publish(session, { ...packet, payload: Buffer.from(packet.payload) });
  }
  return broker.publish(packet, session) === 0 ? reasonCodes.noMatchingSubscribers : reasonCodes.success;
}

function refusalOf(client: Client, { broker }: Session, packet: Publish): ReasonCode | undefined {
  // Section 4.7.2: topics that begin with $ are the server's.
  if (packet.topic.startsWith('$')) return reasonCodes.topicNameInvalid;
  if (!broker.acl.mayPublish(client.acl, packet.topic)) {
    broker.drops.not_authorized += 1;
    return reasonCodes.notAuthorized;
  }
  if (broker.canRetain(packet)) return undefined;
  broker.drops.retained_full += 1;
  return reasonCodes.quotaExceeded;
}
