import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Peer, accepting, launch, writeTemplate } from '#tools/bench/peers/peer.ts';

const MOSQUITTO = '/usr/sbin/mosquitto';

/** Eclipse Mosquitto as Debian packages it, in the foreground. */
export const mosquitto: Peer = {
  name: 'mosquitto',
  available: () => existsSync(MOSQUITTO),
  configure: (place) => void writeTemplate('mosquitto.conf', place),
  start: async (place) => {
    const args = ['-c', join(place.directory, 'mosquitto.conf')];
    return await launch(place, { command: MOSQUITTO, args }, () => accepting(place.port, place.tlsPort));
  },
};
