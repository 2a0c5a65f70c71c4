import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ADDRESS, DOMAIN } from './server.ts';
import { account, DIFFICULT, type Scene, type Transcript } from './transcript.ts';

// Debian installs the library for its own Python only.
const PYTHON = '/usr/bin/python3';

/** slixmpp 1.8 of Debian: STARTTLS, direct TLS and no TLS, stream management, registration. The transcript itself is Python. */
export const slixmpp: Transcript = {
  name: 'slixmpp',
  protocol: 'xmpp',
  missing: () => {
    if (!existsSync(PYTHON)) return `${PYTHON} is missing`;
    return spawnSync(PYTHON, ['-I', '-c', 'import slixmpp']).status === 0
      ? undefined
      : 'slixmpp is missing: apt-get install python3-slixmpp';
  },
  play,
};

async function play({ server, checks, directory }: Scene): Promise<void> {
  const [juliet, romeo, nurse] = [
    account('slixmpp', 'juliet'),
    account('slixmpp', 'romeo'),
    account('slixmpp', 'nurse'),
  ];
  await server.register(juliet.user, juliet.password);
  await server.register(romeo.user, romeo.password);
  const { certificate, ports } = server;
  const log = join(directory, 'slixmpp.log');
  const scene = {
    address: ADDRESS,
    certificate,
    difficult: DIFFICULT,
    domain: DOMAIN,
    juliet,
    log,
    nurse,
    ports,
    romeo,
  };
  const child = spawn(PYTHON, ['-I', join(import.meta.dirname, 'slixmpp-chat.py')], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.end(JSON.stringify(scene));
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  for await (const line of createInterface({ input: child.stdout })) {
    const { what, problem } = JSON.parse(line) as { readonly what: string; readonly problem: string | null };
    checks.tell(what, problem === null, problem ?? '');
  }
  const code = await ended;
  if (code !== 0) checks.tell('ends', false, `exit code ${code}\n${errors.slice(-2000)}`);
}
