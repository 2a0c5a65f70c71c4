import type { Buffer } from 'node:buffer';
import type { Wait, Waiter } from '../durably.ts';
import { EncodedPublish } from '../packet/publish.ts';
import { reasonCodes } from '../packet/reason-codes.ts';
import type { Acknowledgement, ClientPacket, QoS, Version } from '../packet/types.ts';
import type { QueuedMessage } from '../session-store.ts';
import type { UplinkCounters } from './counters.ts';
import { sizeOf, type UplinkState } from './state.ts';

/** What the other broker takes, from its CONNACK, and how to send. */
export interface OutboundPeer {
  readonly version: Version;
  /** Messages of QoS 1 and 2 on their way at once. */
  readonly window: number;
  /** Bytes of a packet. */
  readonly maxPacketSize: number;
  readonly maximumQos: QoS;
  readonly retainAvailable: boolean;
  readonly writable: boolean;
  send(packet: ClientPacket): void;
  push(bytes: Buffer): void;
}

export interface OutboundOptions {
  readonly maxInFlight: number;
  readonly maxQueuedSize: number;
  readonly dropOldest: boolean;
  readonly queueQos0: boolean;
}

export interface OutboundParts {
  readonly state: UplinkState;
  readonly counters: UplinkCounters;
  readonly options: OutboundOptions;
  readonly durably: { wait(waiter: Waiter): Wait | undefined };
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** A message on its way. */
interface InFlight {
  readonly seq: number;
  /** What it counts in the queue. */
  readonly bytes: number;
  readonly qos: 1 | 2;
  released: boolean;
}

/** Packet identifiers of messages are made from their numbers, so that they are the same after a restart; those above are for SUBSCRIBE. */
export const MESSAGE_IDS = 60_000;
const idOf = (seq: number): number => ((seq - 1) % MESSAGE_IDS) + 1;

/** Messages read from the store at once. */
const PAGE = 64;

/**
 * Messages on their way to the other broker (MQTT 5 sections 4.3, 4.4 and 4.9). Those of QoS 1 and 2 wait in the store, in order, and
 * leave it when they are acknowledged; nothing is sent before it is durable, since its number would be given away a second time.
 */
export class Outbound implements Waiter {
  readonly #parts: OutboundParts;
  #peer: OutboundPeer | undefined = undefined;
  readonly #inFlight = new Map<number, InFlight>();
  /** Number of the next message to send. */
  #next = 1;
  /** Those up to here may have been sent before, on another connection of the same session. */
  #repeats = 0;
  /** Everything up to here is durable. */
  #durable = 0;
  readonly #waiting: { readonly wait: Wait; seq: number }[] = [];
  /** PUBREL waits until the store knows that PUBREC came. */
  readonly #releases: { readonly wait: Wait; readonly packetId: number }[] = [];

