import type { Access } from '#src/accounts/access.ts';
import { AdminSocket } from '#src/admin/socket.ts';
import { Bans } from '#src/accounts/bans.ts';
import { FastTokens } from '#src/accounts/tokens.ts';
import { Jid } from '#src/address/jid.ts';
import { LocalBus } from '#src/cluster/local.ts';
import { Flusher } from '#src/net/flusher.ts';
import { HttpService } from '#src/net/http.ts';
import { Listeners } from '#src/net/listeners.ts';
import { Timers } from '#src/net/timers.ts';
import type { TlsService } from '#src/net/tls.ts';
import { Health } from '#src/observe/health.ts';
import type { RootLog } from '#src/observe/log.ts';
import { Metrics } from '#src/observe/metrics.ts';
import type { Services } from '#src/plugin/contracts.ts';
import type { FrontEnd, RunningFrontEnd } from '#src/plugin/front-end.ts';
import { Loader } from '#src/plugin/loader.ts';
import { Relays } from '#src/plugin/relay-services.ts';
import { Host } from '#src/router/host.ts';
import { Router } from '#src/router/router.ts';
import { Registry } from '#src/session/registry.ts';
import { bansSection, logSection, metricsSection, shutdownSection } from '#src/settings/schema.ts';
import type { Settings } from '#src/settings/settings.ts';
import type { BackupResult } from '#src/store/store.ts';
import { verifyBackup } from '#src/store/verify.ts';
import { compileRules, type Core } from './core.ts';
import { httpPaths, listenerConfigs } from './listening.ts';
import { loadCertificates, makeTls, watchCertificates } from './certificates.ts';
import { declareCoreMetrics } from './metrics.ts';
import { followAccounts, type ImServices, serveIm } from './im.ts';
import { adminParts, serverCommands } from './admin.ts';
import { serveObservation } from './observation.ts';
import { banPolicy, connectionLimits, imLimits, passes } from './policies.ts';
import { runtimeOf } from './runtime.ts';

export interface ServerOptions {
  readonly settings: Settings;
  readonly core: Core;
  readonly log: RootLog;
  readonly frontEnds: readonly FrontEnd[];
  /** Reads the settings again for a reload, or says what is wrong with them, a line each. */
  readonly reread: () => Settings | readonly string[];
}

/** The composition root: builds the parts, starts the front ends and the modules of each host, then opens the listeners. */
export class Server {
  readonly core: Core;
  readonly log: RootLog;
  readonly metrics: Metrics;
  readonly health = new Health();
  readonly registry = new Registry();
  readonly router: Router;
  readonly bans: Bans;
  readonly listeners: Listeners;
  readonly http: HttpService;
  readonly timers: Timers;
  readonly flusher = new Flusher();
  readonly tokens: FastTokens;
  readonly im: ImServices;
  readonly admin: AdminSocket;
  /** The parts that modules and commands may ask for by name. */
  readonly services: Partial<Services>;
  readonly started = Date.now();
  readonly #options: ServerOptions;
  readonly #tls: TlsService;
  readonly #loader: Loader;
  readonly #running: RunningFrontEnd[] = [];
  #settings: Settings;
  #rules: ReadonlyMap<string, Access>;
  #reloaded: Promise<unknown> = Promise.resolve();
  #quiet: Promise<void> | undefined;
  #restored: Promise<unknown> | undefined;
  #stopped: Promise<void> | undefined;
  readonly #stopRequested = Promise.withResolvers<void>();

