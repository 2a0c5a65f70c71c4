import type { Access } from '#src/accounts/access.ts';
import type { Timers } from '#src/net/timers.ts';
import type { Deferred, Table } from '#src/store/store.ts';
import { Acl, type AclEntry } from './acl.ts';
import { noDrops, noTraffic } from './counters.ts';
import type { Devices } from './devices.ts';
import type { Durably } from './durably.ts';
import type { StanzaEdge } from './edge.ts';
import type { MemoryGuard } from './memory-guard.ts';
import type { Message } from './packet/types.ts';
import { Publication } from './publication.ts';
import type { ReservedTopics } from './reserved.ts';
import { storedRetained } from './retained-table.ts';
import type { Session } from './session.ts';
import type { SessionStore } from './session-store.ts';
import { Sessions } from './sessions.ts';
import type { MqttOptions } from './settings.ts';
import { Subscriptions } from './subscriptions.ts';
import { SystemTopics } from './sys.ts';
import { RetainedMessages } from './topics/retained.ts';
import { TopTopics } from './topics/top.ts';
import { Wills } from './wills.ts';

/** One publication of 16 is looked at for the list of busy topics. */
const SAMPLE = 15;

export interface BrokerParts {
  readonly domain: string;
  readonly options: MqttOptions;
  readonly stored: SessionStore;
  readonly acl: Table<AclEntry>;
  readonly durably: Durably;
  readonly memory: MemoryGuard;
  readonly timers: Timers;
  readonly access: () => Access;
}

/** The broker of one virtual host: its topics are invisible to the others. */
export class Broker {
  readonly domain: string;
  /** Replaced by a reload. */
  options: MqttOptions;
  readonly stored: SessionStore;
  readonly durably: Durably;
  readonly memory: MemoryGuard;
  readonly subscriptions: Subscriptions;
  readonly retained: RetainedMessages;
  readonly system: SystemTopics;
  readonly sessions: Sessions;
  readonly wills: Wills;
  readonly acl: Acl;
  readonly drops = noDrops();
  readonly traffic = noTraffic();
  /** Topics that another part answers for; undefined while there is none. */
  reserved: ReservedTopics | undefined = undefined;
  /** What gives stanzas to clients; undefined while there is none. */
  edge: StanzaEdge | undefined = undefined;
  /** Its clients as devices of their accounts; undefined where the broker stands alone. */
  devices: Devices | undefined = undefined;
  /** Set when something was written for a publication: its acknowledgement then waits for the disk. */
  wrote = false;
  /** The topics that are published to most, by samples. */
  readonly top = new TopTopics();
  #published = 0;
  readonly #timers: Timers;
  /** Sessions whose exchanges of QoS 2 have changed in the open group. */
  readonly #changed = new Set<Session>();
  readonly #deferred: Deferred;

  constructor({ access, acl, domain, durably, memory, options, stored, timers }: BrokerParts) {
    this.domain = domain;
    this.options = options;
    this.stored = stored;
    this.durably = durably;
    this.memory = memory;
    this.#timers = timers;
    this.subscriptions = new Subscriptions(() => this.options.shared);
    this.retained = new RetainedMessages(storedRetained(stored.retained, domain), () => ({
      count: this.options.retainedCount,
      bytes: this.options.retainedSize,
    }));
    this.system = new SystemTopics(this, timers);
    this.sessions = new Sessions(this, timers);
    this.wills = new Wills(this, timers);
    this.acl = new Acl({ domain, table: acl, settings: () => this.options, access, changed: () => this.#aclChanged() });
    this.#deferred = stored.store.deferred(() => this.#writeFlows());
  }

  /** Milliseconds since the epoch, late by a tick at most. */
  get now(): number {
    return this.#timers.now;
  }

  async restore(): Promise<void> {
    await this.acl.restore();
    await this.retained.load(this.now);
    await this.sessions.restore();
    await this.wills.restore();
    this.devices?.restored();
  }

  /**
   * The hot path: gives a message to everybody who subscribed to its topic, and keeps it when it is to be retained.
   * @param from the publisher, a session or a part of the server; undefined for the server itself and for wills
   * @returns how many subscribers there are
   */
  publish(message: Message, from: object | undefined): number {
    // Who may speak there was judged elsewhere, or not at all.
    if (this.reserved?.covers(message.topic) === true) return 0;
    const publication = new Publication(message, this.now, from);
    if (message.retain) this.#retain(publication);
    if ((++this.#published & SAMPLE) === 0) this.top.note(message.topic);
    const matches = this.subscriptions.match(message.topic);
    for (const match of matches) match.subscriber.deliver(publication, match);
    return matches.length;
  }

  /** Whether there is room to retain a message: a publisher is told when there is not. */
  canRetain(message: Message): boolean {
    return !message.retain || message.payload.length === 0 || this.retained.hasRoom(message, this.now);
  }

  #retain(publication: Publication): void {
    const { payload, topic } = publication.message;
    // MQTT 5 section 3.3.1.3: an empty payload takes away what is retained [MQTT-3.3.1-6].
    if (payload.length === 0) {
      if (this.retained.clear(topic)) this.wrote = true;
    } else if (this.retained.put(publication.kept().message, this.now)) this.wrote = true;
    else this.drops.retained_full += 1;
  }

  /** Which exchanges of QoS 2 are open has changed: written once a group, however often it changes. */
  flowsChanged(session: Session): void {
    this.wrote = true;
    this.#changed.add(session);
    this.#deferred.ask();
  }

  #writeFlows(): void {
    const { flows } = this.stored;
    for (const session of this.#changed) {
      if (this.sessions.get(session.key) !== session) continue;
      const received = [...(session.receiving ?? [])];
      const released = [...(session.released ?? [])];
      if (received.length + released.length === 0) flows.delete(session.place);
      else flows.put(session.place, { received, released });
    }
    this.#changed.clear();
  }

  /** The time of a session is over (MQTT 5 section 3.1.2.11.2). */
  expired(session: Session): void {
    this.traffic.expiredSessions += 1;
    this.sessions.end(session);
  }

  /** Subscriptions that are no longer allowed end at once. */
  #aclChanged(): void {
    for (const session of this.sessions) {
      if (session.subscriptions === undefined) continue;
      const view = this.acl.viewOf(session, undefined);
      for (const filter of [...session.subscriptions.keys()]) {
        if (!this.acl.maySubscribe(view, filter)) this.unsubscribe(session, filter);
      }
    }
  }

  /** @returns whether there was such a subscription */
  unsubscribe(session: Session, filter: string): boolean {
    if (!this.subscriptions.remove(session, filter)) return false;
    if (session.durable) this.stored.subscriptions.delete([...session.place, filter]);
    if (this.reserved?.covers(filter) === true) this.devices?.listens(session);
    return true;
  }

  /** The account is gone: so are its sessions. */
  accountRemoved(account: string, end: (session: Session) => void): void {
    for (const session of [...this.sessions]) {
      if (session.account !== account) continue;
      end(session);
      this.sessions.end(session);
    }
  }
}
