import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ADDRESS, DOMAIN } from '../server.ts';
import type { Account } from '../transcript.ts';

export type SippTransport = 'udp' | 'tcp' | 'tls';

export interface Role {
  /** A file of `scenarios`, without its ending. */
  readonly scenario: string;
  readonly who: Account;
  /** Whom requests are for. */
  readonly to?: Account;
  readonly transport: SippTransport;
  /** Its own port. */
  readonly port: number;
  /** Where its requests go. */
  readonly server: number;
  readonly calls?: number;
  /** New calls a second. */
  readonly rate?: number;
  /** Of 100 messages, those that get lost on the way. */
  readonly lost?: number;
  /** What comes while it pauses is of no concern. */
  readonly deaf?: boolean;
  readonly password?: string;
  /** Seconds until all has to be done. */
  readonly limit?: number;
}

const SCENARIOS = join(import.meta.dirname, 'scenarios');
const LIMIT = 20;
/** Milliseconds between looks at the kernel's table of sockets: sipp does not tell when its own is open. */
const LOOK = 20;
const LAST_WORDS = 1500;

/** A run of sipp, as Debian packages it: without TLS, so `tls-tunnel.ts` has to carry that. */
export class Sipp {
  readonly #child: ChildProcess;
  readonly #directory: string;
  readonly #role: Role;
  readonly #ended: Promise<number | null>;
  #code: number | null | undefined = undefined;
  #output = '';

  /** Resolves when its socket is open. @throws Error when it ends before */
  static async start(role: Role, directory: string): Promise<Sipp> {
    const sipp = new Sipp(role, directory);
    while (!isBound(role)) {
      if (sipp.#code !== undefined) throw new Error(sipp.#complaint(sipp.#code));
      await delay(LOOK);
    }
    return sipp;
  }

  /** @throws Error with what it complained of, when a call did not go as its scenario has it */
  static async play(role: Role, directory: string): Promise<void> {
    await new Sipp(role, directory).done();
  }

  private constructor(role: Role, directory: string) {
    this.#role = role;
    this.#directory = directory;
    const child = spawn('sipp', argumentsOf(role), { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    const read = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString('latin1')).slice(-20_000);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    this.#ended = once(child, 'close').then(([code]) => (this.#code = code as number | null));
    const kill = (): void => void child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('exit', () => process.off('exit', kill));
  }

  async done(): Promise<void> {
    const code = await this.#ended;
    if (code !== 0) throw new Error(this.#complaint(code));
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  #complaint(code: number | null): string {
    const { scenario } = this.#role;
    const errors = readdirSync(this.#directory)
      .filter((name) => name.startsWith(`${scenario}_${this.#child.pid}_errors`))
      .map((name) => readFileSync(join(this.#directory, name), 'latin1').slice(0, LAST_WORDS));
    const words = errors.length > 0 ? errors.join('\n') : this.#output.slice(-LAST_WORDS);
    return `sipp ${scenario} ended with code ${code}\n${words}`;
  }
}

function argumentsOf(role: Role): readonly string[] {
  const { calls = 1, limit = LIMIT, lost = 0, password, port, rate = 10, scenario, server, to, transport, who } = role;
  const keys = { domain: DOMAIN, user: who.user, via: transport.toUpperCase() };
  const uri = to === undefined ? DOMAIN : to.jid;
  return [
    `${ADDRESS}:${server}`,
    ...['-sf', join(SCENARIOS, `${scenario}.xml`), '-i', ADDRESS, '-p', String(port)],
    ...['-t', transport === 'udp' ? 'u1' : 't1', '-s', (to ?? who).user],
    ...Object.entries(keys).flatMap(([key, value]) => ['-key', key, value]),
    ...['-m', String(calls), '-r', String(rate), '-timeout', `${limit}s`, '-timeout_error'],
    ...(lost === 0 ? [] : ['-lost', String(lost)]),
    ...(role.deaf === true ? ['-pause_msg_ign'] : []),
    ...[
      '-au',
      who.user,
      '-ap',
      password ?? who.password,
      '-auth_uri',
      uri,
      '-default_behaviors',
      'abortunexp',
      '-nostdin',
      // What is repeated is known by its branch, not by all of its text: else some of it is taken for something new.
      '-rtcheck',
      'loose',
      '-trace_err',
    ],
  ];
}

function isBound({ port, transport }: Role): boolean {
  const own = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const table = readFileSync(transport === 'udp' ? '/proc/net/udp' : '/proc/net/tcp', 'latin1');
  return table.split('\n').some((line) => line.trim().split(/\s+/)[1] === own);
}
