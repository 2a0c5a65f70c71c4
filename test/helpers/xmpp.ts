/** The XMPP front end without sockets: real streams over transports that keep what is written. */
import type { ExecutionContext } from 'ava';
import { compileAccess, type Access } from '#src/accounts/access.ts';
import { Bans } from '#src/accounts/bans.ts';
import { FastTokens } from '#src/accounts/tokens.ts';
import { isLoopback } from '#src/address/ip.ts';
import type { TlsInfo } from '#src/net/connection.ts';
import { Flusher } from '#src/net/flusher.ts';
import { type Clock, Timers } from '#src/net/timers.ts';
import { silentLog } from '#src/observe/log.ts';
import type { AnyModule } from '#src/plugin/contracts.ts';
import type { Runtime } from '#src/plugin/front-end.ts';
import { accessData, accessSection, aclSection } from '#src/settings/access.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import type { HeaderAttributes, StreamTransport } from '#protocols/xmpp/links/transport.ts';
import { ClientStream } from '#protocols/xmpp/links/client-stream.ts';
import { XmppHost, XmppServer } from '#protocols/xmpp/server.ts';
import { optionsOf, xmppSection } from '#protocols/xmpp/settings.ts';
import { type StreamError, writeStreamError } from '#protocols/xmpp/stream/errors.ts';
import { bind } from '#protocols/xmpp/stream/bind.ts';
import { NS } from '#protocols/xmpp/stream/namespaces.ts';
import { type CoreOptions, TestCore } from './core.ts';
import { frame, jid, same } from './xml.ts';

/** A core with the XMPP front end's parts, as the composition root joins them; no module runs yet. */
export class TestXmpp implements AsyncDisposable {
  readonly core: TestCore;
  readonly server: XmppServer;
  readonly #timers: Timers;

  static async open(options: CoreOptions & { readonly clock?: Clock } = {}): Promise<TestXmpp> {
    const part = { sections: [xmppSection], listenerKinds: [], modules: [] };
    const core = await TestCore.open({ ...options, parts: [part, ...(options.parts ?? [])] });
    const bans = await Bans.open({ store: core.store, exempt: isLoopback });
    return new TestXmpp(core, bans, options.clock);
  }

  private constructor(core: TestCore, bans: Bans, clock?: Clock) {
    const { accounts, faults, key, registry, router, services, settings, store } = core;
    this.core = core;
    this.#timers = new Timers((error) => faults.push(error), clock);
    const parts: Partial<Runtime> = {
      accounts,
      key,
      registry,
      router,
      services,
      store,
      bans,
      access: (host) => rules(core, host),
      tokens: new FastTokens({ store, key, accounts }),
      timers: this.#timers,
      flusher: new Flusher(),
      log: silentLog,
      settings: () => core.settings,
    };
    // Listeners, HTTP and metrics have no part in streams.
    this.server = new XmppServer(optionsOf(settings), parts as Runtime);
    const hosts = new Map<unknown, XmppHost>();
    for (const host of router.hosts) {
      const own = new XmppHost(host, this.server, core.im.presence);
      own.features.add(bind);
      hosts.set(host, own);
      this.server.addHost(own);
    }
    const streams = (host: unknown): XmppHost => {
      const own = hosts.get(host);
      if (own === undefined) throw new Error('no such host');
      return own;
    };
    Object.assign(services, { streams });
  }

  /** The XMPP side of a host; the first when none is named. */
  host(domain = this.core.host().domain): XmppHost {
    const host = this.server.host(domain);
    if (host === undefined) throw new Error(`no host ${domain}`);
    return host;
  }

  start(module: AnyModule, options: Readonly<Record<string, unknown>> = {}, domain?: string): void {
    this.core.start(module, options, domain);
  }

  /** A connection on which the client has opened its stream; the header and features are the first that it was told. */
  stream(options: TransportOptions = {}): TestStream {
    return new TestStream(this, options);
  }

  /** A stream that has authenticated, bound a resource and become available. */
  login(address: string, options: TransportOptions = {}): TestStream {
    const stream = this.stream({ host: jid(address).domain, ...options });
    stream.authenticate(jid(address).bare);
    stream.bind(jid(address).resource);
    stream.send('<presence/>');
    stream.transport.take();
    return stream;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timers[Symbol.dispose]();
    await this.core[Symbol.asyncDispose]();
  }
}

