/**
 * Why XML is refused, in the words of RFC 6120 section 4.9.3:
 * - `not-well-formed` (4.9.3.13): breaks the rules of XML or of Namespaces in XML, an unbound prefix included;
 * - `restricted-xml` (4.9.3.18): a comment, processing instruction, DTD or entity that section 11.1 takes out of XMPP;
 * - `unsupported-encoding` (4.9.3.22): declared as something else than UTF-8, or bytes that are not UTF-8;
 * - `policy-violation` (4.9.3.14): over one of the limits;
 * - `bad-format` (4.9.3.1): well-formed, but text where section 11.7 has room for white space only.
 */
export type XmlFault =
  | 'not-well-formed'
  | 'restricted-xml'
  | 'unsupported-encoding'
  | 'policy-violation'
  | 'bad-format';

/** What a peer may make the scanner hold or do. All hold from the next element on when they change. */
export interface ScannerLimits {
  /** Bytes of one first-level element, and of a stream header. */
  readonly maxBytes: number;
  /** Levels of elements inside one another, the first-level element being 1. */
  readonly maxDepth: number;
  /** Attributes of one start tag, declarations included, and prefixes declared at one place. */
  readonly maxAttributes: number;
  /** Elements in one first-level element, itself included. */
  readonly maxElements: number;
  /** Bytes of one element or attribute name; 1024 when left out. */
  readonly maxNameBytes?: number;
}

/** What `maxNameBytes` is when left out. */
export const MAX_NAME_BYTES = 1024;

/** Lets nothing through: what holds before the real ones are known. */
export const NO_LIMITS: ScannerLimits = { maxBytes: 0, maxDepth: 0, maxAttributes: 0, maxElements: 0 };

/** A fault and a few words on it for the log and the stream error's text. */
export interface XmlRefusal {
  readonly fault: XmlFault;
  readonly reason: string;
}
