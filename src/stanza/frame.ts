/** What the scanner tells: stream headers and first-level elements, decoded as far as the routing path needs. */
import { Buffer } from 'node:buffer';
import { escapeAttribute } from './escape.ts';
import type { Attributes } from './xml-attributes.ts';
import type { ElementScan } from './xml-element.ts';
import type { XmlFault } from './xml-faults.ts';
import { scopeOf, type Scope } from './xml-namespaces.ts';

export type { Attributes } from './xml-attributes.ts';
export type { ScannerLimits, XmlFault } from './xml-faults.ts';
export type { Scope } from './xml-namespaces.ts';

/** A stream header (RFC 6120 section 4.7). Whether its name and namespace are right is for the stream to judge. */
export interface StreamHeader {
  /** Local name. */
  readonly name: string;
  /** Prefix of the name; '' for none. */
  readonly prefix: string;
  /** The header's own namespace; '' for none. */
  readonly xmlns: string;
  /** The content namespace (section 4.8.2), which is the default namespace declared, and the prefixes. */
  readonly namespaces: Scope;
  readonly attributes: Attributes;
}

/** One complete, well-formed first-level element. */
export interface Frame {
  /** Local name. */
  readonly name: string;
  /** Prefix of the name; '' for none. RFC 6120 section 4.8.5 wants none on stanzas. */
  readonly prefix: string;
  /** The element's namespace; '' for none. */
  readonly xmlns: string;
  /** The default namespace in scope of `content`: other than `xmlns` only when the name has a prefix. */
  readonly defaultXmlns: string;
  /** Decoded, without declarations; names as written. */
  readonly attributes: Attributes;
  /** The bytes between start tag and end tag: a view on the chunk, or on a buffer of its own. */
  readonly content: Buffer;
  /**
   * Declarations, ready for a start tag (` xmlns:x='urn:y'`), of the prefixes that come from outside of `content`: those that the
   * first-level start tag declares and those of the stream header that the element uses. '' for nearly all.
   */
  readonly declarations: string;
  /** Bytes on the wire, tags included. */
  readonly bytes: number;
}

/** Is told what was found, in the order of the wire, while `push` runs. */
export interface ScannerHandler {
  onStream(header: StreamHeader): void;
  onFrame(frame: Frame): void;
  /** The stream was closed by its end tag. */
  onEnd(): void;
  /** Nothing more is read; `reason` is a few words in English for the log and the error's text. */
  onFault(fault: XmlFault, reason: string): void;
}

/** `stream`: a header, then first-level elements. `framed`: each document is one element; `end` is called after each. */
export type ScannerMode = 'stream' | 'framed';

const NOTHING = Buffer.alloc(0);

/** The stream header that was read. */
export const headerOf = (element: ElementScan, buf: Buffer, base: number): StreamHeader => {
  const { name, prefix, xmlns, defaultXmlns, attributes } = element;
  return { name, prefix, xmlns, attributes, namespaces: scopeOf(defaultXmlns, element.bindings.outer(buf, base)) };
};

/** The first-level element that was read, which ends before `end`. */
export const frameOf = (element: ElementScan, buf: Buffer, base: number, end: number): Frame => {
  const { name, prefix, xmlns, defaultXmlns, attributes } = element;
  const { contentAt, contentEnd, bindings } = element;
  return {
    name,
    prefix,
    xmlns,
    defaultXmlns,
    attributes,
    content: contentEnd > contentAt ? buf.subarray(base + contentAt, base + contentEnd) : NOTHING,
    declarations: bindings.any ? declarations(bindings.outer(buf, base)) : '',
    bytes: end - base,
  };
};

const declarations = (pairs: readonly string[]): string => {
  let text = '';
  for (let index = 0; index < pairs.length; index += 2) {
    text += ` xmlns:${pairs[index] as string}='${escapeAttribute(pairs[index + 1] as string)}'`;
  }
  return text;
};
