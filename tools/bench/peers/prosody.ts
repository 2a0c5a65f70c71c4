import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Peer, accepting, launch, writeTemplate } from '#tools/bench/peers/peer.ts';

const PROSODY = '/usr/bin/prosody';

/** Prosody as Debian packages it, in the foreground. */
function prosodyWith(template: string): Peer {
  return {
    name: 'prosody',
    available: () => existsSync(PROSODY),
    configure: (place) => void writeTemplate(template, place),
    start: async (place) => {
      const args = ['-F', '--config', join(place.directory, template)];
      return await launch(place, { command: PROSODY, args }, () => accepting(place.port, place.tlsPort));
    },
  };
}

export const prosody: Peer = prosodyWith('prosody.cfg.lua');
/** Its proxy for bytestreams, mod_proxy65, at the second port. */
export const prosodyProxy65: Peer = prosodyWith('prosody-proxy65.cfg.lua');
