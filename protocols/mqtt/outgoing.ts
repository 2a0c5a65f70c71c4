import { type Backlog, type Delivery, MemoryBacklog, sizeOf, type Waiting } from './backlog.ts';
import type { Drops } from './counters.ts';
import type { Wait } from './durably.ts';
import { type ReasonCode, reasonCodes } from './packet/reason-codes.ts';
import type { QoS } from './packet/types.ts';
import type { Publication } from './publication.ts';

/** The connected client, as the messages on their way to it see it. */
export interface Receiver {
  /** Messages of QoS 1 and 2 that may be on their way at once: the client's Receive Maximum, or our own if that is lower. */
  readonly window: number;
  /** Not much waits for the socket. */
  readonly writable: boolean;
  /** @returns false when the packet is larger than the client takes */
  publish(
    publication: Publication,
    qos: QoS,
    retain: boolean,
    packetId: number,
    dup: boolean,
    ids: readonly number[],
  ): boolean;
  /** @param durable only when all that was written so far is on the disk */
  release(packetId: number, reason: ReasonCode, durable: boolean): void;
}

/** What the messages on their way ask of their session. */
export interface OutgoingOwner {
  readonly receiver: Receiver | undefined;
  readonly limits: OutgoingLimits;
  readonly drops: Drops;
  /** Messages take more memory than they may: none is added to what waits there. */
  readonly tight: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Has `durable` called when what was written so far is on the disk. @returns undefined when it is already */
  awaitDurable(): Wait | undefined;
  /** Keeps that the client has received a message of QoS 2 (PUBREC), or that it is completed. */
  setReleased(seq: number, released: boolean): void;
}

export interface OutgoingLimits {
  readonly maxQueued: number;
  readonly maxQueuedSize: number;
  readonly dropOldest: boolean;
}

interface Flight {
  readonly seq: number;
  readonly qos: QoS;
  /** Kept only where another member of a share group may have to get it. */
  readonly delivery: Delivery | undefined;
  /** The client has received it: PUBREC came. */
  released: boolean;
}

/** MQTT 5 section 2.2.1: identifiers are 1 to 65,535. Made from the number in the journal, so that they survive a crash unstored. */
const packetIdOf = (seq: number): number => (seq % 65_535) + 1;

/**
 * The messages of QoS 1 and 2 on their way to one client (MQTT 5 section 4.3): within its window in flight, the others in line.
 */
export class Outgoing {
  readonly #owner: OutgoingOwner;
  readonly #backlog: Backlog;
  /** The backlog outlives the connection. */
  readonly #stored: boolean;
  #flights: Map<number, Flight> | undefined = undefined;
  /**
   * Messages of QoS 2 that have not been sent leave only when they are durable: a crash before would have their publisher send them
   * again, and make two of one. Those below this number are.
   */
  #safe = Number.POSITIVE_INFINITY;
  #fences: { readonly wait: Wait; upTo: number }[] | undefined = undefined;

  constructor(owner: OutgoingOwner, backlog: Backlog) {
    this.#owner = owner;
    this.#backlog = backlog;
    this.#stored = !(backlog instanceof MemoryBacklog);
  }

  get inFlight(): number {
    return this.#flights?.size ?? 0;
  }

  get waiting(): number {
    return this.#backlog.waiting;
  }

  get waitingBytes(): number {
    return this.#backlog.bytes;
  }

