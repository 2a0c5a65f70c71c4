/** References in the bytes (XML 1.0 section 4.1): those to characters and to the predefined entities are all that RFC 6120 leaves. */
import type { Buffer } from 'node:buffer';
import { referenceText } from './escape.ts';
import { latin1, NAME_BYTES, NAME_CHAR, NAME_START } from './xml-bytes.ts';
import type { XmlRefusal } from './xml-faults.ts';

/** Longest reference read, in bytes: none that is left needs so many. */
const MAX_BYTES = 64;
const HASH = 0x23;
const SEMICOLON = 0x3b;

const BARE: XmlRefusal = { fault: 'not-well-formed', reason: 'a bare "&"' };
const NO_CHARACTER: XmlRefusal = { fault: 'not-well-formed', reason: 'a reference to no character' };
const UNKNOWN: XmlRefusal = { fault: 'restricted-xml', reason: 'an entity that XMPP does not have' };

/**
 * Reads on at `from` in the reference that begins at `start`, behind its `&`. Answers the offset behind its `;`, 0 when more bytes
 * are needed, or why it is refused.
 */
export const readReference = (buf: Buffer, start: number, from: number, end: number): number | XmlRefusal => {
  for (let at = from; at < end; at++) {
    const byte = buf[at] as number;
    if (byte === SEMICOLON) return judge(buf, start, at) ?? at + 1;
    const first = at === start;
    const named = byte >= 0x80 || ((NAME_BYTES[byte] as number) & (first ? NAME_START : NAME_CHAR)) !== 0;
    if (!named && !(first && byte === HASH)) return BARE;
    if (at - start > MAX_BYTES) return UNKNOWN;
  }
  return 0;
};

const judge = (buf: Buffer, start: number, end: number): XmlRefusal | undefined => {
  // By far the most frequent one.
  if (end - start === 3 && buf[start] === 0x61 && buf[start + 1] === 0x6d && buf[start + 2] === 0x70) return undefined;
  const body = latin1(buf, start, end);
  if (body === '') return BARE;
  if (referenceText(body) !== undefined) return undefined;
  return body.charCodeAt(0) === HASH ? NO_CHARACTER : UNKNOWN;
};
