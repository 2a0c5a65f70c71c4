import { join } from 'node:path';
import { missingBrowser, playInBrowser } from '../browser.ts';
import { ADDRESS, type Server } from '../server.ts';
import { account, DIFFICULT, type Scene, type Transcript } from '../transcript.ts';
import type { PageScene } from './page.ts';

/** A page with MQTT.js in a headless Chromium: WebSocket as a browser speaks it, plain and over TLS. */
export const chromium: Transcript = { name: 'chromium', protocol: 'mqtt', missing: missingBrowser, play };

function scenesOf({ ports }: Server, user: string, password: string): readonly PageScene[] {
  const ways = [
    ['3.1.1 over WebSocket', `ws://${ADDRESS}:${ports.ws}/mqtt`, 4],
    ['5 over WebSocket', `ws://${ADDRESS}:${ports.ws}/mqtt`, 5],
    ['5 over WebSocket and TLS', `wss://${ADDRESS}:${ports.wss}/mqtt`, 5],
  ] as const;
  return ways.map(([way, url, version], n) => ({
    way,
    talk: { url, options: {}, version, user, password, name: `page${n}`, difficult: DIFFICULT },
  }));
}

async function play({ server, checks, directory }: Scene): Promise<void> {
  const { user, password } = account('chromium', 'juliet');
  await server.register(user, password);
  await playInBrowser({
    checks,
    directory,
    script: join(import.meta.dirname, 'page.ts'),
    data: scenesOf(server, user, password),
    // The package that MQTT.js brings along for browsers.
    alias: { 'node:buffer': 'buffer' },
  });
}
