/**
 * The incremental scanner of an XML stream (RFC 6120 section 4) or of framed documents (RFC 7395): finds first-level elements in
 * chunks cut anywhere, refuses what section 11 refuses, and holds no more than one element's bytes, bounded by the limits.
 *
 * An element that lies within one chunk is scanned where it is and its content handed on as a view. One that goes over the end
 * is gathered in a buffer of its own that grows by doubling and is given away with the element, so that the work is linear in
 * the bytes for any way of cutting. An idle scanner holds no buffer: what reads an element is borrowed for its duration.
 */
import { Buffer } from 'node:buffer';
import { frameOf, headerOf, type ScannerHandler, type ScannerMode } from './frame.ts';
import { GT, ILLEGAL, isSpace, LT, QUESTION, SLASH, TEXT_BYTES, utf8 } from './xml-bytes.ts';
import { beginsByteOrderMark, readByteOrderMark, readDeclaration } from './xml-declaration.ts';
import type { ElementScan } from './xml-element.ts';
import type { ScannerLimits, XmlFault, XmlRefusal } from './xml-faults.ts';
import { EMPTY_SCOPE, type Scope } from './xml-namespaces.ts';
import { borrowElementScan, returnElementScan } from './xml-pool.ts';

export type * from './frame.ts';

// Phases: what may come next.
const START = 0; // a byte order mark, the XML declaration or the root
const MARKED = 1; // the XML declaration or the root
const RESTART = 2; // as START, after white space that still belongs to the stream before
const PROLOG = 3; // white space or the root
const BODY = 4; // white space, first-level elements, the stream's end tag
const EPILOG = 5; // white space
const REFUSED = 6; // nothing

const NOTHING = Buffer.alloc(0);
const FIRST_GATHER = 512;

export class Scanner {
  /** Changes hold from the next element on: they are wider after authentication. */
  limits: ScannerLimits;
  private readonly handler: ScannerHandler;
  private readonly mode: ScannerMode;
  private phase = START;
  private halted = false;
  private scope: Scope = EMPTY_SCOPE;
  private root = '';
  private element: ElementScan | undefined;
  /** The bytes, from its first, of what went over a chunk's end; how many; and where reading goes on. */
  private gathered: Buffer | undefined;
  private gatheredBytes = 0;
  private resumeAt = 0;
  /** While `push` runs: its chunk, how far that was read, and what to add to an offset in the buffer read to get one in the chunk. */
  private chunk: Buffer | undefined;
  private at = 0;
  private shift = 0;
  /** What `stop` left of the chunk. */
  private left: Buffer | undefined;
  private steps = 0;

  constructor(handler: ScannerHandler, limits: ScannerLimits, mode: ScannerMode) {
    this.handler = handler;
    this.limits = limits;
    this.mode = mode;
  }

  /** Bytes read and copied and names compared so far: the measure of work that the tests hold against the input's size. */
  get work(): number {
    return this.steps;
  }

  /** Reads a chunk and tells the handler what it completes. After a fault or `stop` the bytes are dropped. */
  push(chunk: Buffer): void {
    if (this.chunk !== undefined) throw new Error('push within a handler of the same scanner');
    if (this.halted) return;
    this.chunk = chunk;
    this.at = 0;
    try {
      while (this.at < chunk.length && !this.halted && this.phase !== REFUSED) {
        if (this.gathered === undefined) this.readChunk(chunk);
        else this.readGathered(chunk, this.gathered);
      }
    } finally {
      if (this.halted && this.at < chunk.length) this.left = chunk.subarray(this.at);
      this.chunk = undefined;
    }
  }

  /** In framed mode: the document is complete. A fault when it is not; otherwise the next one may come. */
  end(): void {
    if (this.mode !== 'framed' || this.halted || this.phase === REFUSED) return;
    if (this.phase === EPILOG && this.gathered === undefined) this.phase = START;
    else this.refuse('not-well-formed', 'the document is incomplete');
  }

  /**
   * Stops reading, from within a handler: nothing behind the element at hand is looked at until `resume` or `reset`.
   * The rest of the chunk can be had with `rest`; what is pushed meanwhile is dropped.
   */
  stop(): void {
    this.halted = true;
  }

