import type { Client } from '../links/client.ts';
import { reasonCodes } from '../packet/reason-codes.ts';
import type { Acknowledgement } from '../packet/types.ts';
import type { Session } from '../session.ts';

/** PUBACK: MQTT 5 section 4.3.2. Whatever the reason, the client will not have it again [MQTT-4.4.0-2]. */
export function handlePuback(session: Session, { packetId }: Acknowledgement): void {
  session.outgoing.acknowledged(packetId);
  session.progressed();
}

/** PUBREC: section 4.3.3. */
export function handlePubrec({ outgoing }: Session, { packetId, reason }: Acknowledgement): void {
  outgoing.received(packetId, reason);
}

/** PUBCOMP: section 4.3.3. */
export function handlePubcomp(session: Session, { packetId }: Acknowledgement): void {
  session.outgoing.completed(packetId);
  session.progressed();
}

/**
 * PUBREL: the identifier can be used anew [MQTT-4.3.3-12]. The client may be told only when that is on the disk: else a crash would
 * bring the identifier back, and a new message under it would be taken for the old one. So also when it is unknown: the connection may
 * have broken a moment ago, between the first PUBREL and the disk.
 */
export function handlePubrel(client: Client, session: Session, { packetId }: Acknowledgement): void {
  const known = session.receiving?.delete(packetId) === true;
  if (session.receiving?.size === 0) session.receiving = undefined;
  if (known && session.durable) session.broker.flowsChanged(session);
  const reason = known ? reasonCodes.success : reasonCodes.packetIdentifierNotFound;
  client.reply({ type: 'pubcomp', packetId, reason }, session.durable);
}
