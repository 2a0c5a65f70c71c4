/**
 * Reads one first-level element, byte by byte as they come, and judges it: XML 1.0 (fifth edition) and Namespaces in XML 1.0
 * less what RFC 6120 section 11.1 takes out. This is the first step of the hot path: a state machine whose inner loops test one
 * table entry a byte, keep nothing but integers, and go over every byte once however the bytes are cut.
 *
 * The caller sees to it that the bytes from the element's `<` (at `base`) to the newest lie in one buffer; the offsets kept here
 * count from `base`, so that the bytes may move between two calls.
 *
 * Longer than 300 lines because the states of one machine belong together: each is one method of a few lines.
 */
import type { Buffer } from 'node:buffer';
import { referenceText } from './escape.ts';
import {
  BAD_UTF8,
  CDATA_BYTES,
  isNameCode,
  isSpace,
  latin1,
  NAME_BYTES,
  readWide,
  skipPlain,
  TEXT_BYTES,
  VALUE_BYTES,
  wholeCharacters,
} from './xml-bytes.ts';
import type { ScannerLimits, XmlFault, XmlRefusal } from './xml-faults.ts';
import { Attributes } from './xml-attributes.ts';
import { bindAttributes, bindElement, declare } from './xml-binding.ts';
import { Bindings, EMPTY_SCOPE, UNBOUND, type Scope } from './xml-namespaces.ts';
import { StartTag } from './xml-tag.ts';

// Declared here rather than imported or exported: the engine knows the value of a constant that stays within its module, and
// loads and checks any other one at each use, which is a fifth of the time here.
const NAMES = NAME_BYTES;
const TEXTS = TEXT_BYTES;
const VALUES = VALUE_BYTES;
const SECTIONS = CDATA_BYTES;
const NAME_CHAR = 1; // bits of NAME_BYTES
const NAME_START = 2;
const BLANK = 4;
const BANG = 0x21;
const QUOT = 0x22;
const HASH = 0x23;
const AMP = 0x26;
const APOS = 0x27;
const DASH = 0x2d;
const SLASH = 0x2f;
const COLON = 0x3a;
const SEMICOLON = 0x3b;
const LT = 0x3c;
const EQUALS = 0x3d;
const GT = 0x3e;
const QUESTION = 0x3f;
const BRACKET_OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;

// States: what the next byte belongs to. Those of a start tag come first, then those of content, then the rare ones.
const NAME = 0; // an element's name
const AFTER = 1; // after the name or a value: white space or the tag's end
const SPACED = 2; // after white space: an attribute may begin, too
const ATTRIBUTE = 3; // an attribute's name
const EQUAL = 4; // white space and `=`
const QUOTE = 5; // white space and a quote
const VALUE = 6;
const EMPTY = 7; // after `/`
const TEXT = 8;
const OPEN = 9; // what follows `<`
const CLOSE = 10; // an end tag's name
const CLOSE_END = 11; // after it: white space and `>`
const REFERENCE = 12; // after `&`
const MARKUP = 13; // after `<!`
const CDATA_START = 14;
const CDATA = 15;
const DONE = 16;
const FAULT = 17;

const CDATA_NAME = 'CDATA[';
const MAX_NAME_BYTES = 1024;
/** Longest reference read, in bytes: no entity left by RFC 6120 is longer, and no character needs so many digits. */
const MAX_REFERENCE = 64;

const NO_REFUSAL: XmlRefusal = { fault: 'not-well-formed', reason: '' };
const NO_LIMITS: ScannerLimits = { maxBytes: 0, maxDepth: 0, maxAttributes: 0, maxElements: 0 };

export class ElementScan {
  refusal: XmlRefusal = NO_REFUSAL;
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
  /** What holds around the element, and what it adds. */
  scope: Scope = EMPTY_SCOPE;
  readonly bindings = new Bindings();
  limits: ScannerLimits = NO_LIMITS;
  private maxNameBytes = MAX_NAME_BYTES;

