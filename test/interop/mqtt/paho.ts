import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { account, DIFFICULT, type Scene, type Transcript } from '../transcript.ts';

// Debian installs the library for its own Python only.
const PYTHON = '/usr/bin/python3';

/** Eclipse Paho for Python, 1.6 of Debian: 3.1, 3.1.1 and 5 over TCP, TLS and WebSocket. The transcript itself is Python. */
export const paho: Transcript = {
  name: 'paho',
  protocol: 'mqtt',
  missing: () => {
    if (!existsSync(PYTHON)) return `${PYTHON} is missing`;
    return spawnSync(PYTHON, ['-I', '-c', 'import paho.mqtt']).status === 0
      ? undefined
      : 'paho is missing: apt-get install python3-paho-mqtt';
  },
  play,
};

async function play({ server, checks }: Scene): Promise<void> {
  const { user, password } = account('paho', 'juliet');
  await server.register(user, password);
  const { certificate, ports } = server;
  const child = spawn(PYTHON, ['-I', join(import.meta.dirname, 'paho-talk.py')], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.end(JSON.stringify({ user, password, certificate, ports, difficult: DIFFICULT }));
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
