/**
 * The core without a network: router, hosts, accounts, rosters, presence, offline store, blocking and carbons over a memory store, as
 * the composition root builds them, and sessions that keep what they are given.
 */
import type { ExecutionContext } from 'ava';
import { Accounts } from '#src/accounts/accounts.ts';
import { InternalBackend } from '#src/accounts/backends/internal.ts';
import { NodeKey } from '#src/accounts/node-key.ts';
import type { Jid } from '#src/address/jid.ts';
import { LocalBus } from '#src/cluster/local.ts';
import type { AnyModule, Services } from '#src/plugin/contracts.ts';
import { Loader } from '#src/plugin/loader.ts';
import { Relays } from '#src/plugin/relay-services.ts';
import type { SubscriptionState } from '#src/im/subscription.ts';
import { Host } from '#src/router/host.ts';
import type { Outcome } from '#src/router/outcome.ts';
import { Router } from '#src/router/router.ts';
import { followAccounts, serveIm } from '#src/server/im.ts';
import type { Refusal } from '#src/stanza/conditions.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import { Registry } from '#src/session/registry.ts';
import { Session, type Origin } from '#src/session/session.ts';
import { loadSettings } from '#src/settings/load.ts';
import { programSections, type SettingsPart } from '#src/settings/schema.ts';
import type { Settings } from '#src/settings/settings.ts';
import { type MemoryData, openMemoryStore } from '#src/store/memory.ts';
import type { Store } from '#src/store/store.ts';
import { jid, same, stanza } from './xml.ts';

export const PASSWORD = 'secret';

export interface CoreOptions {
  /** Bare JIDs of the accounts that exist, their hosts included. */
  readonly accounts?: readonly string[];
  /** More hosts than those of the accounts. */
  readonly hosts?: readonly string[];
  /** Settings as text; the hosts are added. */
  readonly settings?: string;
  /** What an earlier core has left in its store. */
  readonly data?: MemoryData;
  /** What front ends declare of settings. */
  readonly parts?: readonly SettingsPart[];
  /** Largest numbers per account (documents in bytes). */
  readonly limits?: {
    readonly roster?: number;
    readonly offline?: number;
    readonly blocked?: number;
    readonly documents?: number;
  };
}

type ImServices = ReturnType<typeof serveIm>;

/** Everything that the core gives to modules, built for one test. */
export class TestCore implements AsyncDisposable {
  readonly store: Store;
  readonly router: Router;
  readonly registry: Registry;
  readonly accounts: Accounts;
  readonly im: ImServices;
  readonly services: Partial<Services>;
  readonly key: NodeKey;
  /** Exceptions that handlers let through. A test that expects none asserts that it is empty. */
  readonly faults: unknown[] = [];
  settings: Settings;
  #loader: Loader | undefined;

  static async open(options: CoreOptions = {}): Promise<TestCore> {
    const core = new TestCore(options, await openMemoryStore({}, options.data));
    for (const account of options.accounts ?? []) {
      const { domain, local } = jid(account);
      const change = await core.accounts.create(domain, local, PASSWORD);
      if (!change.ok) throw new Error(`${account}: ${change.refusal.condition}`);
    }
    return core;
  }

  private constructor(
    { accounts = [], hosts = [], limits = {}, parts = [], settings = '' }: CoreOptions,
    store: Store,
  ) {
    const domains = new Set([...hosts, ...accounts.map((account) => jid(account).domain)]);
    if (domains.size === 0) domains.add('localhost');
    this.store = store;
    this.key = NodeKey.random();
    const iterations = { 'SHA-1': 2, 'SHA-256': 2, 'SHA-512': 2 };
    const backend = new InternalBackend({ store, key: this.key, policy: () => ({ iterations, ha1: false }) });
    this.accounts = new Accounts({
      store,
      key: this.key,
      hosts: (host) => (domains.has(host) ? { backends: [backend], iterations } : undefined),
    });
    this.router = new Router(new LocalBus(), (error) => this.faults.push(error));
    this.registry = new Registry();
    for (const domain of domains) this.router.addHost(new Host(jid(domain), this.router, this.registry, this.accounts));
    this.im = serveIm(this.router, this.registry, store, {
      roster_items: () => limits.roster ?? 1000,
      offline_messages: () => limits.offline ?? 1000,
      blocked: () => limits.blocked ?? 1000,
      documents: () => limits.documents ?? 100_000,
    });
    followAccounts(this.accounts, this.router, this.registry);
    this.settings = read(`hosts: {${[...domains].map((domain) => `${domain}: {}`).join(', ')}}\n${settings}`, parts);
    const { registry, router } = this;
    this.services = {
      accounts: this.accounts,
      registry,
      router,
      store,
      settings: () => this.settings,
      relays: new Relays(),
      ...this.im,
    };
  }

  /** A host by name; the first when none is named. */
  host(domain?: string): Host {
    for (const host of this.router.hosts) if (domain === undefined || host.domain === domain) return host;
    throw new Error(`no host ${domain ?? ''}`);
  }

