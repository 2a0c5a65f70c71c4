import { Buffer } from 'node:buffer';
import { Fault, malformed } from './fault.ts';
import { NO_BYTES } from './reader.ts';
import { reasonCodes } from './reason-codes.ts';

const FIRST_GATHER = 512;

/** Has buffers that are used again and again. */
export interface Lender {
  /** A buffer of at least so many bytes, where there is one. */
  take(bytes: number): Buffer | undefined;
  /** The packet in it was read. */
  done(buffer: Buffer): void;
}

/**
 * Cuts a stream of bytes into MQTT packets (MQTT 5 section 2.1), in chunks cut anywhere. The first byte and the size of a packet
 * are judged as soon as they are known, before anything is kept.
 *
 * A packet that lies within one chunk is read where it is. One that goes over the end is gathered in a buffer of its own, which
 * grows by doubling with what came, not with what was announced, so that the work is linear in the bytes for any way of cutting
 * and an announcement costs nothing. The buffer is given away with the packet; one that waits for a packet holds none.
 */
export abstract class Framer {
  /** The Remaining Length at hand takes more bytes than it needs to: [MQTT-1.5.5-1], which only MQTT 5 says. */
  protected padded = false;
  /** Lends buffers to gather packets in; undefined where each has one of its own. */
  lender: Lender | undefined = undefined;
  private halted = false;
  private closed = false;
  private gathered: Buffer | undefined;
  private gatheredBytes = 0;
  /** Bytes of the packet that is gathered; 0 while its Remaining Length is not known. */
  private size = 0;
  /** While `push` runs: its chunk, and how far that was read. */
  private chunk: Buffer | undefined;
  private at = 0;
  /** What `stop` left of the chunk. */
  private left: Buffer | undefined;
  private steps = 0;

  /** What is wrong with a packet that begins with this byte; undefined for nothing. */
  protected abstract judge(first: number): Fault | undefined;
  /** Bytes that a packet may have, its fixed header included. */
  protected abstract limit(): number;
  /** Reads a packet's bytes from `from` to `end`, behind its fixed header, and tells the handler; or answers why it is refused. */
  protected abstract read(buf: Buffer, first: number, from: number, end: number): Fault | undefined;
  protected abstract refused(fault: Fault): void;

  /** Bytes read and copied so far: the measure of work that the tests hold against the input's size. */
  get work(): number {
    return this.steps;
  }

  /** Bytes that are held of a packet that is not complete. */
  get held(): number {
    return this.gathered?.length ?? 0;
  }

  /** Reads a chunk and tells the handler what it completes. After a fault or `stop` the bytes are dropped. */
  push(chunk: Buffer): void {
    if (this.chunk !== undefined) throw new Error('push within a handler of the same decoder');
    if (this.halted || this.closed) return;
    this.chunk = chunk;
    this.at = 0;
    try {
      while (this.at < chunk.length && !this.halted && !this.closed) {
        if (this.gathered === undefined) this.readChunk(chunk);
        else this.readGathered(chunk, this.gathered);
      }
    } finally {
      if (this.halted && this.at < chunk.length) this.left = chunk.subarray(this.at);
      this.chunk = undefined;
    }
  }

  /**
   * Stops reading, from within a handler: nothing behind the packet at hand is looked at until `resume`. The rest of the chunk can be
   * had with `rest`; what is pushed meanwhile is dropped.
   */
  stop(): void {
    this.halted = true;
  }

  /** Goes on after `stop`; what `rest` answered can now be pushed. */
  resume(): void {
    this.halted = false;
    this.left = undefined;
  }

  /** Takes what follows the packet at hand in its chunk, so that it is not read; empty outside of a handler unless stopped. */
  rest(): Buffer {
    const { chunk, left } = this;
    if (chunk === undefined) {
      this.left = undefined;
      return left ?? NO_BYTES;
    }
    const rest = chunk.subarray(this.at);
    this.at = chunk.length;
    return rest;
  }

