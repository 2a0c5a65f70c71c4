/**
 * Reads one first-level element, byte by byte as they come, and judges it: XML 1.0 (fifth edition) and Namespaces in XML 1.0
 * less what RFC 6120 section 11.1 takes out. This is the first step of the hot path: a state machine whose inner loops test one
 * table entry a byte, keep nothing but integers, and go over every byte once however the bytes are cut.
 *
 * The caller sees to it that the bytes from the element's `<` (at `base`) to the newest lie in one buffer; the offsets kept here
 * count from `base`, so that the bytes may move between two calls.
 */
import type { Buffer } from 'node:buffer';
import { Attributes } from './xml-attributes.ts';
import { CDATA_BYTES, isSpace, NAME_BYTES, skipPlain, TEXT_BYTES, wholeCharacters } from './xml-bytes.ts';
import type { ScannerLimits, XmlFault } from './xml-faults.ts';
import type { Scope } from './xml-namespaces.ts';
import { readReference } from './xml-reference.ts';
import { StartTagScan } from './xml-start-tag.ts';

// Not imported, for speed: see xml-start-tag.ts.
const NAMES = NAME_BYTES;
const TEXTS = TEXT_BYTES;
const SECTIONS = CDATA_BYTES;
const NAME_START = 2;
const BANG = 0x21;
const AMP = 0x26;
const DASH = 0x2d;
const SLASH = 0x2f;
const LT = 0x3c;
const GT = 0x3e;
const QUESTION = 0x3f;
const BRACKET_OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;

// States: what the next byte belongs to; nothing more is read when negative (FAULT, -1, is for `StartTagScan` to set).
const DONE = -2; // the element was read
const TAG = 0; // a start tag
const TEXT = 1;
const OPEN = 2; // what follows `<`
const CLOSE = 3; // an end tag's name
const CLOSE_END = 4; // after it: white space and `>`
const REFERENCE = 5; // after `&`
const MARKUP = 6; // after `<!`
const CDATA_START = 7;
const CDATA = 8;

const CDATA_NAME = 'CDATA[';

export class ElementScan extends StartTagScan {
  /** The first-level start tag: local name, prefix, namespace, the default namespace inside, and attributes; '' for none. */
  name = '';
  prefix = '';
  xmlns = '';
  defaultXmlns = '';
  attributes: Attributes = Attributes.NONE;
  /** Where the content begins and ends. */
  contentAt = 0;
  contentEnd = 0;
  /** The element closed in its start tag (`<x/>`). */
  empty = false;

  private headOnly = false;
  private stray: XmlFault = 'not-well-formed';
  private elements = 0;
  /** Where the construct being read begins. */
  private mark = 0;
  /** The state that a reference returns to. */
  private back = TEXT;

  /**
   * Makes ready for an element in `scope`; `headOnly`: for a stream header, which is over with its start tag; `stray`: what a CDATA
   * section in the element's place is.
   */
  begin(scope: Scope, limits: ScannerLimits, headOnly: boolean, stray: XmlFault): void {
    this.beginTags(scope, limits);
    this.state = OPEN;
    this.stray = stray;
    this.headOnly = headOnly;
    this.elements = 0;
    this.empty = false;
  }

  /** The element was read to its end (or, for a stream header, its start tag was). */
  get done(): boolean {
    return this.state === DONE;
  }

  /** Comparisons of names made for this element so far. */
  get work(): number {
    return this.tag.work + this.bindings.work;
  }

  /** Whether its arrays are still of the size that nearly all stanzas need. */
  get small(): boolean {
    return this.names.length <= 128 && this.tag.small && this.bindings.small;
  }

  /** Reads the bytes in `[from, end)` and answers up to where: less than `end` when done, refused or within a character. */
  scan(buf: Buffer, base: number, from: number, end: number): number {
    this.base = base;
    const stop = (buf[end - 1] as number) < 0x80 ? end : wholeCharacters(buf, from, end);
    let at = from;
    while (at < stop && this.state >= TAG) {
      if (this.state === TAG) at = this.startTag(buf, at, stop);
      else if (this.state <= CLOSE_END) at = this.content(buf, at, stop);
      else at = this.rare(buf, at, stop);
    }
    return at;
  }

  private rare(buf: Buffer, at: number, end: number): number {
    switch (this.state) {
      case REFERENCE:
        return this.reference(buf, at, end);
      case MARKUP:
        return this.markup(buf[at] as number, at);
      case CDATA_START:
        return this.cdataStart(buf[at] as number, at);
      default:
        return this.cdata(buf, at, end);
    }
  }

  protected override enter(buf: Buffer, at: number, closed: boolean): number {
    this.state = TEXT;
    if (this.depth === 1) {
      this.decode(buf, at);
      this.contentAt = at + 1 - this.base;
      this.contentEnd = this.contentAt;
      this.empty = closed;
      if (this.headOnly) this.state = DONE;
    }
    return closed ? this.leave(at + 1) : at + 1;
  }

  /** Decodes the first-level start tag, which ends before `end`. */
  private decode(buf: Buffer, end: number): void {
    const { tag, base, elementColon } = this;
    const nameAt = this.names[0] as number;
    const slice = tag.slice(buf, base, end);
    this.name = tag.part(slice, buf, base, elementColon === 0 ? nameAt : elementColon + 1, this.names[1] as number);
    this.prefix = elementColon === 0 ? '' : tag.part(slice, buf, base, nameAt, elementColon);
    this.defaultXmlns = tag.defaultXmlns(buf, base) ?? this.scope.xmlns;
    this.xmlns = elementColon === 0 ? this.defaultXmlns : this.bindings.uri(this.bound, buf, base);
    this.attributes = tag.attributes(slice, buf, base);
  }