  /** Starts modules on a host (the first when none is named), with the options given or the defaults of their schema. */
  start(module: AnyModule, options: Readonly<Record<string, unknown>> = {}, domain?: string): void {
    this.loader.start(module, this.host(domain), module.settings?.parse(options));
  }

  get loader(): Loader {
    this.#loader ??= new Loader(this.router, this.services);
    return this.#loader;
  }

  /** A session of an account, connected and bound, not yet available. */
  connect(address: string): TestSession {
    const session = new TestSession(jid(address), this);
    this.host(session.jid.domain).bind(session);
    return session;
  }

  /** A session that has sent initial presence; what it was told about it is forgotten. */
  login(address: string, priority = 0): TestSession {
    const session = this.connect(address);
    session.available(priority);
    session.take();
    return session;
  }

  /** Puts a contact into a roster as it would be after the exchange of subscriptions. */
  contact(account: string, contact: string, state: SubscriptionState, listed = true): void {
    this.im.roster.put(jid(account), { jid: contact, groups: [], state, listed });
  }

  /** Two accounts that see each other's presence. */
  befriend(one: string, other: string): void {
    this.contact(one, other, 'both');
    this.contact(other, one, 'both');
  }

  /** Sends a stanza as if it came from another server or component. */
  inject(xml: string): Outcome {
    return this.router.send(stanza(xml));
  }

  /** Everything written is durable, and whoever waited for that has gone on. */
  async settled(): Promise<void> {
    await this.store.barrier();
    await new Promise((resolve) => setImmediate(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#loader?.[Symbol.asyncDispose]();
    await this.store.close();
  }
}

/** A device of an account that keeps what it is given. */
export class TestSession extends Session {
  /** False makes it behave as a session whose queue is full. */
  accepts = true;
  /** Why the server closed it. */
  closed: Refusal | true | undefined = undefined;
  readonly #core: TestCore;
  #received: Stanza[] = [];
  readonly #waiting: (() => void)[] = [];
  #ids = 0;

  constructor(address: Jid, core: TestCore) {
    super(address, 'xmpp', Date.now());
    this.#core = core;
  }

  get origin(): Origin {
    return { connection: 'test', ip: '127.0.0.1', port: 1 };
  }

  deliver(one: Stanza): boolean {
    if (!this.accepts) return false;
    this.#received.push(one);
    for (const wake of this.#waiting.splice(0)) wake();
    return true;
  }

  close(refusal?: Refusal): void {
    if (this.closed !== undefined) return;
    this.closed = refusal ?? true;
    this.leave();
  }

  /** The connection is gone without a word. */
  leave(): void {
    this.#core.host(this.jid.domain).unbind(this);
  }

  /** What came since the last time. */
  take(): readonly Stanza[] {
    return this.#received.splice(0);
  }

  /** Asserts what came since the last time, in order. */
  got(t: ExecutionContext, ...expected: readonly string[]): void {
    same(t, this.take(), expected);
  }

  /** Sends a stanza as a client does: the server stamps `from`, and `to` where it is missing. */
  send(xml: string): void {
    const written = stanza(xml);
    if (written.kind === 'presence') return this.#core.im.presence.send(this, written.addressed(written.to, this.jid));
    const addressed = written.addressed(written.to ?? this.jid.asBare(), this.jid);
    this.#core.router.submit(this.#core.host(this.jid.domain), this, addressed);
  }

  available(priority = 0): void {
    this.send(priority === 0 ? '<presence/>' : `<presence><priority>${priority}</priority></presence>`);
  }

  /** Sends a request and gives its answer, which is taken out of what came. */
  async iq(type: 'get' | 'set', payload: string, to?: string): Promise<Stanza> {
    const id = `q${(this.#ids += 1)}`;
    this.send(`<iq type='${type}' id='${id}'${to === undefined ? '' : ` to='${to}'`}>${payload}</iq>`);
    return this.next((one) => one.kind === 'iq' && one.id === id && one.type !== 'get' && one.type !== 'set');
  }

  /** The first stanza that the test accepts, now or when it comes. */
  async next(accepts: (one: Stanza) => boolean): Promise<Stanza> {
    for (;;) {
      const found = this.#received.find(accepts);
      if (found !== undefined) {
        this.#received = this.#received.filter((one) => one !== found);
        return found;
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}

/** The condition of an error, with its type: `forbidden/auth`; undefined when the stanza is no error. */
export function errorOf(one: Stanza): string | undefined {
  const error = one.type === 'error' ? one.child('error') : undefined;
  const condition = error?.getChildElements().find((child) => child.getNS() === 'urn:ietf:params:xml:ns:xmpp-stanzas');
  return error === undefined ? undefined : `${condition?.getName() ?? '?'}/${String(error.attrs['type'])}`;
}

function read(text: string, parts: readonly SettingsPart[]): Settings {
  const { problems, settings } = loadSettings(text, 'test.yml', programSections(parts), { env: {} });
  if (settings === undefined) throw new Error(problems.map((one) => one.message).join('; '));
  return settings;
}