  private readonly tag = new StartTag();
  private headOnly = false;
  private state = OPEN;
  private base = 0;
  private depth = 0;
  private elements = 0;
  /** Offsets of the names of the open elements: begin and end in turn. */
  private names = new Int32Array(32);
  // The name being read.
  private nameAt = 0;
  private colonAt = 0;
  private next = NAME_START;
  /** Colon and end of the newest element's name. */
  private elementColon = 0;
  /** What that name's prefix is bound to. */
  private bound = UNBOUND;
  /** Where the value, reference or other construct being read begins. */
  private mark = 0;
  private valueAt = 0;
  private quote = 0;
  private raw = false;
  /** The state that a reference returns to. */
  private back = TEXT;

  /** Makes ready for an element in `scope`; `headOnly`: for a stream header, which is over with its start tag. */
  begin(scope: Scope, limits: ScannerLimits, headOnly: boolean): void {
    this.state = OPEN;
    this.scope = scope;
    this.limits = limits;
    this.maxNameBytes = limits.maxNameBytes ?? MAX_NAME_BYTES;
    this.headOnly = headOnly;
    this.depth = 0;
    this.elements = 0;
    this.empty = false;
    this.bindings.begin(scope);
    this.tag.work = 0;
  }

  /** The element was read to its end (or, for a stream header, its start tag was). */
  get done(): boolean {
    return this.state === DONE;
  }

