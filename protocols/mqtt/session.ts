import type { Timed } from '#src/net/timers.ts';
import { type Delivery, MemoryBacklog } from './backlog.ts';
import type { Broker } from './broker.ts';
import type { Drops } from './counters.ts';
import type { Wait, Waiter } from './durably.ts';
import { Outgoing, type OutgoingLimits, type OutgoingOwner, type Receiver } from './outgoing.ts';
import type { ReasonCode } from './packet/reason-codes.ts';
import type { QoS, Version } from './packet/types.ts';
import type { Publication } from './publication.ts';
import type { SessionRecord } from './session-store.ts';
import type { ShareGroup } from './share-group.ts';
import { type BacklogOwner, StoredBacklog } from './stored-backlog.ts';
import type { FewOrMany } from './topics/few.ts';
import type { Granted, Match } from './topics/tree.ts';

/** MQTT 5 section 3.1.2.11.2: a session that does not expire. */
export const FOR_EVER = 0xff_ff_ff_ff;

/** Messages that may wait for a client before what can wait elsewhere does. */
export const CROWD = 256;

/** The connected client, as its session sees it. */
export interface Link extends Receiver {
  readonly identity: Identity;
  /** Where it is, for operators. */
  readonly info: LinkInfo;
  /** Sends what nobody waits for; false when the client reads slowly. */
  publishAtMostOnce(publication: Publication, retain: boolean, ids: readonly number[]): boolean;
  /** Ends the connection, telling the client why. */
  end(reason: ReasonCode, text?: string): void;
}

/** What operators want to know of a connection. Milliseconds since the epoch; keep alive in seconds. */
export interface LinkInfo {
  readonly ip: string;
  readonly port: number;
  readonly listener: string;
  /** `mqtt`, `mqtts`, `mqtt_ws`, `mqtt_wss`. */
  readonly label: string;
  readonly version: Version;
  readonly keepAlive: number;
  readonly connectedAt: number;
  readonly heardAt: number;
}

/** Who a client is. */
export interface Identity {
  /** Local part of the account; empty for an anonymous client. */
  readonly account: string;
  readonly clientId: string;
}

export const keyOf = ({ account, clientId }: Identity): string => `${account}/${clientId}`;

/**
 * What the server keeps of a client, connected or not (MQTT 5 section 4.1): its subscriptions, the messages on their way to it and the
 * identifiers it has published with. Lean, since a server holds many: what is rarely there is made when it is.
 */
export class Session implements OutgoingOwner, BacklogOwner, Waiter, Timed, Identity {
  readonly broker: Broker;
  readonly account: string;
  readonly clientId: string;
  readonly key: string;
  /** It outlives its connection, and is stored. */
  readonly durable: boolean;
  readonly outgoing: Outgoing;
  readonly #backlog: MemoryBacklog | StoredBacklog;
  /** Seconds after the end of the connection. */
  expiry: number;
  /** When the connection ended, milliseconds since the epoch; undefined while it lasts. */
  ended: number | undefined = undefined;
  link: Link | undefined = undefined;
  subscriptions: FewOrMany<string, Granted> | undefined = undefined;
  /** Something waits elsewhere until less waits here. */
  crowded = false;
  /** Packet identifiers that the client has published with at QoS 2 and not released. */
  receiving: Set<number> | undefined = undefined;
  /** Numbers of messages at QoS 2 that the client has received and not completed. */
  #released: Set<number> | undefined = undefined;

