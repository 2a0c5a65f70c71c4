import { join } from 'node:path';
import { type Peer, accepting, launch } from '#tools/bench/peers/peer.ts';

/** aedes in a process of its own, run by the Node that runs the bench. */
export const aedes: Peer = {
  name: 'aedes',
  available: () => true,
  configure: () => undefined,
  start: async (place) => {
    const args = [join(import.meta.dirname, 'aedes-server.ts'), String(place.port), String(place.tlsPort), place.pem];
    return await launch(place, { command: process.execPath, args }, () => accepting(place.port, place.tlsPort));
  },
};
