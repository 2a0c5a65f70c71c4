import type { Destination } from '#src/net/dial.ts';
import type { Flusher } from '#src/net/flusher.ts';
import type { Timed, Timers } from '#src/net/timers.ts';
import type { Log } from '#src/observe/log.ts';
import { reasonCodes, reasonName } from '../packet/reason-codes.ts';
import type { Acknowledgement, Connack, Publish, SubscribeAcknowledgement } from '../packet/types.ts';
import { Backoff } from './backoff.ts';
import { connectOf } from './connect.ts';
import type { UplinkCounters } from './counters.ts';
import { type Line, Remote, type RemoteHandler } from './remote.ts';
import type { Address, UplinkOptions } from './settings.ts';
import type { UplinkState } from './state.ts';
import { dialTls } from './tls.ts';

export interface LinkParts {
  readonly options: UplinkOptions;
  readonly counters: UplinkCounters;
  readonly state: UplinkState;
  readonly timers: Timers;
  readonly flusher: Flusher;
  readonly log: Log;
  readonly dial: (to: Destination, signal: AbortSignal) => Promise<Line>;
  /** Bytes of a packet that we take. */
  readonly maxPacketSize: () => number;
  readonly random?: () => number;
}

/** Who uses the connection: told of what comes between `connected` and `disconnected`. */
export interface LinkOwner extends Omit<RemoteHandler, 'onConnack' | 'onLost'> {
  /** @param resumed the other broker still has the session */
  connected(remote: Remote, packet: Connack, resumed: boolean): void;
  disconnected(): void;
  /** We disconnect in order: the last word. */
  leaving(remote: Remote): void;
  /** Nothing waits to be sent. */
  readonly idle: boolean;
}

/** Where a link is in its life. */
type Phase =
  | { readonly kind: 'stopped' }
  /** Lazy, and nothing to send. */
  | { readonly kind: 'idle' }
  | { readonly kind: 'dialling'; readonly giveUp: AbortController }
  /** CONNECT is sent; `purge`: only to end an old session. */
  | { readonly kind: 'greeting'; readonly remote: Remote; readonly purge: boolean; readonly clean: boolean }
  | { readonly kind: 'connected'; readonly remote: Remote; readonly since: number }
  | { readonly kind: 'waiting' };

/** The connection of an uplink: made when the settings say, to one address after the other, and made again when it is lost. */
export class Link implements RemoteHandler, Timed {
  readonly #owner: LinkOwner;
  readonly #parts: LinkParts;
  readonly #backoff: Backoff;
  #phase: Phase = { kind: 'stopped' };
  /** Which of the addresses is next. */
  #turn = 0;
  /** Ask with the private bit that tells a bridge. */
  #bridgeBit: boolean;
  #lastError = '';
  /** Messages so far when the idle timer was set. */
  #seen = 0;

  constructor(owner: LinkOwner, parts: LinkParts) {
    const { options, random } = parts;
    this.#owner = owner;
    this.#parts = parts;
    this.#backoff = new Backoff(options.reconnectMin, options.reconnectMax, random);
    this.#bridgeBit = this.#mayUseBit;
  }

  get phase(): Phase['kind'] {
    return this.#phase.kind;
  }

  get remote(): Remote | undefined {
    return this.#phase.kind === 'connected' ? this.#phase.remote : undefined;
  }

  /** When the connection was accepted, milliseconds since the epoch. */
  get since(): number | undefined {
    return this.#phase.kind === 'connected' ? this.#phase.since : undefined;
  }

  /** Why the last attempt or connection failed; empty when the present one is good. */
  get lastError(): string {
    return this.#lastError;
  }

  get address(): Address {
    const { addresses } = this.#parts.options;
    return addresses[this.#turn % addresses.length] ?? { host: '', port: 0 };
  }

  /** `host:port` */
  get place(): string {
    const { host, port } = this.address;
    return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  }

  get #mayUseBit(): boolean {
    const { bridgeBit, version } = this.#parts.options;
    return bridgeBit && version === 4;
  }

  /** As the settings say. */
  begin(): void {
    const { start } = this.#parts.options;
    if (start === 'automatic' || start === 'once') this.#connect();
    else if (start === 'lazy') this.#rest();
  }

  /** Now, whatever the settings say about when. */
  start(): void {
    const { kind } = this.#phase;
    if (kind === 'stopped' || kind === 'idle' || kind === 'waiting') this.#connect();
  }

  stop(): void {
    this.#leave();
    this.#phase = { kind: 'stopped' };
  }

  /** There is something to send. */
  wake(): void {
    if (this.#phase.kind === 'idle') this.#connect();
  }

  #leave(): void {
    const phase = this.#phase;
    this.#parts.timers.remove(this);
    if (phase.kind === 'dialling') phase.giveUp.abort();
    if (phase.kind === 'greeting') phase.remote.leave();
    if (phase.kind !== 'connected') return;
    this.#owner.leaving(phase.remote);
    phase.remote.leave();
    this.#phase = { kind: 'stopped' };
    this.#owner.disconnected();
  }

  // Connecting