  /** Goes on after `stop`; what `rest` answered can now be pushed. */
  resume(): void {
    this.halted = false;
    this.left = undefined;
  }

  /** Takes what follows the element at hand in its chunk, so that it is not read; empty outside of a handler unless stopped. */
  rest(): Buffer {
    const { chunk, left } = this;
    if (chunk === undefined) {
      this.left = undefined;
      return left ?? NOTHING;
    }
    const rest = chunk.subarray(this.at);
    this.at = chunk.length;
    return rest;
  }

  /**
   * The next byte begins a new stream (RFC 6120 section 4.3.3). Called in a handler, that is the next byte of the chunk; a stream
   * that changes to TLS first discards the chunk's `rest`, which was not sent under TLS (section 5.4.3.3).
   */
  reset(): void {
    this.drop();
    this.phase = RESTART;
    this.halted = false;
    this.left = undefined;
    this.scope = EMPTY_SCOPE;
    this.root = '';
  }

  /** Reads one construct, with the white space before it, where it lies in the chunk. */
  private readChunk(chunk: Buffer): void {
    const end = chunk.length;
    const from = this.at;
    let at = from;
    while (at < end && isSpace(chunk[at] as number)) at++;
    this.steps += at - from;
    this.at = at;
    if (at > from && this.phase <= MARKED) this.phase = PROLOG;
    if (at === end) return;
    this.shift = 0;
    if (this.read(chunk, at, at, end)) return;
    const size = end - at;
    let capacity = FIRST_GATHER;
    while (capacity < size * 2) capacity *= 2;
    const gathered = Buffer.allocUnsafe(capacity);
    chunk.copy(gathered, 0, at, end);
    this.steps += size;
    this.gathered = gathered;
    this.gatheredBytes = size;
    this.at = end;
  }

  /** Reads on in a construct that began in an earlier chunk: its bytes are brought together, a few more than it needs at most. */
  private readGathered(chunk: Buffer, gathered: Buffer): void {
    const size = this.gatheredBytes;
    const { maxBytes } = this.element?.limits ?? this.limits;
    const most = Math.max(1, Math.min(Math.max(size, FIRST_GATHER), maxBytes - size));
    const step = Math.min(chunk.length - this.at, most);
    let buf = gathered;
    if (size + step > buf.length) {
      buf = Buffer.allocUnsafe(Math.max(buf.length * 2, size + step));
      gathered.copy(buf, 0, 0, size);
      this.gathered = buf;
      this.steps += size;
    }
    chunk.copy(buf, size, this.at, this.at + step);
    this.steps += step;
    this.gatheredBytes = size + step;
    this.shift = this.at - size;
    if (!this.read(buf, 0, this.resumeAt, size + step)) this.at += step;
  }

  /** Reads the construct at `base`, from `from` on. Answers whether it was completed or refused; `at` then stands behind it. */
  private read(buf: Buffer, base: number, from: number, end: number): boolean {
    const open = this.element;
    if (open !== undefined) return this.readElement(open, buf, base, from, end);
    const first = buf[base] as number;
    if (beginsByteOrderMark(first) && (this.phase === START || this.phase === RESTART)) {
      // U+FEFF as the very first character says nothing in UTF-8; section 11.6 of RFC 6120 has senders leave it out.
      return this.prolog(readByteOrderMark(buf, base, end), MARKED, end - base);
    }
    if (first !== LT) return this.stray(first);
    if (end - base < 2) return this.later(1);
    const second = buf[base + 1] as number;
    if (second === QUESTION && this.phase <= RESTART) {
      return this.prolog(readDeclaration(buf, base, end), PROLOG, end - base);
    }
    if (second === SLASH && this.phase === BODY) return this.streamEnd(buf, base, Math.max(from, base + 2), end);
    if (second === 0 && this.phase < BODY) return this.refuse('unsupported-encoding', 'not UTF-8');
    if (this.phase === EPILOG) return this.refuse('not-well-formed', 'markup after the end');
    const element = borrowElementScan();
    const inBody = this.phase === BODY;
    element.begin(
      this.scope,
      this.limits,
      this.mode === 'stream' && !inBody,
      inBody ? 'bad-format' : 'not-well-formed',
    );
    this.element = element;
    return this.readElement(element, buf, base, base + 1, end);
  }

