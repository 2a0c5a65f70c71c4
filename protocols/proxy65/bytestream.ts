import type { Jid } from '#src/address/jid.ts';
import type { Connection } from '#src/net/connection.ts';
import type { ReadBuffers } from '#src/net/read-buffers.ts';
import type { Shaper } from '#src/net/shaper.ts';
import type { Timed, Timers } from '#src/net/timers.ts';
import { Half, type Whole } from './half.ts';
import type { ProxyOptions } from './settings.ts';

/** Why a bytestream ended. */
export type End = 'done' | 'idle' | 'not activated' | 'early bytes' | 'killed' | 'shutdown';

/** Who activated a bytestream, and for whom. */
export interface Activation {
  readonly sid: string;
  readonly initiator: Jid;
  /** The JID of the target as the initiator writes it. */
  readonly target: string;
  /** The proxy that was asked. */
  readonly proxy: string;
}

/** What a bytestream needs of the table that it stands in. */
export interface Table {
  readonly options: ProxyOptions;
  readonly timers: Timers;
  readonly buffers: ReadBuffers;
  moved(bytes: number): void;
  ended(stream: Bytestream, end: End): void;
}

/** Bytes before the activation that are ignored, a side; more is no mistake any more. */
const IGNORED = 65_536;

/**
 * A bytestream (XEP-0065): one connection, then two, that name the same hash; then bytes between them. States: waiting for its second
 * connection, paired, open.
 */
export class Bytestream implements Whole, Timed {
  /** DST.ADDR: lower-case hexadecimal. */
  readonly hash: string;
  /** Milliseconds since 1970. */
  readonly since: number;
  activation: Activation | undefined = undefined;
  /** From one side to the other, both ways. */
  bytes = 0;
  readonly #table: Table;
  readonly #halves: Half[] = [];
  #early = 0;
  #movedAt = 0;
  #end: End | undefined = undefined;

  constructor(hash: string, table: Table) {
    this.hash = hash;
    this.#table = table;
    this.since = table.timers.now;
    table.timers.add(this, table.options.activation);
  }

  get open(): boolean {
    return this.activation !== undefined;
  }

  get connections(): readonly Connection[] {
    return this.#halves.map(({ connection }) => connection);
  }

  get patience(): number {
    return this.#table.options.idle;
  }

  get buffers(): ReadBuffers {
    return this.#table.buffers;
  }

  get buffer(): number {
    return this.#table.options.buffer;
  }

  /** Both sides are connected. */
  get paired(): boolean {
    return this.#halves.length === 2;
  }

  /** A connection that names the hash. False when there are two already. */
  join(connection: Connection): boolean {
    if (this.paired || this.open) return false;
    this.#halves.push(new Half(connection, this));
    return true;
  }

  /** Bytes go both ways from now on. Both sides must be connected. */
  activate(activation: Activation, shaper: () => Shaper | undefined): void {
    const [one, other] = this.#halves;
    if (one === undefined || other === undefined) throw new Error('a bytestream has two sides');
    const { options, timers } = this.#table;
    this.activation = activation;
    this.#movedAt = timers.now;
    timers.add(this, options.idle);
    one.open(other, timers, shaper());
    other.open(one, timers, shaper());
  }

  moved(bytes: number): void {
    this.bytes += bytes;
    this.#movedAt = this.#table.timers.now;
    this.#table.moved(bytes);
  }

  ignored(_: Half, bytes: number): void {
    this.#early += bytes;
    if (this.#early > IGNORED) this.close('early bytes');
  }

  /** A connection closed. The first of an open bytestream takes the other with it; one of a bytestream that is not open may come again. */
  left(half: Half): void {
    this.#halves.splice(this.#halves.indexOf(half), 1);
    if (this.#halves.length === 0) this.#over(this.#end ?? (this.open ? 'done' : 'not activated'));
  }

  onTimeout(): void {
    if (!this.open) return this.close('not activated');
    const { options, timers } = this.#table;
    const left = this.#movedAt + options.idle - timers.now;
    if (left > 0) timers.add(this, left);
    else this.close('idle');
  }

  /** Cuts both sides off. */
  close(end: End): void {
    this.#end ??= end;
    for (const { connection } of this.#halves) connection.destroy();
    this.#over(end);
  }

  #over(end: End): void {
    this.#table.timers.remove(this);
    this.#table.ended(this, end);
  }
}
