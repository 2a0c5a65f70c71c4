import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plugins } from '#src/server/program.ts';
import { Jid } from '#src/address/jid.ts';
import type { RosterItem } from '#src/im/roster.ts';
import type { SubscriptionState } from '#src/im/subscription.ts';
import { writeSelfSigned } from '#src/net/self-signed.ts';
import { createLog, type RootLog, type Sink } from '#src/observe/log.ts';
import { loadSettings } from '#src/settings/load.ts';
import { formatProblem } from '#src/settings/problem.ts';
import { programSections } from '#src/settings/schema.ts';
import type { Settings } from '#src/settings/settings.ts';
import { openCore } from '#src/server/core.ts';
import { Server } from '#src/server/server.ts';

const LISTENERS = `
listeners:
  - { name: c2s, kind: c2s, address: 127.0.0.1, port: 0, tls: required }
  - { name: c2s-tls, kind: c2s, address: 127.0.0.1, port: 0, tls: direct }
  - { name: c2s-proxy, kind: c2s, address: 127.0.0.1, port: 0, tls: required, proxy_protocol: true }
`;

/** A server as the scripts see it: on free ports of this machine, with a data directory of its own that outlives a restart. */
export class ScriptServer {
  readonly directory = mkdtempSync(join(tmpdir(), 'trivium-script-'));
  readonly #log: RootLog;
  #text: string;
  #server: Server | undefined;

  /**
   * @param text settings beside the listeners, as YAML
   * @param sink takes the lines of the log, errors only; standard output when absent
   */
  constructor(text: string, sink?: Sink) {
    this.#text = text;
    this.#log = createLog({ level: 'error', ...(sink === undefined ? {} : { sink }) });
  }

  async start(): Promise<void> {
    let settings = this.#load();
    const core = await openCore(
      () => settings,
      () => undefined,
    );
    const reread = (): Settings => (settings = this.#load());
    this.#server = await Server.start({ settings, core, log: this.#log, frontEnds: plugins, reread });
  }

  #load(): Settings {
    const loaded = loadSettings(`${LISTENERS}${this.#text}`, 'script', programSections(plugins), {
      env: {},
      overrides: {
        data: { directory: this.directory },
        log: { level: 'error' },
        metrics: { runtime: false },
        shutdown: { grace: '200ms' },
      },
    });
    if (loaded.settings === undefined) throw new Error(loaded.problems.map(formatProblem).join('\n'));
    return loaded.settings;
  }

  get server(): Server {
    if (this.#server === undefined) throw new Error('the server is not started');
    return this.#server;
  }

  port(listener: string): number {
    const port = this.server.listeners.bound.find(({ name }) => name === listener)?.boundPort;
    if (port === undefined) throw new Error(`there is no listener ${listener}`);
    return port;
  }

  async register(user: string, password: string): Promise<void> {
    const [local = '', domain = ''] = user.split('@');
    const change = await this.server.core.accounts.create(domain, local, password);
    if (!change.ok) throw new Error(`cannot register ${user}: ${change.refusal.condition}`);
  }

  /** Removes an account, and with it all that is kept for it. */
  removeAccount(user: string): void {
    const [local = '', domain = ''] = user.split('@');
    this.server.core.accounts.remove(domain, local);
  }

  /** Puts a new certificate in the place of a host's; to be used from the next reload on. */
  renewCertificate(host: string): void {
    writeSelfSigned(join(this.directory, 'certificates'), host, new Date());
  }

  /** Puts a contact into a roster as it would be after some exchange of stanzas. */
  contact(account: string, contact: string, state: SubscriptionState, item: Partial<RosterItem> = {}): void {
    const owner = Jid.parse(account);
    if (owner === undefined) throw new Error(`${account} is no address`);
    this.server.im.roster.put(owner, { jid: contact, groups: [], state, listed: true, ...item });
  }

  /** @param text the new settings; those there were when left out */
  async reload(text: string | undefined): Promise<void> {
    if (text !== undefined) this.#text = text;
    const problem = await this.server.reload();
    if (problem !== undefined) throw new Error(problem);
  }

  stop(): Promise<void> {
    return this.server.stop('');
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async remove(): Promise<void> {
    await this.#server?.stop('');
    rmSync(this.directory, { recursive: true, force: true });
  }
}
