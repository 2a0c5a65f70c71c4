import type { Access } from '#src/accounts/access.ts';
import type { Accounts } from '#src/accounts/accounts.ts';
import type { Bans } from '#src/accounts/bans.ts';
import { Jid } from '#src/address/jid.ts';
import type { Connection } from '#src/net/connection.ts';
import type { Acceptor } from '#src/net/listeners.ts';
import { Shaper } from '#src/net/shaper.ts';
import type { Timers } from '#src/net/timers.ts';
import type { Log } from '#src/observe/log.ts';
import type { Runtime } from '#src/plugin/front-end.ts';
import { shapersSection } from '#src/settings/access.ts';
import type { Allowance } from './bytestreams.ts';
import { Bytestreams } from './bytestreams.ts';
import { Link, type Rejection } from './link.ts';
import { type ModuleOptions, optionsOf, type ProxyOptions } from './settings.ts';
import { methods } from './socks.ts';

/** Whom a client is told to connect to. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

/** What the proxies of all hosts share. One a server. */
export class ProxyServer implements Acceptor {
  readonly alpn = [];
  /** Replaced by a reload. */
  options: ProxyOptions;
  readonly streams: Bytestreams;
  readonly timers: Timers;
  readonly bans: Bans;
  readonly log: Log;
  /** Connections that negotiate. */
  readonly links = new Set<Link>();
  /** Plain numbers since the start: read by the metrics. */
  readonly counters = { opened: 0, rejected: new Map<Rejection, number>() };
  readonly #runtime: Runtime;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    this.timers = runtime.timers;
    this.bans = runtime.bans;
    this.log = runtime.log.scope('proxy65');
    this.options = optionsOf(runtime.settings());
    this.streams = new Bytestreams(runtime.timers, () => this.options);
  }

  reload(): void {
    this.options = optionsOf(this.#runtime.settings());
  }

  accept(connection: Connection): void {
    this.counters.opened += 1;
    this.links.add(new Link(connection, this));
  }

  rejected(connection: Connection, rejection: Rejection): void {
    this.counters.rejected.set(rejection, (this.counters.rejected.get(rejection) ?? 0) + 1);
    if (this.log.debugEnabled)
      this.log.debug('connection refused', { reason: rejection, ip: connection.remoteAddress, id: connection.id });
  }

  /** What a client may choose from, the preferred one first. */
  methodsFor({ loopback, secured }: Connection): readonly number[] {
    const { authentication } = this.options;
    if (authentication === 'required') return [methods.password];
    const asks = authentication === 'optional' && (secured || loopback);
    return asks ? [methods.none, methods.password] : [methods.none];
  }

  /** Is it an account that may log in? A user name is a bare JID, or the local part on the first host. An unknown one costs the same. */
  async authenticate(username: string, password: string): Promise<boolean> {
    const { access, hosts } = this.#runtime;
    const accounts: Accounts = this.#runtime.accounts;
    const first = hosts[0]?.domain ?? '';
    const jid = Jid.parse(username.includes('@') ? username : `${username}@${first}`);
    const served = jid !== undefined && jid.resource === '' && hosts.some(({ domain }) => domain === jid.domain);
    const right = await accounts.checkPassword(served ? jid.domain : first, served ? jid.local : username, password);
    if (!right || !served || accounts.banDetails(jid.domain, jid.local) !== undefined) return false;
    return access(jid.domain).allows('c2s', { local: jid.local, domain: jid.domain, protocol: 'proxy65' });
  }

  /** Where clients reach the proxy of a host: what the settings say, or the host and the first listener; undefined without any. */
  places(host: string, { addresses, port }: ModuleOptions): readonly Place[] {
    const told = port > 0 ? port : this.#listening;
    if (told === undefined) return [];
    return (addresses.length > 0 ? addresses : [host]).map((address) => ({ host: address, port: told }));
  }

  get #listening(): number | undefined {
    return this.#runtime.listeners.bound.find(({ kind }) => kind === 'proxy65')?.boundPort;
  }

  /** What the rules of a host give an initiator; undefined when they do not let it in. */
  allowance(host: string, initiator: Jid, options: ModuleOptions): Allowance | undefined {
    const access: Access = this.#runtime.access(host);
    const { domain, local, resource } = initiator;
    const subject = { local, domain, resource };
    if (!access.allows(options.access, subject)) return undefined;
    const name = access.value(options.shaper, subject);
    return {
      streams: access.limit(options.max_streams, subject, Number.POSITIVE_INFINITY),
      shaper: () => (typeof name === 'string' ? this.#shaper(host, name) : undefined),
    };
  }

  #shaper(host: string, name: string): Shaper | undefined {
    const shapers: Readonly<Record<string, { readonly rate: number; readonly burst: number } | undefined>> =
      this.#runtime.settings().of(shapersSection, host);
    const limits = shapers[name];
    return limits === undefined ? undefined : new Shaper(limits.rate, limits.burst, this.timers.now);
  }

  /** Nothing is left open. */
  stop(): void {
    for (const { connection } of [...this.links]) connection.destroy();
    this.streams.closeAll();
  }
}
