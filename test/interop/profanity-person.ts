import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ADDRESS, type Ports } from './server.ts';
import { Terminal } from './terminal.ts';
import type { Account } from './transcript.ts';

const SETTINGS = `[ui]
splash=false
roster=false
wrap=false
[notifications]
message=off
invite=off
sub=off
typing=off
`;

/** The console is its first window; the first chat is the second. */
const CONSOLE = '/win 1';
const CHAT = '/win 2';

export type Security = 'STARTTLS' | 'direct TLS' | 'no TLS';

/** Somebody before a terminal. */
export class Person {
  readonly account: Account;
  readonly resource: string;
  readonly terminal: Terminal;

  static async sit(directory: string, who: Account, resource: string): Promise<Person> {
    const name = `${who.user}-${resource}`;
    const home = join(directory, name);
    mkdirSync(join(home, 'profanity'), { recursive: true });
    writeFileSync(join(home, 'profanity', 'profrc'), SETTINGS);
    const env = { XDG_CONFIG_HOME: home, XDG_DATA_HOME: home };
    const terminal = await Terminal.open(directory, name, 'profanity -l DEBUG', env);
    await terminal.see(/Type '\/help'/);
    return new Person(who, resource, terminal);
  }

  private constructor(who: Account, resource: string, terminal: Terminal) {
    this.account = who;
    this.resource = resource;
    this.terminal = terminal;
  }

  get jid(): string {
    return `${this.account.jid}/${this.resource}`;
  }

  async connect(ports: Ports, security: Security, password = this.account.password): Promise<void> {
    const port = security === 'direct TLS' ? ports.tls : ports.c2s;
    const policy = { STARTTLS: 'trust', 'direct TLS': 'legacy', 'no TLS': 'disable' }[security];
    await this.terminal.type(`/connect ${this.jid} server ${ADDRESS} port ${port} tls ${policy}`);
    await this.terminal.see(/Enter password:/);
    await this.terminal.type(password);
  }

  async online(): Promise<void> {
    await this.terminal.see(`${this.jid} logged in successfully`);
  }

  /** Types a command in the console, on a clean screen. */
  async command(...lines: readonly string[]): Promise<void> {
    await this.terminal.type(CONSOLE);
    await this.terminal.type('/clear');
    for (const line of lines) await this.terminal.type(line);
  }

  /** In the console. */
  async see(text: string): Promise<void> {
    await this.terminal.type(CONSOLE);
    await this.terminal.see(text);
  }

  async say(text: string): Promise<void> {
    await this.#turn();
    await this.terminal.type(text);
    await this.terminal.see(`me: ${text}`);
  }

  async hear(from: string, text: string): Promise<void> {
    await this.#turn();
    await this.terminal.see(`${from}: ${text}`);
  }

  /** To the chat, once the bar at the bottom says that there is one. */
  async #turn(): Promise<void> {
    await this.terminal.see(/-1-\[2\]|\[1\]-2-/);
    await this.terminal.type(CHAT);
  }
}
