/**
 * The start tag being read: where its attributes stand. Offsets count from where the first-level element begins, so that they
 * hold when the bytes move to a larger buffer. One object serves one tag after the other.
 */
import type { Buffer } from 'node:buffer';
import { unescapeAttribute } from './escape.ts';
import { Attributes } from './xml-attributes.ts';
import { doubled, latin1, utf8 } from './xml-bytes.ts';

// Kinds of attributes: without a prefix; `xmlns`; `xmlns:prefix`; `xml:name`; `prefix:name`.
const PLAIN = 0;
const DEFAULT_DECLARATION = 1;
const PREFIX_DECLARATION = 2;
const XML = 3;
const PREFIXED = 4;

const NAME_AT = 0;
const NAME_END = 1;
const COLON_AT = 2;
const NAME_KEY = 3;
const VALUE_AT = 4;
const VALUE_END = 5;
const KIND = 6;
const RAW = 7;
const FIELDS = 8;

export class StartTag {
  count = 0;
  /** How many attributes have a prefix that a declaration must bind. */
  prefixed = 0;
  /** How many declare namespaces. */
  declarations = 0;
  /** No character beyond ASCII so far: the tag can be decoded in one piece. */
  ascii = true;
  /** Comparisons made so far: the tests show with it that work grows with the input only. */
  work = 0;
  private fields = new Int32Array(FIELDS * 8);

  /** Whether its array is still of the size that nearly all stanzas need. */
  get small(): boolean {
    return this.fields.length <= FIELDS * 16;
  }

  begin(): void {
    this.count = 0;
    this.prefixed = 0;
    this.declarations = 0;
    this.ascii = true;
  }

  /** Adds an attribute by its name (`colonAt` 0: no prefix). Answers false when the tag has one of this name already. */
  add(buf: Buffer, base: number, nameAt: number, nameEnd: number, colonAt: number): boolean {
    // A key that tells most names apart without a look at their bytes.
    const key =
      ((nameEnd - nameAt) << 16) | ((buf[base + nameAt] as number) << 8) | (buf[base + nameEnd - 1] as number);
    if (!this.isNew(buf, base, nameAt, nameEnd, key)) return false;
    const row = this.count++ * FIELDS;
    if (row === this.fields.length) this.fields = doubled(this.fields);
    const { fields } = this;
    const plain = colonAt === 0 && buf[base + nameAt] !== X;
    const kind = plain ? PLAIN : kindOf(buf, base + nameAt, nameEnd - nameAt, colonAt - nameAt);
    if (kind === PREFIXED) this.prefixed++;
    else if (kind === DEFAULT_DECLARATION || kind === PREFIX_DECLARATION) this.declarations++;
    fields[row + NAME_AT] = nameAt;
    fields[row + NAME_END] = nameEnd;
    fields[row + COLON_AT] = colonAt;
    fields[row + NAME_KEY] = key;
    fields[row + KIND] = kind;
    return true;
  }

  /** The value of the attribute added last; `raw`: it holds references or white space to normalise. */
  value(from: number, to: number, raw: boolean): void {
    const row = (this.count - 1) * FIELDS;
    this.fields[row + VALUE_AT] = from;
    this.fields[row + VALUE_END] = to;
    this.fields[row + RAW] = raw ? 1 : 0;
  }

  /** Whether the attribute added last declares a namespace. */
  get declares(): boolean {
    const kind = this.fields[(this.count - 1) * FIELDS + KIND];
    return kind === DEFAULT_DECLARATION || kind === PREFIX_DECLARATION;
  }

  /** Whether the attribute is `xmlns`. */
  isDefaultDeclaration(index: number): boolean {
    return this.fields[index * FIELDS + KIND] === DEFAULT_DECLARATION;
  }

  /** Whether the attribute has a prefix that a declaration must bind. */
  isPrefixed(index: number): boolean {
    return this.fields[index * FIELDS + KIND] === PREFIXED;
  }

