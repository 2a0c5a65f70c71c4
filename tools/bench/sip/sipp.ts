import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const SCENARIOS = join(import.meta.dirname, 'scenarios');
const HOST = '127.0.0.1';
/** Every response time is written. */
const EVERY = '1';
const LAST_WORDS = 1000;
/** Characters of its screen that are kept: the last one tells what came out. */
const SCREEN = 10_000;
/** One call for so many that succeed may fail. */
const TOLERATED = 10;

export interface SippRun {
  /** A file of `scenarios`, without its ending. */
  readonly scenario: string;
  /** Port of the server, and its own. */
  readonly server: number;
  readonly port: number;
  readonly domain: string;
  /** Digest-uri of all credentials, without its scheme. */
  readonly uri?: string;
  /** Lines of fields that calls take in turn. */
  readonly fields?: string;
  /** Calls in all; a phone takes as many as come. */
  readonly calls?: number;
  /** Calls at once. */
  readonly window?: number;
}

export interface Done {
  readonly succeeded: number;
  readonly failed: number;
}

/** The last number of the screen's line of that name. */
function countOf(name: string, screen: string): number {
  const line = screen.slice(screen.lastIndexOf(name)).split('\n', 1)[0] ?? '';
  return Number(line.split('|').at(-1)?.trim() ?? 0);
}

/** By /proc/net/udp (proc(5)), where addresses and ports are hexadecimal. */
function isBound(port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return readFileSync('/proc/net/udp', 'latin1').includes(`0100007F:${hex} `);
}

export const isInstalled = (): boolean => spawnSync('sipp', ['-v']).error === undefined;

/** sipp in a directory of its own. */
export class Sipp {
  readonly #child: ChildProcess;
  readonly #directory: string;
  readonly #port: number;
  readonly #scenario: string;
  readonly #ended: Promise<number | null>;
  #output = '';

  constructor(run: SippRun, directory: string) {
    this.#port = run.port;
    this.#scenario = run.scenario;
    this.#directory = directory;
    this.#child = spawn('sipp', argumentsOf(run), { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
    const read = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString('latin1')).slice(-SCREEN);
    };
    this.#child.stdout?.on('data', read);
    this.#child.stderr?.on('data', read);
    this.#ended = once(this.#child, 'close').then(([code]) => code as number | null);
  }

  /** Settles when its socket is open. Its screen does not tell: it is written when there is enough for a block. */
  async running(): Promise<void> {
    while (!isBound(this.#port)) await Promise.race([delay(50), this.done()]);
  }

  /**
   * How many calls went as the scenario has it, and how many did not: ejabberd does not know every answer of a phone for one to its own request.
   * @throws Error with what it complained of, when more than one of ten did not
   */
  async done(): Promise<Done> {
    const code = await this.#ended;
    const [succeeded = 0, failed = 0] = ['Successful call', 'Failed call'].map((name) => countOf(name, this.#output));
    if ((code === 0 || code === 1) && failed * TOLERATED <= succeeded) return { succeeded, failed };
    const [errors = this.#output.slice(-LAST_WORDS)] = this.#files('errors');
    throw new Error(`sipp ${this.#scenario} ended with code ${code}: ${errors.slice(0, LAST_WORDS)}`);
  }

  /** Milliseconds from the first request of each call to its last response. */
  latency(): readonly number[] {
    const lines = this.#files('rtt').flatMap((text) => text.split('\n').slice(1));
    return lines.filter((line) => line !== '').map((line) => Number(line.split(';')[1]));
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  #files(kind: string): readonly string[] {
    const prefix = `${this.#scenario}_${this.#child.pid}_${kind}`;
    const names = readdirSync(this.#directory).filter((name) => name.startsWith(prefix));
    return names.map((name) => {
      const path = join(this.#directory, name);
      const text = readFileSync(path, 'latin1');
      rmSync(path);
      return text;
    });
  }
}

function argumentsOf(run: SippRun): readonly string[] {
  const { calls, domain, fields, port, scenario, server, uri = domain, window } = run;
  return [
    `${HOST}:${server}`,
    ...['-sf', join(SCENARIOS, `${scenario}.xml`), '-i', HOST, '-p', String(port), '-t', 'u1'],
    ...['-key', 'domain', domain, '-auth_uri', uri, '-nostdin', '-trace_err'],
    ...(fields === undefined ? [] : ['-inf', fields]),
    // As many new calls as the window lets begin.
    ...(window === undefined ? [] : ['-l', String(window), '-r', '20000']),
    ...(calls === undefined
      ? []
      : [
          '-m',
          String(calls),
          '-trace_rtt',
          '-rtt_freq',
          EVERY,
          '-timeout',
          '180s',
          '-timeout_error',
          '-max_retrans',
          '3',
        ]),
  ];
}
