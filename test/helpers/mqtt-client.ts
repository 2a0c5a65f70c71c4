/** A client of MQTT 3.1.1 and 5 that keeps its half of the session over broken connections, by a codec that is not ours. */
import type { Buffer } from 'node:buffer';
import { connect, type Socket } from 'node:net';
import { generate, type IConnackPacket, type IPublishPacket, type Packet, parser } from 'mqtt-packet';
import { connectPacketOf, describePacket, type MqttClientOptions } from './mqtt-client-options.ts';

const TRACE = 10_000;
/** Milliseconds for which a lazy client keeps its acknowledgements. */
const LAZY = 15;
/** Milliseconds without which no answer comes. */
const PATIENCE = 20_000;
/** MQTT 5 section 3.14.2.1. */
const SERVER_SHUTTING_DOWN = 0x8b;

/** A publication on its way. `published`: it may have to be sent again; `received`: PUBREC came, so only PUBREL is. */
interface Flight {
  readonly packet: IPublishPacket;
  readonly acknowledged: (reason: number) => void;
  state: 'published' | 'received';
}

type Answer = Extract<Packet, { cmd: 'suback' | 'unsuback' }>;

export class MqttClient {
  readonly options: MqttClientOptions;
  readonly trace: string[] = [];
  up = false;
  #socket: Socket | undefined;
  /** In the order of the first sending, which is that of the next [MQTT-4.6.0-1]. */
  readonly #flights = new Map<number, Flight>();
  /** Identifiers of QoS 2 that are received and not released. */
  readonly #received = new Set<number>();
  readonly #requests = new Map<number, PromiseWithResolvers<Answer>>();
  #pings: PromiseWithResolvers<void>[] = [];
  #later: Packet[] = [];
  #timer: NodeJS.Timeout | undefined;
  #aliases = new Map<number, string>();

  constructor(options: MqttClientOptions) {
    this.options = options;
  }

  get unacknowledged(): number {
    return this.#flights.size;
  }

  get hasRoom(): boolean {
    return this.up && this.#flights.size < (this.options.window ?? 20);
  }

  /** @returns whether the server had a session. Throws when the connection ends before CONNACK, or is refused. */
  async connect(): Promise<boolean> {
    const socket = connect({ host: '127.0.0.1', port: this.options.port, noDelay: true });
    const connack = Promise.withResolvers<IConnackPacket>();
    const parse = parser({ protocolVersion: this.options.version });
    parse.on('packet', (packet: Packet) => {
      if (socket.destroyed) return;
      this.#note('<', packet);
      if (packet.cmd === 'connack') this.#welcomed(socket, packet, connack);
      else this.#take(packet);
    });
    parse.on('error', (error: Error) => this.#fault(`sent what is no packet: ${error.message}`));
    socket.on('data', (chunk) => parse.parse(chunk));
    socket.on('error', () => undefined);
    socket.once('close', () => {
      connack.reject(new Error('the connection was closed before CONNACK'));
      if (this.#socket === socket) this.#lost();
    });
    socket.once('connect', () => this.#write(socket, connectPacketOf(this.options)));
    const timer = setTimeout(() => socket.destroy(), PATIENCE);
    try {
      return (await connack.promise).sessionPresent;
    } finally {
      clearTimeout(timer);
    }
  }

  #welcomed(socket: Socket, packet: IConnackPacket, connack: PromiseWithResolvers<IConnackPacket>): void {
    const reason = packet.reasonCode ?? packet.returnCode ?? 0;
    if (reason !== 0) {
      connack.reject(new Error(`CONNACK with reason ${reason}`));
      return void socket.destroy();
    }
    this.#socket = socket;
    this.#aliases = new Map();
    this.up = true;
    if (!packet.sessionPresent) this.#received.clear();
    for (const [messageId, { packet: publish, state }] of this.#flights) {
      if (state === 'received') this.#write(socket, { cmd: 'pubrel', messageId });
      else this.#write(socket, { ...publish, dup: true });
    }
    connack.resolve(packet);
  }

  #take(packet: Packet): void {
    switch (packet.cmd) {
      case 'publish':
        return this.#published(packet);
      case 'pubrel':
        this.#received.delete(packet.messageId ?? 0);
        return this.#reply({ cmd: 'pubcomp', messageId: packet.messageId ?? 0 });
      case 'puback':
      case 'pubrec':
      case 'pubcomp':
        return this.#progress(packet.cmd, packet.messageId ?? 0, packet.reasonCode ?? 0);
      case 'suback':
      case 'unsuback':
        this.#requests.get(packet.messageId ?? 0)?.resolve(packet);
        return void this.#requests.delete(packet.messageId ?? 0);
      case 'pingresp':
        return this.#pings.shift()?.resolve();
      case 'disconnect':
        // An orderly stop.
        if (packet.reasonCode === SERVER_SHUTTING_DOWN) return;
        return this.#fault(`disconnected with reason ${packet.reasonCode}`);
      case 'auth':
      case 'connack':
      case 'connect':
      case 'pingreq':
      case 'subscribe':
      case 'unsubscribe':
        return this.#fault(`sent ${packet.cmd}`);
      default:
        throw new Error('no packet of MQTT');
    }
  }

  #published({ messageId = 0, payload, properties, qos, retain, topic: name }: IPublishPacket): void {
    const alias = properties?.topicAlias;
    if (alias !== undefined && name !== '') this.#aliases.set(alias, name);
    const topic = name === '' ? (this.#aliases.get(alias ?? 0) ?? '') : name;
    const known = qos === 2 && this.#received.has(messageId);
    if (qos === 2) this.#received.add(messageId);
    if (!known) this.options.onMessage?.({ topic, payload: payload as Buffer, qos, retain });
    if (qos > 0) this.#reply({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId });
  }

  #progress(cmd: 'puback' | 'pubrec' | 'pubcomp', messageId: number, reason: number): void {
    const flight = this.#flights.get(messageId);
    // After a broken connection PUBREL was sent again, perhaps twice: the answers may be more than the exchanges.
    if (flight === undefined)
      return cmd === 'puback' ? this.#fault(`acknowledged ${messageId}, which is not on its way`) : undefined;
    if ((flight.packet.qos === 1) !== (cmd === 'puback')) return this.#fault(`${cmd} for QoS ${flight.packet.qos}`);
    if (cmd === 'pubcomp') {
      if (flight.state === 'published') this.#fault(`PUBCOMP for ${messageId} without PUBREC`);
      return void this.#flights.delete(messageId);
    }
    if (flight.state === 'published') flight.acknowledged(reason);
    if (cmd === 'puback' || reason >= 0x80) return void this.#flights.delete(messageId);
    flight.state = 'received';
    this.#reply({ cmd: 'pubrel', messageId });
  }

