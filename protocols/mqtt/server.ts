import type { Access } from '#src/accounts/access.ts';
import type { Accounts } from '#src/accounts/accounts.ts';
import type { Bans } from '#src/accounts/bans.ts';
import { Jid } from '#src/address/jid.ts';
import type { Flusher } from '#src/net/flusher.ts';
import { ReadBuffers } from '#src/net/read-buffers.ts';
import type { Timers } from '#src/net/timers.ts';
import type { Log } from '#src/observe/log.ts';
import type { Runtime } from '#src/plugin/front-end.ts';
import type { Settings } from '#src/settings/settings.ts';
import type { Store } from '#src/store/store.ts';
import { aclTable } from './acl.ts';
import { Broker } from './broker.ts';
import { Durably } from './durably.ts';
import type { Client } from './links/client.ts';
import { HOLD } from './links/flow.ts';
import type { DecoderLimits } from './packet/decoder.ts';
import { MemoryGuard } from './memory-guard.ts';
import { reasonCodes, type ReasonCode, reasonName } from './packet/reason-codes.ts';
import { SessionStore } from './session-store.ts';
import { type MqttOptions, optionsOf } from './settings.ts';
import { Turns } from './turns.ts';

/** What the links of the MQTT front end share. One a server, with a broker for each virtual host. */
export class MqttServer {
  /** Those that hold for all hosts; replaced by a reload. */
  options: MqttOptions;
  readonly accounts: Accounts;
  readonly access: (host: string) => Access;
  readonly bans: Bans;
  readonly timers: Timers;
  readonly flusher: Flusher;
  readonly store: Store;
  readonly log: Log;
  readonly durably: Durably;
  readonly turns = new Turns();
  readonly memory: MemoryGuard;
  /** What clients that flood are read into, and how many of them there are. */
  readonly floods = { buffers: new ReadBuffers(), clients: 0 };
  readonly clients = new Set<Client>();
  /** Plain numbers since the start: read by the metrics. */
  readonly counters = { opened: 0, authenticated: 0, refused: 0, ended: new Map<ReasonCode, number>() };
  readonly #settings: () => Settings;
  readonly #brokers = new Map<string, Broker>();
  /** Clients that are not read while the store is behind. */
  readonly #held = new Set<Client>();

  constructor(runtime: Runtime) {
    const { access, accounts, bans, flusher, hosts, settings, store, timers } = runtime;
    this.options = optionsOf(settings());
    this.#settings = settings;
    this.accounts = accounts;
    this.access = access;
    this.bans = bans;
    this.timers = timers;
    this.flusher = flusher;
    this.store = store;
    this.log = runtime.log.scope('mqtt');
    this.durably = new Durably(store, (error) => this.log.error('a client failed', { error: String(error) }));
    this.memory = new MemoryGuard(timers, () => this.options.maxMemory);
    const { durably, memory } = this;
    const stored = new SessionStore(store);
    const acl = aclTable(store);
    for (const { domain } of hosts) {
      const options = optionsOf(settings(), domain);
      const broker = new Broker({
        domain,
        options,
        stored,
        acl,
        durably,
        memory,
        timers,
        access: () => access(domain),
      });
      this.#brokers.set(domain, broker);
    }
  }

  get brokers(): Iterable<Broker> {
    return this.#brokers.values();
  }

  /** By the name of the host, in whatever spelling. */
  broker(name: string): Broker | undefined {
    const broker = this.#brokers.get(name);
    if (broker !== undefined) return broker;
    const jid = Jid.parse(name);
    return jid === undefined || jid.full !== jid.domain ? undefined : this.#brokers.get(jid.domain);
  }

  /** The host of a client that names none: the one its TLS asks for, or the first. */
  brokerOf(serverName: string | undefined): Broker {
    const asked = serverName === undefined ? undefined : this.broker(serverName);
    const first = asked ?? this.#brokers.values().next().value;
    if (first === undefined) throw new Error('the server has no host');
    return first;
  }

  /** Before anybody has logged in. */
  get limitsBefore(): DecoderLimits {
    const { maxConnectSize, maxPacketSize, maxTopicLevels, topicAliases } = this.options;
    return { maxConnectSize, maxPacketSize, maxTopicLevels, topicAliasMaximum: topicAliases };
  }

  async restore(): Promise<void> {
    this.memory.start();
    for (const broker of this.brokers) await broker.restore();
  }

  reload(): void {
    const settings = this.#settings();
    this.options = optionsOf(settings);
    for (const broker of this.brokers) {
      broker.options = optionsOf(settings, broker.domain);
      broker.acl.touch();
    }
  }

  opened(client: Client): void {
    this.clients.add(client);
    this.counters.opened += 1;
  }

  closed(client: Client): void {
    this.clients.delete(client);
    this.#held.delete(client);
  }

  ended(client: Client, reason: ReasonCode, text: string | undefined): void {
    this.counters.ended.set(reason, (this.counters.ended.get(reason) ?? 0) + 1);
    if (this.log.debugEnabled) {
      this.log.debug('connection ended', {
        reason: reasonName(reason),
        text,
        ip: client.transport.ip,
        client: client.clientId,
      });
    }
  }

  /** The store is behind: the client is not read until it has caught up. */
  hold(client: Client): void {
    this.#held.add(client);
    client.flow.hold(HOLD.store);
    this.durably.wait(this);
  }

  onDurable(): void {
    if (this.store.pressure) return void this.durably.wait(this);
    const held = [...this.#held];
    this.#held.clear();
    for (const client of held) client.flow.letGo(HOLD.store);
  }

  /** Everybody is told to go; sessions stay. */
  shutDown(text: string): void {
    for (const client of [...this.clients]) client.end(reasonCodes.serverShuttingDown, text === '' ? undefined : text);
  }
}
