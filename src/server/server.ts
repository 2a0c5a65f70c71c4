import type { Access } from '#src/accounts/access.ts';
import { type BanPolicy, Bans } from '#src/accounts/bans.ts';
import { FastTokens } from '#src/accounts/tokens.ts';
import { Jid } from '#src/address/jid.ts';
import { LocalBus } from '#src/cluster/local.ts';
import { Flusher } from '#src/net/flusher.ts';
import { type HttpResponse, HttpService } from '#src/net/http.ts';
import { type ConnectionLimits, Listeners } from '#src/net/listeners.ts';
import { Timers } from '#src/net/timers.ts';
import type { TlsService } from '#src/net/tls.ts';
import { Health, type HealthReport } from '#src/observe/health.ts';
import type { RootLog } from '#src/observe/log.ts';
import { Metrics } from '#src/observe/metrics.ts';
import type { Services } from '#src/plugin/contracts.ts';
import type { FrontEnd, RunningFrontEnd, Runtime } from '#src/plugin/front-end.ts';
import { Loader } from '#src/plugin/loader.ts';
import { Host } from '#src/router/host.ts';
import { Router } from '#src/router/router.ts';
import { Registry } from '#src/session/registry.ts';
import { type Refusal, refuse } from '#src/stanza/conditions.ts';
import { bansSection, limitsSection, logSection, metricsSection, quotasSection, shutdownSection } from '#src/settings/schema.ts';
import type { Settings } from '#src/settings/settings.ts';
import { compileRules, type Core } from './core.ts';
import { httpPaths, listenerConfigs } from './listening.ts';
import { loadCertificates, makeTls } from './certificates.ts';
import { declareCoreMetrics } from './metrics.ts';
import { type ImLimits, serveIm } from './im.ts';

export interface ServerOptions {
  readonly settings: Settings;
  readonly core: Core;
  readonly log: RootLog;
  readonly frontEnds: readonly FrontEnd[];
  /** Reads the settings again for a reload; undefined when they are wrong, which has then been told. */
  readonly reread: () => Settings | undefined;
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
  /** The parts that modules and commands may ask for by name. */
  readonly services: Partial<Services>;
  readonly started = Date.now();
  readonly #options: ServerOptions;
  readonly #tls: TlsService;
  readonly #loader: Loader;
  readonly #running: RunningFrontEnd[] = [];
  #settings: Settings;
  #rules: ReadonlyMap<string, Access>;
  #stopped: Promise<void> | undefined;
  readonly #stopRequested = Promise.withResolvers<void>();