  /** Character data and the tags in it, up to the name of an element that begins. */
  private content(buf: Buffer, from: number, end: number): number {
    let { state } = this;
    let at = from;
    while (at < end) {
      switch (state) {
        case TEXT:
          this.state = TEXT;
          at = this.text(buf, at, end);
          if (this.state !== OPEN) return at;
          state = OPEN;
          continue;
        case OPEN:
          if (buf[at] !== SLASH || this.depth === 0) return this.open(buf[at] as number, at);
          if (this.depth === 1) this.contentEnd = at - 1 - this.base;
          at++;
          this.mark = at - this.base;
          state = CLOSE;
          continue;
        case CLOSE: {
          const top = (this.depth - 1) * 2;
          let other = (this.names[top] as number) + (at - this.mark);
          const stop = this.base + (this.names[top + 1] as number);
          while (other < stop && at < end) {
            if (buf[at] !== buf[other]) return this.malformed('an end tag does not match its start tag', at);
            at++;
            other++;
          }
          if (other === stop) state = CLOSE_END;
          continue;
        }
        default:
          if (buf[at] === GT) {
            at = this.leave(at + 1);
            if (this.state === DONE) return at;
            state = TEXT;
          } else if (isSpace(buf[at] as number)) {
            at++;
          } else {
            return this.malformed('an end tag does not match its start tag', at);
          }
      }
    }
    this.state = state;
    return at;
  }

  /** Up to the next `<`, where the state becomes OPEN, or to what else ends the run. */
  private text(buf: Buffer, from: number, end: number): number {
    let at = from;
    while ((at = skipPlain(TEXTS, buf, at, end)) < end) {
      if (buf[at] === LT) {
        this.state = OPEN;
        return at + 1;
      }
      at = this.textStep(buf, at, end);
      if (this.state !== TEXT) return at;
    }
    return at;
  }

  /** One byte or character of text that needs a look. */
  private textStep(buf: Buffer, at: number, end: number): number {
    const byte = buf[at] as number;
    if (byte >= 0x80) return this.wide(buf, at, end);
    if (byte === AMP) return this.startReference(at);
    if (byte !== GT) return this.malformed('a control character', at);
    // Section 2.4: `]]>` must not occur in character data. Brackets right before can only be character data themselves.
    if (buf[at - 1] === BRACKET_CLOSE && buf[at - 2] === BRACKET_CLOSE) return this.malformed('"]]>" in text', at);
    return at + 1;
  }

  /** What follows a `<` unless it is the `/` of an end tag. */
  private open(byte: number, at: number): number {
    if (((NAMES[byte] as number) & NAME_START) !== 0 || byte >= 0x80) {
      const { limits } = this;
      if (this.depth >= limits.maxDepth) return this.refuse('policy-violation', 'elements nested too deeply', at);
      if (this.elements >= limits.maxElements) return this.refuse('policy-violation', 'too many elements', at);
      this.elements++;
      this.depth++;
      this.beginTag(at);
      return at;
    }
    if (byte === BANG) {
      this.state = MARKUP;
      return at + 1;
    }
    // Section 11.1 of RFC 6120; an XML declaration is one only at the very start, which the caller reads.
    if (byte === QUESTION) return this.refuse('restricted-xml', 'a processing instruction', at);
    return this.malformed('no name after "<"', at);
  }

  private leave(at: number): number {
    // What the first level declares is kept: the caller reads it when all is done.
    if (this.depth > 1) this.bindings.leave(this.depth);
    this.depth--;
    this.state = this.depth === 0 ? DONE : TEXT;
    return at;
  }

  protected override startReference(at: number): number {
    this.back = this.state;
    this.state = REFERENCE;
    this.raw = true;
    this.mark = at + 1 - this.base;
    return at + 1;
  }

  private reference(buf: Buffer, from: number, end: number): number {
    const read = readReference(buf, this.base + this.mark, from, end);
    if (typeof read === 'object') return this.refuse(read.fault, read.reason, from);
    if (read === 0) return end;
    this.state = this.back;
    return read;
  }

  private markup(byte: number, at: number): number {
    if (byte === DASH) return this.refuse('restricted-xml', 'a comment', at);
    if (byte === 0x44) return this.refuse('restricted-xml', 'a document type declaration', at);
    if (byte !== BRACKET_OPEN) return this.malformed('no markup begins like this', at);
    if (this.depth === 0) return this.refuse(this.stray, 'text outside of an element', at);
    this.state = CDATA_START;
    this.mark = at + 1 - this.base;
    return at + 1;
  }

  private cdataStart(byte: number, at: number): number {
    const index = at - this.base - this.mark;
    if (byte !== CDATA_NAME.charCodeAt(index)) return this.malformed('no markup begins like this', at);
    if (index === CDATA_NAME.length - 1) this.state = CDATA;
    return at + 1;
  }

  private cdata(buf: Buffer, from: number, end: number): number {
    let at = from;
    while ((at = skipPlain(SECTIONS, buf, at, end)) < end) {
      const byte = buf[at] as number;
      if (byte >= 0x80) at = this.wide(buf, at, end);
      else if (byte !== GT) at = this.malformed('a control character', at);
      else if (buf[++at - 2] === BRACKET_CLOSE && buf[at - 3] === BRACKET_CLOSE) this.state = TEXT;
      if (this.state !== CDATA) return at;
    }
    return at;
  }
}
