/** A server over a memory store without listeners, as commands see it, and sessions that keep what they are given. */
import type { ExecutionContext } from 'ava';
import { frontEnds } from '#protocols/index.ts';
import { Accounts } from '#src/accounts/accounts.ts';
import { InternalBackend } from '#src/accounts/backends/internal.ts';
import { NodeKey } from '#src/accounts/node-key.ts';
import { coreCommands } from '#src/admin/commands/index.ts';
import { CommandError, type CommandResult } from '#src/admin/commands.ts';
import type { AdminParts } from '#src/admin/parts.ts';
import { runCommand } from '#src/admin/run.ts';
import { createLog } from '#src/observe/log.ts';
import { adminParts } from '#src/server/admin.ts';
import { Server } from '#src/server/server.ts';
import { type Origin, Session } from '#src/session/session.ts';
import { loadSettings } from '#src/settings/load.ts';
import { programSections } from '#src/settings/schema.ts';
import type { Settings } from '#src/settings/settings.ts';
import type { Refusal } from '#src/stanza/conditions.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import { MemoryData, openMemoryStore } from '#src/store/memory.ts';
import { jid, stanza } from '#test/helpers/xml.ts';

export const commands = coreCommands();

export function settingsOf(text: string): Settings {
  const { problems, settings } = loadSettings(text, 'test.yml', programSections(frontEnds), { env: {} });
  if (settings === undefined) throw new Error(problems.map(({ message }) => message).join('; '));
  return settings;
}

export interface WorldOptions {
  readonly settings?: string;
  readonly reread?: () => Settings | readonly string[];
}

const HOSTS = 'hosts: [example.org, example.net]\nlisteners: []\n';

/** A server for example.org and example.net with its commands. */
export class World implements AsyncDisposable {
  readonly server: Server;
  readonly parts: AdminParts;
  readonly data: MemoryData;
  /** What was logged, a JSON line each. */
  readonly logged: readonly string[];

  static async open({ reread, settings: text = '' }: WorldOptions = {}): Promise<World> {
    const data = new MemoryData();
    const store = await openMemoryStore({}, data);
    const key = NodeKey.random();
    const settings = settingsOf(HOSTS + text);
    const iterations = { 'SHA-1': 2, 'SHA-256': 2, 'SHA-512': 2 };
    const backend = new InternalBackend({ store, key, policy: () => ({ iterations, ha1: true }) });
    const hosts = (host: string) => (settings.hosts.includes(host) ? { backends: [backend], iterations } : undefined);
    const core = { directory: '/nowhere', store, key, accounts: new Accounts({ store, key, hosts }) };
    const logged: string[] = [];
    const log = createLog({ level: 'info', format: 'json', sink: { write: (line) => void logged.push(line) } });
    const server = await Server.open({ settings, core, log, frontEnds, reread: reread ?? (() => settings) });
    return new World(server, data, logged);
  }

  private constructor(server: Server, data: MemoryData, logged: readonly string[]) {
    this.server = server;
    this.parts = adminParts(server);
    this.data = data;
    this.logged = logged;
  }

  /** Carries a command out, as text with its arguments behind it. */
  async run(name: string, ...given: readonly string[]): Promise<CommandResult['value']> {
    const command = commands.find(name);
    if (command === undefined) throw new Error(`no command ${name}`);
    return (await runCommand(command, this.parts, given)).value;
  }

  /** The same for a command that answers with a text. */
  async text(name: string, ...given: readonly string[]): Promise<string> {
    const value = await this.run(name, ...given);
    return typeof value === 'string' ? value : JSON.stringify(value);
  }

  /** The refusal of a command: its code and its text. */
  async refused(t: ExecutionContext, name: string, ...given: readonly string[]): Promise<string> {
    const error = await t.throwsAsync(this.run(name, ...given), { instanceOf: CommandError }, `${name} is not refused`);
    return error === undefined ? '' : `${error.code} ${error.message}`;
  }

  /** Makes accounts of example.org with the password `secret`. */
  async accounts(...names: readonly string[]): Promise<void> {
    for (const name of names) await this.run('register', name, 'example.org', 'secret');
  }

  /** A session that was bound; available when a presence is given. */
  connect(address: string, presence?: string): TestSession {
    const session = new TestSession(address, this.server);
    this.server.router.host(session.jid.domain)?.bind(session);
    if (presence !== undefined) this.server.im.presence.send(session, stanza(presence));
    session.received.length = 0;
    return session;
  }

  /** Keys of the store that belong to an account. */
  rowsOf(local: string): readonly string[] {
    return [...this.data.entries.keys()].filter((key) => key.includes(local));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.stop('');
  }
}

export class TestSession extends Session {
  readonly received: Stanza[] = [];
  closed: Refusal | true | undefined = undefined;
  readonly #server: Server;

  constructor(address: string, server: Server) {
    super(jid(address), 'xmpp', Date.now());
    this.#server = server;
  }

  get origin(): Origin {
    return { connection: 'c2s_tls', ip: '192.0.2.7', port: 40_000 };
  }

  deliver(one: Stanza): boolean {
    this.received.push(one);
    return true;
  }

  close(refusal?: Refusal): void {
    this.closed ??= refusal ?? true;
    this.#server.router.host(this.jid.domain)?.unbind(this);
  }
}
