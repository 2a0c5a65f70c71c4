/** Namespaces in XML 1.0 for the scanner: what a declaration may say, and what prefixes are bound to once a start tag is complete. */
import type { Buffer } from 'node:buffer';
import { latin1, utf8 } from './xml-bytes.ts';
import { UNBOUND, XML_NS, XMLNS_NS, XMLNS_PREFIX, type Bindings } from './xml-namespaces.ts';
import type { StartTag } from './xml-tag.ts';

/**
 * Judges the declaration that was added to the tag last and enters it into `bindings`. Answers why it is refused
 * (Namespaces in XML 1.0 section 3, "Reserved Prefixes and Namespace Names", and section 5 "No Prefix Undeclaring").
 */
export const judgeDeclaration = (
  tag: StartTag,
  bindings: Bindings,
  buf: Buffer,
  base: number,
  depth: number,
): string | undefined => {
  const index = tag.count - 1;
  const from = tag.valueAt(index);
  const to = tag.valueEnd(index);
  // Only a value of the right length, or one with references in it, can name one of the two reserved namespaces.
  const length = to - from;
  const suspect = tag.isRaw(index) || length === XML_NS.length || length === XMLNS_NS.length;
  const value = suspect ? tag.text(index, buf, base) : undefined;
  if (value === XMLNS_NS) return 'the xmlns namespace must not be declared';
  if (tag.isDefaultDeclaration(index)) return value === XML_NS ? 'the xml namespace cannot be the default' : undefined;
  const prefixAt = tag.colonAt(index) + 1;
  const prefixEnd = tag.nameEnd(index);
  const prefix =
    prefixEnd - prefixAt === 3 || prefixEnd - prefixAt === 5 ? latin1(buf, base + prefixAt, base + prefixEnd) : '';
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
    if (!tag.isPrefixed(index)) continue;
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
