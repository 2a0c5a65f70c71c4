import type { Publication } from './publication.ts';
import type { QoS } from './packet/types.ts';
import type { ShareGroup } from './share-group.ts';

/** One subscriber's copy of a message. */
export interface Delivery {
  readonly publication: Publication;
  readonly qos: QoS;
  readonly retain: boolean;
  /** Identifiers of the subscriptions that it came through. */
  readonly ids: readonly number[];
  /** The share group that it came through. */
  readonly share: ShareGroup | undefined;
}

/** The next in line. */
export interface Waiting {
  readonly seq: number;
  readonly delivery: Delivery;
  /** It may have been sent before, on another connection. */
  readonly dup: boolean;
  /** The client has received it (PUBREC): it is only to be released. */
  readonly released: boolean;
}

/**
 * Messages of QoS 1 and 2 that a session is to have: those that wait, in order, and the numbers of those on their way. Sequence
 * numbers only grow, and packet identifiers are made from them.
 */
export interface Backlog {
  /** Messages that wait, those on their way excluded. */
  readonly waiting: number;
  /** Bytes of those, about. */
  readonly bytes: number;
  /** Has a message wait at the end of the line. @returns its number */
  add(delivery: Delivery): number;
  /** Gives a number to a message that does not wait. Only when nothing waits. */
  pass(delivery: Delivery): number;
  peek(): Waiting | undefined;
  /** What `peek` answered is on its way. */
  shift(): void;
  /** Takes away the oldest that waits. @returns false when it must stay: the client may have received it */
  dropOldest(): boolean;
  /** The message with this number is done with: acknowledged, or dropped after `shift`. */
  done(seq: number): void;
  /** Everything is forgotten. */
  drop(): void;
}

/** Bytes that a message costs beside topic and payload, about. */
const OVERHEAD = 100;

export const sizeOf = ({ publication: { message } }: Delivery): number =>
  message.topic.length + message.payload.length + OVERHEAD;

/** The backlog of a session that ends with its connection. */
export class MemoryBacklog implements Backlog {
  #line: Delivery[] | undefined = undefined;
  #head = 0;
  /** Number of the first in line. */
  #next = 0;
  bytes = 0;

  get waiting(): number {
    return this.#line === undefined ? 0 : this.#line.length - this.#head;
  }

  add(delivery: Delivery): number {
    this.#line ??= [];
    this.#line.push({ ...delivery, publication: delivery.publication.kept() });
    this.bytes += sizeOf(delivery);
    return this.#next + this.waiting - 1;
  }

  pass(): number {
    return this.#next++;
  }

  peek(): Waiting | undefined {
    const delivery = this.#line?.[this.#head];
    return delivery === undefined ? undefined : { seq: this.#next, delivery, dup: false, released: false };
  }

  shift(): void {
    const line = this.#line;
    const delivery = line?.[this.#head];
    if (line === undefined || delivery === undefined) return;
    this.bytes -= sizeOf(delivery);
    this.#head += 1;
    this.#next += 1;
    if (this.#head === line.length) {
      this.#line = undefined;
      this.#head = 0;
    } else if (this.#head >= 256 && this.#head * 2 > line.length) {
      line.splice(0, this.#head);
      this.#head = 0;
    }
  }

  dropOldest(): boolean {
    this.shift();
    return true;
  }

  done(): void {
    // What is on its way is not kept.
  }

  /** The messages that wait, for who has to find another receiver for them. */
  *[Symbol.iterator](): IterableIterator<Delivery> {
    yield* this.#line?.slice(this.#head) ?? [];
  }

  drop(): void {
    this.#line = undefined;
    this.#head = 0;
    this.bytes = 0;
  }
}
