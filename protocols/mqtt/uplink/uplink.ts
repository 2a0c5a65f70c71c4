import type { Buffer } from 'node:buffer';
import type { Wait, Waiter } from '../durably.ts';
import type { Acknowledgement, Connack, Message, Publish, QoS, SubscribeAcknowledgement } from '../packet/types.ts';
import type { Publication } from '../publication.ts';
import { noteOf } from './connect.ts';
import { noCounters, type UplinkCounters } from './counters.ts';
import { Inbound } from './inbound.ts';
import { Link, type LinkOwner, type LinkParts } from './link.ts';
import type { LocalSubscriber } from '../subscriptions.ts';
import type { LocalBroker } from './local-broker.ts';
import { Outbound, type OutboundPeer } from './outbound.ts';
import { Remap } from './remap.ts';
import type { Remote } from './remote.ts';
import { RemoteSubscriptions } from './remote-subscriptions.ts';
import type { UplinkOptions } from './settings.ts';
import type { UplinkState } from './state.ts';

export interface UplinkParts extends Omit<LinkParts, 'options' | 'counters'> {
  readonly broker: LocalBroker;
  readonly durably: { wait(waiter: Waiter): Wait | undefined };
  /** The store has more to write than it should: read less. */
  readonly pressure: () => boolean;
}

/** Answers that may wait for the store before nothing more is read. */
const MOST_ANSWERS = 1000;
/** Receive Maximum of brokers that have no such word: the window of mosquitto. */
const WINDOW = 20;

/**
 * A durable connection to another broker: there a client, here a subscriber and a publisher like others. What came through an
 * uplink never goes back through it, and through another one only where its settings say so.
 */
export class Uplink implements LocalSubscriber, LinkOwner, Waiter {
  readonly options: UplinkOptions;
  readonly counters: UplinkCounters = noCounters();
  readonly state: UplinkState;
  readonly link: Link;
  readonly #parts: UplinkParts;
  readonly #remap: Remap;
  readonly #outbound: Outbound;
  readonly #subscriptions: RemoteSubscriptions;
  #inbound: Inbound | undefined = undefined;

  constructor(options: UplinkOptions, parts: UplinkParts) {
    const { broker, durably, log, state } = parts;
    this.options = options;
    this.state = state;
    this.#parts = parts;
    this.#remap = new Remap(options.topics);
    this.#outbound = new Outbound({ state, counters: this.counters, options, durably, now: () => broker.now });
    this.#subscriptions = new RemoteSubscriptions(state, this.#remap.remote, log);
    this.link = new Link(this, { ...parts, options, counters: this.counters });
  }

  /** Subscribes here: from now on nothing is missed. */
  open(): void {
    for (const { filter, qos } of this.#remap.local) {
      const how = { noLocal: true, retainAsPublished: true, retainHandling: 2, id: undefined } as const;
      this.#parts.broker.subscribe(this, { filter, qos, ...how });
    }
    this.#notify('0');
  }

  /** Stops, and subscribes to nothing any more. */
  close(): void {
    this.link.stop();
    for (const { filter } of this.#remap.local) this.#parts.broker.unsubscribe(this, filter);
    // An empty payload takes away what is retained (MQTT 5 section 3.3.1.3).
    this.#notify('');
  }

  get inFlight(): number {
    return this.#outbound.inFlight;
  }

  /** Nothing waits to be sent. */
  get idle(): boolean {
    return this.#outbound.idle;
  }

  // Messages from here

  deliver({ at, from, message }: Publication): void {
    if (from instanceof Uplink && (!this.options.relay || from.state === this.state)) return;
    const mapped = this.#remap.outward(message.topic);
    if (mapped !== undefined) this.#send({ ...message, topic: mapped.topic }, lower(message.qos, mapped.qos), at);
  }

  #send(message: Message, qos: QoS, at: number): void {
    const retain = this.options.retain && message.retain;
    if (!this.#outbound.add({ message, qos, retain, ids: [], at })) return;
    this.#parts.broker.noteWritten();
    this.link.wake();
  }

  /** What was retained here before the uplink knew of the filter. Never at QoS 0 if it can be helped, so that all of it finds its turn. */
  #sendRetained(): void {
    const { broker, state } = this.#parts;
    const filters = this.#remap.local.map(({ filter }) => filter);
    for (const filter of filters.filter((each) => !state.local.includes(each))) {
      for (const { at, message } of broker.retainedBy(filter)) {
        const mapped = this.#remap.outward(message.topic);
        const qos = message.qos === 0 ? 1 : message.qos;
        if (mapped !== undefined)
          this.#send({ ...message, topic: mapped.topic, retain: true }, lower(qos, mapped.qos), at);
      }
    }
    if (filters.join('\n') !== state.local.join('\n')) state.setLocal(filters);
  }

  // The connection

  connected(remote: Remote, packet: Connack, resumed: boolean): void {
    const { broker, durably, state } = this.#parts;
    const parts = { broker, state, counters: this.counters, remap: this.#remap, durably, publisher: this };
    this.#inbound = new Inbound(parts, (answer) => remote.send(answer));
    this.#subscriptions.connected(remote);
    this.#outbound.connected(peerOf(remote, packet, this.options), resumed);
    this.#sendRetained();
    this.#notify('1');
    this.#notifyRemote(remote, '1');
  }

  disconnected(): void {
    this.#outbound.disconnected();
    this.#inbound = undefined;
    this.#subscriptions.disconnected();
    this.#notify('0');
  }

  leaving(remote: Remote): void {
    this.#notifyRemote(remote, '0');
  }

  onPublish(packet: Publish): void {
    this.#inbound?.published(packet);
  }

  onAcknowledgement(packet: Acknowledgement): void {
    if (packet.type === 'pubrel') this.#inbound?.released(packet);
    else this.#outbound.acknowledged(packet);
  }

  onSubscribed(packet: SubscribeAcknowledgement): void {
    this.#subscriptions.acknowledged(packet);
  }

  onWritable(): void {
    this.#outbound.pump();
  }

  /** Reads no faster than the store writes. */
  onRead(): void {
    const { durably, pressure } = this.#parts;
    if (!pressure() && (this.#inbound?.pending ?? 0) < MOST_ANSWERS) return;
    if (durably.wait(this) !== undefined) this.link.remote?.pause();
  }

  onDurable(): void {
    this.link.remote?.resume();
  }

  // Notifications

  #notify(text: string): void {
    const { notifications } = this.options;
    if (notifications !== 'off') this.#parts.broker.publish(noteOf(this.options, text), this);
  }

  #notifyRemote(remote: Remote, text: string): void {
    if (this.options.notifications !== 'both') return;
    remote.send({ type: 'publish', ...noteOf(this.options, text), dup: false, packetId: 0 });
  }
}

const lower = (one: QoS, other: QoS): QoS => (one < other ? one : other);

function peerOf(remote: Remote, packet: Connack, { maxInFlight }: UplinkOptions): OutboundPeer {
  const { maximumPacketSize = Infinity, maximumQos = 2, receiveMaximum, retainAvailable = true } = packet;
  const theirs = remote.version === 5 ? (receiveMaximum ?? 65_535) : WINDOW;
  return {
    version: remote.version,
    window: Math.min(maxInFlight, theirs),
    maxPacketSize: maximumPacketSize,
    maximumQos,
    retainAvailable,
    get writable() {
      return remote.writable;
    },
    send: (sent) => remote.send(sent),
    push: (bytes: Buffer) => remote.push(bytes),
  };
}