  /** @throws Error when a part cannot start: what had started is stopped again */
  static async start(options: ServerOptions): Promise<Server> {
    const { core, settings } = options;
    const rules = compileRules(settings, core.accounts);
    const exemption = settings.of(bansSection).exempt;
    const bans = await Bans.open({
      store: core.store,
      policy: banPolicy(settings),
      exempt: (address) => [...rules.values()].some((access) => access.allows(exemption, { address })),
    });
    const server = new Server(options, rules, bans);
    await server.#start();
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
      fault: (error, { name }) => log.error('a listener failed', { listener: name, error: error.message }),
    });
    this.http = new HttpService((listener) => httpPaths(this.#settings).get(listener) ?? new Map(), fault);
    for (const domain of settings.hosts) this.#addHost(domain);
    this.services = {
      accounts: core.accounts,
      registry: this.registry,
      router: this.router,
      store: core.store,
      settings: () => this.#settings,
      ...serveIm(this.router, this.registry, core.store, this.#imLimits()),
    };
    this.#loader = new Loader(this.router, this.services);
    declareCoreMetrics(this.metrics, { ...this, store: core.store });
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

  async #start(): Promise<void> {
    try {
      loadCertificates(this.#tls, this.#settings, this.log);
      this.#serveHttp();
      this.core.accounts.watch({
        removed: (host, local) => {
          this.#closeSessions(host, local, refuse('not-authorized', 'the account was removed'));
          this.router.host(host)?.hooks.notice('account/removed').tell({ host, local });
        },
        disabled: (host, local) => this.#closeSessions(host, local, refuse('policy-violation', 'the account was disabled')),
      });
      for (const frontEnd of this.#options.frontEnds) this.#startFrontEnd(frontEnd);
      for (const running of this.#running) await running.opened();
      await this.listeners.apply(listenerConfigs(this.#settings));
      this.health.phase = 'running';
    } catch (error) {
      await this.stop('');
      throw error;
    }
  }

  #startFrontEnd(frontEnd: FrontEnd): void {
    const running = frontEnd.start(this.#runtime());
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

  #runtime(): Runtime {
    const { bans, core, flusher, http, listeners, log, metrics, registry, router, services, timers, tokens } = this;
    return {
      settings: () => this.#settings,
      hosts: [...router.hosts],
      access: (host) => this.access(host),
      accounts: core.accounts,
      key: core.key,
      store: core.store,
      bans,
      flusher,
      http,
      listeners,
      log,
      metrics,
      registry,
      router,
      services,
      timers,
      tokens,
    };
  }

  #serveHttp(): void {
    this.listeners.serve('http', this.http);
    this.http.handle('metrics', async () => ({ status: 200, type: this.metrics.contentType, body: await this.metrics.render() }));
    this.http.handle('health', async () => report(await this.health.health()));
    this.http.handle('ready', async () => report(await this.health.ready()));
    this.health.add('store', () => this.core.store.fault?.message);
  }

  #closeSessions(host: string, local: string, refusal: Refusal): void {
    for (const session of this.registry.of(`${local}@${host}`)) session.close(refusal);
  }

  #imLimits(): ImLimits {
    const quotas = (host: string) => this.#settings.of(quotasSection, host);
    return {
      roster_items: (host) => quotas(host).roster_items,
      blocked: (host) => quotas(host).blocked,
      offline_messages: (host) => this.access(host).limit('max_offline', { domain: host }, OFFLINE_MESSAGES),
    };
  }

  /**
   * Reads the settings again and puts them in force without dropping a connection: listeners, certificates, rules, limits, log
   * levels. Hosts and modules change with a restart.
   * @returns what could not be put in force, in words; undefined when all is
   */
  async reload(): Promise<string | undefined> {
    const settings = this.#options.reread();
    if (settings === undefined) return 'the settings are wrong; the old ones stay in force';
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
    this.log.info('settings reloaded');
    return undefined;
  }

  /** Resolves when somebody has asked the server to stop. */
  get stopping(): Promise<void> {
    return this.#stopRequested.promise;
  }

  /** Ends in order: no new connections, a good-bye to all, everything written. */
  stop(text: string): Promise<void> {
    this.#stopRequested.resolve();
    this.#stopped ??= this.#stop(text);
    return this.#stopped;
  }

  async #stop(text: string): Promise<void> {
    this.health.phase = 'stopping';
    await this.listeners.stop();
    for (const running of this.#running) running.stop(text);
    await this.listeners.drained(this.#settings.of(shutdownSection).grace);
    await this.#loader[Symbol.asyncDispose]();
    this.timers[Symbol.dispose]();
    await this.core.store.close();
    this.log.flush();
  }
}

const OFFLINE_MESSAGES = 1000;

function banPolicy(settings: Settings): Partial<BanPolicy> {
  const { failures, lifetime } = settings.of(bansSection);
  return { threshold: failures, lifetime: lifetime / 1000 };
}

function connectionLimits(settings: Settings): ConnectionLimits {
  const { per_ip: perIp, total } = settings.of(limitsSection).connections;
  return { perIp, total };
}

function report(result: HealthReport): HttpResponse {
  return { status: result.ok ? 200 : 503, type: 'application/json', body: `${JSON.stringify(result)}\n` };
}

function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : undefined;
}
