/**
 * Namespaces in XML 1.0: which prefixes are bound where. Two layers: those of the stream header, kept as strings for the life
 * of a stream, and those declared inside one first-level element, kept as byte ranges while that element is read.
 */
import type { Buffer } from 'node:buffer';
import { unescapeAttribute } from './escape.ts';
import { doubled, utf8 } from './xml-bytes.ts';

export const XML_NS = 'http://www.w3.org/XML/1998/namespace';
export const XMLNS_NS = 'http://www.w3.org/2000/xmlns/';

/** The namespaces that a stream header declares for everything in the stream (RFC 6120 section 4.8). */
export interface Scope {
  /** The default namespace; '' when none is declared. */
  readonly xmlns: string;
  /** Prefixes and their namespaces in turn. */
  readonly prefixes: readonly string[];
}

export const EMPTY_SCOPE: Scope = { xmlns: '', prefixes: [] };

const STREAM_PREFIX = ['stream', 'http://etherx.jabber.org/streams'];

/** The scopes of nearly all streams: shared, so that many connections do not hold one each. */
const STANDARD_SCOPES: readonly Scope[] = ['jabber:client', 'jabber:server'].map((xmlns) => ({
  xmlns,
  prefixes: STREAM_PREFIX,
}));

/** A scope with this content; one object for what nearly all streams declare. */
export const scopeOf = (xmlns: string, prefixes: readonly string[]): Scope => {
  const same = (scope: Scope): boolean =>
    scope.xmlns === xmlns &&
    scope.prefixes.length === prefixes.length &&
    scope.prefixes.every((text, index) => text === prefixes[index]);
  return STANDARD_SCOPES.find(same) ?? { xmlns, prefixes };
};

/** What `Bindings.find` answers for a prefix that nothing declares. */
export const UNBOUND = -1;
/** What it answers for `xml`, which is bound by definition. */
export const XML_PREFIX = -2;
/** What it answers for `xmlns`, which is a prefix of declarations only. */
export const XMLNS_PREFIX = -3;
/** Minus this, minus the index in `Scope.prefixes`: a prefix of the stream header. */
const HEADER = -4;

const PREFIX_AT = 0;
const PREFIX_END = 1;
const URI_AT = 2;
const URI_END = 3;
const DEPTH = 4;
const FIELDS = 5;

const equals = (buf: Buffer, from: number, to: number, text: string): boolean => {
  if (to - from !== text.length) return false;
  for (let index = 0; index < text.length; index++) {
    if (buf[from + index] !== text.charCodeAt(index)) return false;
  }
  return true;
};

/** The prefixes in scope inside one first-level element. Offsets count from `base`, where the element begins. */
export class Bindings {
  count = 0;
  /** Comparisons made so far: the tests show with it that work grows with the input only. */
  work = 0;
  private scope: Scope = EMPTY_SCOPE;
  private readonly used = new Set<number>();
  private fields = new Int32Array(FIELDS * 4);

  /** Whether its array is still of the size that nearly all stanzas need. */
  get small(): boolean {
    return this.fields.length <= FIELDS * 16;
  }

  begin(scope: Scope): void {
    this.scope = scope;
    this.count = 0;
    this.work = 0;
    if (this.used.size > 0) this.used.clear();
  }

  /** Adds the declaration of a prefix; where the prefix and its value stand was checked by the caller. */
  declare(prefixAt: number, prefixEnd: number, uriAt: number, uriEnd: number, depth: number): void {
    const row = this.count++ * FIELDS;
    if (row === this.fields.length) this.fields = doubled(this.fields);
    this.fields.set([prefixAt, prefixEnd, uriAt, uriEnd, depth], row);
  }

  /** Forgets what the element at this depth declared. */
  leave(depth: number): void {
    while (this.count > 0 && (this.fields[(this.count - 1) * FIELDS + DEPTH] as number) >= depth) this.count--;
  }

  /** What the prefix in the given range is bound to: an index for `uri`, UNBOUND, XML_PREFIX or XMLNS_PREFIX. */
  find(buf: Buffer, base: number, from: number, to: number): number {
    const { fields, scope } = this;
    for (let index = this.count - 1; index >= 0; index--) {
      this.work++;
      const row = index * FIELDS;
      let at = fields[row + PREFIX_AT] as number;
      if ((fields[row + PREFIX_END] as number) - at !== to - from) continue;
      let other = from;
      while (other < to && buf[base + at] === buf[base + other]) {
        at++;
        other++;
      }
      if (other === to) return index;
    }
    if (equals(buf, base + from, base + to, 'xml')) return XML_PREFIX;
    if (equals(buf, base + from, base + to, 'xmlns')) return XMLNS_PREFIX;
    if (scope.prefixes.length === 0) return UNBOUND;
    const prefix = utf8(buf, base + from, base + to);
    for (let index = 0; index < scope.prefixes.length; index += 2) {
      this.work++;
      if (scope.prefixes[index] !== prefix) continue;
      this.used.add(index);
      return HEADER - index;
    }
    return UNBOUND;
  }

  /** The namespace that an answer of `find` stands for. */
  uri(found: number, buf: Buffer, base: number): string {
    if (found === XML_PREFIX) return XML_NS;
    if (found <= HEADER) return this.scope.prefixes[HEADER - found + 1] as string;
    const row = found * FIELDS;
    const { fields } = this;
    return unescapeAttribute(
      utf8(buf, base + (fields[row + URI_AT] as number), base + (fields[row + URI_END] as number)),
    );
  }

  /** Prefixes and namespaces in turn: those that the first-level start tag declares, then those used of the stream header. */
  outer(buf: Buffer, base: number): string[] {
    const pairs: string[] = [];
    for (let index = 0; index < this.count; index++) {
      const row = index * FIELDS;
      if (this.fields[row + DEPTH] !== 1) break;
      const from = base + (this.fields[row + PREFIX_AT] as number);
      pairs.push(utf8(buf, from, base + (this.fields[row + PREFIX_END] as number)), this.uri(index, buf, base));
    }
    for (const index of this.used) {
      pairs.push(this.scope.prefixes[index] as string, this.scope.prefixes[index + 1] as string);
    }
    return pairs;
  }

  /** Whether `outer` would answer anything. */
  get any(): boolean {
    return this.count > 0 || this.used.size > 0;
  }
}