  /** The element was refused: see `refusal`. */
  get refused(): boolean {
    return this.state === FAULT;
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
    while (at < stop && this.state < DONE) {
      if (this.state <= EMPTY) at = this.startTag(buf, at, stop);
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

  private refuse(fault: XmlFault, reason: string, at: number): number {
    this.state = FAULT;
    this.refusal = { fault, reason };
    return at;
  }

  private malformed(reason: string, at: number): number {
    return this.refuse('not-well-formed', reason, at);
  }

  /** Reads one character beyond ASCII that is no part of a name. */
  private wide(buf: Buffer, at: number, end: number): number {
    const read = readWide(buf, at, end);
    if (read === BAD_UTF8) return this.refuse('unsupported-encoding', 'not UTF-8', at);
    const code = read >> 3;
    if (code === 0xfffe || code === 0xffff) return this.malformed('a character that XML does not have', at);
    return at + (read & 7);
  }

  /**
   * A start tag (XML 3.1), from its name to its `>`. The states stand in the order in which they follow one another, so that an
   * attribute that lies in the chunk is read straight down; it is this that makes the function longer than a screen.
   */
  private startTag(buf: Buffer, from: number, end: number): number {
    const { base, tag } = this;
    let { state } = this;
    let at = from;
    if (state === NAME) {
      at = this.readName(buf, at, end);
      if (at === end || this.state === FAULT) return at;
      this.keepName(at - base);
      state = AFTER;
    }
    while (at < end) {
      if (state <= SPACED) {
        const byte = buf[at] as number;
        if (byte === GT) return this.tagEnd(buf, at, false);
        if (((NAMES[byte] as number) & BLANK) !== 0) {
          state = SPACED;
          at++;
          continue;
        }
        if (byte === SLASH) {
          state = EMPTY;
          at++;
          continue;
        }
        if (state === AFTER) return this.malformed('no white space before an attribute', at);
        if (tag.count >= this.limits.maxAttributes) return this.refuse('policy-violation', 'too many attributes', at);
        this.startName(at);
        state = ATTRIBUTE;
      }
      if (state === ATTRIBUTE) {
        this.state = ATTRIBUTE;
        at = this.readName(buf, at, end);
        if (at === end || this.state === FAULT) return at;
        if (!tag.add(buf, base, this.nameAt, at - base, this.colonAt)) return this.malformed('two attributes of one name', at);
        state = EQUAL;
      }
      if (state === EQUAL) {
        const byte = buf[at] as number;
        if (byte === EQUALS) state = QUOTE;
        else if (!isSpace(byte)) return this.malformed('no "=" after the name of an attribute', at);
        if (++at === end) break;
      }
      if (state === QUOTE) {
        const byte = buf[at] as number;
        at++;
        if (byte === QUOT || byte === APOS) {
          this.quote = byte;
          this.valueAt = at - base;
          this.raw = false;
          state = VALUE;
        } else if (!isSpace(byte)) {
          return this.malformed('the value of an attribute is not quoted', at);
        }
      }
      if (state === VALUE) {
        at = skipPlain(VALUES, buf, at, end);
        this.state = VALUE;
        at = at < end && buf[at] === this.quote ? this.endValue(buf, at) : this.value(buf, at, end);
        if (this.state !== AFTER) return at;
        state = AFTER;
      } else if (state === EMPTY) {
        if (buf[at] !== GT) return this.malformed('"/" out of place in a tag', at);
        return this.tagEnd(buf, at, true);
      }
    }
    this.state = state;
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
    if (at - this.base - this.nameAt > this.maxNameBytes) return this.refuse('policy-violation', 'a name is too long', at);
    return at;
  }

  /** Up to the end of a value, where the state becomes AFTER, or to what else ends the run. */
  private value(buf: Buffer, from: number, end: number): number {
    let at = from;
    while ((at = skipPlain(VALUES, buf, at, end)) < end) {
      if (buf[at] === this.quote) return this.endValue(buf, at);
      at = this.valueStep(buf, at, end);
      if (this.state !== VALUE) return at;
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
    if (byte === AMP) return this.startReference(VALUE, at);
    if (byte === QUOT || byte === APOS) return at + 1;
    if (!isSpace(byte)) return this.malformed(byte === LT ? '"<" in the value of an attribute' : 'a control character', at);
    this.raw = true;
    return at + 1;
  }

  /** Remembers the element's name for its end tag. */
  private keepName(nameEnd: number): void {
    const top = (this.depth - 1) * 2;
    if (top === this.names.length) {
      const larger = new Int32Array(top * 2);
      larger.set(this.names);
      this.names = larger;
    }
    this.names[top] = this.nameAt;
    this.names[top + 1] = nameEnd;
    this.elementColon = this.colonAt;
  }

  private endValue(buf: Buffer, at: number): number {
    this.state = AFTER;
    this.tag.value(this.valueAt, at - this.base, this.raw);
    return this.tag.declares ? this.enterDeclaration(buf, at) : at + 1;
  }

  private enterDeclaration(buf: Buffer, at: number): number {
    const reason = declare(this.tag, this.bindings, buf, this.base, this.depth);
    if (reason !== undefined) return this.malformed(reason, at);
    if (this.bindings.count > this.limits.maxAttributes) return this.refuse('policy-violation', 'too many prefixes', at);
    return at + 1;
  }

  private tagEnd(buf: Buffer, at: number, closed: boolean): number {
    if ((this.elementColon !== 0 || this.tag.prefixed > 0) && !this.bind(buf, at)) return at;
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
    if (byte === AMP) return this.startReference(TEXT, at);
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
      this.tag.begin();
      this.startName(at);
      this.state = NAME;
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

  private startReference(back: number, at: number): number {
    this.state = REFERENCE;
    this.back = back;
    this.raw = true;
    this.mark = at + 1 - this.base;
    return at + 1;
  }

  private reference(buf: Buffer, from: number, end: number): number {
    const start = this.base + this.mark;
    for (let at = from; at < end; at++) {
      const byte = buf[at] as number;
      if (byte === SEMICOLON) {
        const isAmp = at - start === 3 && buf[start] === 0x61 && buf[start + 1] === 0x6d && buf[start + 2] === 0x70;
        return this.endReference(isAmp ? 'amp' : latin1(buf, start, at), at);
      }
      const first = at === start;
      const named = byte >= 0x80 || ((NAMES[byte] as number) & (first ? NAME_START : NAME_CHAR)) !== 0;
      if (!named && !(first && byte === HASH)) return this.malformed('a bare "&"', at);
      if (at - start > MAX_REFERENCE) return this.refuse('restricted-xml', 'an entity that XMPP does not have', at);
    }
    return end;
  }

  private endReference(body: string, at: number): number {
    if (body === '') return this.malformed('a bare "&"', at);
    if (referenceText(body) === undefined) {
      if (body.charCodeAt(0) === HASH) return this.malformed('a reference to no character', at);
      return this.refuse('restricted-xml', 'an entity that XMPP does not have', at);
    }
    this.state = this.back;
    return at + 1;
  }

  private markup(byte: number, at: number): number {
    if (byte === DASH) return this.refuse('restricted-xml', 'a comment', at);
    if (byte === 0x44) return this.refuse('restricted-xml', 'a document type declaration', at);
    if (byte !== BRACKET_OPEN) return this.malformed('no markup begins like this', at);
    if (this.depth === 0) return this.refuse(this.headOnly ? 'not-well-formed' : 'bad-format', 'text outside of an element', at);
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
