import type { Client } from '../links/client.ts';
import { reasonCodes } from '../packet/reason-codes.ts';
import type { ClientPacket } from '../packet/types.ts';
import { handlePuback, handlePubcomp, handlePubrec, handlePubrel } from './acknowledgement.ts';
import { handleAuth } from './auth.ts';
import { handleConnect } from './connect.ts';
import { handleDisconnect } from './disconnect.ts';
import { handlePublish } from './publish.ts';
import { handleSubscribe } from './subscribe.ts';
import { handleUnsubscribe } from './unsubscribe.ts';

/** Gives a packet of a client to its handler. */
export function handle(client: Client, packet: ClientPacket): void {
  const { session } = client;
  if (session === undefined) return handleBefore(client, packet);
  switch (packet.type) {
    case 'publish':
      return handlePublish(client, session, packet);
    case 'puback':
      return handlePuback(session, packet);
    case 'pubrec':
      return handlePubrec(session, packet);
    case 'pubrel':
      return handlePubrel(client, session, packet);
    case 'pubcomp':
      return handlePubcomp(session, packet);
    case 'subscribe':
      return handleSubscribe(client, session, packet);
    case 'unsubscribe':
      return handleUnsubscribe(client, session, packet);
    case 'pingreq':
      return client.write({ type: 'pingresp' });
    case 'disconnect':
      return handleDisconnect(client, session, packet);
    case 'auth':
      return handleAuth(client, packet);
    case 'connect':
      // The decoder has refused a second one: [MQTT-3.1.0-2].
      throw new Error('a second CONNECT came through');
  }
}

/** Before CONNECT is answered: only enhanced authentication goes on [MQTT-3.1.2-30]. */
function handleBefore(client: Client, packet: ClientPacket): void {
  if (packet.type === 'connect') return handleConnect(client, packet);
  if (packet.type === 'auth' && client.auth !== undefined) return handleAuth(client, packet);
  if (packet.type === 'disconnect') return client.left(packet.reason, undefined);
  client.end(reasonCodes.protocolError, 'a packet before CONNACK');
}
