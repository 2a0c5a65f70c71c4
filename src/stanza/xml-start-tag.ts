/**
 * The part of the scanner that reads start tags: names, attributes and their values (XML 1.0 sections 2.3 and 3.1), and namespaces.
 * `ElementScan` reads everything else.
 */
import type { Buffer } from 'node:buffer';
import { bindAttributes, bindElement, judgeDeclaration } from './xml-binding.ts';
import { BAD_UTF8, doubled, isNameCode, isSpace, NAME_BYTES, readWide, skipPlain, VALUE_BYTES } from './xml-bytes.ts';
import { MAX_NAME_BYTES, NO_LIMITS, type ScannerLimits, type XmlFault, type XmlRefusal } from './xml-faults.ts';
import { Bindings, EMPTY_SCOPE, UNBOUND, type Scope } from './xml-namespaces.ts';
import { StartTag } from './xml-tag.ts';

// Declared here rather than imported or exported: the engine knows the value of a constant that stays within its module, and
// loads and checks any other one at each use, which is a fifth of the time here.
const NAMES = NAME_BYTES;
const VALUES = VALUE_BYTES;
const NAME_CHAR = 1; // bits of NAME_BYTES
const NAME_START = 2;
const BLANK = 4;
const QUOT = 0x22;
const AMP = 0x26;
const APOS = 0x27;
const SLASH = 0x2f;
const COLON = 0x3a;
const LT = 0x3c;
const EQUALS = 0x3d;
const GT = 0x3e;

// States of the element that this part knows: see `ElementScan`.
const TAG = 0;
const FAULT = -1;

// Steps: what the next byte of a start tag belongs to.
const NAME = 0; // the element's name
const AFTER = 1; // after the name or a value: white space or the tag's end
const SPACED = 2; // after white space: an attribute may begin, too
const ATTRIBUTE = 3; // an attribute's name
const EQUAL = 4; // white space and `=`
const QUOTE = 5; // white space and a quote
const VALUE = 6;
const EMPTY = 7; // after `/`

export abstract class StartTagScan {
  /** Why the element was refused. */
  refusal: XmlRefusal | undefined;
  /** What holds around the element, and what it adds. */
  scope: Scope = EMPTY_SCOPE;
  readonly bindings = new Bindings();
  limits: ScannerLimits = NO_LIMITS;

  protected readonly tag = new StartTag();
  protected state = TAG;
  /** Where the element begins in the buffer; all other offsets count from there. */
  protected base = 0;
  protected depth = 0;
  /** Offsets of the names of the open elements: begin and end in turn. */
  protected names = new Int32Array(32);
  /** The colon in the newest element's name (0: none) and what its prefix is bound to. */
  protected elementColon = 0;
  protected bound = UNBOUND;
  /** The value being read holds references or white space to normalise. */
  protected raw = false;
  private maxNameBytes = MAX_NAME_BYTES;
  private step = NAME;
  // The name being read: its begin, its colon (0: none), and the bit that its next byte must have.
  private nameAt = 0;
  private colonAt = 0;
  private next = NAME_START;
  private valueAt = 0;
  private quote = 0;

  protected abstract startReference(at: number): number;
  /** The start tag was read; `at` is its `>`. */
  protected abstract enter(buf: Buffer, at: number, closed: boolean): number;

  protected beginTags(scope: Scope, limits: ScannerLimits): void {
    this.refusal = undefined;
    this.scope = scope;
    this.limits = limits;
    this.maxNameBytes = limits.maxNameBytes ?? MAX_NAME_BYTES;
    this.depth = 0;
    this.bindings.begin(scope);
    this.tag.work = 0;
  }

  /** A start tag begins with the name at `at`. */
  protected beginTag(at: number): void {
    this.tag.begin();
    this.startName(at);
    this.state = TAG;
    this.step = NAME;
  }

  protected refuse(fault: XmlFault, reason: string, at: number): number {
    this.state = FAULT;
    this.refusal = { fault, reason };
    return at;
  }

