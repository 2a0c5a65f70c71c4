/** What the scanner does once a whole start tag was read: Namespaces in XML 1.0, and decoding the tag of a first-level element. */
import type { Buffer } from 'node:buffer';
import { unescapeAttribute } from './escape.ts';
import { Attributes } from './xml-attributes.ts';
import { latin1, utf8 } from './xml-bytes.ts';
import { UNBOUND, XML_NS, XMLNS_NS, XMLNS_PREFIX, type Bindings, type Scope } from './xml-namespaces.ts';
import { DEFAULT_DECLARATION, PREFIX_DECLARATION, PREFIXED_ATTRIBUTE, type StartTag } from './xml-tag.ts';

/** The start tag of a first-level element or the stream header, decoded. */
export interface Head {
  /** Local name. */
  readonly name: string;
  /** Prefix of the name; '' for none. */
  readonly prefix: string;
  /** The element's namespace; '' for none. */
  readonly xmlns: string;
  /** The default namespace inside the element; '' for none. */
  readonly defaultXmlns: string;
  readonly attributes: Attributes;
}

/**
 * Judges the declaration that was added to the tag last and enters it into `bindings`. Answers why it is refused
 * (Namespaces in XML 1.0 section 3, "Reserved Prefixes and Namespace Names", and section 5 "No Prefix Undeclaring").
 */
export const declare = (tag: StartTag, bindings: Bindings, buf: Buffer, base: number, depth: number): string | undefined => {
  const index = tag.count - 1;
  const from = tag.valueAt(index);
  const to = tag.valueEnd(index);
  // Only a value of the right length, or one with references in it, can name one of the two reserved namespaces.
  const length = to - from;
  const suspect = tag.isRaw(index) || length === XML_NS.length || length === XMLNS_NS.length;
  const value = suspect ? tag.text(index, buf, base) : undefined;
  if (value === XMLNS_NS) return 'the xmlns namespace must not be declared';
  if (tag.kind(index) === DEFAULT_DECLARATION) return value === XML_NS ? 'the xml namespace cannot be the default' : undefined;
  const prefixAt = tag.colonAt(index) + 1;
  const prefixEnd = tag.nameEnd(index);
  const prefix = prefixEnd - prefixAt === 3 || prefixEnd - prefixAt === 5 ? latin1(buf, base + prefixAt, base + prefixEnd) : '';
  if (prefix === 'xmlns') return 'the prefix xmlns must not be declared';
  if (prefix === 'xml') return value === XML_NS ? undefined : 'the prefix xml has its own namespace';
  if (value === XML_NS) return 'only the prefix xml has the xml namespace';
  if (length === 0 || value === '') return 'a prefix cannot be undeclared';
  bindings.declare(prefixAt, prefixEnd, from, to, depth);
  return undefined;
};

/** Binds the prefixes of the tag's attributes; answers why they are refused (Namespaces in XML 1.0 sections 5 and 6.3). */
export const bindAttributes = (tag: StartTag, bindings: Bindings, buf: Buffer, base: number): string | undefined => {
  const seen = tag.prefixed > 1 ? new Set<string>() : undefined;
  for (let index = 0; index < tag.count; index++) {
    if (tag.kind(index) !== PREFIXED_ATTRIBUTE) continue;
    const found = bindings.find(buf, base, tag.nameAt(index), tag.colonAt(index));
    if (found === UNBOUND) return 'the prefix of an attribute is not declared';
    if (seen === undefined) continue;
    const local = utf8(buf, base + tag.colonAt(index) + 1, base + tag.nameEnd(index));
    // A local name holds no space, so that the key is unambiguous.
    const key = `${local} ${bindings.uri(found, buf, base)}`;
    if (seen.has(key)) return 'two attributes of one name and namespace';
    seen.add(key);
  }
  return undefined;
};

/** Binds the prefix of an element's name; answers the binding for `Bindings.uri`, or UNBOUND. */
export const bindElement = (bindings: Bindings, buf: Buffer, base: number, nameAt: number, colonAt: number): number => {
  const found = bindings.find(buf, base, nameAt, colonAt);
  return found === XMLNS_PREFIX ? UNBOUND : found;
};

/**
 * Decodes the start tag of a first-level element that ends before `tagEnd`; its names and prefixes were checked. One slice of
 * the bytes serves all its strings when it is ASCII.
 */
export const decodeHead = (
  tag: StartTag,
  bindings: Bindings,
  scope: Scope,
  buf: Buffer,
  base: number,
  nameAt: number,
  nameEnd: number,
  colonAt: number,
  tagEnd: number,
): Head => {
  const whole = tag.ascii ? latin1(buf, base, base + tagEnd) : '';
  const text = (from: number, to: number): string =>
    tag.ascii ? whole.substring(from, to) : utf8(buf, base + from, base + to);
  let defaultXmlns = scope.xmlns;
  const pairs: string[] = [];
  for (let index = 0; index < tag.count; index++) {
    const kind = tag.kind(index);
    if (kind === PREFIX_DECLARATION) continue;
    const raw = text(tag.valueAt(index), tag.valueEnd(index));
    const value = tag.isRaw(index) ? unescapeAttribute(raw) : raw;
    if (kind === DEFAULT_DECLARATION) defaultXmlns = value;
    else pairs.push(text(tag.nameAt(index), tag.nameEnd(index)), value);
  }
  const prefixed = colonAt !== 0;
  return {
    name: text(prefixed ? colonAt + 1 : nameAt, nameEnd),
    prefix: prefixed ? text(nameAt, colonAt) : '',
    xmlns: prefixed ? bindings.uri(bindings.find(buf, base, nameAt, colonAt), buf, base) : defaultXmlns,
    defaultXmlns,
    attributes: pairs.length === 0 ? Attributes.NONE : new Attributes(pairs),
  };
};
