import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Peer, accepting, launch, writeTemplate } from '#tools/bench/peers/peer.ts';

const PROSODY = '/usr/bin/prosody';

/** Prosody as Debian packages it, in the foreground. */
export const prosody: Peer = {
  name: 'prosody',
  available: () => existsSync(PROSODY),
  configure: (place) => void writeTemplate('prosody.cfg.lua', place),
  start: async (place) => {
    const args = ['-F', '--config', join(place.directory, 'prosody.cfg.lua')];
    return await launch(place, { command: PROSODY, args }, () => accepting(place.port, place.tlsPort));
  },
};
