import { Objection, objectionTo } from '../auth.ts';
import { type AuthRun, Exchange } from '../enhanced-auth.ts';
import type { Client } from '../links/client.ts';
import { reasonCodes } from '../packet/reason-codes.ts';
import type { Auth } from '../packet/types.ts';

/** AUTH: MQTT 5 section 4.12, while connecting and as re-authentication. */
export function handleAuth(client: Client, packet: Auth): void {
  // [MQTT-4.12.0-5], [MQTT-4.12.1-1]: the method is that of CONNECT.
  if (client.method === undefined || packet.method !== client.method) {
    return client.end(reasonCodes.protocolError, 'an authentication method that CONNECT did not name');
  }
  if (packet.reason === reasonCodes.reAuthenticate) {
    if (client.session === undefined || client.auth !== undefined) return unexpected(client);
    client.auth = reauthentication(client, client.method);
  }
  if (client.auth === undefined) return unexpected(client);
  proceed(client, client.auth, packet);
}

function unexpected(client: Client): void {
  client.end(reasonCodes.protocolError, 'an AUTH that nothing asked for');
}

function proceed(client: Client, { done, exchange }: AuthRun, { data }: Auth): void {
  const step = exchange.step(data);
  if (step.kind === 'failure') return done(step.objection);
  if (step.kind === 'success') return done(step);
  const { continueAuthentication } = reasonCodes;
  client.write({ type: 'auth', reason: continueAuthentication, method: exchange.method, data: step.data });
}

/** Section 4.12.1: the client proves itself once more, and stays who it is; one that fails is disconnected. */
function reauthentication(client: Client, method: string): AuthRun | undefined {
  const { server, transport } = client;
  const exchange = Exchange.begin(server, method, transport.tls?.serverName);
  if (exchange === undefined) return undefined;
  return {
    exchange,
    done(result) {
      client.auth = undefined;
      if (result instanceof Objection) {
        server.bans.fail(transport.ip, 'failed logins');
        return client.end(reasonCodes.notAuthorized, result.text);
      }
      const same = result.login.broker === client.broker && result.login.account === client.identity.account;
      if (!same) return client.end(reasonCodes.notAuthorized, 'another account');
      const objection = objectionTo(server, result.login, transport, client.clientId);
      if (objection !== undefined) return client.end(reasonCodes.notAuthorized, objection.text);
      client.write({ type: 'auth', reason: reasonCodes.success, method, data: result.data });
    },
  };
}
