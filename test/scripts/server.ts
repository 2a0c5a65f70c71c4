import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { frontEnds } from '#protocols/index.ts';
import { createLog } from '#src/observe/log.ts';
import { loadSettings } from '#src/settings/load.ts';
import { formatProblem } from '#src/settings/problem.ts';
import { programSections } from '#src/settings/schema.ts';
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
  readonly #settings: string;
  #server: Server | undefined;

  constructor(settings: string) {
    this.#settings = settings;
  }

  async start(): Promise<void> {
    const loaded = loadSettings(`${LISTENERS}${this.#settings}`, 'script', programSections(frontEnds), {
      env: {},
      overrides: { data: { directory: this.directory }, metrics: { runtime: false }, shutdown: { grace: '200ms' } },
    });
    if (loaded.settings === undefined) throw new Error(loaded.problems.map(formatProblem).join('\n'));
    const { settings } = loaded;
    const log = createLog({ level: 'error' });
    const core = await openCore(
      () => settings,
      () => undefined,
    );
    this.#server = await Server.start({ settings, core, log, frontEnds, reread: () => settings });
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

  async restart(): Promise<void> {
    await this.server.stop('');
    await this.start();
  }

  async remove(): Promise<void> {
    await this.#server?.stop('');
    rmSync(this.directory, { recursive: true, force: true });
  }
}