  /** Sends a message, or has it wait. @returns false when it was dropped */
  add(delivery: Delivery): boolean {
    const { receiver } = this.#owner;
    const direct = !this.#stored || delivery.qos === 1;
    if (direct && receiver !== undefined && this.#backlog.waiting === 0 && this.#mayFly(receiver)) {
      const seq = this.#backlog.pass(delivery);
      return this.#fly(receiver, { seq, delivery, dup: false, released: false });
    }
    if (!this.#makeRoom(delivery)) return false;
    const seq = this.#backlog.add(delivery);
    if (this.#stored && delivery.qos === 2) this.#fence(seq);
    if (receiver !== undefined && this.#backlog.waiting === 1) this.pump();
    return true;
  }

  #makeRoom(delivery: Delivery): boolean {
    const { drops, limits } = this.#owner;
    const { dropOldest, maxQueued, maxQueuedSize } = limits;
    const backlog = this.#backlog;
    if (!this.#stored && this.#owner.tight) {
      drops.memory += 1;
      return false;
    }
    const size = sizeOf(delivery);
    while (backlog.waiting > 0 && (backlog.waiting >= maxQueued || backlog.bytes + size > maxQueuedSize)) {
      if (!dropOldest || !backlog.dropOldest()) break;
      drops.queue_full += 1;
    }
    if (backlog.waiting < maxQueued && backlog.bytes + size <= maxQueuedSize) return true;
    drops[backlog.waiting >= maxQueued ? 'queue_full' : 'queue_size'] += 1;
    return false;
  }

  #mayFly({ window, writable }: Receiver): boolean {
    return writable && this.inFlight < window;
  }

  /** Sends what waits, as far as the window and the socket allow. */
  pump(): void {
    const backlog = this.#backlog;
    const { now, receiver } = this.#owner;
    if (receiver === undefined) return;
    while (backlog.waiting > 0 && this.#mayFly(receiver)) {
      const next = backlog.peek();
      if (next === undefined) return;
      const { delivery, seq } = next;
      // QoS 0 that was queued for an absent client takes no identifier.
      if (delivery.qos > 0 && this.#flights?.has(packetIdOf(seq)) === true) return;
      if (delivery.qos === 2 && !next.dup && seq >= this.#safe) return;
      backlog.shift();
      if (!next.dup && (delivery.publication.left(now) ?? 1) <= 0) {
        this.#owner.drops.expired += 1;
        backlog.done(seq);
      } else this.#fly(receiver, next);
    }
  }

  #fence(seq: number): void {
    const wait = this.#owner.awaitDurable();
    if (wait === undefined) return;
    this.#fences ??= [];
    const last = this.#fences.at(-1);
    if (last === undefined) this.#safe = seq;
    if (last?.wait === wait) last.upTo = seq + 1;
    else this.#fences.push({ wait, upTo: seq + 1 });
  }

  /** What was written before this wait began is on the disk. */
  durable(wait: Wait): void {
    const fences = this.#fences;
    if (fences === undefined) return;
    while (fences[0] !== undefined && fences[0].wait <= wait) this.#safe = fences.shift()?.upTo ?? this.#safe;
    if (fences.length === 0) {
      this.#fences = undefined;
      this.#safe = Number.POSITIVE_INFINITY;
    }
    this.pump();
  }

  #fly(receiver: Receiver, { delivery, dup, released, seq }: Waiting): boolean {
    const { ids, publication, qos, retain, share } = delivery;
    const packetId = packetIdOf(seq);
    if (released) {
      this.#keep(packetId, { seq, qos, delivery: undefined, released });
      // PUBREC may have come on the connection before, a moment ago.
      receiver.release(packetId, reasonCodes.success, this.#stored);
      return true;
    }
    if (!receiver.publish(publication, qos, retain, qos === 0 ? 0 : packetId, dup, ids)) {
      this.#owner.drops.too_large += 1;
      this.#backlog.done(seq);
      return false;
    }
    if (qos === 0) this.#backlog.done(seq);
    else {
      const kept = share === undefined ? undefined : { ...delivery, publication: publication.kept() };
      this.#keep(packetId, { seq, qos, delivery: kept, released: false });
    }
    return true;
  }

  #keep(packetId: number, flight: Flight): void {
    this.#flights ??= new Map();
    this.#flights.set(packetId, flight);
  }

  /** PUBACK (MQTT 5 section 4.3.2). @returns false when no such message is on its way */
  acknowledged(packetId: number): boolean {
    const flight = this.#flights?.get(packetId);
    if (flight === undefined || flight.qos !== 1) return false;
    this.#landed(packetId, flight);
    return true;
  }

  /** PUBREC (section 4.3.3). */
  received(packetId: number, reason: ReasonCode): void {
    const { receiver } = this.#owner;
    const flight = this.#flights?.get(packetId);
    if (flight === undefined || flight.qos !== 2) {
      if (reason < 0x80) receiver?.release(packetId, reasonCodes.packetIdentifierNotFound, false);
      return;
    }
    // [MQTT-4.3.3-4]: a reason of 0x80 or more ends it.
    if (reason >= 0x80) return this.#landed(packetId, flight);
    const first = !flight.released;
    flight.released = true;
    if (first && this.#stored) this.#owner.setReleased(flight.seq, true);
    receiver?.release(packetId, reasonCodes.success, this.#stored);
  }

  /** PUBCOMP. */
  completed(packetId: number): void {
    const flight = this.#flights?.get(packetId);
    if (flight?.released !== true) return;
    if (this.#stored) this.#owner.setReleased(flight.seq, false);
    this.#landed(packetId, flight);
  }

  #landed(packetId: number, { seq }: Flight): void {
    // An empty map stays until the connection ends: a client that gets messages one at a time would make one for each.
    this.#flights?.delete(packetId);
    this.#backlog.done(seq);
    if (this.#backlog.waiting > 0) this.pump();
  }

  /** Takes away all that waits. @returns how many messages that were */
  purge(): number {
    let count = 0;
    for (let next = this.#backlog.peek(); next !== undefined; next = this.#backlog.peek()) {
      this.#backlog.shift();
      this.#backlog.done(next.seq);
      if (next.released) this.#owner.setReleased(next.seq, false);
      count += 1;
    }
    return count;
  }

  /** The connection has ended: what was on its way is so no more. @returns what a share group may give to another member */
  disconnected(): readonly Delivery[] {
    const flights = this.#flights;
    this.#flights = undefined;
    if (this.#stored || flights === undefined) return [];
    // [MQTT-4.8.2-5]: a message of QoS 2 that was sent stays with the session that has ended.
    return [...flights.values()].flatMap(({ delivery, qos }) =>
      delivery === undefined || qos === 2 ? [] : [delivery],
    );
  }
}