  protected malformed(reason: string, at: number): number {
    return this.refuse('not-well-formed', reason, at);
  }

  /** Reads a run of characters beyond ASCII that are no part of a name. */
  protected wide(buf: Buffer, from: number, end: number): number {
    let at = from;
    do {
      const read = readWide(buf, at, end);
      if (read < 0) return this.refuse('unsupported-encoding', 'not UTF-8', at);
      // U+FFFE and U+FFFF (XML 2.2).
      if (((read >> 3) | 1) === 0xffff) return this.malformed('a character that XML does not have', at);
      at += read & 7;
    } while (at < end && (buf[at] as number) >= 0x80);
    return at;
  }

  /**
   * A start tag (XML 3.1), from its name to its `>`. The states stand in the order in which they follow one another, so that an
   * attribute that lies in the chunk is read straight down; it is this that makes the function longer than a screen.
   */
  protected startTag(buf: Buffer, from: number, end: number): number {
    const { base, tag } = this;
    let { step } = this;
    let at = from;
    if (step === NAME) {
      at = this.readName(buf, at, end);
      if (at === end || this.state === FAULT) return at;
      this.keepName(at - base);
      step = AFTER;
    }
    while (at < end) {
      if (step <= SPACED) {
        const byte = buf[at] as number;
        if (byte === GT) return this.tagEnd(buf, at, false);
        if (((NAMES[byte] as number) & BLANK) !== 0 || byte === SLASH) {
          step = byte === SLASH ? EMPTY : SPACED;
          at++;
          continue;
        }
        if (step === AFTER) return this.malformed('no white space before an attribute', at);
        if (tag.count >= this.limits.maxAttributes) return this.refuse('policy-violation', 'too many attributes', at);
        this.startName(at);
        step = ATTRIBUTE;
      }
      if (step === ATTRIBUTE) {
        this.step = ATTRIBUTE;
        at = this.readName(buf, at, end);
        if (at === end || this.state === FAULT) return at;
        if (!tag.add(buf, base, this.nameAt, at - base, this.colonAt))
          return this.malformed('two attributes of one name', at);
        step = EQUAL;
      }
      if (step === EQUAL) {
        const byte = buf[at] as number;
        if (byte === EQUALS) step = QUOTE;
        else if (!isSpace(byte)) return this.malformed('no "=" after the name of an attribute', at);
        if (++at === end) break;
      }
      if (step === QUOTE) {
        const byte = buf[at] as number;
        at++;
        if (byte === QUOT || byte === APOS) {
          this.quote = byte;
          this.valueAt = at - base;
          this.raw = false;
          step = VALUE;
        } else if (!isSpace(byte)) {
          return this.malformed('the value of an attribute is not quoted', at);
        }
      }
      if (step === VALUE) {
        at = skipPlain(VALUES, buf, at, end);
        this.step = VALUE;
        at = at < end && buf[at] === this.quote ? this.endValue(buf, at) : this.value(buf, at, end);
        if (this.step !== AFTER || this.state !== TAG) return at;
        step = AFTER;
      } else if (step === EMPTY) {
        if (buf[at] !== GT) return this.malformed('"/" out of place in a tag', at);
        return this.tagEnd(buf, at, true);
      }
    }
    this.step = step;
    return at;
  }

  private startName(at: number): void {
    this.nameAt = at - this.base;
    this.colonAt = 0;
    this.next = NAME_START;
  }

  /** Up to the end of a name, or `end`. Refuses what is no QName (Namespaces in XML 1.0 section 4). */
  private readName(buf: Buffer, from: number, end: number): number {
    let at = from;
    while (at < end) {
      if (this.next === NAME_CHAR) {
        while (at < end && ((NAMES[buf[at] as number] as number) & NAME_CHAR) !== 0) at++;
        if (at === end) return at;
      }
      const byte = buf[at] as number;
      if (byte < 0x80 && byte !== COLON && ((NAMES[byte] as number) & NAME_START) === 0) return this.endName(at);
      at = this.nameStep(buf, at, end, byte);
      if (at < 0) return end;
    }
    return at;
  }

