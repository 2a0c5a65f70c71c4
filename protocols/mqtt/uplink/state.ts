import { json } from '#src/store/codec.ts';
import type { Key } from '#src/store/keys.ts';
import type { Deferred, Journal, JournalEntry, Store, Table } from '#src/store/store.ts';
import { type QueuedMessage, queuedCodec } from '../session-store.ts';

/** What is kept of an uplink beside the messages that wait. */
interface StoredUplink {
  /** Whose session it is: client identifier and address. Undefined before the first connection. */
  readonly session?: string;
  /** Of the messages that wait. */
  readonly bytes: number;
  /** Numbers of messages that the other broker has received (PUBREC) and not completed. */
  readonly released: readonly number[];
  /** Packet identifiers that the other broker has published with at QoS 2 and not released. */
  readonly received: readonly number[];
  /** `qos filter`: what the session there has subscribed to. */
  readonly subscribed: readonly string[];
  /** Local filters whose retained messages have been sent. */
  readonly local: readonly string[];
  /** Number of the last message that was sent; undefined while a connection lasts. */
  readonly sent?: number;
}

/** Bytes that a message costs beside topic and payload, about. */
const OVERHEAD = 100;

export const sizeOf = ({ message: { payload, topic } }: QueuedMessage): number =>
  topic.length + payload.length + OVERHEAD;

/** What the uplinks of all hosts keep. Keys are host and name. */
export class UplinkStore {
  readonly store: Store;
  readonly spool: Journal<QueuedMessage>;
  readonly #records: Table<StoredUplink>;
  readonly #changed = new Set<UplinkState>();
  readonly #deferred: Deferred;

  constructor(store: Store) {
    this.store = store;
    this.spool = store.journal('mqtt-uplink-spool', queuedCodec);
    this.#records = store.table('mqtt-uplinks', json<StoredUplink>());
    this.#deferred = store.deferred(() => this.#write());
  }

  open(host: string, name: string): UplinkState {
    return new UplinkState(this, [host, name], this.#records.get([host, name]));
  }

  /** Names of all that a host keeps something of, those that the settings no longer have among them. */
  async names(host: string): Promise<readonly string[]> {
    const names = new Set<string>();
    for await (const [[, name = '']] of this.#records.scan([host])) names.add(name);
    return [...names];
  }

  /** Forgets an uplink and the messages that waited for it. @returns how many these were */
  forget(host: string, name: string): number {
    const waiting = this.spool.length([host, name]);
    for (const state of this.#changed) if (state.isOf(host, name)) this.#changed.delete(state);
    this.spool.drop([host, name]);
    this.#records.delete([host, name]);
    return waiting;
  }

  /** @internal Written once a group, however often it changes. */
  changed(state: UplinkState): void {
    this.#changed.add(state);
    this.#deferred.ask();
  }

  #write(): void {
    for (const state of this.#changed) this.#records.put(state.place, state.record);
    this.#changed.clear();
  }
}

/** What outlives the process of one uplink: the messages that wait for it and the exchanges of QoS 2 that are not complete. */
export class UplinkState {
  readonly place: Key;
  readonly #stored: UplinkStore;
  #session: string | undefined;
  #bytes: number;
  readonly #released: Set<number>;
  readonly #received: Set<number>;
  #subscribed: ReadonlySet<string>;
  #local: readonly string[];
  #sent: number | undefined;

  constructor(stored: UplinkStore, place: Key, record: StoredUplink | undefined) {
    this.#stored = stored;
    this.place = place;
    this.#session = record?.session;
    this.#bytes = this.waiting === 0 ? 0 : (record?.bytes ?? 0);
    this.#released = new Set(record?.released);
    this.#received = new Set(record?.received);
    this.#subscribed = new Set(record?.subscribed);
    this.#local = record?.local ?? [];
    this.#sent = record?.sent;
  }

  isOf(host: string, name: string): boolean {
    return this.place[0] === host && this.place[1] === name;
  }

  get record(): StoredUplink {
    return {
      ...(this.#session === undefined ? {} : { session: this.#session }),
      bytes: this.#bytes,
      released: [...this.#released],
      received: [...this.#received],
      subscribed: [...this.#subscribed],
      local: this.#local,
      ...(this.#sent === undefined ? {} : { sent: this.#sent }),
    };
  }

  // The messages that wait

  get waiting(): number {
    return this.#stored.spool.length(this.place);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Numbers of the oldest and of the latest. */
  get bounds(): { readonly first: number; readonly last: number } | undefined {
    return this.#stored.spool.bounds(this.place);
  }

  /** Has a message wait. @returns its number */
  append(message: QueuedMessage): number {
    const seq = this.#stored.spool.append(this.place, message);
    this.#bytes += sizeOf(message);
    this.#touch();
    return seq;
  }

  read(from: number, limit: number): readonly JournalEntry<QueuedMessage>[] {
    return this.#stored.spool.read(this.place, from, limit);
  }

  /** A message is done with. @param bytes what `sizeOf` said */
  remove(seq: number, bytes: number): void {
    this.#stored.spool.remove(this.place, seq);
    this.#bytes = Math.max(0, this.#bytes - bytes);
    this.#touch();
  }

  /** Number of the last message that was sent; undefined while a connection lasts, and after a crash. */
  get sent(): number | undefined {
    return this.#sent;
  }

  setSent(seq: number | undefined): void {
    if (seq === this.#sent) return;
    this.#sent = seq;
    this.#touch();
  }

  // Exchanges of QoS 2 (MQTT 5 section 4.3.3)

  get released(): ReadonlySet<number> {
    return this.#released;
  }

  setReleased(seq: number, released: boolean): void {
    if (released) this.#released.add(seq);
    else this.#released.delete(seq);
    this.#touch();
  }

  get received(): ReadonlySet<number> {
    return this.#received;
  }

  setReceived(packetId: number, received: boolean): void {
    if (received) this.#received.add(packetId);
    else this.#received.delete(packetId);
    this.#touch();
  }

  // The session there

  get session(): string | undefined {
    return this.#session;
  }

  /** The other broker knows nothing of the session before (MQTT 5 section 3.2.2.1.1): neither do we. */
  begin(session: string): void {
    this.#session = session;
    this.#released.clear();
    this.#received.clear();
    this.#subscribed = new Set();
    this.#touch();
  }

  get subscribed(): ReadonlySet<string> {
    return this.#subscribed;
  }

  setSubscribed(subscribed: ReadonlySet<string>): void {
    this.#subscribed = subscribed;
    this.#touch();
  }

  get local(): readonly string[] {
    return this.#local;
  }

  setLocal(filters: readonly string[]): void {
    this.#local = filters;
    this.#touch();
  }

  #touch(): void {
    this.#stored.changed(this);
  }
}