  constructor(parts: OutboundParts) {
    this.#parts = parts;
    const { options, state } = parts;
    const { bounds, sent } = state;
    if (bounds === undefined) return;
    this.#next = bounds.first;
    // What a process that was killed had sent is not known: a window at most.
    this.#repeats = sent ?? bounds.first + options.maxInFlight - 1;
    this.#await(bounds.last);
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Nothing waits and nothing is on its way. */
  get idle(): boolean {
    return this.#inFlight.size === 0 && this.#parts.state.waiting === 0;
  }

  /** @returns whether something was written: the publisher is answered when that is durable */
  add(message: QueuedMessage): boolean {
    const { counters, options, state } = this.#parts;
    if (message.qos === 0 && (this.#peer !== undefined || !options.queueQos0)) {
      this.#sendNow(message);
      return false;
    }
    const bytes = sizeOf(message);
    while (options.dropOldest && state.bytes + bytes > options.maxQueuedSize && this.#dropOldest());
    if (state.bytes + bytes > options.maxQueuedSize) {
      counters.dropped.queue_size += 1;
      return false;
    }
    const seq = state.append(message);
    this.#await(seq);
    return true;
  }

  #dropOldest(): boolean {
    const { counters, state } = this.#parts;
    const [oldest] = state.read(this.#next, 1);
    if (oldest === undefined) return false;
    state.remove(oldest.seq, sizeOf(oldest.value));
    counters.dropped.queue_size += 1;
    return true;
  }

  #await(seq: number): void {
    const wait = this.#parts.durably.wait(this);
    if (wait === undefined) {
      this.#durable = seq;
      this.pump();
      return;
    }
    const last = this.#waiting.at(-1);
    if (last?.wait === wait) last.seq = seq;
    else this.#waiting.push({ wait, seq });
  }

  onDurable(wait: Wait): void {
    while (this.#waiting[0] !== undefined && this.#waiting[0].wait <= wait) {
      this.#durable = Math.max(this.#durable, this.#waiting.shift()?.seq ?? 0);
    }
    while (this.#releases[0] !== undefined && this.#releases[0].wait <= wait) {
      const release = this.#releases.shift();
      if (release !== undefined) this.#release(release.packetId);
    }
    this.pump();
  }

  // Connections

  /**
   * The other broker has accepted us: what it may not have is sent again, with the same identifiers and in order [MQTT-4.4.0-1],
   * [MQTT-4.6.0-1].
   * @param resumed it still has the session
   */
  connected(peer: OutboundPeer, resumed: boolean): void {
    const { state } = this.#parts;
    this.#peer = peer;
    if (!resumed) this.#repeats = 0;
    state.setSent(undefined);
    this.#next = state.bounds?.first ?? this.#next;
    for (const seq of state.released) {
      this.#inFlight.set(idOf(seq), { seq, bytes: 0, qos: 2, released: true });
      this.#release(idOf(seq));
    }
    this.pump();
  }

  disconnected(): void {
    if (this.#peer === undefined) return;
    this.#peer = undefined;
    this.#repeats = Math.max(this.#repeats, this.#next - 1);
    this.#inFlight.clear();
    this.#releases.length = 0;
    this.#parts.state.setSent(this.#repeats);
    this.#next = this.#parts.state.bounds?.first ?? this.#next;
  }

  /** Sends what the window and the other broker's pace allow. */
  pump(): void {
    const peer = this.#peer;
    if (peer === undefined) return;
    for (;;) {
      const room = Math.min(PAGE, peer.window - this.#inFlight.size);
      if (room <= 0 || !peer.writable) return;
      const page = this.#parts.state.read(this.#next, room);
      if (page.length === 0) return;
      for (const { seq, value } of page) {
        if (seq > this.#durable || this.#inFlight.has(idOf(seq)) || !peer.writable) return;
        this.#next = seq + 1;
        this.#sendStored(peer, seq, value);
      }
    }
  }

  #sendStored(peer: OutboundPeer, seq: number, queued: QueuedMessage): void {
    const { state } = this.#parts;
    const bytes = sizeOf(queued);
    const qos = queued.qos < peer.maximumQos ? queued.qos : peer.maximumQos;
    const dup = seq <= this.#repeats;
    if (!this.#sendOne(peer, queued, qos, qos === 0 ? 0 : idOf(seq), dup) || qos === 0) return state.remove(seq, bytes);
    this.#inFlight.set(idOf(seq), { seq, bytes, qos, released: false });
  }

  /** A message of QoS 0 goes now or never. */
  #sendNow(message: QueuedMessage): void {
    const { counters } = this.#parts;
    const peer = this.#peer;
    if (peer === undefined) counters.dropped.offline += 1;
    else if (!peer.writable) counters.dropped.slow += 1;
    else this.#sendOne(peer, message, 0, 0, false);
  }

  /** @returns false when it must not be sent */
  #sendOne(
    peer: OutboundPeer,
    { at, message, retain }: QueuedMessage,
    qos: QoS,
    packetId: number,
    dup: boolean,
  ): boolean {
    const { counters, now } = this.#parts;
    const { messageExpiry } = message.properties;
    const left = messageExpiry === undefined ? undefined : messageExpiry - Math.floor(Math.max(0, now() - at) / 1000);
    // MQTT 5 section 3.3.2.3.3; one that was sent before is sent again all the same, to complete its exchange.
    if (left !== undefined && left <= 0 && !dup) {
      counters.dropped.expired += 1;
      return false;
    }
    const extras = left === undefined ? undefined : { messageExpiry: Math.max(1, left) };
    const encoded = new EncodedPublish(message);
    // [MQTT-3.1.2-24]
    if (encoded.size(peer.version, qos, extras) > peer.maxPacketSize) {
      counters.dropped.too_large += 1;
      return false;
    }
    encoded.send(peer, peer.version, qos, retain && peer.retainAvailable, packetId, dup, extras);
    counters.sent += 1;
    return true;
  }

  // Acknowledgements

  acknowledged(packet: Acknowledgement): void {
    const sent = this.#inFlight.get(packet.packetId);
    if (packet.type === 'puback') {
      if (sent?.qos === 1) this.#done(packet, sent);
    } else if (packet.type === 'pubrec') this.#received(packet, sent);
    else if (sent?.released === true) {
      this.#inFlight.delete(packet.packetId);
      this.#parts.state.setReleased(sent.seq, false);
    }
    this.pump();
  }

  #done({ packetId, reason }: Acknowledgement, { bytes, seq }: InFlight): void {
    if (reason >= reasonCodes.unspecifiedError) this.#parts.counters.dropped.refused += 1;
    this.#inFlight.delete(packetId);
    this.#parts.state.remove(seq, bytes);
  }

  #received(packet: Acknowledgement, sent: InFlight | undefined): void {
    const { packetId, reason } = packet;
    // MQTT 5 section 4.3.3: an exchange that was refused is over. One that we do not know is ended in the same way.
    if (sent?.qos !== 2)
      return this.#peer?.send({ type: 'pubrel', packetId, reason: reasonCodes.packetIdentifierNotFound });
    if (reason >= reasonCodes.unspecifiedError) return sent.released ? undefined : this.#done(packet, sent);
    if (!sent.released) {
      const { state } = this.#parts;
      sent.released = true;
      state.remove(sent.seq, sent.bytes);
      state.setReleased(sent.seq, true);
    }
    const wait = this.#parts.durably.wait(this);
    if (wait === undefined) this.#release(packetId);
    else this.#releases.push({ wait, packetId });
  }

  #release(packetId: number): void {
    this.#peer?.send({ type: 'pubrel', packetId, reason: reasonCodes.success });
  }
}
