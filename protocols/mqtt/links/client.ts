import type { Buffer } from 'node:buffer';
import type { Timed } from '#src/net/timers.ts';
import { StoreFull } from '#src/store/errors.ts';
import type { AclView } from '../acl.ts';
import type { Broker } from '../broker.ts';
import type { Wait, Waiter } from '../durably.ts';
import type { AuthRun } from '../enhanced-auth.ts';
import { handle } from '../handlers/index.ts';
import type { DecoderHandler } from '../packet/decoder.ts';
import { encode, type Receiver as PacketReceiver } from '../packet/encoder.ts';
import { type ReasonCode, reasonCodes } from '../packet/reason-codes.ts';
import type { ClientPacket, QoS, ServerPacket, Version, Will } from '../packet/types.ts';
import type { Publication } from '../publication.ts';
import type { MqttServer } from '../server.ts';
import type { Identity, Link, LinkInfo, Session } from '../session.ts';
import { extrasOf, type TopicAliases } from './extras.ts';
import { Flow, HOLD } from './flow.ts';
import type { Transport } from './transport.ts';

/** An answer that waits for the disk, and those behind it: they leave in order [MQTT-4.6.0-2]. */
interface Held {
  readonly wait: Wait;
  readonly bytes: Buffer;
  readonly type: ServerPacket['type'];
}

/** Bytes that may wait for a slow reader while memory is short. */
const TIGHT = 65_536;
/** Reasons for an end that nobody has to be told of as a loss. */
const GOOD_BYES: ReadonlySet<ReasonCode> = new Set([
  reasonCodes.success,
  reasonCodes.serverShuttingDown,
  reasonCodes.sessionTakenOver,
]);
const NOBODY: Identity = { account: '', clientId: '' };

/** One connected client: its packets go to the handlers, and what is sent to it goes out from here. */
export class Client implements DecoderHandler, Link, Waiter, Timed {
  readonly server: MqttServer;
  readonly transport: Transport;
  /** `new` until CONNECT has come, `connecting` until it is answered. */
  state: 'new' | 'connecting' | 'open' | 'closed' = 'new';
  version: Version = 4;
  identity: Identity = NOBODY;
  /** Undefined until it is known which host the client belongs to. */
  broker: Broker | undefined = undefined;
  session: Session | undefined = undefined;
  /** The packets that the client takes. */
  takes: PacketReceiver = { requestProblemInformation: true };
  window = 1;
  /** It is another broker's bridge, by what its CONNECT said. */
  bridge = false;
  will: Will | undefined = undefined;
  /** The method of enhanced authentication that CONNECT named, and the run that is going on. */
  method: string | undefined = undefined;
  auth: AuthRun | undefined = undefined;
  /** Undefined where the client takes no topic aliases, or we use none. */
  aliases: TopicAliases | undefined = undefined;
  readonly flow: Flow;
  readonly connectedAt: number;
  /** Milliseconds of silence after which the client is gone; 0 for ever. */
  #patience = 0;
  #heard: number;
  #held: Held[] | undefined = undefined;
  #pubacks = 0;
  #acl: AclView | undefined = undefined;

  constructor(server: MqttServer, transport: Transport) {
    this.server = server;
    this.transport = transport;
    this.flow = new Flow(transport, server.turns);
    this.#heard = server.timers.now;
    this.connectedAt = server.timers.now;
    server.opened(this);
    server.timers.add(this, server.options.authTimeout);
  }

  get clientId(): string {
    return this.identity.clientId;
  }

  get info(): LinkInfo {
    const { connectedAt, transport, version } = this;
    const { ip, label, listener, port } = transport;
    return { ip, port, listener, label, version, keepAlive: this.#patience / 1500, connectedAt, heardAt: this.#heard };
  }

  // What comes in

  heard(bytes: number): void {
    this.#heard = this.server.timers.now;
    this.server.turns.begin();
    if (this.broker !== undefined) this.broker.traffic.bytesReceived += bytes;
  }

  onPacket(packet: ClientPacket): void {
    if (this.state === 'closed') return;
    if (this.broker !== undefined) this.broker.traffic.packetsReceived += 1;
    try {
      handle(this, packet);
    } catch (error) {
      this.failed(error);
    }
    if (this.server.store.pressure && !this.flow.isHeld(HOLD.store)) this.server.hold(this);
  }

  /** A handler threw: the client is told that it is not its fault. */
  failed(error: unknown): void {
    if (error instanceof StoreFull) return this.end(reasonCodes.quotaExceeded, 'the server is behind');
    const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined };
    this.server.log.error('a packet was not handled', { error: message, stack });
    this.end(reasonCodes.implementationSpecificError);
  }

  onFault(reason: ReasonCode, text: string): void {
    if (this.state !== 'new') return this.end(reason, text);
    // Before its CONNECT is understood only these have an answer: 3.1.1 [MQTT-3.1.2-2] and [MQTT-3.1.3-9].
    const told = reason === reasonCodes.unsupportedProtocolVersion || reason === reasonCodes.clientIdentifierNotValid;
    if (told) this.write({ type: 'connack', sessionPresent: false, reason });
    this.end(reason, text);
  }

  /** Publications of QoS 1 and 2 that the client waits for the end of (MQTT 5 section 4.9). */
  get unacknowledged(): number {
    return this.#pubacks + (this.session?.receiving?.size ?? 0);
  }

  /** What the access list says of this client. */
  get acl(): AclView {
    const { broker } = this;
    if (broker === undefined) throw new Error('no host yet');
    return (this.#acl = broker.acl.viewOf(this.identity, this.#acl));
  }

  // What goes out

  write(packet: ServerPacket): void {
    const bytes = encode(packet, this.version, this.takes);
    if (bytes !== undefined) this.#push(bytes);
  }

  #push(bytes: Buffer): void {
    if (this.broker !== undefined) {
      this.broker.traffic.packetsSent += 1;
      this.broker.traffic.bytesSent += bytes.length;
    }
    this.transport.push(bytes);
  }

