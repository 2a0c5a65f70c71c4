import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { ADDRESS, DOMAIN, OTHER_DOMAIN, type Server } from './server.ts';
import type { Scene, Transcript } from './transcript.ts';

/** The TLS layer as `openssl s_client` sees it: versions, ciphers, the certificate of the host that is asked for. */
export const openssl: Transcript = {
  name: 'openssl',
  protocol: 'xmpp',
  missing: () =>
    spawnSync('openssl', ['version']).status === 0 ? undefined : 'openssl is missing: apt-get install openssl',
  play,
};

/** Old versions and ciphers are not even tried by today's OpenSSL without this. */
const ANYTHING = ['-cipher', 'ALL:@SECLEVEL=0'];

async function handshake(port: number, args: readonly string[]): Promise<string> {
  const child = spawn('openssl', ['s_client', '-connect', `${ADDRESS}:${port}`, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  const hear = (text: string): void => {
    said += text;
  };
  child.stdout.setEncoding('utf8').on('data', hear);
  child.stderr.setEncoding('utf8').on('data', hear);
  await new Promise((resolve) => child.once('close', resolve));
  return said;
}

const starttls = (server: Server, host: string, ...args: readonly string[]): Promise<string> =>
  handshake(server.ports.c2s, ['-starttls', 'xmpp', '-xmpphost', host, ...args]);

const direct = (server: Server, ...args: readonly string[]): Promise<string> => handshake(server.ports.tls, args);

/** The name on the certificate that was shown. */
function subject(said: string): string | undefined {
  return /^subject=.*CN ?= ?([\w.-]+)/m.exec(said)?.[1];
}

async function play({ server, checks }: Scene): Promise<void> {
  const verified = [
    '-CAfile',
    server.certificate,
    '-verify_return_error',
    '-verify_hostname',
    DOMAIN,
    '-servername',
    DOMAIN,
  ];
  for (const version of ['1.2', '1.3']) {
    const flag = `-tls${version.replace('.', '_')}`;
    await checks.step(`STARTTLS takes TLS ${version}, the certificate holds`, async () => {
      const said = await starttls(server, DOMAIN, flag, ...verified);
      assert.match(said, new RegExp(`^New, TLSv${version}, Cipher is `, 'm'), said);
      assert.match(said, /Verif(y return code|ication): (0 \(ok\)|OK)/, said);
    });
    await checks.step(`direct TLS takes TLS ${version}, with the ALPN of XEP-0368`, async () => {
      const said = await direct(server, flag, '-alpn', 'xmpp-client', ...verified);
      assert.match(said, new RegExp(`^New, TLSv${version}, Cipher is `, 'm'), said);
      assert.match(said, /^ALPN protocol: xmpp-client/m, said);
    });
  }
  for (const flag of ['-tls1', '-tls1_1']) {
    await checks.step(`${flag} is refused, by the server`, async () => {
      assert.match(await starttls(server, DOMAIN, flag, ...ANYTHING), /alert protocol version/);
      assert.match(await direct(server, flag, ...ANYTHING), /alert protocol version/);
    });
  }
  for (const cipher of ['AES128-SHA', 'AES256-GCM-SHA384', 'ECDHE-ECDSA-AES128-SHA']) {
    await checks.step(`${cipher} (no forward secrecy, or CBC) is refused`, async () => {
      assert.match(
        await starttls(server, DOMAIN, '-tls1_2', '-cipher', `${cipher}:@SECLEVEL=0`),
        /alert handshake failure/,
      );
    });
  }
  for (const host of [DOMAIN, OTHER_DOMAIN]) {
    await checks.step(`the name asked for in TLS chooses the certificate of ${host}`, async () => {
      assert.equal(subject(await starttls(server, host, '-servername', host)), host);
      assert.equal(subject(await direct(server, '-servername', host)), host);
    });
    await checks.step(`without a name in TLS, the stream's does: ${host}`, async () => {
      assert.equal(subject(await starttls(server, host, '-noservername')), host);
    });
  }
}
