/** The XML declaration (XML 1.0 section 2.8; RFC 6120 sections 11.5, 11.6 and 11.8), which may only begin a document. */
import type { Buffer } from 'node:buffer';
import { isSpace, latin1 } from './xml-bytes.ts';
import type { XmlRefusal } from './xml-faults.ts';

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/** Whether a byte is the first of U+FEFF. */
export const beginsByteOrderMark = (byte: number): boolean => byte === BYTE_ORDER_MARK[0];

/** The offset behind the U+FEFF that begins at `base`, 0 when more bytes are needed, or why it is refused. */
export const readByteOrderMark = (buf: Buffer, base: number, end: number): number | XmlRefusal => {
  const there = Math.min(end - base, BYTE_ORDER_MARK.length);
  for (let index = 0; index < there; index++) {
    if (buf[base + index] !== BYTE_ORDER_MARK[index]) return TEXT;
  }
  return there < BYTE_ORDER_MARK.length ? 0 : base + there;
};

/** No declaration that this document type allows is longer, white space in it apart. */
const MAX_BYTES = 256;
const START = '<?xml';

const TEXT: XmlRefusal = { fault: 'not-well-formed', reason: 'text outside of an element' };
const PI: XmlRefusal = { fault: 'restricted-xml', reason: 'a processing instruction' };
const MALFORMED: XmlRefusal = { fault: 'not-well-formed', reason: 'a malformed XML declaration' };
const VERSION: XmlRefusal = { fault: 'not-well-formed', reason: 'a version of XML other than 1.0' };
const ENCODING: XmlRefusal = { fault: 'unsupported-encoding', reason: 'an encoding other than UTF-8' };

/**
 * Reads the declaration that begins at `base` with `<?`. Answers the offset behind it, 0 when more bytes are needed, or why it is
 * refused. Reads from its beginning each time: it is short.
 */
export const readDeclaration = (buf: Buffer, base: number, end: number): number | XmlRefusal => {
  for (let at = base + 2; at < Math.min(end, base + START.length); at++) {
    if (buf[at] !== START.charCodeAt(at - base)) return PI;
  }
  if (end - base > START.length && !isSpace(buf[base + START.length] as number)) return PI;
  const stop = Math.min(end, base + MAX_BYTES);
  const text = latin1(buf, base, stop);
  const close = text.indexOf('?>');
  if (close < 0) return stop - base === MAX_BYTES ? MALFORMED : 0;
  return judge(text.slice(START.length, close)) ?? base + close + 2;
};

const judge = (text: string): XmlRefusal | undefined => {
  const fields = pseudoAttributes(text);
  if (fields === undefined) return MALFORMED;
  let expected = fields;
  if (expected[0]?.name !== 'version') return MALFORMED;
  if (expected[0].value !== '1.0') return VERSION;
  expected = expected.slice(1);
  if (expected[0]?.name === 'encoding') {
    if (expected[0].value === '') return MALFORMED;
    if (expected[0].value.toLowerCase() !== 'utf-8') return ENCODING;
    expected = expected.slice(1);
  }
  // Section 11.5: has no meaning in XMPP, to be ignored or refused when received.
  if (expected[0]?.name === 'standalone') {
    if (expected[0].value !== 'yes' && expected[0].value !== 'no') return MALFORMED;
    expected = expected.slice(1);
  }
  return expected.length === 0 ? undefined : MALFORMED;
};

interface PseudoAttribute {
  readonly name: string;
  readonly value: string;
}

const pseudoAttributes = (text: string): readonly PseudoAttribute[] | undefined => {
  const fields: PseudoAttribute[] = [];
  let at = 0;
  const skip = (): boolean => {
    const from = at;
    while (isSpace(text.charCodeAt(at))) at++;
    return at > from;
  };
  while (skip() && at < text.length) {
    const from = at;
    while (text.charCodeAt(at) >= 0x61 && text.charCodeAt(at) <= 0x7a) at++;
    const name = text.slice(from, at);
    skip();
    if (text[at] !== '=') return undefined;
    at++;
    skip();
    const quote = text[at];
    const close = quote === '"' || quote === "'" ? text.indexOf(quote, at + 1) : -1;
    if (close < 0) return undefined;
    fields.push({ name, value: text.slice(at + 1, close) });
    at = close + 1;
  }
  return at === text.length ? fields : undefined;
};
