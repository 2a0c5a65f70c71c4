/** RFC 3862: Common Presence and Instant Messaging message format, `message/cpim`. */
import { Buffer } from 'node:buffer';

export const CPIM = 'message/cpim';
const MAX_HEADERS = 64;

export interface CpimMessage {
  /** `name` to value, unescaped; a name of another namespace as `{urn}name`. The first of each name counts. */
  readonly headers: ReadonlyMap<string, string>;
  /** Type and parameters of what is inside. */
  readonly contentType: string;
  readonly body: Buffer;
}

/** RFC 3862 section 2.3; line ends and the like must not get into a header. */
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\\', '\\\\'],
  ['\b', '\\b'],
  ['\t', '\\t'],
  ['\n', '\\n'],
  ['\r', '\\r'],
]);
const PLAIN: ReadonlyMap<string, string> = new Map([
  ['b', '\b'],
  ['t', '\t'],
  ['n', '\n'],
  ['r', '\r'],
]);

function escape(value: string): string {
  // Every control character, and the backslash that begins an escape.
  return value.replaceAll(/[\p{Cc}\\]/gu, (char) => {
    return ESCAPES.get(char) ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

function unescape(value: string): string {
  if (!value.includes('\\')) return value;
  return value.replaceAll(/\\(?:u([0-9A-Fa-f]{4})|(.)|$)/g, (_, hex: string | undefined, char: string | undefined) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    return char === undefined ? '' : (PLAIN.get(char) ?? char);
  });
}

export interface CpimParts {
  /** In their order; names with the prefix of a namespace, which an `NS` header declares. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly contentType: string;
  /** More headers of the content. */
  readonly contentHeaders?: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

export function writeCpim({ body, contentHeaders = [], contentType, headers }: CpimParts): Buffer {
  const lines = headers.map(([name, value]) => `${name}: ${escape(value)}`);
  const inner = [['Content-Type', contentType] as const, ...contentHeaders];
  const content = inner.map(([name, value]) => `${name}: ${value}`);
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n${content.join('\r\n')}\r\n\r\n`), body]);
}

/**
 * Undefined for what is malformed. Where a sender left out the empty line between the two blocks of headers, as the examples of
 * RFC 5438 do, it is read as if it were there.
 */
export function readCpim(bytes: Buffer): CpimMessage | undefined {
  const headers = new Map<string, string>();
  const prefixes = new Map<string, string>();
  let contentType: string | undefined;
  let at = 0;
  let blocks = 0;
  for (let count = 0; count <= MAX_HEADERS; count += 1) {
    const end = bytes.indexOf(0x0a, at);
    if (end < 0) return undefined;
    const line = bytes.toString('utf8', at, bytes[end - 1] === 0x0d && end > at ? end - 1 : end);
    at = end + 1;
    if (line === '') {
      blocks += 1;
      if (blocks === 2 || contentType !== undefined) break;
      continue;
    }
    const colon = line.indexOf(':');
    if (colon < 1) return undefined;
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).trim();
    if (name.toLowerCase() === 'content-type') contentType = value;
    else if (name === 'NS') declare(prefixes, unescape(value));
    else if (blocks === 0) take(headers, prefixes, name, unescape(value));
    if (count === MAX_HEADERS) return undefined;
  }
  return contentType === undefined ? undefined : { headers, contentType, body: bytes.subarray(at) };
}

/** Section 4.6: `NS: MyFeatures <mid:MessageFeatures@id.foo.com>`. */
function declare(prefixes: Map<string, string>, value: string): void {
  const open = value.indexOf('<');
  const close = value.lastIndexOf('>');
  if (open >= 0 && close > open) prefixes.set(value.slice(0, open).trim(), value.slice(open + 1, close));
}

function take(headers: Map<string, string>, prefixes: ReadonlyMap<string, string>, name: string, value: string): void {
  const dot = name.indexOf('.');
  const urn = dot < 0 ? prefixes.get('') : prefixes.get(name.slice(0, dot));
  const key = urn === undefined ? name : `{${urn}}${name.slice(dot + 1)}`;
  if (!headers.has(key)) headers.set(key, value);
}