  /** Opens and serves. @throws Error when a part cannot start: what had started is stopped again */
  static async start(options: ServerOptions): Promise<Server> {
    const server = await Server.open(options);
    await server.#orStop(async () => {
      loadCertificates(server.#tls, server.#settings, server.log);
      for (const running of server.#running) await running.opened();
      await server.listeners.apply(listenerConfigs(server.#settings));
      watchCertificates(server.timers, server.#tls, () => server.#settings, server.log);
      server.health.phase = 'running';
    });
    return server;
  }

  /**
   * Builds everything, the modules of each host included, but opens no socket: what commands need to work on the data of a server
   * that is stopped, so that what they do is the same.
   * @throws Error when a part cannot start: what had started is stopped again
   */
  static async open(options: ServerOptions): Promise<Server> {
    const { core, settings } = options;
    const rules = compileRules(settings, core.accounts);
    const exemption = settings.of(bansSection).exempt;
    const bans = await Bans.open({
      store: core.store,
      policy: banPolicy(settings),
      exempt: (address) => [...rules.values()].some((access) => access.allows(exemption, { address })),
    });
    const server = new Server(options, rules, bans);
    await server.#orStop(async () => server.#build());
    return server;
  }

  private constructor(options: ServerOptions, rules: ReadonlyMap<string, Access>, bans: Bans) {
    const { core, log, settings } = options;
    this.#options = options;
    this.#settings = settings;
    this.#rules = rules;
    this.bans = bans;
    this.core = core;
    this.log = log;
    const fault = (error: unknown): void => log.error('a part failed', { error: String(error), stack: stackOf(error) });
    this.router = new Router(new LocalBus(), fault);
    this.timers = new Timers(fault);
    this.metrics = new Metrics({ runtime: settings.of(metricsSection).runtime });
    this.tokens = new FastTokens({ store: core.store, key: core.key, accounts: core.accounts });
    this.#tls = makeTls(settings);
    this.listeners = new Listeners({
      tls: this.#tls,
      limits: connectionLimits(settings),
      refuses: (ip) => this.bans.isBanned(ip),
      // Rules that are the same for all hosts, as listeners are.
      allows: (ip, rule, { name }) => passes(this.access(''), rule, ip, name),
      fault: (error, { name }) => log.error('a listener failed', { listener: name, error: error.message }),
    });
    this.http = new HttpService((listener) => httpPaths(this.#settings).get(listener) ?? new Map(), fault);
    for (const domain of settings.hosts) this.#addHost(domain);
    this.im = serveIm(
      this.router,
      this.registry,
      core.store,
      imLimits(
        () => this.#settings,
        (host) => this.access(host),
      ),
    );
    this.services = {
      accounts: core.accounts,
      registry: this.registry,
      router: this.router,
      store: core.store,
      settings: () => this.#settings,
      relays: new Relays(),
      ...this.im,
    };
    this.admin = new AdminSocket(serverCommands(), adminParts(this), this.timers);
    this.#loader = new Loader(this.router, this.services);
    const { listeners, registry, router, services } = this;
    declareCoreMetrics(this.metrics, { listeners, registry, router, services, store: core.store });
  }

  get settings(): Settings {
    return this.#settings;
  }

  /** The access rules of a host; those of the first for a host that is not served. */
  access(host: string): Access {
    const access = this.#rules.get(host) ?? this.#rules.values().next().value;
    if (access === undefined) throw new Error('the server has no host');
    return access;
  }

  #addHost(domain: string): void {
    const jid = Jid.make('', domain);
    if (jid === undefined) throw new Error(`${domain} is no domain name`);
    this.router.addHost(new Host(jid, this.router, this.registry, this.core.accounts));
  }

  async #orStop(start: () => Promise<void>): Promise<void> {
    try {
      await start();
    } catch (error) {
      await this.stop('');
      throw error;
    }
  }

  #build(): void {
    this.listeners.serve('admin', this.admin);
    serveObservation(this);
    followAccounts(this.core.accounts, this.router, this.registry);
    for (const frontEnd of this.#options.frontEnds) this.#startFrontEnd(frontEnd);
  }

  #startFrontEnd(frontEnd: FrontEnd): void {
    const running = frontEnd.start(runtimeOf(this));
    this.#running.push(running);
    Object.assign(this.services, running.services);
    for (const host of this.router.hosts) {
      const settings = this.#settings.modules(host.domain);
      // In the order of the front end's list: what a module needs stands before it.
      for (const module of frontEnd.modules) {
        if (settings.has(module.name)) this.#loader.start(module, host, settings.get(module.name));
      }
    }
  }

  /**
   * Reads the settings again and puts them in force without dropping a connection: listeners, certificates, rules, limits, log
   * levels. Hosts and modules change with a restart.
   * @returns what could not be put in force, in words; undefined when all is
   */
  reload(): Promise<string | undefined> {
    // One after the other: each sees the listeners that the one before has opened.
    const reloaded = this.#reloaded.then(() => this.#reload());
    this.#reloaded = reloaded;
    return reloaded;
  }

  async #reload(): Promise<string | undefined> {
    const settings = this.#options.reread();
    const problem = 'of' in settings ? await this.#putInForce(settings) : settings.join('\n');
    if (problem === undefined) this.log.info('settings reloaded');
    else this.log.error('the reload failed', { problem });
    return problem;
  }

  async #putInForce(settings: Settings): Promise<string | undefined> {
    try {
      const rules = compileRules(settings, this.core.accounts);
      loadCertificates(this.#tls, settings, this.log);
      this.#settings = settings;
      this.#rules = rules;
      this.bans.configure(banPolicy(settings));
      this.listeners.limit(connectionLimits(settings));
      const { level, scopes } = settings.of(logSection);
      this.log.setLevels(level, scopes);
      this.log.reopen();
      for (const running of this.#running) running.reloaded();
      await this.listeners.apply(listenerConfigs(settings));
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** Resolves when somebody has asked the server to stop. */
  get stopping(): Promise<void> {
    return this.#stopRequested.promise;
  }

  /** Asks whoever waits for `stopping` to stop the server. */
  requestStop(): void {
    this.#stopRequested.resolve();
  }

  /**
   * Replaces everything that is stored by a backup. All sessions end before, since what is in memory comes from the old data; for
   * the same reason the server stops after it, whether it went well or not. A backup that is not sound disturbs nothing.
   */
  async restore(file: string): Promise<BackupResult> {
    await verifyBackup(file);
    await (this.#quiet ??= this.#endSessions('the server is being restored'));
    const restored = this.core.store.restore(file);
    this.#restored ??= restored;
    return restored.finally(() => this.requestStop());
  }

  /** Ends in order: no new connections, a good-bye to all, everything written. */
  stop(text: string): Promise<void> {
    this.#stopRequested.resolve();
    this.#stopped ??= this.#stop(text);
    return this.#stopped;
  }

  async #stop(text: string): Promise<void> {
    await (this.#quiet ??= this.#endSessions(text));
    await this.#restored?.catch(() => undefined);
    try {
      await this.core.store.close();
    } finally {
      this.admin.close();
      this.log.flush();
    }
  }

  async #endSessions(text: string): Promise<void> {
    this.health.phase = 'stopping';
    this.listeners.stop();
    this.http.closeIdle();
    for (const running of this.#running) running.stop(text);
    await this.listeners.drained(this.#settings.of(shutdownSection).grace);
    // Answers that wait for their write still go their way.
    for (let waiting = this.core.store.barrier(); waiting !== undefined; waiting = this.core.store.barrier()) {
      await waiting.catch(() => undefined);
      if (this.core.store.fault !== undefined) break;
    }
    await this.#loader[Symbol.asyncDispose]();
    this.timers[Symbol.dispose]();
  }
}

function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : undefined;
}
