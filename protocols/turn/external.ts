import type { Jid } from '#src/address/jid.ts';
import type { BoundListener } from '#src/net/listeners.ts';
import type { RelayService } from '#src/plugin/relay-services.ts';
import type { TurnServer } from './server.ts';

/**
 * What the clients of a host are told of the relay (XEP-0215, RFC 7064, RFC 7065): every listener, by the public address if one is
 * set, else by the host's name, which is also what certificates are about.
 */
export function relayServices(
  server: TurnServer,
  listeners: readonly BoundListener[],
  host: string,
): readonly RelayService[] {
  const credentials = (user: Jid) => server.credentials.mint(user.bare, server.options.credentialsLifetime);
  return listeners
    .filter(({ boundPort, kind }) => kind === 'turn' && boundPort !== undefined)
    .flatMap(({ boundPort: port = 0, tls, transport = 'tcp' }) => {
      const secure = tls === 'direct';
      const at = { transport, host: secure ? host : (server.options.publicAddress[0] ?? host), port };
      const turn: RelayService = { type: secure ? 'turns' : 'turn', ...at, credentials };
      return [{ type: secure ? 'stuns' : 'stun', ...at }, turn];
    });
}
