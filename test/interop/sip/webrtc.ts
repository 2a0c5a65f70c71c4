import { join } from 'node:path';
import { missingBrowser, playInBrowser } from '../browser.ts';
import { ADDRESS } from '../server.ts';
import { account, type Scene, type Transcript } from '../transcript.ts';
import type { PageData } from './page.ts';

/** A page with JsSIP and SIP.js in a headless Chromium: they register over WebSocket (RFC 7118) and call each other. */
export const webrtc: Transcript = { name: 'webrtc', protocol: 'sip', missing: missingBrowser, play };

async function play({ checks, directory, server }: Scene): Promise<void> {
  const person = (name: string): PageData['juliet'] => account('webrtc', name);
  const people = { juliet: person('juliet'), romeo: person('romeo'), nurse: person('nurse') };
  for (const { password, user } of Object.values(people)) await server.register(user, password);
  const data: PageData = {
    ws: `ws://${ADDRESS}:${server.ports.ws}/sip`,
    wss: `wss://${ADDRESS}:${server.ports.wss}/sip`,
    ...people,
  };
  const flags = [
    '--use-fake-device-for-media-stream',
    '--use-fake-ui-for-media-stream',
    '--autoplay-policy=no-user-gesture-required',
    // The machine of a test may have no other interface.
    '--allow-loopback-in-peer-connection',
    '--disable-features=WebRtcHideLocalIpsWithMdns',
  ];
  await playInBrowser({ checks, directory, script: join(import.meta.dirname, 'page.ts'), data, flags });
}