  /** Answers the client, in the order of the answers. @param durable only when what was written so far is on the disk */
  reply(packet: ServerPacket, durable: boolean): void {
    const bytes = encode(packet, this.version, this.takes);
    if (bytes === undefined) return;
    const wait = durable ? this.server.durably.wait(this) : this.#held?.at(-1)?.wait;
    if (wait === undefined) return this.#push(bytes);
    this.#held ??= [];
    this.#held.push({ wait, bytes, type: packet.type });
    if (packet.type !== 'puback') return;
    this.#pubacks += 1;
    // Before MQTT 5 nothing tells a client how many it may send: what is too much is not read.
    if (this.version < 5 && this.#pubacks >= this.server.options.receiveMaximum) this.flow.hold(HOLD.acknowledgements);
  }

  onDurable(wait: Wait): void {
    const held = this.#held;
    if (held === undefined || this.state === 'closed') return;
    let count = 0;
    for (const answer of held) {
      if (answer.wait > wait) break;
      count += 1;
      if (answer.type === 'puback') this.#pubacks -= 1;
      this.#push(answer.bytes);
    }
    if (count === held.length) this.#held = undefined;
    else held.splice(0, count);
    this.flow.letGo(HOLD.acknowledgements);
  }

  get writable(): boolean {
    const { memory, options } = this.server;
    return this.transport.buffered < (memory.tight ? TIGHT : options.writableSize);
  }

  publishAtMostOnce(publication: Publication, retain: boolean, ids: readonly number[]): boolean {
    const drops = this.broker?.drops;
    if (drops === undefined) return false;
    if (!this.writable) drops.slow += 1;
    else if ((publication.left(this.server.timers.now) ?? 1) <= 0) drops.expired += 1;
    else if (this.publish(publication, 0, retain, 0, false, ids)) return true;
    else drops.too_large += 1;
    return false;
  }

  publish(
    publication: Publication,
    qos: QoS,
    retain: boolean,
    packetId: number,
    dup: boolean,
    ids: readonly number[],
  ): boolean {
    const { takes, transport, version } = this;
    const extras = version === 5 ? extrasOf(publication, ids, this.aliases, this.server.timers.now) : undefined;
    if (takes.maximumPacketSize !== undefined && publication.size(version, qos, extras) > takes.maximumPacketSize)
      return false;
    publication.send(transport, version, qos, retain, packetId, dup, extras);
    if (extras !== undefined) this.aliases?.told(publication.message.topic, extras);
    if (this.broker !== undefined) {
      this.broker.traffic.sent += 1;
      this.broker.traffic.packetsSent += 1;
    }
    return true;
  }

  release(packetId: number, reason: ReasonCode, durable: boolean): void {
    this.reply({ type: 'pubrel', packetId, reason }, durable);
  }

  // Its life

  /** CONNECT was accepted. @param keepAlive seconds, 0 for none */
  opened(session: Session, keepAlive: number): void {
    const { timers } = this.server;
    this.session = session;
    this.state = 'open';
    this.#heard = timers.now;
    // [MQTT-3.1.2-22]: one and a half times the keep alive.
    this.#patience = keepAlive * 1500;
    timers.remove(this);
    if (this.#patience > 0) timers.add(this, this.#patience);
    const { maxConnectSize, maxPacketSize, maxTopicLevels, messageRate, topicAliases } = session.broker.options;
    this.transport.admitted({ maxConnectSize, maxPacketSize, maxTopicLevels, topicAliasMaximum: topicAliases });
    if (messageRate > 0) this.flow.limit(messageRate, timers);
    this.server.counters.authenticated += 1;
    session.outgoing.pump();
  }

  onTimeout(): void {
    const { timers } = this.server;
    if (this.state !== 'open') return this.end(reasonCodes.keepAliveTimeout, 'no login in time');
    const silent = timers.now - this.#heard;
    // Who is not read cannot be heard.
    if (silent < this.#patience || this.flow.held) timers.add(this, Math.max(1000, this.#patience - silent));
    else this.end(reasonCodes.keepAliveTimeout);
  }

  drained(): void {
    this.session?.outgoing.pump();
  }

  /** The peer has let too much wait. */
  overflowed(): void {
    this.#finish(reasonCodes.quotaExceeded, 'the client reads too slowly', this.will);
    this.transport.destroy();
  }

  /** Ends the connection from our side; MQTT 5 clients are told why. */
  end(reason: ReasonCode, text?: string): void {
    if (this.state === 'closed') return;
    const told = this.state === 'open';
    this.#finish(reason, text, this.will);
    if (told) this.write({ type: 'disconnect', reason, ...(text === undefined ? {} : { reasonString: text }) });
    this.transport.end();
  }

  /** The client has said good-bye. @param will what it wants to be published all the same */
  left(reason: ReasonCode, will: Will | undefined): void {
    this.#finish(reason, undefined, will);
    this.transport.end();
  }

  /** The connection has broken. */
  lost(): void {
    this.#finish(reasonCodes.unspecifiedError, 'the connection was lost', this.will);
  }

  #finish(reason: ReasonCode, text: string | undefined, will: Will | undefined): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.server.timers.remove(this);
    this.flow.end();
    this.server.closed(this);
    this.server.ended(this, reason, text);
    this.#held = undefined;
    const { session } = this;
    this.session = undefined;
    if (session === undefined) return;
    session.broker.sessions.closed(session, will, GOOD_BYES.has(reason));
    session.broker.system.status(session);
  }
}