  private readElement(element: ElementScan, buf: Buffer, base: number, from: number, end: number): boolean {
    const { maxBytes } = element.limits;
    const stop = Math.min(end, base + maxBytes);
    const at = element.scan(buf, base, from, stop);
    this.steps += at - from;
    if (!element.done && element.refusal === undefined) {
      if (stop - base < maxBytes) return this.later(at - base);
      return this.refuse('policy-violation', `an element of more than ${maxBytes} bytes`);
    }
    this.steps += element.work;
    if (element.refusal !== undefined) return this.refuse(element.refusal.fault, element.refusal.reason);
    this.finish(element, buf, base, at);
    return true;
  }

  private finish(element: ElementScan, buf: Buffer, base: number, end: number): void {
    this.element = undefined;
    this.gathered = undefined;
    this.at = end + this.shift;
    if (this.mode === 'stream' && this.phase !== BODY) {
      const header = headerOf(element, buf, base);
      const { empty } = element;
      returnElementScan(element);
      this.scope = header.namespaces;
      this.root = header.prefix === '' ? header.name : `${header.prefix}:${header.name}`;
      this.phase = BODY;
      this.handler.onStream(header);
      if (empty && this.phase === BODY && !this.halted) this.close(this.at);
      return;
    }
    const frame = frameOf(element, buf, base, end);
    returnElementScan(element);
    if (this.mode === 'framed') this.phase = EPILOG;
    this.handler.onFrame(frame);
  }

  private close(at: number): void {
    this.gathered = undefined;
    this.at = at;
    this.phase = EPILOG;
    this.handler.onEnd();
  }

  /** The stream's end tag. */
  private streamEnd(buf: Buffer, base: number, from: number, end: number): boolean {
    const { maxBytes } = this.limits;
    const stop = Math.min(end, base + maxBytes);
    let at = from;
    while (at < stop && buf[at] !== GT) at++;
    this.steps += at - from;
    if (at === stop && stop - base < maxBytes) return this.later(at - base);
    if (at === stop) return this.refuse('policy-violation', 'an end tag without end');
    let nameEnd = at;
    while (nameEnd > base + 2 && isSpace(buf[nameEnd - 1] as number)) nameEnd--;
    if (utf8(buf, base + 2, nameEnd) !== this.root) {
      return this.refuse('not-well-formed', 'an end tag does not match its start tag');
    }
    this.close(at + 1 + this.shift);
    return true;
  }

  /** A byte order mark or the XML declaration; `read`: where it ends, 0 for later, or why it is refused. */
  private prolog(read: number | XmlRefusal, phase: number, size: number): boolean {
    if (typeof read === 'object') return this.refuse(read.fault, read.reason);
    if (read === 0) return this.later(size);
    this.gathered = undefined;
    this.phase = phase;
    this.at = read + this.shift;
    return true;
  }

  private later(resumeAt: number): false {
    this.resumeAt = resumeAt;
    return false;
  }

  /** A byte other than white space outside of the elements. Section 11.7 of RFC 6120 has room for nothing else. */
  private stray(byte: number): true {
    if (this.phase <= RESTART && (byte >= 0xfe || byte === 0)) return this.refuse('unsupported-encoding', 'not UTF-8');
    const inBody = this.phase === BODY && TEXT_BYTES[byte] !== ILLEGAL;
    return this.refuse(inBody ? 'bad-format' : 'not-well-formed', 'text outside of an element');
  }

  private refuse(fault: XmlFault, reason: string): true {
    this.drop();
    this.phase = REFUSED;
    if (this.chunk !== undefined) this.at = this.chunk.length;
    this.handler.onFault(fault, reason);
    return true;
  }

  private drop(): void {
    if (this.element !== undefined) returnElementScan(this.element);
    this.element = undefined;
    this.gathered = undefined;
  }
}
