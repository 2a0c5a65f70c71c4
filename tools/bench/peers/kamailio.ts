import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { type Peer, accepting, launch, writeTemplate } from '#tools/bench/peers/peer.ts';

const KAMAILIO = '/usr/sbin/kamailio';

const modules = (): string | undefined => globSync('/usr/lib/*/kamailio/modules/')[0];

/** kamailio as Debian packages it, in the foreground. */
export const kamailio: Peer = {
  name: 'kamailio',
  available: () => existsSync(KAMAILIO) && modules() !== undefined,
  configure: (place) => void writeTemplate('kamailio.cfg', place),
  start: async (place) => {
    const { directory } = place;
    const files = ['-f', join(directory, 'kamailio.cfg'), '-L', modules() ?? '', '-w', directory];
    // In the foreground with its workers, 256 MB of shared memory: transactions stay for half a minute.
    const args = ['-DD', '-E', ...files, '-Y', directory, '-P', join(directory, 'pid'), '-m', '256', '-M', '16'];
    return await launch(place, { command: KAMAILIO, args }, () => accepting(place.port, place.tlsPort));
  },
};
