import type { Buffer } from 'node:buffer';
import type { Connection, ConnectionHandler } from '#src/net/connection.ts';
import type { ReadBuffers } from '#src/net/read-buffers.ts';
import { Throttle, type Gate, type Shaper } from '#src/net/shaper.ts';
import type { Timers } from '#src/net/timers.ts';

/** Why a side is not read, a bit each. */
const HOLD = { full: 1, shaped: 2 } as const;

/** What a side tells the bytestream that it belongs to. */
export interface Whole {
  /** Is it activated: do bytes go through? */
  readonly open: boolean;
  /** Milliseconds without progress after which a peer is cut off. */
  readonly patience: number;
  /** Bytes that may wait for a side. */
  readonly buffer: number;
  /** What the sides are read into. */
  readonly buffers: ReadBuffers;
  /** Bytes have gone from one side to the other. */
  moved(bytes: number): void;
  /** Bytes came before the activation: they are ignored (XEP-0065 section 10.1). */
  ignored(half: Half, bytes: number): void;
  /** A side is gone. */
  left(half: Half): void;
}

/** One of the two connections of a bytestream: what comes in goes to the other, no faster than that one takes it. */
export class Half implements ConnectionHandler, Gate {
  readonly connection: Connection;
  readonly #whole: Whole;
  /** The other side, once the bytestream is activated. */
  #other: Half | undefined = undefined;
  #throttle: Throttle | undefined = undefined;
  #holds = 0;

  constructor(connection: Connection, whole: Whole) {
    this.connection = connection;
    this.#whole = whole;
    connection.handler = this;
  }

  /** What was read of a file may wait long for a peer on a thin line. */
  get linger(): number {
    return this.#whole.patience;
  }

  /** Bytes go to the other side from now on. */
  open(other: Half, timers: Timers, shaper: Shaper | undefined): void {
    this.#other = other;
    if (shaper !== undefined) this.#throttle = new Throttle(this, timers, shaper);
    this.connection.authenticated();
    this.connection.readInto(this.#whole.buffers);
  }

  onData(chunk: Buffer): void {
    const other = this.#other;
    if (other === undefined) return this.#whole.ignored(this, chunk.length);
    this.#whole.moved(chunk.length);
    const { buffers } = this.#whole;
    other.connection.write(chunk, () => buffers.give(chunk));
    if (other.connection.buffered > this.#whole.buffer) this.#hold(HOLD.full);
    this.#throttle?.received(chunk.length);
  }

  /** This side has taken all: the other is read again. */
  onDrain(): void {
    this.#other?.release(HOLD.full);
  }

  onPeerEnd(): void {
    this.#other?.connection.end();
  }

  onClose(): void {
    this.#throttle?.[Symbol.dispose]();
    this.#other?.connection.end();
    this.#whole.left(this);
  }

  /** The shaper's: nothing is read. */
  pause(): void {
    this.#hold(HOLD.shaped);
  }

  resume(): void {
    this.release(HOLD.shaped);
  }

  #hold(reason: number): void {
    if (this.#holds === 0) this.connection.pause();
    this.#holds |= reason;
  }

  release(reason: number): void {
    if ((this.#holds & reason) === 0) return;
    this.#holds &= ~reason;
    if (this.#holds === 0 && !this.connection.closed) this.connection.resume();
  }
}