  /** One character of a name that is not plain: its first, a colon, or one beyond ASCII. Answers -1 when refused. */
  private nameStep(buf: Buffer, at: number, end: number, byte: number): number {
    const first = this.next === NAME_START;
    if (byte === COLON) {
      if (first || this.colonAt !== 0) return this.malformed('a colon out of place in a name', -1);
      this.colonAt = at - this.base;
      this.next = NAME_START;
      return at + 1;
    }
    this.next = NAME_CHAR;
    if (byte < 0x80) return at + 1;
    const read = readWide(buf, at, end);
    if (read === BAD_UTF8) return this.refuse('unsupported-encoding', 'not UTF-8', -1);
    if (!isNameCode(read >> 3, first)) return this.malformed('a character not allowed in a name', -1);
    this.tag.ascii = false;
    return at + (read & 7);
  }

  private endName(at: number): number {
    if (this.next === NAME_START) return this.malformed('a name is incomplete', at);
    if (at - this.base - this.nameAt > this.maxNameBytes)
      return this.refuse('policy-violation', 'a name is too long', at);
    return at;
  }

  /** Up to the end of a value, where the step becomes AFTER, or to what else ends the run. */
  private value(buf: Buffer, from: number, end: number): number {
    let at = from;
    while ((at = skipPlain(VALUES, buf, at, end)) < end) {
      if (buf[at] === this.quote) return this.endValue(buf, at);
      at = this.valueStep(buf, at, end);
      if (this.state !== TAG) return at;
    }
    return at;
  }

  /** One byte or character of a value that needs a look. */
  private valueStep(buf: Buffer, at: number, end: number): number {
    const byte = buf[at] as number;
    if (byte >= 0x80) {
      this.tag.ascii = false;
      return this.wide(buf, at, end);
    }
    if (byte === AMP) return this.startReference(at);
    if (byte === QUOT || byte === APOS) return at + 1;
    if (!isSpace(byte))
      return this.malformed(byte === LT ? '"<" in the value of an attribute' : 'a control character', at);
    this.raw = true;
    return at + 1;
  }

  /** Remembers the element's name for its end tag. */
  private keepName(nameEnd: number): void {
    const top = (this.depth - 1) * 2;
    if (top === this.names.length) this.names = doubled(this.names);
    this.names[top] = this.nameAt;
    this.names[top + 1] = nameEnd;
    this.elementColon = this.colonAt;
  }

  private endValue(buf: Buffer, at: number): number {
    this.step = AFTER;
    this.tag.value(this.valueAt, at - this.base, this.raw);
    return this.tag.declares ? this.enterDeclaration(buf, at) : at + 1;
  }

  private enterDeclaration(buf: Buffer, at: number): number {
    const reason = judgeDeclaration(this.tag, this.bindings, buf, this.base, this.depth);
    if (reason !== undefined) return this.malformed(reason, at);
    if (this.bindings.count > this.limits.maxAttributes)
      return this.refuse('policy-violation', 'too many prefixes', at);
    return at + 1;
  }

  /** The `>` of a start tag: its prefixes can be bound now that all declarations are known. */
  private tagEnd(buf: Buffer, at: number, closed: boolean): number {
    if ((this.elementColon !== 0 || this.tag.prefixed > 0) && !this.bind(buf, at)) return at;
    return this.enter(buf, at, closed);
  }

  /** Finds what the prefixes of a start tag stand for, now that all declarations are known; false when refused. */
  private bind(buf: Buffer, at: number): boolean {
    const { bindings, base, elementColon } = this;
    if (elementColon !== 0) {
      const bound = bindElement(bindings, buf, base, this.names[(this.depth - 1) * 2] as number, elementColon);
      if (bound === UNBOUND) this.malformed('the prefix of an element is not declared', at);
      this.bound = bound;
    }
    const reason = bindAttributes(this.tag, bindings, buf, base);
    if (reason !== undefined) this.malformed(reason, at);
    return this.state !== FAULT;
  }
}
