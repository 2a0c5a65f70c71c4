import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const START_MS = 60_000;
const STOP_MS = 15_000;

/** A server's place on this machine: its directory, its ports on 127.0.0.1, its certificate as files. */
export interface Place {
  readonly directory: string;
  readonly domain: string;
  readonly port: number;
  readonly tlsPort: number;
  readonly key: string;
  readonly certificate: string;
  /** Key and certificate in one file. */
  readonly pem: string;
}

/** How to run one server with its own configuration and data in a place. */
export interface Peer {
  readonly name: string;
  /** Clients without an account need a name and a password, of which any will do. */
  readonly named?: true;
  /** Says whether it is installed here. */
  available(): boolean;
  /** Writes the configuration; called once for a place. */
  configure(place: Place): void;
  /** Starts the process and settles when it serves both ports. */
  start(place: Place): Promise<ChildProcess>;
}

/** Fills `${name}` in a template beside this file; an unknown name is an error. */
export function fillTemplate(text: string, place: Place): string {
  const values = new Map(Object.entries(place).map(([name, value]) => [name, String(value)]));
  return text.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`the template names ${name}, which is unknown`);
    return value;
  });
}

/** Writes the template of that name, filled, into the place's directory and returns its path. */
export function writeTemplate(name: string, place: Place): string {
  const path = join(place.directory, name);
  writeFileSync(path, fillTemplate(readFileSync(join(import.meta.dirname, name), 'utf8'), place));
  return path;
}

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a server in its place, its output in `output.txt` there, and waits until `ready` settles; an error ends with its last words. */
export async function launch(
  place: Place,
  { command, args, env }: Command,
  ready: (child: ChildProcess) => Promise<unknown>,
): Promise<ChildProcess> {
  const path = join(place.directory, 'output.txt');
  const child = spawn(command, args, {
    cwd: place.directory,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  writeFileSync(path, '');
  const output = createWriteStream(path, { flags: 'a' });
  child.stdout?.pipe(output, { end: false });
  child.stderr?.pipe(output, { end: false });
  const over = Promise.withResolvers<never>();
  child.once('error', (error) => over.reject(error));
  child.once('exit', (code) => over.reject(new Error(`${command} ended with code ${code}`)));
  const late = delay(START_MS, undefined, { ref: false }).then(() => {
    throw new Error(`${command} did not start within ${START_MS / 1000} s`);
  });
  try {
    await Promise.race([ready(child), over.promise, late]);
  } catch (error) {
    child.kill('SIGKILL');
    const last = readFileSync(path, 'utf8').slice(-1000);
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${last}`.trimEnd(), { cause: error });
  }
  over.promise.catch(() => undefined);
  late.catch(() => undefined);
  return child;
}

/** Settles when something accepts connections on all those ports of 127.0.0.1. */
export async function accepting(...ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    while (!(await accepts(port))) await delay(100, undefined, { ref: false });
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Asks the process to stop, and after 15 s makes it. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await ended;
  clearTimeout(timer);
}

/** A port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await chosenPort();
    if (given.has(port)) continue;
    given.add(port);
    return port;
  }
}

/** A port is free again as soon as it is known: without this two listeners of one server could get the same. */
const given = new Set<number>();

function chosenPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}

/** Makes the directory of a server and chooses its ports. */
export async function makePlace(directory: string, domain: string, certificate: Certificate): Promise<Place> {
  mkdirSync(join(directory, 'data'), { recursive: true });
  return { directory, domain, port: await freePort(), tlsPort: await freePort(), ...certificate };
}

export type Certificate = Pick<Place, 'key' | 'certificate' | 'pem'>;