export interface TransportOptions {
  readonly host?: string;
  readonly secured?: boolean;
  readonly loopback?: boolean;
  readonly ip?: string;
  /** The `from` of the stream header. */
  readonly from?: string;
  /** What TLS says of the connection; it is `secured` too then. */
  readonly tls?: TlsInfo;
}

/** A client's end of a stream: sends XML, keeps what the server wrote. */
export class TestStream {
  readonly transport: TestTransport;
  readonly stream: ClientStream;
  readonly #host: string;
  readonly #from: string | undefined;

  constructor({ core, server }: TestXmpp, options: TransportOptions) {
    this.transport = new TestTransport(options);
    this.stream = new ClientStream(server, this.transport);
    this.#host = options.host ?? core.host().domain;
    this.#from = options.from;
    this.open();
  }

  /** Sends a stream header. */
  open(): void {
    this.stream.onHeader({ to: this.#host, from: this.#from, version: '1.0', lang: 'en', problem: undefined });
  }

  send(xml: string): void {
    this.stream.onFrame(frame(xml));
  }

  /** As after a SASL exchange that succeeded, with the stream restarted. */
  authenticate(account: string): void {
    this.stream.authenticated(jid(account));
    this.open();
  }

  bind(resource: string): void {
    this.send(`<iq type='set' id='bind'><bind xmlns='${NS.bind}'><resource>${resource}</resource></bind></iq>`);
  }

  /** Asserts what the server wrote since the last time, in order. */
  got(t: ExecutionContext, ...expected: readonly string[]): void {
    same(t, this.transport.take(), expected);
  }

  /** The answer to a request, which is taken out of what was written. */
  async iq(type: 'get' | 'set', payload: string, to?: string): Promise<string> {
    const id = `q${(this.transport.ids += 1)}`;
    this.send(`<iq type='${type}' id='${id}'${to === undefined ? '' : ` to='${to}'`}>${payload}</iq>`);
    return this.transport.next((xml) => xml.startsWith('<iq') && xml.includes(` id='${id}'`));
  }
}

/** Keeps what is written, as text. Nothing is sent. */
export class TestTransport implements StreamTransport {
  readonly label = 'c2s';
  readonly port = 1;
  readonly ip: string;
  readonly loopback: boolean;
  readonly tls: TlsInfo | undefined;
  buffered = 0;
  readonly tlsOptional = false;
  readonly bindable = true;
  secured: boolean;
  paused = false;
  closed = false;
  ids = 0;
  readonly #waiting: (() => void)[] = [];
  #written: string[] = [];

  constructor({ ip = '127.0.0.1', loopback = true, secured = false, tls }: TransportOptions) {
    this.tls = tls;
    this.ip = ip;
    this.loopback = loopback;
    this.secured = secured || tls !== undefined;
  }

  get upgradable(): boolean {
    return !this.secured;
  }

  /** What was written since the last time. */
  take(): readonly string[] {
    return this.#written.splice(0);
  }

  /** The first piece that the test accepts, now or when it comes. */
  async next(accepts: (xml: string) => boolean): Promise<string> {
    for (;;) {
      const found = this.#written.find(accepts);
      if (found !== undefined) {
        this.#written = this.#written.filter((one) => one !== found);
        return found;
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #keep(xml: string): void {
    this.#written.push(xml);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  writeHeader({ from }: HeaderAttributes): void {
    this.#keep(`<header from='${from}'/>`);
  }

  writeFeatures(offers: string): void {
    this.#keep(`<features>${offers}</features>`);
  }

  write(xml: string): void {
    this.#keep(xml);
  }

  writeStanza(stanza: Stanza): void {
    this.#keep(stanza.toString());
  }

  close(error?: StreamError): void {
    this.closed = true;
    this.#keep(error === undefined ? '<close/>' : writeStreamError(error, true));
  }

  destroy(): void {
    this.closed = true;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  restart(): void {
    this.#keep('<restart/>');
  }

  startTls(proceed: string): void {
    this.#keep(proceed);
    this.secured = true;
  }

  limit(): void {}
}

function rules(core: TestCore, host: string): Access {
  const { accounts, settings } = core;
  const data = accessData(settings.of(aclSection, host), settings.of(accessSection, host));
  const compiled = compileAccess(data, {
    isLocal: (domain) => settings.hosts.includes(domain),
    exists: (domain, local) => accounts.exists(domain, local),
  });
  if ('problems' in compiled) throw new Error(compiled.problems.map(({ text }) => text).join('; '));
  return compiled.access;
}
