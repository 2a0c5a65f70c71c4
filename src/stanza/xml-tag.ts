/**
 * The start tag being read: where its attributes stand. Offsets count from where the first-level element begins, so that they
 * hold when the bytes move to a larger buffer. One object serves one tag after the other.
 */
import type { Buffer } from 'node:buffer';
import { unescapeAttribute } from './escape.ts';
import { utf8 } from './xml-bytes.ts';

/** An attribute without a prefix. */
export const PLAIN_ATTRIBUTE = 0;
/** `xmlns`. */
export const DEFAULT_DECLARATION = 1;
/** `xmlns:prefix`. */
export const PREFIX_DECLARATION = 2;
/** `xml:something`. */
export const XML_ATTRIBUTE = 3;
/** `prefix:something`. */
export const PREFIXED_ATTRIBUTE = 4;

const NAME_AT = 0;
const NAME_END = 1;
const COLON_AT = 2;
const NAME_HASH = 3;
const VALUE_AT = 4;
const VALUE_END = 5;
const KIND = 6;
const RAW = 7;
const FIELDS = 8;

export class StartTag {
  count = 0;
  /** How many attributes have a prefix that a declaration must bind. */
  prefixed = 0;
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
    this.ascii = true;
  }

  /** Adds an attribute by its name (`colonAt` 0: no prefix). Answers false when the tag has one of this name already. */
  add(buf: Buffer, base: number, nameAt: number, nameEnd: number, colonAt: number, hash: number): boolean {
    if (!this.isNew(buf, base, nameAt, nameEnd, hash)) return false;
    const row = this.count++ * FIELDS;
    if (row === this.fields.length) {
      const larger = new Int32Array(row * 2);
      larger.set(this.fields);
      this.fields = larger;
    }
    const { fields } = this;
    const kind = kindOf(buf, base + nameAt, nameEnd - nameAt, colonAt - nameAt);
    if (kind === PREFIXED_ATTRIBUTE) this.prefixed++;
    fields[row + NAME_AT] = nameAt;
    fields[row + NAME_END] = nameEnd;
    fields[row + COLON_AT] = colonAt;
    fields[row + NAME_HASH] = hash;
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

  kind(index: number): number {
    return this.fields[index * FIELDS + KIND] as number;
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

  private isNew(buf: Buffer, base: number, nameAt: number, nameEnd: number, hash: number): boolean {
    const { fields } = this;
    for (let row = (this.count - 1) * FIELDS; row >= 0; row -= FIELDS) {
      this.work++;
      if (fields[row + NAME_HASH] !== hash) continue;
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
    if (colon === 3) return XML_ATTRIBUTE;
    if ((none ? length : colon) === 5 && buf[at + 3] === 0x6e && buf[at + 4] === 0x73) {
      return none ? DEFAULT_DECLARATION : PREFIX_DECLARATION;
    }
  }
  return none ? PLAIN_ATTRIBUTE : PREFIXED_ATTRIBUTE;
};
