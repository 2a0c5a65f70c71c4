/** The program as its operator runs it: a child process, its output and its exit code. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A directory of its own with settings that open nothing but the admin socket and a client port that the system chooses. */
export class Operator {
  readonly directory: string;
  readonly config: string;
  readonly data: string;
  readonly #t: ExecutionContext;

  constructor(t: ExecutionContext, settings = SETTINGS, data = 'data') {
    this.#t = t;
    this.directory = mkdtempSync(join(tmpdir(), 'trivium-cli-'));
    t.teardown(() => rmSync(this.directory, { recursive: true, force: true }));
    this.config = join(this.directory, 'trivium.yml');
    this.data = join(this.directory, data);
    this.configure(settings);
  }

  configure(settings: string): void {
    writeFileSync(this.config, settings);
  }

  /** Runs the program to its end in the operator's directory; `input` is its standard input. */
  async trivium(args: readonly string[], input = ''): Promise<Ended> {
    const child = this.#spawn([...args]);
    child.stdin?.end(input);
    const [out, err] = [text(child, 'stdout'), text(child, 'stderr')];
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, out: out(), err: err() };
  }

  /** The same with the operator's settings and data. */
  run(...args: readonly string[]): Promise<Ended> {
    return this.trivium([...args.slice(0, 1), '--config', this.config, '--data', this.data, ...args.slice(1)]);
  }

  /** Starts the server and waits for its greeting. */
  async start(): Promise<{
    readonly child: ChildProcess;
    readonly lines: readonly string[];
    readonly exit: Promise<number | null>;
  }> {
    const child = this.#spawn(['start', '--config', this.config, '--data', this.data]);
    const exit = once(child, 'close').then(([code]) => code as number | null);
    this.#t.teardown(() => child.kill('SIGKILL'));
    const lines: string[] = [];
    const err = text(child, 'stderr');
    const { promise, resolve } = Promise.withResolvers<void>();
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        lines.push(line);
        if (line === 'Trivium ready') resolve();
      });
    }
    await Promise.race([
      promise,
      exit.then((code) => Promise.reject(new Error(`exit code ${code}: ${err()}${lines.join('\n')}`))),
    ]);
    return { child, lines, exit };
  }

  #spawn(args: string[]): ChildProcess {
    return spawn(process.execPath, [MAIN, ...args], { cwd: this.directory, stdio: ['pipe', 'pipe', 'pipe'] });
  }
}

export const SETTINGS = `hosts: [localhost, example.org]
listeners:
  - { name: admin, kind: admin, path: admin.sock, mode: "0600" }
  - { name: c2s, kind: c2s, address: 127.0.0.1, port: 0 }
accounts: { scram_iterations: { sha_1: 4096, sha_256: 4096, sha_512: 4096 } }
`;

function text(child: ChildProcess, stream: 'stdout' | 'stderr'): () => string {
  let all = '';
  child[stream]?.setEncoding('utf8').on('data', (chunk: string) => (all += chunk));
  return () => all;
}
