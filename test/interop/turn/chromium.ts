import { join } from 'node:path';
import { TurnCredentials } from '#protocols/turn/credentials.ts';
import { missingBrowser, playInBrowser } from '../browser.ts';
import { ADDRESS, DOMAIN, TURN_SECRET } from '../server.ts';
import { account, type Scene, type Transcript } from '../transcript.ts';
import type { Way } from './page.ts';

/** WebRTC in a headless Chromium: data channels between two peers whose only candidates are relays. */
export const chromiumRelay: Transcript = { name: 'chromium-relay', protocol: 'turn', missing: missingBrowser, play };

async function play({ checks, directory, server }: Scene): Promise<void> {
  const { user } = account('chromium-relay', 'juliet');
  const password = 'o-romeo';
  await server.register(user, password);
  const { turn, turns } = server.ports;
  const login = { username: user, credential: password };
  const minted = new TurnCredentials(() => TURN_SECRET).mint(`${user}@${DOMAIN}`, 600_000);
  const ways: readonly Way[] = [
    { what: 'UDP', urls: `turn:${ADDRESS}:${turn}?transport=udp`, ...login },
    { what: 'TCP', urls: `turn:${ADDRESS}:${turn}?transport=tcp`, ...login },
    { what: 'TLS', urls: `turns:${DOMAIN}:${turns}?transport=tcp`, ...login },
    {
      what: 'UDP with time-limited credentials',
      urls: `turn:${ADDRESS}:${turn}?transport=udp`,
      username: minted.username,
      credential: minted.password,
    },
  ];
  const flags = ['--allow-loopback-in-peer-connection', '--disable-features=WebRtcHideLocalIpsWithMdns'];
  await playInBrowser({ checks, directory, script: join(import.meta.dirname, 'page.ts'), data: ways, flags });
}
