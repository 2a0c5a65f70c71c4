import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LIMIT } from './checks.ts';

const execute = promisify(execFile);
/** Wide and high enough that nothing is wrapped and nothing scrolls away within a transcript. */
const SIZE = ['-x', '250', '-y', '150'];
const UTF8 = { LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8' };

/** A program in a terminal: what is typed, and what is seen. */
export class Terminal {
  readonly #socket: string;
  readonly #name: string;
  readonly #watched: Promise<unknown>;
  #screen = '';
  #reading = false;
  #stale = false;
  #waiting: { shown: RegExp | string; resolve: () => void }[] = [];

  /** @param directory for the socket of its tmux */
  static async open(
    directory: string,
    name: string,
    command: string,
    env: Readonly<Record<string, string>>,
  ): Promise<Terminal> {
    const socket = join(directory, 'tmux.sock');
    const settings = Object.entries(env).flatMap(([key, value]) => ['-e', `${key}=${value}`]);
    const session = ['new-session', '-d', '-s', name, ...SIZE, ...settings, command];
    await execute('tmux', ['-u', '-S', socket, '-f', '/dev/null', ...session], {
      env: { ...process.env, ...UTF8, TERM: 'xterm-256color' },
    });
    return new Terminal(socket, name);
  }

  private constructor(socket: string, name: string) {
    this.#socket = socket;
    this.#name = name;
    // Control mode says whenever the program writes.
    const watch = ['-C', 'attach', '-f', 'ignore-size', '-t', name];
    const watcher = spawn('tmux', ['-S', socket, ...watch], { stdio: ['pipe', 'pipe', 'ignore'] });
    this.#watched = new Promise((resolve) => watcher.once('exit', resolve));
    watcher.stdout.on('data', () => void this.#read());
  }

  async #tmux(...args: readonly string[]): Promise<string> {
    return (await execute('tmux', ['-u', '-S', this.#socket, ...args], { env: { ...process.env, ...UTF8 } })).stdout;
  }

  async #read(): Promise<void> {
    this.#stale = true;
    if (this.#reading) return;
    this.#reading = true;
    while (this.#stale) {
      this.#stale = false;
      // A terminal that is gone shows what it showed last.
      this.#screen = await this.#tmux('capture-pane', '-p', '-t', this.#name).catch(() => this.#screen);
      this.#waiting = this.#waiting.filter(({ shown, resolve }) => {
        const seen = typeof shown === 'string' ? this.#screen.includes(shown) : shown.test(this.#screen);
        if (seen) resolve();
        return !seen;
      });
    }
    this.#reading = false;
  }

  /** Types text as it stands, then the return key. */
  async type(text: string): Promise<void> {
    await this.#tmux('send-keys', '-t', this.#name, '-l', text);
    await this.#tmux('send-keys', '-t', this.#name, 'Enter');
  }

  /** Waits until the screen shows this. @throws Error with the screen when it does not */
  async see(shown: RegExp | string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting = { shown, resolve };
    this.#waiting.push(waiting);
    const late = setTimeout(() => {
      this.#waiting = this.#waiting.filter((other) => other !== waiting);
      reject(
        new Error(
          `${this.#name} does not show ${shown}; the screen:\n${this.#screen.replaceAll(/\s*\n+/g, '\n').trimEnd()}`,
        ),
      );
    }, LIMIT);
    void this.#read();
    try {
      await promise;
    } finally {
      clearTimeout(late);
    }
  }

  async close(): Promise<void> {
    await this.#tmux('kill-session', '-t', this.#name).catch(() => undefined);
    await this.#watched;
  }
}
