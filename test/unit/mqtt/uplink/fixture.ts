/** An uplink between a broker in memory and another one that the test plays, over a line without a network. */
import { Buffer } from 'node:buffer';
import { setImmediate as turn } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { Broker } from '#protocols/mqtt/broker.ts';
import { aclTable } from '#protocols/mqtt/acl.ts';
import { Durably } from '#protocols/mqtt/durably.ts';
import { Decoder } from '#protocols/mqtt/packet/decoder.ts';
import { encode } from '#protocols/mqtt/packet/encoder.ts';
import { encodePublish } from '#protocols/mqtt/packet/publish.ts';
import { reasonCodes } from '#protocols/mqtt/packet/reason-codes.ts';
import type { ClientPacket, Connack, Message, Publish, ServerPacket, Version } from '#protocols/mqtt/packet/types.ts';
import type { Publication } from '#protocols/mqtt/publication.ts';
import { MemoryGuard } from '#protocols/mqtt/memory-guard.ts';
import { SessionStore } from '#protocols/mqtt/session-store.ts';
import { mqttSection, optionsOf } from '#protocols/mqtt/settings.ts';
import { AddedUplinks } from '#protocols/mqtt/uplink/added.ts';
import { localBroker } from '#protocols/mqtt/uplink/local-broker.ts';
import type { Line } from '#protocols/mqtt/uplink/remote.ts';
import { uplinkOptions, uplinksSection } from '#protocols/mqtt/uplink/settings.ts';
import type { Uplink } from '#protocols/mqtt/uplink/uplink.ts';
import { Uplinks } from '#protocols/mqtt/uplink/uplinks.ts';
import { NodeKey } from '#src/accounts/node-key.ts';
import { compileAccess } from '#src/accounts/access.ts';
import type { ConnectionHandler } from '#src/net/connection.ts';
import { DialError, type Destination } from '#src/net/dial.ts';
import { Flusher } from '#src/net/flusher.ts';
import { Timers } from '#src/net/timers.ts';
import { createLog } from '#src/observe/log.ts';
import { loadSettings } from '#src/settings/load.ts';
import { formatProblem } from '#src/settings/problem.ts';
import { programSections } from '#src/settings/schema.ts';
import type { Settings } from '#src/settings/settings.ts';
import { MemoryData, openMemoryStore } from '#src/store/memory.ts';
import type { Store } from '#src/store/store.ts';
import { HandClock } from '#test/unit/net/hand-clock.ts';

export const HOST = 'localhost';
/** The same after a restart. */
const KEY = NodeKey.random();

/** Settings with these uplinks, as YAML. @throws Error with the problems */
export function read(text: string): Settings {
  const part = { sections: [mqttSection, uplinksSection], listenerKinds: [], modules: [] };
  const loaded = loadSettings(text, 'test.yml', programSections([part]), { env: {} });
  if (loaded.settings === undefined) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return loaded.settings;
}

type PacketOf<T extends ClientPacket['type']> = ClientPacket & { readonly type: T };

/** One connection, seen from the other broker. */
export class Peer {
  readonly to: Destination;
  /** What the uplink holds of it. */
  readonly line: Line;
  closed = false;
  readonly #packets: ClientPacket[] = [];
  readonly #decoder: Decoder;
  #wake: (() => void) | undefined;
  #version: Version = 5;

  constructor(to: Destination) {
    this.to = to;
    const limits = { maxConnectSize: 65_536, maxPacketSize: 1 << 20, maxTopicLevels: 100, topicAliasMaximum: 0 };
    this.#decoder = new Decoder(
      { onPacket: (packet) => this.#push(packet), onFault: (_, text) => this.#fail(text) },
      limits,
    );
    let handler: ConnectionHandler = { onData: () => undefined, onClose: () => undefined };
    const close = (): void => {
      this.closed = true;
      this.#wake?.();
    };
    this.line = {
      get handler() {
        return handler;
      },
      set handler(given) {
        handler = given;
      },
      buffered: 0,
      write: (bytes) => this.#decoder.push(bytes),
      pause: () => undefined,
      resume: () => undefined,
      end: close,
      destroy: close,
    };
  }

