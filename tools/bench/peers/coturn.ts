import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Peer, accepting, launch } from '#tools/bench/peers/peer.ts';

const TURNSERVER = '/usr/bin/turnserver';

/** coturn as Debian packages it, with one account and peers on loopback; its test clients load all servers. */
export const coturn: Peer = {
  name: 'coturn',
  available: () => existsSync(TURNSERVER),
  configure: () => undefined,
  start: async (place) => {
    const { certificate, directory, domain, key, port, tlsPort } = place;
    const args = [
      ...['-n', '-L', '127.0.0.1', '-E', '127.0.0.1', '--allow-loopback-peers', '--no-cli', '--no-multicast-peers'],
      ...['-p', String(port), '--tls-listening-port', String(tlsPort), '--cert', certificate, '--pkey', key],
      ...['-a', '-r', domain, '-u', 'bench:secret', '--userdb', join(directory, 'users')],
      ...['--pidfile', join(directory, 'pid'), '--log-file', 'stdout', '--simple-log'],
    ];
    return await launch(place, { command: TURNSERVER, args }, () => accepting(port, tlsPort));
  },
};
