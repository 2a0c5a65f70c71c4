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
  AMP,
  APOS,
  BAD_UTF8,
  BANG,
  BRACKET_CLOSE,
  BRACKET_OPEN,
  CDATA_BYTES,
  COLON,
  DASH,
  EQUALS,
  GT,
  HASH,
  ILLEGAL,
  isNameCode,
  isSpace,
  latin1,
  LT,
  NAME_BYTES,
  NAME_CHAR,
  NAME_START,
  PLAIN,
  QUESTION,
  QUOT,
  readWide,
  SEMICOLON,
  SLASH,
  TEXT_BYTES,
  VALUE_BYTES,
  wholeCharacters,
  WIDE,
} from './xml-bytes.ts';
import type { ScannerLimits, XmlFault, XmlRefusal } from './xml-faults.ts';
import { bindAttributes, bindElement, declare, decodeHead, type Head } from './xml-head.ts';
import { Bindings, EMPTY_SCOPE, UNBOUND, type Scope } from './xml-namespaces.ts';
import { DEFAULT_DECLARATION, PREFIX_DECLARATION, StartTag } from './xml-tag.ts';

// States: what the next byte belongs to.
const OPEN = 0; // what follows `<`
const NAME = 1; // an element's name
const AFTER = 2; // after the name or a value: white space or the tag's end
const SPACED = 3; // after white space in a start tag: an attribute may begin
const ATTRIBUTE = 4; // an attribute's name
const EQUAL = 5; // white space and `=`
const QUOTE = 6; // white space and a quote
const VALUE = 7;
const EMPTY = 8; // after `/` in a start tag
const TEXT = 9;
const REFERENCE = 10; // after `&`
const MARKUP = 11; // after `<!`
const CDATA_START = 12;
const CDATA = 13;
const CLOSE = 14; // an end tag's name
const CLOSE_END = 15; // after it: white space and `>`
/** The element was read to its end (or, for a stream header, its start tag was). */
export const DONE = 16;
/** The element was refused: see `refusal`. */
export const FAULT = 17;

const CDATA_NAME = 'CDATA[';
const MAX_NAME_BYTES = 1024;
/** Longest reference read, in bytes: no entity left by RFC 6120 is longer, and no character needs so many digits. */
const MAX_REFERENCE = 64;

const NO_REFUSAL: XmlRefusal = { fault: 'not-well-formed', reason: '' };
const NO_LIMITS: ScannerLimits = { maxBytes: 0, maxDepth: 0, maxAttributes: 0, maxElements: 0 };

export class ElementScan {
  state = OPEN;
  refusal: XmlRefusal = NO_REFUSAL;
  /** The first-level start tag, from the moment when it was read. */
  head: Head | undefined;
  /** Where the content begins and ends. */
  contentAt = 0;
  contentEnd = 0;
  /** The element closed in its start tag (`<x/>`). */
  empty = false;
  /** What holds around the element, and what it adds. */
  scope: Scope = EMPTY_SCOPE;
  readonly bindings = new Bindings();
  limits: ScannerLimits = NO_LIMITS;

