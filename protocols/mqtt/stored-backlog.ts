import type { Journal } from '#src/store/store.ts';
import { type Backlog, type Delivery, sizeOf, type Waiting } from './backlog.ts';
import { Publication } from './publication.ts';
import type { QueuedMessage } from './session-store.ts';
import type { ShareGroup } from './share-group.ts';

/** What a stored backlog asks of its session. */
export interface BacklogOwner {
  /** Where it is in the journal. */
  readonly place: readonly string[];
  /** Numbers of messages that the client has received and not completed, of earlier connections. */
  isReleased(seq: number): boolean;
  group(name: string): ShareGroup | undefined;
}

/** Entries read at once, at most, and how many at first: large messages are read a few at a time. */
const PAGE = 32;
const FIRST_PAGE = 4;
/** Bytes that a page should not pass. */
const PAGE_BYTES = 262_144;

/**
 * The backlog of a session that outlives its connection: every message is in the journal from its arrival until the client has
 * acknowledged it, and nothing of what waits is in memory.
 */
export class StoredBacklog implements Backlog {
  readonly #journal: Journal<QueuedMessage>;
  readonly #owner: BacklogOwner;
  /** What waits has this number or a higher one. */
  #cursor = 0;
  /** What has a lower number may have been sent on an earlier connection. */
  #sent = 0;
  /**
   * After a crash nobody knows what was sent; it can only have been so many of the oldest of those that were left. Looked up when it is
   * needed, and then more may have come: they were never sent.
   */
  #unknown: { readonly window: number; readonly below: number } | undefined = undefined;
  #pageSize = FIRST_PAGE;
  #waiting: number;
  /** Undefined until somebody asks: then all that waits is read once. */
  #bytes: number | undefined;
  #page: readonly Waiting[] = [];
  #at = 0;

  constructor(journal: Journal<QueuedMessage>, owner: BacklogOwner) {
    this.#journal = journal;
    this.#owner = owner;
    this.#waiting = journal.length(owner.place);
    this.#bytes = this.#waiting === 0 ? 0 : undefined;
  }

  get waiting(): number {
    return this.#waiting;
  }

  get bytes(): number {
    return (this.#bytes ??= this.#measure());
  }

  /**
   * What has a lower number has been sent, on this connection or an earlier one; undefined when nobody knows. `restore` has to be told
   * after a restart.
   */
  get sent(): number | undefined {
    return this.#unknown === undefined ? Math.max(this.#sent, this.#cursor) : undefined;
  }

  /** @param window messages that may have been on their way when the last process died */
  restore(sent: number | undefined, window: number): void {
    const left = this.#journal.bounds(this.#owner.place);
    if (sent !== undefined) this.#sent = sent;
    else if (left !== undefined) this.#unknown = { window, below: left.last + 1 };
  }

  /** A connection has begun or ended: everything that is not acknowledged waits again, in order (MQTT 5 section 4.4). */
  resume(): void {
    this.#sent = Math.max(this.#sent, this.#cursor);
    this.#cursor = 0;
    this.#page = [];
    this.#at = 0;
    this.#waiting = this.#journal.length(this.#owner.place);
    this.#bytes = this.#waiting === 0 ? 0 : undefined;
  }

  add(delivery: Delivery): number {
    if (this.#bytes !== undefined) this.#bytes += sizeOf(delivery);
    this.#waiting += 1;
    return this.#append(delivery);
  }

  pass(delivery: Delivery): number {
    const seq = this.#append(delivery);
    this.#cursor = seq + 1;
    return seq;
  }

  #append({ ids, publication, qos, retain, share }: Delivery): number {
    const { at, message } = publication;
    return this.#journal.append(this.#owner.place, { message, qos, retain, ids, at, share: share?.key });
  }

  peek(): Waiting | undefined {
    if (this.#waiting === 0) return undefined;
    if (this.#at >= this.#page.length) this.#turn();
    return this.#page[this.#at];
  }

  #turn(): void {
    this.#at = 0;
    if (this.#unknown !== undefined) this.#settle(this.#unknown);
    const read = this.#journal.read(this.#owner.place, this.#cursor, this.#pageSize);
    this.#page = read.map(({ seq, value }) => ({
      seq,
      delivery: this.#deliveryOf(value),
      dup: seq < this.#sent,
      released: value.qos === 2 && seq < this.#sent && this.#owner.isReleased(seq),
    }));
    // A damaged store may have fewer entries than it said.
    if (this.#page.length === 0) this.#waiting = 0;
    const bytes = this.#page.reduce((sum, { delivery }) => sum + sizeOf(delivery), 0);
    this.#pageSize = Math.max(1, Math.min(PAGE, Math.floor((PAGE_BYTES * this.#page.length) / Math.max(1, bytes))));
  }

  #settle({ below, window }: { readonly below: number; readonly window: number }): void {
    const oldest = this.#journal.read(this.#owner.place, 1, window);
    const possible = Math.min((oldest.at(-1)?.seq ?? -1) + 1, below);
    this.#sent = Math.max(this.#sent, possible);
    this.#unknown = undefined;
  }

  #deliveryOf({ at, ids, message, qos, retain, share }: QueuedMessage): Delivery {
    const publication = new Publication(message, at, undefined);
    return { publication, qos, retain, ids, share: share === undefined ? undefined : this.#owner.group(share) };
  }

  shift(): void {
    const first = this.peek();
    if (first === undefined) return;
    this.#at += 1;
    this.#cursor = first.seq + 1;
    this.#waiting -= 1;
    if (this.#bytes !== undefined) this.#bytes -= sizeOf(first.delivery);
  }

  dropOldest(): boolean {
    const first = this.peek();
    if (first === undefined || first.dup) return false;
    this.shift();
    this.done(first.seq);
    return true;
  }

  done(seq: number): void {
    this.#journal.remove(this.#owner.place, seq);
  }

  /** What is not acknowledged, for who has to find another receiver for it; but not QoS 2 that this one may have [MQTT-4.8.2-5]. */
  *[Symbol.iterator](): IterableIterator<Delivery> {
    if (this.#unknown !== undefined) this.#settle(this.#unknown);
    const sent = Math.max(this.#sent, this.#cursor);
    for (const { seq, value } of this.#journal.read(this.#owner.place)) {
      if (value.qos < 2 || seq >= sent) yield this.#deliveryOf(value);
    }
  }

  drop(): void {
    this.#journal.drop(this.#owner.place);
    this.#waiting = 0;
    this.#bytes = 0;
    this.#page = [];
  }

  #measure(): number {
    let bytes = 0;
    for (let from = this.#cursor; ;) {
      const page = this.#journal.read(this.#owner.place, from, PAGE);
      const last = page.at(-1);
      if (last === undefined) return bytes;
      for (const { value } of page) bytes += sizeOf(this.#deliveryOf(value));
      from = last.seq + 1;
    }
  }
}
