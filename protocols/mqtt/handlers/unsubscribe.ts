import type { Client } from '../links/client.ts';
import { reasonCodes } from '../packet/reason-codes.ts';
import type { Unsubscribe } from '../packet/types.ts';
import type { Session } from '../session.ts';

/** UNSUBSCRIBE: MQTT 5 section 3.10. */
export function handleUnsubscribe(client: Client, session: Session, { filters, packetId }: Unsubscribe): void {
  const reasons = filters.map((filter) =>
    session.broker.unsubscribe(session, filter) ? reasonCodes.success : reasonCodes.noSubscriptionExisted,
  );
  const changed = session.durable && reasons.includes(reasonCodes.success);
  client.reply({ type: 'unsuback', packetId, reasons }, changed);
}
