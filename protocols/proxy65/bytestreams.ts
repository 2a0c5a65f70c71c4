import { createHash } from 'node:crypto';
import { Jid } from '#src/address/jid.ts';
import type { Connection } from '#src/net/connection.ts';
import { ReadBuffers } from '#src/net/read-buffers.ts';
import type { Shaper } from '#src/net/shaper.ts';
import type { Timers } from '#src/net/timers.ts';
import { type Refusal, refuse } from '#src/stanza/conditions.ts';
import { type Activation, Bytestream, type End, type Table } from './bytestream.ts';
import type { ProxyOptions } from './settings.ts';

/** What an initiator may do, by the rules of the host whose proxy it asks. */
export interface Allowance {
  readonly streams: number;
  readonly shaper: () => Shaper | undefined;
}

/** Bytes that are read at once: with twice what is usual, a sixth less of the processor goes into a file. */
const READ = 131_072;

/** The bytestreams of the server, by hash: the proxy of one host activates what came in by the address of another. */
export class Bytestreams implements Table {
  readonly timers: Timers;
  readonly buffers = new ReadBuffers(READ);
  readonly #options: () => ProxyOptions;
  readonly #streams = new Map<string, Bytestream>();
  /** Open bytestreams of each initiator, by bare JID. */
  readonly #initiators = new Map<string, number>();
  /** Plain numbers since the start: read by the metrics. */
  readonly counters = { activated: 0, bytes: 0, ended: new Map<End, number>() };

  constructor(timers: Timers, options: () => ProxyOptions) {
    this.timers = timers;
    this.#options = options;
  }

  get options(): ProxyOptions {
    return this.#options();
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Those through which bytes go. */
  get open(): number {
    let open = 0;
    for (const count of this.#initiators.values()) open += count;
    return open;
  }

  [Symbol.iterator](): IterableIterator<Bytestream> {
    return this.#streams.values();
  }

  /** A connection that asks for a hash: the first makes the bytestream, the second pairs. False for a third, and when there are too many. */
  join(hash: string, connection: Connection): boolean {
    const known = this.#streams.get(hash);
    if (known !== undefined) return known.join(connection);
    if (this.#streams.size >= this.options.maxStreams) return false;
    const stream = new Bytestream(hash, this);
    this.#streams.set(hash, stream);
    return stream.join(connection);
  }

  /** XEP-0065 section 6.3.5. Undefined when bytes go through from now on. */
  activate(activation: Activation, { shaper, streams }: Allowance): Refusal | undefined {
    const stream = this.#named(activation);
    if (stream === undefined) return refuse('item-not-found');
    // The hash names sid, initiator and target: it is the same request again.
    if (stream.open) return undefined;
    if (!stream.paired) return refuse('not-allowed', 'only one party is connected');
    const { bare } = activation.initiator;
    const active = this.#initiators.get(bare) ?? 0;
    if (active >= streams) return refuse('resource-constraint', 'too many bytestreams at the same time');
    this.#initiators.set(bare, active + 1);
    this.counters.activated += 1;
    stream.activate(activation, shaper);
    return undefined;
  }

  /** The bytestream whose hash the parties made of the JIDs as they are written, or of their canonical form. */
  #named({ initiator, sid, target }: Activation): Bytestream | undefined {
    const asWritten = this.#streams.get(hashOf(sid, initiator.full, target));
    if (asWritten !== undefined) return asWritten;
    const canonical = Jid.parse(target)?.full;
    return canonical === undefined ? undefined : this.#streams.get(hashOf(sid, initiator.full, canonical));
  }

  moved(bytes: number): void {
    this.counters.bytes += bytes;
  }

  ended(stream: Bytestream, end: End): void {
    if (this.#streams.get(stream.hash) !== stream) return;
    this.#streams.delete(stream.hash);
    const { activation } = stream;
    this.counters.ended.set(end, (this.counters.ended.get(end) ?? 0) + 1);
    if (activation === undefined) return;
    const { bare } = activation.initiator;
    const left = (this.#initiators.get(bare) ?? 0) - 1;
    if (left > 0) this.#initiators.set(bare, left);
    else this.#initiators.delete(bare);
  }

  /** Cuts off all bytestreams with this stream identifier or hash. @returns how many */
  kill(name: string): number {
    const named = [...this].filter(({ activation, hash }) => hash === name || activation?.sid === name);
    for (const stream of named) stream.close('killed');
    return named.length;
  }

  closeAll(): void {
    for (const stream of [...this]) stream.close('shutdown');
  }
}

/** XEP-0065 section 6.3.2: DST.ADDR is SHA1(SID + Requester JID + Target JID), hexadecimal. */
export function hashOf(sid: string, initiator: string, target: string): string {
  return createHash('sha1').update(`${sid}${initiator}${target}`).digest('hex');
}
