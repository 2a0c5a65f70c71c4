import { execFile, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Meter } from '#tools/bench/meter.ts';
import { freePort } from '#tools/bench/peers/peer.ts';
import type { Endpoint, Result } from '#tools/bench/result.ts';

/** How clients come and what they send by. */
export interface Way {
  readonly name: string;
  readonly args: readonly string[];
  readonly tls: boolean;
}

export const WAYS: readonly Way[] = [
  { name: 'udp-channel', args: [], tls: false },
  { name: 'udp-send', args: ['-s'], tls: false },
  { name: 'tcp-channel', args: ['-t'], tls: false },
  { name: 'tls-channel', args: ['-t', '-S'], tls: true },
];

export interface Load {
  readonly endpoint: Endpoint;
  readonly way: Way;
  readonly user: string;
  readonly password: string;
  readonly clients: number;
  /** Of each client, and how many bytes and milliseconds apart. */
  readonly messages: number;
  readonly bytes: number;
  readonly interval: number;
}

/** What one load has come to: an operation is a datagram relayed, and each message is relayed twice. */
export interface Relayed extends Result {
  readonly lost: number;
}

const execute = promisify(execFile);
/** Beyond the sending: allocations, and the client's own start and end. */
const SPARE_MS = 60_000;

/** turnutils_uclient sends messages through the server to turnutils_peer, which sends them back. */
export async function relay(load: Load): Promise<Relayed> {
  const { endpoint, messages, clients, interval } = load;
  const { pid } = endpoint;
  if (pid === undefined) throw new Error('the server has no process here');
  const port = await freePort();
  const peer = spawn('turnutils_peer', ['-L', endpoint.host, '-p', String(port)], { stdio: 'ignore' });
  try {
    // It prints nothing when it is ready.
    await delay(300);
    const meter = new Meter(pid);
    const before = meter.cpu();
    const timeout = messages * interval + SPARE_MS;
    const { stdout } = await execute('turnutils_uclient', argsOf(load, port), { timeout, maxBuffer: 64e6 });
    const cpu = meter.cpu() - before;
    const { lost, received, seconds } = read(stdout);
    if (received + lost < clients * messages) throw new Error(`only ${received} messages were counted`);
    const operations = 2 * received;
    return { operations, perSecond: operations / Math.max(1, seconds), serverCpu: cpu / operations, lost };
  } finally {
    peer.kill('SIGKILL');
  }
}

function argsOf(load: Load, peer: number): readonly string[] {
  const { bytes, clients, endpoint, interval, messages, password, user, way } = load;
  return [
    ...['-u', user, '-w', password, '-c', '-e', endpoint.host, '-r', String(peer), ...way.args],
    ...['-m', String(clients), '-n', String(messages), '-l', String(bytes), '-z', String(interval)],
    ...['-p', String(endpoint.port), endpoint.host],
  ];
}

function read(output: string): { lost: number; received: number; seconds: number } {
  const number = (pattern: RegExp): number => {
    const found = [...output.matchAll(pattern)].at(-1)?.[1];
    if (found === undefined) throw new Error(`turnutils_uclient did not end as it should: ${output.slice(-300)}`);
    return Number(found);
  };
  return {
    lost: number(/Total lost packets (\d+)/g),
    received: number(/tot_recv_msgs=(\d+)/g),
    seconds: number(/Total transmit time is (\d+)/g),
  };
}