  /** Nothing is read any more. */
  protected close(): void {
    this.closed = true;
    this.gathered = undefined;
  }

  /** Reads one packet where it lies in the chunk, or begins to gather it. */
  private readChunk(chunk: Buffer): void {
    const from = this.at;
    const first = chunk[from] as number;
    const wrong = this.judge(first);
    if (wrong !== undefined) return this.refuse(wrong);
    const body = this.header(chunk, from, chunk.length);
    if (body < 0) return;
    const end = from + this.size;
    if (body === 0 || end > chunk.length) return this.gather(chunk);
    this.steps += this.size;
    this.at = end;
    const fault = this.read(chunk, first, body, end);
    if (fault !== undefined) this.refuse(fault);
  }

  /** Begins to gather, from the chunk's end. */
  private gather(chunk: Buffer): void {
    const bytes = chunk.length - this.at;
    const room = Math.max(FIRST_GATHER, bytes * 2);
    const lent = this.size === 0 ? undefined : this.lender?.take(this.size);
    this.gathered = lent ?? Buffer.allocUnsafeSlow(this.size === 0 ? 8 : Math.min(this.size, room));
    chunk.copy(this.gathered, 0, this.at);
    this.gatheredBytes = bytes;
    this.steps += bytes;
    this.at = chunk.length;
  }

  private readGathered(chunk: Buffer, gathered: Buffer): void {
    if (this.size === 0) {
      // A byte at a time: there are four at most.
      gathered[this.gatheredBytes++] = chunk[this.at++] as number;
      this.steps++;
      if (this.header(gathered, 0, this.gatheredBytes) <= 0 || this.size > this.gatheredBytes) return;
    } else this.fill(chunk, gathered);
    const whole = this.gathered;
    if (whole === undefined || this.gatheredBytes < this.size) return;
    this.gathered = undefined;
    this.steps += this.size;
    const body = this.header(whole, 0, this.size);
    const fault = this.read(whole, whole[0] as number, body, this.size);
    this.lender?.done(whole);
    if (fault !== undefined) this.refuse(fault);
  }

  /** Takes of the chunk what the gathered packet lacks. */
  private fill(chunk: Buffer, gathered: Buffer): void {
    const { gatheredBytes, size } = this;
    const step = Math.min(chunk.length - this.at, size - gatheredBytes);
    let buf = gathered;
    if (gatheredBytes + step > buf.length) {
      const room = Math.max(FIRST_GATHER, gatheredBytes * 2, gatheredBytes + step);
      buf = Buffer.allocUnsafeSlow(Math.min(size, room));
      gathered.copy(buf, 0, 0, gatheredBytes);
      this.gathered = buf;
      this.steps += gatheredBytes;
    }
    chunk.copy(buf, gatheredBytes, this.at, this.at + step);
    this.gatheredBytes = gatheredBytes + step;
    this.at += step;
    this.steps += step;
  }

  /**
   * Reads the Remaining Length of the packet at `from` and sets `size`.
   * @returns where the packet's body begins; 0 when bytes are missing, with a `size` of 0; -1 after a fault
   */
  private header(buf: Buffer, from: number, end: number): number {
    let length = 0;
    let at = from + 1;
    for (let shift = 0; shift < 28; shift += 7) {
      if (at >= end) {
        this.size = 0;
        return 0;
      }
      const byte = buf[at++] as number;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.padded = byte === 0 && shift > 0;
        this.size = at - from + length;
        if (this.size <= this.limit()) return at;
        this.refuse(new Fault(reasonCodes.packetTooLarge, `a packet of more than ${this.limit()} bytes`));
        return -1;
      }
    }
    this.refuse(malformed('a Remaining Length of more than four bytes'));
    return -1;
  }

  private refuse(fault: Fault): void {
    this.close();
    if (this.chunk !== undefined) this.at = this.chunk.length;
    this.refused(fault);
  }
}