  #fail(text: string): void {
    throw new Error(`the uplink broke the protocol: ${text}`);
  }

  #push(packet: ClientPacket): void {
    if (packet.type === 'connect') this.#version = packet.version;
    this.#packets.push(packet.type === 'publish' ? { ...packet, payload: Buffer.from(packet.payload) } : packet);
    this.#wake?.();
  }

  /** The next packet, which stays; undefined when the connection is closed before. */
  async peek(): Promise<ClientPacket | undefined> {
    while (this.#packets.length === 0 && !this.closed) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
    return this.#packets[0];
  }

  /** The next packet, which must be of this type. */
  async take<T extends ClientPacket['type']>(type: T): Promise<PacketOf<T>> {
    const packet = await this.peek();
    this.#packets.shift();
    if (packet?.type !== type) throw new Error(`${packet?.type ?? 'the end'} came in place of ${type}`);
    return packet as PacketOf<T>;
  }

  /** What came and was not taken, once everything in motion has come to rest. */
  async rest(): Promise<readonly ClientPacket[]> {
    await settled();
    return this.#packets.splice(0);
  }

  /** The other broker says something. */
  send(packet: ServerPacket | Publish): void {
    const bytes = packet.type === 'publish' ? encodePublish(packet, this.#version) : encode(packet, this.#version);
    if (bytes === undefined) throw new Error(`${packet.type} cannot be said`);
    this.line.handler.onData(bytes);
  }

  publish(topic: string, text: string, more: Partial<Publish> = {}): void {
    const rest = { qos: 0, retain: false, dup: false, packetId: 0, properties: {}, ...more } as const;
    this.send({ type: 'publish', topic, payload: Buffer.from(text), ...rest });
  }

  ack(type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', packetId: number): void {
    this.send({ type, packetId, reason: reasonCodes.success });
  }

  /** The connection breaks. */
  cut(): void {
    this.closed = true;
    this.line.handler.onClose();
  }

  /** Takes CONNECT and accepts it. @returns the CONNECT */
  async accept(more: Partial<Connack> = {}): Promise<PacketOf<'connect'>> {
    const connect = await this.take('connect');
    this.send({ type: 'connack', sessionPresent: false, reason: reasonCodes.success, ...more });
    return connect;
  }

  /** Takes a SUBSCRIBE and grants what it asks for. */
  async grant(): Promise<PacketOf<'subscribe'>> {
    const subscribe = await this.take('subscribe');
    const reasons = subscribe.subscriptions.map(({ qos }) => qos);
    this.send({ type: 'suback', packetId: subscribe.packetId, reasons });
    return subscribe;
  }
}

/** Everything that was set in motion has happened: groups are written and sockets are flushed. */
export async function settled(): Promise<void> {
  for (let turns = 0; turns < 12; turns++) await turn();
}

/** A message that reached a subscriber here. */
export interface Seen {
  readonly topic: string;
  readonly text: string;
  readonly qos: number;
  readonly retain: boolean;
}

export class Fixture {
  readonly clock = new HandClock();
  readonly timers: Timers;
  readonly store: Store;
  readonly broker: Broker;
  readonly uplinks: Uplinks;
  readonly faults: unknown[] = [];
  /** What dialling fails with; undefined while it works. */
  trouble: string | undefined = undefined;
  readonly dialled: string[] = [];
  #settings: Settings;
  readonly #peers: Peer[] = [];
  #wake: (() => void) | undefined;

  /** @param data what an earlier process has left */
  static async open(t: ExecutionContext, settings: string, data = new MemoryData()): Promise<Fixture> {
    const fixture = new Fixture(settings, await openMemoryStore({}, data));
    await fixture.broker.restore();
    t.teardown(() => {
      fixture.timers[Symbol.dispose]();
      if (fixture.faults.length > 0) throw new AggregateError(fixture.faults, 'something failed');
    });
    return fixture;
  }

  private constructor(settings: string, store: Store) {
    this.store = store;
    this.#settings = read(settings);
    const fault = (error: unknown): void => void this.faults.push(error);
    this.timers = new Timers(fault, this.clock);
    const durably = new Durably(store, fault);
    const compiled = compileAccess({ acl: {}, access: {} }, { isLocal: () => true, exists: () => true });
    if ('problems' in compiled) throw new Error('the access rules cannot be compiled');
    this.broker = new Broker({
      domain: HOST,
      options: optionsOf(this.#settings, HOST),
      stored: new SessionStore(store),
      acl: aclTable(store),
      durably,
      memory: new MemoryGuard(this.timers, () => 0),
      timers: this.timers,
      access: () => compiled.access,
    });
    this.uplinks = new Uplinks({
      store,
      brokers: [localBroker(this.broker)],
      options: (host) => uplinkOptions(this.#settings, host),
      added: new AddedUplinks(store, KEY),
      maxPacketSize: () => 100_000,
      durably,
      timers: this.timers,
      flusher: new Flusher(),
      log: createLog({ level: 'off' }),
      dial: async (to) => this.#dial(to),
      random: () => 0,
    });
  }

  #dial(to: Destination): Line {
    this.dialled.push(`${to.host}:${to.port}`);
    if (this.trouble !== undefined) throw new DialError('refused', this.trouble);
    const peer = new Peer(to);
    this.#peers.push(peer);
    this.#wake?.();
    return peer.line;
  }

  /** The next connection that an uplink makes for more than to end an old session. */
  async peer(): Promise<Peer> {
    for (;;) {
      const peer = await this.anyPeer();
      const first = await peer.peek();
      if (first?.type !== 'connect' || !first.cleanStart || first.sessionExpiry > 0) return peer;
      await peer.accept();
      await peer.take('disconnect');
    }
  }

  /** The next connection that an uplink makes. */
  async anyPeer(): Promise<Peer> {
    while (this.#peers.length === 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
    const peer = this.#peers.shift();
    if (peer === undefined) throw new Error('nobody connected');
    return peer;
  }

  get connections(): number {
    return this.#peers.length;
  }

  uplink(name = 'up'): Uplink {
    const uplink = this.uplinks.find(HOST, name);
    if (uplink === undefined) throw new Error(`there is no uplink ${name}`);
    return uplink;
  }

  reload(settings: string): void {
    this.#settings = read(settings);
    this.uplinks.reload();
  }

  /** A client here publishes. */
  publish(topic: string, text: string, more: Partial<Message> = {}): void {
    this.broker.publish(
      { topic, payload: Buffer.from(text), qos: 1, retain: false, properties: {}, ...more },
      undefined,
    );
  }

  /** A client here subscribes. @returns what it gets */
  subscribe(filter: string): readonly Seen[] {
    const seen: Seen[] = [];
    const subscriber = {
      deliver({ message }: Publication): void {
        seen.push({ topic: message.topic, text: message.payload.toString(), qos: message.qos, retain: message.retain });
      },
    };
    const granted = {
      filter,
      qos: 2,
      noLocal: false,
      retainAsPublished: true,
      retainHandling: 2,
      id: undefined,
    } as const;
    this.broker.subscriptions.addLocal(subscriber, granted);
    return seen;
  }
}
