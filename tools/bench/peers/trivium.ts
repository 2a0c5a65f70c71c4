import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Peer, accepting, launch, writeTemplate } from '#tools/bench/peers/peer.ts';

const ROOT = join(import.meta.dirname, '../../..');
const MAIN = join(ROOT, 'src/main.ts');

/** The server of this tree, run by the Node that runs the bench. */
function triviumWith(template: string): Peer {
  return {
    name: 'trivium',
    available: () => existsSync(MAIN),
    configure: (place) => void writeTemplate(template, place),
    start: async (place) => {
      const { directory } = place;
      const args = [MAIN, 'start', '--config', join(directory, template), '--data', join(directory, 'data')];
      return await launch(place, { command: process.execPath, args }, async (child) => {
        if (child.stdout === null) throw new Error('no output to read');
        for await (const line of createInterface({ input: child.stdout })) {
          if (line.startsWith('Trivium ready')) break;
        }
        child.stdout.resume();
        await accepting(place.port, place.tlsPort);
      });
    },
  };
}

export const trivium: Peer = triviumWith('trivium.yml');
/** Its MQTT broker. */
export const triviumMqtt: Peer = triviumWith('trivium-mqtt.yml');
/** Its proxy for bytestreams, at the second port. */
export const triviumProxy65: Peer = triviumWith('trivium-proxy65.yml');
/** Its SIP server, at the second port. */
export const triviumSip: Peer = triviumWith('trivium-sip.yml');
/** Its relay. */
export const triviumTurn: Peer = triviumWith('trivium-turn.yml');
/** XMPP and SIP at the first port, MQTT at the second. */
export const triviumBridge: Peer = triviumWith('trivium-bridge.yml');
