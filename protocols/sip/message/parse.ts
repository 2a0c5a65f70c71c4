/** RFC 3261 sections 7 and 18.3: bytes to messages. One pass finds the fields; only what every receiver needs is decoded. */
import { Buffer, isAscii, isUtf8 } from 'node:buffer';
import { decimal, isSpace, isToken } from '#protocols/sip/message/grammar.ts';
import { canonicalName, knownName } from '#protocols/sip/message/header-names.ts';
import { Field, Headers, trimSpace } from '#protocols/sip/message/headers.ts';
import { MESSAGE_LIMITS, type MessageLimits } from '#protocols/sip/message/limits.ts';
import { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import { METHODS } from '#protocols/sip/message/methods.ts';

/** What arrived and is no message. */
export interface Malformed {
  readonly kind: 'malformed';
  /** What to answer when `request` is there; what does not look like a request is dropped. */
  readonly status: number;
  /** For the reason phrase and the log; holds nothing of what arrived. */
  readonly reason: string;
  /**
   * What could be read, when it has a Via field to answer with (which may be malformed: then the source of the datagram is all there is
   * to answer to). Never an ACK, which is not answered.
   */
  readonly request?: SipRequest;
  /** On a stream: where the next message begins cannot be told. */
  readonly fatal: boolean;
}

interface Fault {
  readonly status: number;
  readonly reason: string;
}

type StartLine =
  | { readonly kind: 'request'; readonly method: string; readonly uri: string }
  | { readonly kind: 'response'; readonly status: number; readonly reason: string };

/** The part up to the empty line. */
export interface Head {
  readonly line: StartLine | undefined;
  readonly headers: Headers;
  readonly fault: Fault | undefined;
  /** Of Content-Length; undefined when there is none. */
  readonly length: number | undefined;
}

const bad = (reason: string): Fault => ({ status: 400, reason });
const KNOWN: ReadonlySet<string> = new Set(METHODS);
const EMPTY = Buffer.alloc(0);
const CR = 0x0d;
const LF = 0x0a;
const TAB = 0x09;
const SPACE = 0x20;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const DEL = 0x7f;

/** Where the message begins: "implementations SHOULD ignore any CRLF appearing before the start-line" (RFC 3261 section 7.5). */
function startOf(bytes: Buffer): number {
  let at = 0;
  while (bytes[at] === CR && bytes[at + 1] === LF) at += 2;
  return at;
}

/** A whole message: a datagram, a WebSocket frame. What follows a body of Content-Length bytes is ignored (RFC 3261 section 18.3). */
export function parseMessage(
  bytes: Buffer,
  limits: MessageLimits = MESSAGE_LIMITS,
): SipRequest | SipResponse | Malformed {
  const from = startOf(bytes);
  const end = bytes.indexOf('\r\n\r\n', from);
  const head = readHead(bytes.subarray(from, end < 0 ? bytes.length : end), limits);
  if (bytes.length > limits.message) return malformed(head, { status: 513, reason: 'Message Too Large' });
  if (end < 0) return malformed(head, head.fault ?? bad('No Empty Line After The Header Fields'));
  const at = end + 4;
  const length = head.length ?? bytes.length - at;
  if (head.fault === undefined && at + length > bytes.length) {
    return malformed(head, bad('Body Shorter Than Content-Length'));
  }
  const whole = from === 0 && at + length === bytes.length ? bytes : bytes.subarray(from, at + length);
  return assemble(head, whole, at - from);
}

/** The message of a head and its bytes, in which the body begins at `bodyAt`. */
export function assemble(head: Head, bytes: Buffer, bodyAt: number): SipRequest | SipResponse | Malformed {
  const { line, headers } = head;
  const fault = head.fault ?? (line === undefined ? bad('Malformed Start Line') : undefined);
  if (fault !== undefined || line === undefined) return malformed(head, fault ?? bad('Malformed Start Line'));
  const body = bodyAt === bytes.length ? EMPTY : bytes.subarray(bodyAt);
  const message =
    line.kind === 'request'
      ? new SipRequest(line.method, line.uri, headers, body, bytes)
      : new SipResponse(line.status, line.reason, headers, body, bytes);
  const missing = essentialFault(message);
  return missing === undefined ? message : { ...malformed(head, missing), fatal: false };
}

/** A message as far as it was read, refused. */
export function malformed({ line, headers }: Head, { status, reason }: Fault): Malformed {
  const none = { kind: 'malformed', status, reason, fatal: true } as const;
  if (line?.kind !== 'request' || line.method === 'ACK') return none;
  const request = new SipRequest(line.method, line.uri, headers, EMPTY);
  return headers.has('Via') ? { ...none, request } : none;
}

// "To, From, CSeq, Call-ID, Max-Forwards, and Via; all of these header fields are mandatory in all SIP requests" (RFC 3261 section
// 8.1.1). Max-Forwards is let off, for elements of RFC 2543 did not send it (section 16.3, step 3).
function essentialFault(message: SipRequest | SipResponse): Fault | undefined {
  for (const name of ['From', 'To', 'Call-ID', 'CSeq']) {
    const count = message.headers.count(name);
    if (count !== 1) return bad(`${count === 0 ? 'Missing' : 'More Than One'} ${name}`);
  }
  if (message.via === undefined) return bad(`${message.headers.has('Via') ? 'Malformed' : 'Missing'} Via`);
  const { cseq } = message;
  if (cseq === undefined) return bad('Malformed CSeq');
  // "The method part of CSeq … MUST match that of the request" (RFC 3261 section 8.1.1.5)
  if (message.kind === 'response' || cseq.method === message.method) return undefined;
  // For a method that nobody knows "choosing a 501 has better future-proof characteristics" (RFC 4475 section 3.1.2.18).
  if (!KNOWN.has(message.method)) return { status: 501, reason: 'Not Implemented' };
  return bad('CSeq Method Is Not That Of The Request');
}

/** Reads start line and fields. With `fault` set, the rest is as much as could be read. */
export function readHead(bytes: Buffer, limits: MessageLimits): Head {
  const none = { line: undefined, headers: new Headers([]), length: undefined };
  if (bytes.length > limits.head) return { ...none, fault: { status: 513, reason: 'Message Too Large' } };
  const ascii = isAscii(bytes);
  const text = bytes.toString(ascii ? 'latin1' : 'utf8');
  const end = text.indexOf('\r\n');
  const start = readStartLine(end < 0 ? text : text.slice(0, end), limits);
  const { fields, fault: broken } = readFields(text, end < 0 ? text.length : end + 2, limits);
  const headers = new Headers(fields);
  let fault = start.fault ?? broken;
  if (!ascii && !isUtf8(bytes)) fault ??= bad('Not UTF-8');
  if (hasStrayControl(bytes)) fault ??= bad('Control Character');
  const lengths = headers.all('Content-Length');
  const length = decimal(lengths[0] ?? '', 0x7fff_ffff);
  if (lengths.length > 1) fault ??= bad('More Than One Content-Length');
  else if (lengths.length === 1 && length === undefined) fault ??= bad('Malformed Content-Length');
  return { line: start.line, headers, fault, length };
}

// A control may stand in a quoted-pair only, a line break nowhere (RFC 3261 section 25.1): another receiver might see a field begin there.
function hasStrayControl(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at++) {
    const code = bytes[at] ?? 0;
    if ((code >= SPACE && code !== DEL) || code === TAB) continue;
    if (code === CR && bytes[at + 1] === LF) at++;
    else if (code === CR || code === LF || bytes[at - 1] !== BACKSLASH) return true;
  }
  return false;
}