  constructor(broker: Broker, identity: Identity, expiry: number) {
    this.broker = broker;
    this.account = identity.account;
    this.clientId = identity.clientId;
    this.key = keyOf(identity);
    this.expiry = expiry;
    this.durable = expiry > 0;
    this.#backlog = this.durable ? new StoredBacklog(broker.stored.queue, this) : new MemoryBacklog();
    this.outgoing = new Outgoing(this, this.#backlog);
  }

  // What the outgoing messages ask

  get place(): readonly string[] {
    return [this.broker.domain, this.key];
  }

  get receiver(): Receiver | undefined {
    return this.link;
  }

  get limits(): OutgoingLimits {
    return this.broker.options;
  }

  get drops(): Drops {
    return this.broker.drops;
  }

  get tight(): boolean {
    return this.broker.memory.tight;
  }

  get now(): number {
    return this.broker.now;
  }

  group(name: string): ShareGroup | undefined {
    return this.broker.subscriptions.group(name);
  }

  awaitDurable(): Wait | undefined {
    return this.broker.durably.wait(this);
  }

  onDurable(wait: Wait): void {
    this.outgoing.durable(wait);
  }

  isReleased(seq: number): boolean {
    return this.#released?.has(seq) === true;
  }

  setReleased(seq: number, released: boolean): void {
    if (released) (this.#released ??= new Set()).add(seq);
    else this.#released?.delete(seq);
    this.broker.flowsChanged(this);
  }

  get released(): ReadonlySet<number> | undefined {
    return this.#released;
  }

  // As a subscriber

  get inFlight(): number {
    return this.outgoing.inFlight;
  }

  /** A message has arrived at the client. */
  progressed(): void {
    if (!this.crowded || this.outgoing.waiting > CROWD / 2) return;
    this.crowded = false;
    this.broker.devices?.eased(this);
  }

  get connected(): boolean {
    return this.link !== undefined;
  }

  /** As a member of a share group: it is connected and has room. */
  get ready(): boolean {
    const { link } = this;
    return link !== undefined && link.writable && this.outgoing.inFlight < link.window;
  }

  /** A message on a topic that it subscribed to. The hot path: called for each subscriber of a publication. */
  deliver(publication: Publication, { ids, noLocal, qos, retainAsPublished }: Match<unknown>): void {
    if (noLocal && publication.from === this) return;
    const { message } = publication;
    const lower = qos < message.qos ? qos : message.qos;
    this.take(publication, lower, retainAsPublished && message.retain, ids, undefined);
  }

  /** @param share the group that chose this session @returns false when it was dropped */
  take(
    publication: Publication,
    qos: QoS,
    retain: boolean,
    ids: readonly number[],
    share: ShareGroup | undefined,
  ): boolean {
    if (qos > 0 || (this.link === undefined && this.durable && this.broker.options.queueQos0)) {
      const added = this.outgoing.add({ publication, qos, retain, ids, share });
      if (this.durable) this.broker.wrote = true;
      return added;
    }
    return this.link?.publishAtMostOnce(publication, retain, ids) ?? false;
  }

  // Its life

  /** @param window messages that may have been on their way when the last process died */
  restore(
    { ended, sent }: SessionRecord,
    received: readonly number[],
    released: readonly number[],
    window: number,
  ): void {
    if (received.length > 0) this.receiving = new Set(received);
    if (released.length > 0) this.#released = new Set(released);
    this.ended = ended;
    if (this.#backlog instanceof StoredBacklog) this.#backlog.restore(sent, window);
  }

  /** What the store keeps of it, beside subscriptions and messages. */
  get record(): SessionRecord {
    const { account, clientId, ended, expiry } = this;
    const sent = this.#backlog instanceof StoredBacklog ? this.#backlog.sent : undefined;
    if (ended === undefined) return { account, clientId, expiry };
    return { account, clientId, expiry, ended, ...(sent === undefined ? {} : { sent }) };
  }

  open(link: Link): void {
    this.link = link;
    this.ended = undefined;
    if (this.#backlog instanceof StoredBacklog) this.#backlog.resume();
  }

  /** @returns messages that a share group may give to another member */
  disconnected(now: number): readonly Delivery[] {
    this.link = undefined;
    this.ended = now;
    const orphans = this.outgoing.disconnected();
    if (this.#backlog instanceof StoredBacklog) this.#backlog.resume();
    return orphans;
  }

  /** Everything of it is forgotten. @returns messages that waited, which share groups may give to other members */
  drop(): readonly Delivery[] {
    const waiting = [...this.#backlog].filter(({ share }) => share !== undefined);
    this.#backlog.drop();
    return waiting;
  }

  /** Its time is over. */
  onTimeout(): void {
    this.broker.expired(this);
  }
}