  nameAt(index: number): number {
    return this.fields[index * FIELDS + NAME_AT] as number;
  }

  nameEnd(index: number): number {
    return this.fields[index * FIELDS + NAME_END] as number;
  }

  colonAt(index: number): number {
    return this.fields[index * FIELDS + COLON_AT] as number;
  }

  valueAt(index: number): number {
    return this.fields[index * FIELDS + VALUE_AT] as number;
  }

  valueEnd(index: number): number {
    return this.fields[index * FIELDS + VALUE_END] as number;
  }

  isRaw(index: number): boolean {
    return this.fields[index * FIELDS + RAW] === 1;
  }

  /** The decoded value of one attribute, read from its bytes. */
  text(index: number, buf: Buffer, base: number): string {
    const raw = utf8(buf, base + this.valueAt(index), base + this.valueEnd(index));
    return this.isRaw(index) ? unescapeAttribute(raw) : raw;
  }

  /** The tag's bytes as text when it is ASCII, so that all its strings come from one slice; '' when it is not. */
  slice(buf: Buffer, base: number, end: number): string {
    return this.ascii ? latin1(buf, base, end) : '';
  }

  /** The text between two offsets; `slice` is what the method of this name answered. */
  part(slice: string, buf: Buffer, base: number, from: number, to: number): string {
    return this.ascii ? slice.substring(from, to) : utf8(buf, base + from, base + to);
  }

  /** The attributes decoded, declarations left out. */
  attributes(slice: string, buf: Buffer, base: number): Attributes {
    const { fields, count } = this;
    if (count === this.declarations) return Attributes.NONE;
    const pairs = new Array<string>((count - this.declarations) * 2);
    let next = 0;
    for (let row = 0; row < count * FIELDS; row += FIELDS) {
      const kind = fields[row + KIND];
      if (kind === DEFAULT_DECLARATION || kind === PREFIX_DECLARATION) continue;
      pairs[next++] = this.part(slice, buf, base, fields[row + NAME_AT] as number, fields[row + NAME_END] as number);
      const raw = this.part(slice, buf, base, fields[row + VALUE_AT] as number, fields[row + VALUE_END] as number);
      pairs[next++] = fields[row + RAW] === 1 ? unescapeAttribute(raw) : raw;
    }
    return new Attributes(pairs);
  }

  /** The value of `xmlns`; undefined when the tag has none. */
  defaultXmlns(buf: Buffer, base: number): string | undefined {
    if (this.declarations === 0) return undefined;
    for (let index = 0; index < this.count; index++) {
      if (this.isDefaultDeclaration(index)) return this.text(index, buf, base);
    }
    return undefined;
  }

  private isNew(buf: Buffer, base: number, nameAt: number, nameEnd: number, key: number): boolean {
    const { fields } = this;
    for (let row = (this.count - 1) * FIELDS; row >= 0; row -= FIELDS) {
      this.work++;
      if (fields[row + NAME_KEY] !== key) continue;
      let at = fields[row + NAME_AT] as number;
      if ((fields[row + NAME_END] as number) - at !== nameEnd - nameAt) continue;
      let other = nameAt;
      while (other < nameEnd && buf[base + at] === buf[base + other]) {
        at++;
        other++;
      }
      if (other === nameEnd) return false;
    }
    return true;
  }
}

const X = 0x78;
const M = 0x6d;
const L = 0x6c;

const kindOf = (buf: Buffer, at: number, length: number, colon: number): number => {
  const none = colon < 0;
  if (buf[at] === X && buf[at + 1] === M && buf[at + 2] === L) {
    if (colon === 3) return XML;
    if ((none ? length : colon) === 5 && buf[at + 3] === 0x6e && buf[at + 4] === 0x73) {
      return none ? DEFAULT_DECLARATION : PREFIX_DECLARATION;
    }
  }
  return none ? PLAIN : PREFIXED;
};
