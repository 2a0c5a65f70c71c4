import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ADDRESS, DOMAIN, STRANGER } from './server.ts';
import { account, type Scene, type Transcript } from './transcript.ts';

// Debian installs the library for its own Python only.
const PYTHON = '/usr/bin/python3';
const MEGABYTES = 100;
/** Bytes that the server may grow by while the file goes through: what waits in buffers and for the garbage collector. */
const GROWTH = 64 << 20;
const PAGE = 4096;
/** Milliseconds between looks at the server's memory. */
const LOOK = 50;

/** slixmpp's SOCKS5 bytestreams through the proxy: XEP-0065. The transcript itself is Python. */
export const proxy65: Transcript = {
  name: 'proxy65',
  protocol: 'xmpp',
  missing: () => {
    if (!existsSync(PYTHON)) return `${PYTHON} is missing`;
    return spawnSync(PYTHON, ['-I', '-c', 'import slixmpp']).status === 0
      ? undefined
      : 'slixmpp is missing: apt-get install python3-slixmpp';
  },
  play,
};

/** Bytes of a process in memory. */
const resident = (pid: number): number => Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * PAGE;

async function play({ server, checks, directory }: Scene): Promise<void> {
  const [juliet, romeo] = [account('proxy65', 'juliet'), account('proxy65', 'romeo')];
  const stranger = { user: STRANGER, jid: `${STRANGER}@${DOMAIN}`, password: 'stranger' };
  for (const { password, user } of [juliet, romeo, stranger]) await server.register(user, password);
  const { certificate, pid, ports } = server;
  const log = join(directory, 'proxy65.log');
  const scene = {
    address: ADDRESS,
    certificate,
    domain: DOMAIN,
    proxy: `proxy.${DOMAIN}`,
    log,
    megabytes: MEGABYTES,
    ports,
  };
  const child = spawn(PYTHON, ['-I', join(import.meta.dirname, 'proxy65.py')], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.end(JSON.stringify({ ...scene, juliet, romeo, stranger }));
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  let watch: NodeJS.Timeout | undefined;
  let before = 0;
  let most = 0;
  let begin = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const { event, problem, what } = JSON.parse(line) as { event?: string; what?: string; problem?: string | null };
    if (event === 'begin') {
      before = most = resident(pid);
      begin = performance.now();
      watch = setInterval(() => (most = Math.max(most, resident(pid))), LOOK);
    } else if (event === 'end') {
      clearInterval(watch);
      const grown = most - before;
      const told = `grew by ${(grown / 2 ** 20).toFixed(1)} MB in ${((performance.now() - begin) / 1000).toFixed(1)} s`;
      checks.tell(`the server's memory stays flat meanwhile (${told})`, grown <= GROWTH);
    } else if (what !== undefined) checks.tell(what, problem === null, problem ?? '');
  }
  clearInterval(watch);
  const code = await ended;
  if (code !== 0) checks.tell('ends', false, `exit code ${code}\n${errors.slice(-2000)}`);
}