const PROTOCOL = /^SIP\/[0-9]+\.[0-9]+$/i;
const STATUS_LINE = /^SIP\/2\.0 ([1-6][0-9]{2})(?: |$)/i;

function readStartLine(text: string, limits: MessageLimits): { readonly line?: StartLine; readonly fault?: Fault } {
  if (text.charCodeAt(3) === SLASH && /^SIP\//i.test(text)) {
    const status = STATUS_LINE.exec(text)?.[1];
    if (status === undefined) return { fault: bad('Malformed Status-Line') };
    return { line: { kind: 'response', status: Number(status), reason: text.slice('SIP/2.0 200 '.length) } };
  }
  const first = text.indexOf(' ');
  const last = text.lastIndexOf(' ');
  const method = text.slice(0, Math.max(first, 0));
  if (!isToken(method)) return { fault: bad('Malformed Request-Line') };
  // Request-Line = Method SP Request-URI SP SIP-Version CRLF: "exactly one SP", and none in the Request-URI.
  const uri = text.slice(first + 1, Math.max(last, first + 1));
  const version = text.slice(last + 1);
  const line = { kind: 'request', method, uri } as const;
  if (uri.length > limits.uri) return { line, fault: { status: 414, reason: 'Request-URI Too Long' } };
  const isOurs = version === 'SIP/2.0';
  if (uri === '' || /[ \t<>"]/.test(uri) || !(isOurs || PROTOCOL.test(version)))
    return { line, fault: bad('Malformed Request-Line') };
  if (!isOurs && version.toUpperCase() !== 'SIP/2.0')
    return { line, fault: { status: 505, reason: 'Version Not Supported' } };
  return { line };
}

interface Fields {
  readonly fields: readonly Field[];
  readonly fault?: Fault;
}

function readFields(text: string, from: number, limits: MessageLimits): Fields {
  const fields: Field[] = [];
  for (let at = from; at < text.length;) {
    let end = text.indexOf('\r\n', at);
    // "Header fields can be extended over multiple lines by preceding each extra line with at least one SP or HTAB"
    while (end >= 0 && isSpace(text.charCodeAt(end + 2))) end = text.indexOf('\r\n', end + 2);
    if (end < 0) end = text.length;
    if (fields.length >= limits.fields) return { fields, fault: bad('Too Many Header Fields') };
    if (end - at > limits.field) return { fields, fault: bad('Header Field Too Long') };
    const field = readField(text.slice(at, end));
    if (field === undefined) return { fields, fault: bad('Malformed Header Field') };
    fields.push(field);
    at = end + 2;
  }
  return { fields };
}

// header = header-name HCOLON header-value, where HCOLON = *( SP / HTAB ) ":" SWS
function readField(text: string): Field | undefined {
  const colon = text.indexOf(':');
  if (colon <= 0 || isSpace(text.charCodeAt(0))) return undefined;
  const known = knownName(text, colon);
  if (known !== undefined) return new Field(known.name, text, colon + 1, known);
  const name = trimSpace(text.slice(0, colon));
  return isToken(name) ? new Field(canonicalName(name), text, colon + 1) : undefined;
}