  /**
   * Sends a publication, which will be sent again on the next connection as long as it is not acknowledged.
   * @param acknowledged called with the reason of PUBACK or PUBREC: from then on the server has it
   */
  publish(topic: string, payload: string, qos: 1 | 2, retain: boolean, acknowledged: (reason: number) => void): void {
    if (this.#socket === undefined || !this.up) throw new Error('not connected');
    // The lowest that is free: identifiers are used again as soon as the rules allow it.
    const messageId = this.#freeId();
    const packet: IPublishPacket = { cmd: 'publish', topic, payload, qos, retain, dup: false, messageId };
    this.#flights.set(messageId, { packet, acknowledged, state: 'published' });
    this.#write(this.#socket, packet);
  }

  #freeId(): number {
    for (let id = 1; ; id++) if (!this.#flights.has(id) && !this.#requests.has(id)) return id;
  }

  async subscribe(topic: string, qos: 0 | 1 | 2): Promise<void> {
    const { granted } = (await this.#request((messageId) => ({
      cmd: 'subscribe',
      messageId,
      subscriptions: [{ topic, qos }],
    }))) as Extract<Answer, { cmd: 'suback' }>;
    const [grant] = granted;
    if (grant !== qos) throw new Error(`SUBACK for ${topic} is ${JSON.stringify(grant)}`);
  }

  async unsubscribe(topic: string): Promise<void> {
    await this.#request((messageId) => ({ cmd: 'unsubscribe', messageId, unsubscriptions: [topic] }));
  }

  #request(make: (messageId: number) => Packet): Promise<Answer> {
    if (this.#socket === undefined || !this.up) return Promise.reject(new Error('not connected'));
    const messageId = this.#freeId();
    const answer = Promise.withResolvers<Answer>();
    this.#requests.set(messageId, answer);
    this.#write(this.#socket, make(messageId));
    return answer.promise;
  }

  /** All that the server sent before is here: it answers in order. Rejects when the connection breaks. */
  ping(): Promise<void> {
    if (this.#socket === undefined || !this.up) return Promise.reject(new Error('not connected'));
    const pong = Promise.withResolvers<void>();
    this.#pings.push(pong);
    this.#write(this.#socket, { cmd: 'pingreq' });
    return pong.promise;
  }

  #reply(packet: Packet): void {
    if (this.options.lazy !== true) return void (this.#socket !== undefined && this.#write(this.#socket, packet));
    this.#later.push(packet);
    this.#timer ??= setTimeout(() => this.#flush(), LAZY);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const packets = this.#later;
    this.#later = [];
    if (this.#socket !== undefined && this.up) for (const packet of packets) this.#write(this.#socket, packet);
  }

  /** The connection breaks. */
  drop(): void {
    this.#socket?.destroy();
    this.#lost();
  }

  /** Says good-bye. */
  async close(): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined || !this.up) return;
    this.#flush();
    this.up = false;
    const closed = new Promise((resolve) => socket.once('close', resolve));
    this.#write(socket, { cmd: 'disconnect' });
    socket.end();
    await closed;
  }

  #lost(): void {
    if (this.#socket === undefined) return;
    this.#socket = undefined;
    this.up = false;
    this.#later = [];
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const gone = new Error('the connection is lost');
    for (const { promise, reject } of [...this.#requests.values(), ...this.#pings]) {
      promise.catch(() => undefined);
      reject(gone);
    }
    this.#requests.clear();
    this.#pings = [];
    this.trace.push('-- connection ended');
    this.options.onLost?.();
  }

  #write(socket: Socket, packet: Packet): void {
    this.#note('>', packet);
    if (socket.writable) socket.write(generate(packet, { protocolVersion: this.options.version }));
  }

  #fault(text: string): void {
    this.options.onFault?.(`${this.options.clientId}: the server ${text}`);
  }

  #note(direction: '<' | '>', packet: Packet): void {
    this.trace.push(`${direction} ${describePacket(packet)}`);
    if (this.trace.length > TRACE * 2) this.trace.splice(0, TRACE);
  }
}
