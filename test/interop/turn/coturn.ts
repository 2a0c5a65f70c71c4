import { execFile, spawn, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { freePort } from '#tools/bench/peers/peer.ts';
import { ADDRESS, type Server, TURN_SECRET } from '../server.ts';
import { account, type Scene, type Transcript } from '../transcript.ts';

/** coturn's own test clients: every transport, channels and indications, both kinds of credentials, TCP relays. */
export const coturn: Transcript = { name: 'coturn', protocol: 'turn', missing, play };

const execute = promisify(execFile);
/** The client's own start and end take some seconds whatever it does. */
const LIMIT = 60_000;
const AT_ONCE = 4;

function missing(): string | undefined {
  const found = ['turnutils_uclient', 'turnutils_peer'].every((tool) => spawnSync('which', [tool]).status === 0);
  return found ? undefined : 'turnutils_uclient is missing: apt-get install coturn';
}

interface Run {
  readonly lost: number;
  readonly received: number;
  readonly text: string;
}

async function uclient(args: readonly string[]): Promise<Run> {
  const { stdout, stderr } = await execute('turnutils_uclient', [...args], { timeout: LIMIT, maxBuffer: 64e6 }).catch(
    (error: unknown) => error as { stdout: string; stderr: string },
  );
  const text = `${stdout}${stderr}`;
  const lost = /Total lost packets (\d+)/.exec(text)?.[1];
  const received = [...text.matchAll(/tot_recv_msgs=(\d+)/g)].at(-1)?.[1];
  return { lost: Number(lost ?? Number.NaN), received: Number(received ?? 0), text };
}

/** @throws Error unless all messages have come */
function whole({ lost, received, text }: Run, expected: number): void {
  if (lost !== 0 || received < expected) throw new Error(`${received} of ${expected} came: ${text.slice(-600)}`);
}

interface Case {
  readonly what: string;
  readonly args: readonly string[];
  readonly port: number;
  readonly address?: string;
  /** Messages of each of the two clients of `-y`. */
  readonly messages?: number;
}

function cases({ ports }: Server): readonly Case[] {
  const { turn, turns } = ports;
  return [
    { what: 'UDP, channels', args: ['-c', '-y'], port: turn },
    { what: 'UDP, Send indications', args: ['-c', '-y', '-s'], port: turn },
    { what: 'UDP, a second relay for RTCP', args: ['-y'], port: turn, messages: 10 },
    { what: 'UDP, padded channels, requests over and over', args: ['-c', '-y', '-D', '-G'], port: turn },
    { what: 'TCP, channels', args: ['-c', '-y', '-t'], port: turn },
    { what: 'TCP, Send indications', args: ['-c', '-y', '-t', '-s'], port: turn },
    { what: 'TLS, channels', args: ['-c', '-y', '-t', '-S'], port: turns },
    { what: 'IPv6', args: ['-c', '-y', '-x'], port: turn, address: '::1' },
    { what: 'IPv6 relays for a client on IPv4', args: ['-c', '-y', '-x'], port: turn },
    { what: 'RFC 6062, connections to peers', args: ['-T'], port: turn },
    { what: 'RFC 6062 over TLS', args: ['-T', '-S'], port: turns },
    { what: 'OAuth is not offered, and not needed', args: ['-c', '-y', '-J'], port: turn },
  ];
}

async function play({ checks, server }: Scene): Promise<void> {
  const { user } = account('coturn', 'juliet');
  const password = 'o-romeo';
  await server.register(user, password);
  const login = ['-u', user, '-w', password];
  // Each takes seconds, of which the client waits most.
  const all = cases(server);
  for (let at = 0; at < all.length; at += AT_ONCE)
    await Promise.all(all.slice(at, at + AT_ONCE).map((one) => tryCase(checks, login, one)));
  await checks.step('a user name with its host', async () => {
    const named = ['-u', `${user}@localhost`, '-w', password];
    whole(await uclient([...named, '-c', '-y', '-n', '5', '-p', String(server.ports.turn), ADDRESS]), 10);
  });
  await checks.step('time-limited credentials', async () => {
    const limited = ['-u', 'alice', '-W', TURN_SECRET];
    whole(await uclient([...limited, '-c', '-y', '-n', '5', '-p', String(server.ports.turn), ADDRESS]), 10);
  });
  await checks.step('a wrong password, and a wrong secret, are refused', async () => {
    for (const wrong of [
      ['-u', user, '-w', 'wrong'],
      ['-u', 'alice', '-W', 'south'],
    ]) {
      const { received, text } = await uclient([
        ...wrong,
        '-c',
        '-y',
        '-n',
        '1',
        '-p',
        String(server.ports.turn),
        ADDRESS,
      ]);
      if (received > 0 || !text.includes('Cannot complete Allocation')) throw new Error(text.slice(-600));
    }
  });
  await checks.step('5,000 packets a second, none lost', async () => fast(server, login));
  await stunClients(checks, server);
}

async function tryCase(checks: Scene['checks'], login: readonly string[], one: Case): Promise<void> {
  const { address = ADDRESS, args, messages = 5, port, what } = one;
  await checks.step(what, async () => {
    const slow = args.includes('-t') || args.includes('-T') ? ['-z', '100'] : [];
    whole(await uclient([...login, ...args, ...slow, '-n', '5', '-p', String(port), address]), 2 * messages);
  });
}

/** Ten clients that send 500 packets a second each, to a peer that sends them back: the server relays twice as many. */
async function fast({ ports }: Server, login: readonly string[]): Promise<void> {
  const port = await freePort();
  const peer = spawn('turnutils_peer', ['-L', ADDRESS, '-p', String(port)], { stdio: 'ignore' });
  try {
    const to = ['-e', ADDRESS, '-r', String(port), '-p', String(ports.turn), ADDRESS];
    whole(await uclient([...login, '-c', '-m', '10', '-n', '2500', '-l', '172', '-z', '2', ...to]), 25_000);
  } finally {
    peer.kill('SIGKILL');
  }
}

async function stunClients(checks: Scene['checks'], { ports }: Server): Promise<void> {
  await checks.step('turnutils_stunclient is told its address', async () => {
    const { stdout } = await execute('turnutils_stunclient', ['-p', String(ports.turn), ADDRESS], { timeout: LIMIT });
    if (!/UDP reflexive addr: 127\.0\.0\.1:\d+/.test(stdout)) throw new Error(stdout);
  });
  await checks.step('turnutils_natdiscovery is told that RFC 5780 is not there', async () => {
    const { stdout, stderr } = await execute(
      'turnutils_natdiscovery',
      ['-m', '-f', '-p', String(ports.turn), ADDRESS],
      { timeout: LIMIT },
    ).catch((error: unknown) => error as { stdout: string; stderr: string });
    // It goes no further without OTHER-ADDRESS.
    if (!/Filtering Behavior Discovery[^]*UDP reflexive addr: 127\.0\.0\.1:\d+/.test(`${stdout}${stderr}`))
      throw new Error(`${stdout}${stderr}`);
  });
}
