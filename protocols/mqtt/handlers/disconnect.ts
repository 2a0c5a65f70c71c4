import type { Client } from '../links/client.ts';
import { reasonCodes } from '../packet/reason-codes.ts';
import type { Disconnect } from '../packet/types.ts';
import type { Session } from '../session.ts';

/** DISCONNECT: MQTT 5 section 3.14. A good-bye without reason takes the will back [MQTT-3.14.4-3]. */
export function handleDisconnect(client: Client, session: Session, { reason, sessionExpiry }: Disconnect): void {
  if (sessionExpiry !== undefined) session.expiry = Math.min(sessionExpiry, session.broker.options.sessionExpiry);
  client.left(reason, reason === reasonCodes.success ? undefined : client.will);
}