  #connect(): void {
    const giveUp = new AbortController();
    const phase: Phase = { kind: 'dialling', giveUp };
    this.#phase = phase;
    this.#parts.timers.remove(this);
    void this.#attempt(phase, giveUp.signal);
  }

  async #attempt(phase: Phase, signal: AbortSignal): Promise<void> {
    try {
      const line = await this.#dial(signal);
      // It may have been stopped meanwhile.
      if (this.#phase === phase) this.#greet(line);
      else line.destroy();
    } catch (error) {
      if (this.#phase === phase) this.#failed(error instanceof Error ? error.message : String(error));
    }
  }

  async #dial(signal: AbortSignal): Promise<Line> {
    const { connectTimeout, name, tls } = this.#parts.options;
    const to = { name, kind: 'uplink', ...this.address, timeout: connectTimeout };
    return await this.#parts.dial(tls === undefined ? to : { ...to, tls: dialTls(tls) }, signal);
  }

  #greet(line: Line): void {
    const { flusher, maxPacketSize, options, state, timers } = this.#parts;
    const { cleanStart, connectTimeout: timeout } = options;
    const fresh = state.session !== this.#session;
    const clean = cleanStart || fresh;
    const connect = connectOf(options, clean, this.#bridgeBit, maxPacketSize());
    const limits = {
      maxTopicLevels: 65_535,
      topicAliasMaximum: connect.topicAliasMaximum,
      maxPacketSize: maxPacketSize(),
    };
    const remote = new Remote(line, connect, this, { timers, flusher, limits, timeout });
    // A session that begins clean is not kept in 3.1.1, nor by every broker of MQTT 5; one that does not may hold what is not ours.
    this.#phase = { kind: 'greeting', remote, clean, purge: fresh && !cleanStart };
  }

  /** Tells the session that the other broker keeps from others that we had. */
  get #session(): string {
    const { clientId, sameSession, version } = this.#parts.options;
    return [clientId, version, sameSession ? 'all' : this.place].join(' ');
  }

  onConnack(packet: Connack): void {
    const phase = this.#phase;
    if (phase.kind !== 'greeting') return;
    const { remote } = phase;
    if (packet.reason !== reasonCodes.success) {
      remote.drop();
      return this.#refused(packet);
    }
    const resumed = packet.sessionPresent && !phase.clean;
    if (!resumed) this.#parts.state.begin(this.#session);
    if (phase.purge) {
      remote.leave();
      return this.#connect();
    }
    this.#accepted(remote, packet, resumed);
  }

  #refused({ reason }: Connack): void {
    if (reason === reasonCodes.unsupportedProtocolVersion && this.#bridgeBit) {
      this.#bridgeBit = false;
      return this.#connect();
    }
    this.#failed(`it refused the connection: ${reasonName(reason)}`);
  }

  #accepted(remote: Remote, packet: Connack, resumed: boolean): void {
    const { counters, log, options, timers } = this.#parts;
    this.#phase = { kind: 'connected', remote, since: timers.now };
    this.#lastError = '';
    counters.connected += 1;
    log.info('uplink connected', { address: this.place, resumed });
    this.#owner.connected(remote, packet, resumed);
    if (options.start === 'lazy') timers.add(this, options.idleTimeout);
  }

  // What the other broker says

  onPublish(packet: Publish): void {
    if (this.#phase.kind === 'connected') this.#owner.onPublish(packet);
  }

  onAcknowledgement(packet: Acknowledgement): void {
    if (this.#phase.kind === 'connected') this.#owner.onAcknowledgement(packet);
  }

  onSubscribed(packet: SubscribeAcknowledgement): void {
    if (this.#phase.kind === 'connected') this.#owner.onSubscribed(packet);
  }

  onWritable(): void {
    if (this.#phase.kind === 'connected') this.#owner.onWritable();
  }

  onRead(): void {
    if (this.#phase.kind === 'connected') this.#owner.onRead();
  }

  onLost(why: string): void {
    const phase = this.#phase;
    if (phase.kind === 'connected') this.#backoff.ended(this.#parts.timers.now - phase.since);
    // Brokers that do not know the bit may hang up without a word: the next attempt shows whether it was that.
    this.#bridgeBit = phase.kind === 'greeting' && this.#bridgeBit ? false : this.#mayUseBit;
    this.#failed(why);
    if (phase.kind === 'connected') this.#owner.disconnected();
  }

  // Between connections

  #failed(why: string): void {
    const { counters, log, options, timers } = this.#parts;
    const place = this.place;
    counters.failed += 1;
    this.#lastError = why;
    this.#turn += 1;
    if (options.start === 'once') {
      this.#phase = { kind: 'stopped' };
      return log.warn('uplink ended', { address: place, problem: why });
    }
    const pause = this.#backoff.next();
    this.#phase = { kind: 'waiting' };
    timers.add(this, pause);
    log.warn('uplink is down', { address: place, problem: why, retryInSeconds: Math.ceil(pause / 1000) });
  }

  /** The pause is over, or a lazy link was looked at. */
  onTimeout(): void {
    if (this.#phase.kind === 'waiting') {
      if (this.#parts.options.start === 'lazy') this.#rest();
      else this.#connect();
    } else if (this.#phase.kind === 'connected') this.#lookIdle();
  }

  #lookIdle(): void {
    const { counters, options, timers } = this.#parts;
    const messages = counters.sent + counters.received;
    if (this.#owner.idle && messages === this.#seen) {
      this.#leave();
      return this.#rest();
    }
    this.#seen = messages;
    timers.add(this, options.idleTimeout);
  }

  #rest(): void {
    this.#phase = { kind: 'idle' };
    if (!this.#owner.idle) this.#connect();
  }
}
