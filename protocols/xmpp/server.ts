import { Jid } from '#src/address/jid.ts';
import type { Access } from '#src/accounts/access.ts';
import type { Accounts } from '#src/accounts/accounts.ts';
import type { Bans } from '#src/accounts/bans.ts';
import type { NodeKey } from '#src/accounts/node-key.ts';
import type { FastTokens } from '#src/accounts/tokens.ts';
import type { Presence } from '#src/im/presence.ts';
import { Shaper } from '#src/net/shaper.ts';
import type { Flusher } from '#src/net/flusher.ts';
import type { Timers } from '#src/net/timers.ts';
import type { Log } from '#src/observe/log.ts';
import type { Runtime } from '#src/plugin/front-end.ts';
import type { Host } from '#src/router/host.ts';
import type { Router } from '#src/router/router.ts';
import { shapersSection } from '#src/settings/access.ts';
import type { Settings } from '#src/settings/settings.ts';
import type { Registry } from '#src/session/registry.ts';
import type { ScannerLimits } from '#src/stanza/xml-faults.ts';
import type { ClientSession } from './links/client-session.ts';
import type { ClientStream } from './links/client-stream.ts';
import type { StreamCondition, StreamError } from './stream/errors.ts';
import { StreamFeatures } from './stream/feature.ts';
import { Managements } from './stream/managements.ts';
import { BindFeatures, InlineFeatures } from './stream/inline.ts';

/** What the front end takes from the settings. Milliseconds, bytes, counts. */
export interface XmppOptions {
  readonly authTimeout: number;
  readonly authAttempts: number;
  /** Bytes that may wait for a client that reads slowly. */
  readonly queueBytes: number;
  readonly limitsBefore: ScannerLimits;
  readonly limitsAfter: ScannerLimits;
  readonly resourceConflict: 'closeold' | 'closenew' | 'setresource';
  /** Also loopback connections need TLS where the listener requires it. */
  readonly tlsOnLoopback: boolean;
  /** Whether passwords are taken in the clear. */
  readonly plainWithoutTls: 'never' | 'loopback';
  /** Names of mechanisms that are not to be used. */
  readonly disabledMechanisms: ReadonlySet<string>;
}

/** A virtual host as the XMPP front end sees it. */
export class XmppHost {
  readonly host: Host;
  readonly server: XmppServer;
  readonly router: Router;
  readonly presence: Presence;
  /** What its streams negotiate, in the order of announcement. */
  readonly features = new StreamFeatures();
  /** What its clients negotiate inside their authentication (XEP-0388). */
  readonly inline = new InlineFeatures();
  /** What its clients switch on while they bind with Bind 2 (XEP-0386). */
  readonly bindInline = new BindFeatures();
  /** Milliseconds of silence after which the server asks whether a client is still there; undefined when it never does. */
  idleAfter: number | undefined = undefined;

  constructor(host: Host, server: XmppServer, presence: Presence) {
    this.host = host;
    this.server = server;
    this.router = server.router;
    this.presence = presence;
  }

  sessionEnded(session: ClientSession): void {
    this.host.unbind(session);
  }
}

/** What the links of the XMPP front end share. One a server. */
export class XmppServer {
  /** Replaced by a reload; streams read it when they need it. */
  options: XmppOptions;
  readonly router: Router;
  readonly registry: Registry;
  readonly accounts: Accounts;
  readonly key: NodeKey;
  readonly access: (host: string) => Access;
  readonly bans: Bans;
  readonly tokens: FastTokens;
  readonly timers: Timers;
  readonly flusher: Flusher;
  readonly log: Log;
  /** Open streams, bound or not. */
  readonly streams = new Set<ClientStream>();
  /** The sessions under stream management. */
  readonly managements: Managements;
  /** What has to come back before connections are taken, such as the sessions of the last process. */
  readonly restorers: (() => Promise<void>)[] = [];
  /** Plain numbers since the start: read by the metrics. */
  readonly counters = { opened: 0, errors: new Map<StreamCondition, number>(), authenticated: 0, refused: 0, bound: 0 };
  readonly #settings: () => Settings;
  readonly #hosts = new Map<string, XmppHost>();

  constructor(options: XmppOptions, runtime: Runtime) {
    this.options = options;
    this.router = runtime.router;
    this.registry = runtime.registry;
    this.accounts = runtime.accounts;
    this.key = runtime.key;
    this.access = runtime.access;
    this.bans = runtime.bans;
    this.tokens = runtime.tokens;
    this.timers = runtime.timers;
    this.flusher = runtime.flusher;
    this.log = runtime.log.scope('c2s');
    this.managements = new Managements(this, runtime.store);
    this.restorers.push(() => this.managements.restore());
    this.#settings = runtime.settings;
  }

  /** The shaper that the rule `shaper` gives an account; undefined for none. */
  shaperOf({ domain, local }: Jid): Shaper | undefined {
    const name = this.access(domain).value('shaper', { local, domain });
    const limits = typeof name === 'string' ? this.#shapers(domain)[name] : undefined;
    return limits === undefined ? undefined : new Shaper(limits.rate, limits.burst, this.timers.now);
  }

  #shapers(domain: string): Readonly<Record<string, { readonly rate: number; readonly burst: number } | undefined>> {
    return this.#settings().of(shapersSection, domain);
  }

  async opening(): Promise<void> {
    for (const restore of this.restorers) await restore();
  }

  addHost(host: XmppHost): void {
    this.#hosts.set(host.host.domain, host);
  }

  /** By the name in a stream header, in whatever spelling (RFC 7622 section 3.2). */
  host(name: string): XmppHost | undefined {
    const host = this.#hosts.get(name);
    if (host !== undefined) return host;
    const jid = Jid.parse(name);
    return jid === undefined || jid.local !== '' || jid.resource !== '' ? undefined : this.#hosts.get(jid.domain);
  }

  get hosts(): Iterable<XmppHost> {
    return this.#hosts.values();
  }

  /** The host of a header that names none, and of answers to headers that name a wrong one: the first. */
  get defaultHost(): XmppHost {
    for (const host of this.#hosts.values()) return host;
    throw new Error('the server has no host');
  }

  opened(stream: ClientStream): void {
    this.streams.add(stream);
    this.counters.opened += 1;
  }

  closed(stream: ClientStream): void {
    this.streams.delete(stream);
  }

  streamFailed(stream: ClientStream, { condition, text }: StreamError): void {
    this.counters.errors.set(condition, (this.counters.errors.get(condition) ?? 0) + 1);
    this.log.debug('stream error', { condition, text, ip: stream.transport.ip, jid: stream.session?.jid.full });
  }

  /** Something failed inside: for the log. */
  failed(error: unknown): void {
    this.log.error('a stream failed', {
      error: String(error),
      stack: error instanceof Error ? error.stack : undefined,
    });
  }

  /** Everybody is told to go; sessions under stream management can be resumed after the restart (XEP-0198 section 5). */
  shutDown(text: string): void {
    for (const stream of this.streams) {
      stream.onFault({ condition: 'system-shutdown', ...(text === '' ? {} : { text }) });
    }
    this.managements.leave();
  }
}