  private readonly tag = new StartTag();
  private headOnly = false;
  private base = 0;
  private depth = 0;
  private elements = 0;
  /** Offsets of the names of the open elements: begin and end in turn. */
  private names = new Int32Array(32);
  // The name being read.
  private nameAt = 0;
  private colonAt = 0;
  private hash = 0;
  private next = NAME_START;
  /** Colon and end of the newest element's name. */
  private elementColon = 0;
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
    this.head = undefined;
    this.scope = scope;
    this.limits = limits;
    this.headOnly = headOnly;
    this.depth = 0;
    this.elements = 0;
    this.empty = false;
    this.bindings.begin(scope);
    this.tag.work = 0;
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
    while (at < stop) {
      switch (this.state) {
        case TEXT:
          at = this.text(buf, at, stop);
          break;
        case OPEN:
          at = this.open(buf[at] as number, at);
          break;
        case NAME:
          at = this.elementName(buf, at, stop);
          break;
        case AFTER:
        case SPACED:
          at = this.between(buf, at, stop);
          break;
        case ATTRIBUTE:
          at = this.attributeName(buf, at, stop);
          break;
        case VALUE:
          at = this.value(buf, at, stop);
          break;
        case CLOSE:
          at = this.endName(buf, at, stop);
          break;
        case CLOSE_END:
        case EMPTY:
          at = this.tagEnd(buf, at);
          break;
        case DONE:
        case FAULT:
          return at;
        default:
          at = this.rare(buf, at, stop);
      }
    }
    return at;
  }

  private rare(buf: Buffer, at: number, end: number): number {
    switch (this.state) {
      case EQUAL:
      case QUOTE:
        return this.assignment(buf[at] as number, at);
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

  /** Reads one character beyond ASCII in text; answers the offset behind it, or -1 when the element is refused. */
  private wide(buf: Buffer, at: number, end: number): number {
    const read = readWide(buf, at, end);
    if (read === BAD_UTF8) return this.refuse('unsupported-encoding', 'not UTF-8', -1);
    const code = read >> 3;
    if (code === 0xfffe || code === 0xffff) return this.malformed('a character that XML does not have', -1);
    return at + (read & 7);
  }

  private text(buf: Buffer, from: number, end: number): number {
    const table = TEXT_BYTES;
    let at = from;
    while (at < end) {
      const byte = buf[at] as number;
      const kind = table[byte] as number;
      if (kind === PLAIN) {
        at++;
      } else if (byte === LT) {
        this.state = OPEN;
        return at + 1;
      } else if (kind === WIDE) {
        at = this.wide(buf, at, end);
        if (at < 0) return end;
      } else if (byte === AMP) {
        return this.startReference(TEXT, at);
      } else if (kind === ILLEGAL) {
        return this.malformed('a control character', at);
      } else {
        // Section 2.4: `]]>` must not occur in character data. Brackets right before can only be character data themselves.
        if (buf[at - 1] === BRACKET_CLOSE && buf[at - 2] === BRACKET_CLOSE) return this.malformed('"]]>" in text', at);
        at++;
      }
    }
    return at;
  }

  private open(byte: number, at: number): number {
    if (((NAME_BYTES[byte] as number) & NAME_START) !== 0 || byte >= 0x80) return this.startElement(at);
    if (byte === SLASH && this.depth > 0) {
      if (this.depth === 1) this.contentEnd = at - 1 - this.base;
      this.state = CLOSE;
      this.mark = at + 1 - this.base;
      return at + 1;
    }
    if (byte === BANG) {
      this.state = MARKUP;
      return at + 1;
    }
    // Section 11.1 of RFC 6120; an XML declaration is one only at the very start, which the caller reads.
    if (byte === QUESTION) return this.refuse('restricted-xml', 'a processing instruction', at);
    return this.malformed('no name after "<"', at);
  }

  private startElement(at: number): number {
    if (this.depth >= this.limits.maxDepth) return this.refuse('policy-violation', 'elements nested too deeply', at);
    if (this.elements >= this.limits.maxElements) return this.refuse('policy-violation', 'too many elements', at);
    this.elements++;
    this.depth++;
    this.tag.begin();
    this.startName(at);
    this.state = NAME;
    return at;
  }

  private startName(at: number): void {
    this.nameAt = at - this.base;
    this.colonAt = 0;
    this.hash = 0;
    this.next = NAME_START;
  }

  /** Reads on in a name and answers where it ends; at `end` it may go on. Refuses what is no QName (Namespaces section 4). */
  private name(buf: Buffer, from: number, end: number): number {
    const table = NAME_BYTES;
    let { hash, next } = this;
    let at = from;
    for (; at < end; at++) {
      const byte = buf[at] as number;
      if (((table[byte] as number) & next) !== 0) {
        next = NAME_CHAR;
      } else if (byte === COLON) {
        if (next === NAME_START || this.colonAt !== 0) return this.malformed('a colon out of place in a name', at);
        this.colonAt = at - this.base;
        next = NAME_START;
      } else if (byte >= 0x80) {
        const read = readWide(buf, at, end);
        if (read === BAD_UTF8) return this.refuse('unsupported-encoding', 'not UTF-8', at);
        if (!isNameCode(read >> 3, next === NAME_START)) return this.malformed('a character not allowed in a name', at);
        at += (read & 7) - 1;
        this.tag.ascii = false;
        next = NAME_CHAR;
      } else {
        break;
      }
      hash = (Math.imul(hash, 31) + byte) | 0;
    }
    this.hash = hash;
    this.next = next;
    if (at === end) return at;
    if (next === NAME_START) return this.malformed('a name is incomplete', at);
    if (at - this.base - this.nameAt > (this.limits.maxNameBytes ?? MAX_NAME_BYTES)) {
      return this.refuse('policy-violation', 'a name is too long', at);
    }
    return at;
  }

  private elementName(buf: Buffer, from: number, end: number): number {
    const at = this.name(buf, from, end);
    if (at === end || this.state === FAULT) return at;
    const top = (this.depth - 1) * 2;
    if (top === this.names.length) {
      const larger = new Int32Array(top * 2);
      larger.set(this.names);
      this.names = larger;
    }
    this.names[top] = this.nameAt;
    this.names[top + 1] = at - this.base;
    this.elementColon = this.colonAt;
    this.state = AFTER;
    return this.between(buf, at, end);
  }

  private between(buf: Buffer, from: number, end: number): number {
    let at = from;
    while (at < end && isSpace(buf[at] as number)) {
      this.state = SPACED;
      at++;
    }
    if (at === end) return at;
    const byte = buf[at] as number;
    if (byte === GT) return this.tagEnd(buf, at);
    if (byte === SLASH) {
      this.state = EMPTY;
      return at + 1;
    }
    if (this.state !== SPACED) return this.malformed('no white space before an attribute', at);
    if (this.tag.count >= this.limits.maxAttributes) return this.refuse('policy-violation', 'too many attributes', at);
    this.startName(at);
    this.state = ATTRIBUTE;
    return this.attributeName(buf, at, end);
  }

  private attributeName(buf: Buffer, from: number, end: number): number {
    const at = this.name(buf, from, end);
    if (at === end || this.state === FAULT) return at;
    if (!this.tag.add(buf, this.base, this.nameAt, at - this.base, this.colonAt, this.hash)) {
      return this.malformed('two attributes of one name', at);
    }
    this.state = EQUAL;
    return this.assignment(buf[at] as number, at);
  }

  private assignment(byte: number, at: number): number {
    if (isSpace(byte)) return at + 1;
    if (this.state === EQUAL) {
      if (byte !== EQUALS) return this.malformed('no "=" after the name of an attribute', at);
      this.state = QUOTE;
      return at + 1;
    }
    if (byte !== QUOT && byte !== APOS) return this.malformed('the value of an attribute is not quoted', at);
    this.quote = byte;
    this.valueAt = at + 1 - this.base;
    this.raw = false;
    this.state = VALUE;
    return at + 1;
  }

  private value(buf: Buffer, from: number, end: number): number {
    const table = VALUE_BYTES;
    const { quote } = this;
    let at = from;
    while (at < end) {
      const byte = buf[at] as number;
      const kind = table[byte] as number;
      if (kind === PLAIN) {
        at++;
      } else if (byte === quote) {
        return this.endValue(buf, at);
      } else if (kind === WIDE) {
        this.tag.ascii = false;
        at = this.wide(buf, at, end);
        if (at < 0) return end;
      } else if (byte === AMP) {
        return this.startReference(VALUE, at);
      } else if (byte === LT || kind === ILLEGAL) {
        return this.malformed(byte === LT ? '"<" in the value of an attribute' : 'a control character', at);
      } else {
        if (byte !== QUOT && byte !== APOS) this.raw = true;
        at++;
      }
    }
    return at;
  }

  private endValue(buf: Buffer, at: number): number {
    const { tag, bindings } = this;
    tag.value(this.valueAt, at - this.base, this.raw);
    const kind = tag.kind(tag.count - 1);
    if (kind === DEFAULT_DECLARATION || kind === PREFIX_DECLARATION) {
      const reason = declare(tag, bindings, buf, this.base, this.depth);
      if (reason !== undefined) return this.malformed(reason, at);
      if (bindings.count > this.limits.maxAttributes) return this.refuse('policy-violation', 'too many prefixes', at);
    }
    this.state = AFTER;
    return at + 1;
  }

  /** The `>` of a start tag, an empty element's tag or an end tag. */
  private tagEnd(buf: Buffer, at: number): number {
    if (this.state === CLOSE_END && isSpace(buf[at] as number)) return at + 1;
    if (buf[at] !== GT) return this.malformed('a tag does not end in ">"', at);
    if (this.state === CLOSE_END) return this.leave(at + 1);
    const { tag, bindings, base } = this;
    const nameAt = this.names[(this.depth - 1) * 2] as number;
    if (this.elementColon !== 0 && bindElement(bindings, buf, base, nameAt, this.elementColon) === UNBOUND) {
      return this.malformed('the prefix of an element is not declared', at);
    }
    if (tag.prefixed > 0) {
      const reason = bindAttributes(tag, bindings, buf, base);
      if (reason !== undefined) return this.malformed(reason, at);
    }
    const closed = this.state === EMPTY;
    this.state = TEXT;
    if (this.depth === 1) {
      this.head = decodeHead(tag, bindings, this.scope, buf, base, nameAt, this.names[1] as number, this.elementColon, at - base);
      this.contentAt = at + 1 - base;
      this.contentEnd = this.contentAt;
      this.empty = closed;
      if (this.headOnly) this.state = DONE;
    }
    return closed ? this.leave(at + 1) : at + 1;
  }

  private leave(at: number): number {
    // What the first level declares is kept: the caller reads it when all is done.
    if (this.depth > 1) this.bindings.leave(this.depth);
    this.depth--;
    this.state = this.depth === 0 ? DONE : TEXT;
    return at;
  }

  private endName(buf: Buffer, from: number, end: number): number {
    const top = (this.depth - 1) * 2;
    let other = (this.names[top] as number) + (from - this.mark);
    const stop = this.base + (this.names[top + 1] as number);
    let at = from;
    while (other < stop && at < end) {
      if (buf[at] !== buf[other]) return this.malformed('an end tag does not match its start tag', at);
      at++;
      other++;
    }
    if (other === stop) this.state = CLOSE_END;
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
      if (byte === SEMICOLON) return this.endReference(latin1(buf, start, at), at);
      const first = at === start;
      const named = byte >= 0x80 || ((NAME_BYTES[byte] as number) & (first ? NAME_START : NAME_CHAR)) !== 0;
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
    const table = CDATA_BYTES;
    let at = from;
    while (at < end) {
      const byte = buf[at] as number;
      const kind = table[byte] as number;
      if (kind === WIDE) {
        at = this.wide(buf, at, end);
        if (at < 0) return end;
        continue;
      }
      if (kind === ILLEGAL) return this.malformed('a control character', at);
      at++;
      if (byte === GT && buf[at - 2] === BRACKET_CLOSE && buf[at - 3] === BRACKET_CLOSE) {
        this.state = TEXT;
        return at;
      }
    }
    return at;
  }
}
