/** RFC 3261 section 7: requests and responses. Header fields are decoded when somebody asks; an unchanged message keeps its bytes. */
import { Buffer } from 'node:buffer';
import { type CSeq, parseCSeq } from '#protocols/sip/message/cseq.ts';
import { MessageEdit } from '#protocols/sip/message/edit.ts';
import { decimal, splitList } from '#protocols/sip/message/grammar.ts';
import { canonicalName, combiningOf } from '#protocols/sip/message/header-names.ts';
import { Field, Headers } from '#protocols/sip/message/headers.ts';
import { MAX_LIST } from '#protocols/sip/message/limits.ts';
import { type MediaType, parseMediaType } from '#protocols/sip/message/media-type.ts';
import { NameAddr } from '#protocols/sip/message/name-addr.ts';
import { reasonPhrase } from '#protocols/sip/message/status.ts';
import { statelessTag } from '#protocols/sip/message/tag.ts';
import { parseUri, type Uri } from '#protocols/sip/message/uri.ts';
import { Via } from '#protocols/sip/message/via.ts';

/** Header fields to make a message of: names as they are to be written, values as texts or what writes itself as one. */
export type FieldList = readonly (readonly [name: string, value: { toString(): string }])[];

export interface Body {
  readonly type: string;
  readonly bytes: Buffer;
}

const NO_BODY = Buffer.alloc(0);
const parseAddress = (value: string): NameAddr | undefined => NameAddr.parse(value);
const parseAddresses = (value: string): readonly NameAddr[] | undefined => NameAddr.parseList([value]);
const firstVia = (value: string): Via | undefined =>
  Via.parse(value.includes(',') ? (splitList(value)[0] ?? '') : value);

/** Immutable. What a getter cannot decode is undefined, as is what is absent: `headers.has` tells them apart. */
export abstract class SipMessage {
  abstract readonly kind: 'request' | 'response';
  readonly headers: Headers;
  /** What Content-Length says, shared with what arrived: not to be written to. */
  readonly body: Buffer;
  #bytes: Buffer | undefined;

  constructor(headers: Headers, body: Buffer, bytes?: Buffer) {
    this.headers = headers;
    this.body = body;
    this.#bytes = bytes;
  }

  /** Without CRLF. */
  abstract get startLine(): string;

  /** The arrived bytes when the message is unchanged, else start line, fields and body; made once. */
  toBytes(): Buffer {
    if (this.#bytes === undefined) {
      let head = `${this.startLine}\r\n`;
      for (const field of this.headers.fields) head += `${field.text}\r\n`;
      const start = Buffer.from(`${head}\r\n`);
      this.#bytes = this.body.length === 0 ? start : Buffer.concat([start, this.body]);
    }
    return this.#bytes;
  }

  /** The value of the first field of this name, folding undone. */
  get(name: string): string | undefined {
    return this.headers.get(name);
  }

  /** The values of all fields of this name. */
  all(name: string): readonly string[] {
    return this.headers.all(name);
  }

  /** The elements of all fields of this name, split at commas. */
  list(name: string): readonly string[] {
    return this.headers.list(name);
  }

  /** The elements of a list of tokens in lower case: Supported, Require, Allow-Events, … */
  tokens(name: string): readonly string[] {
    return this.list(name).map((token) => token.toLowerCase());
  }

  /** The topmost Via. */
  get via(): Via | undefined {
    return this.headers.field('Via')?.parsed(firstVia);
  }

  /** All of them, topmost first; undefined when one is malformed. */
  get vias(): readonly Via[] | undefined {
    const values = this.all('Via');
    const [first] = values;
    if (values.length > 1 || first === undefined || first.includes(',')) return Via.parseList(values);
    const { via } = this;
    return via && [via];
  }

  get from(): NameAddr | undefined {
    return this.headers.field('From')?.parsed(parseAddress);
  }

  get to(): NameAddr | undefined {
    return this.headers.field('To')?.parsed(parseAddress);
  }

  get callId(): string | undefined {
    return this.get('Call-ID');
  }

  get cseq(): CSeq | undefined {
    return this.headers.field('CSeq')?.parsed(parseCSeq);
  }

  /** The Contact addresses; undefined when one is malformed. None for `Contact: *`, which `hasStarContact` tells. */
  get contacts(): readonly NameAddr[] | undefined {
    return this.hasStarContact ? [] : this.addresses('Contact');
  }

  get hasStarContact(): boolean {
    return this.get('Contact') === '*' && this.headers.count('Contact') === 1;
  }

  /** `*` is one of the Contacts, alone or not. */
  get mentionsStar(): boolean {
    return this.all('Contact').some((value) => value.includes('*') && splitList(value).includes('*'));
  }

  get recordRoutes(): readonly NameAddr[] | undefined {
    return this.addresses('Record-Route');
  }

  get contentType(): MediaType | undefined {
    return parseMediaType(this.get('Content-Type') ?? '');
  }

  /** Expires in seconds; what is more than 2^32-1 counts as that. */
  get expires(): number | undefined {
    const value = this.get('Expires') ?? '';
    return decimal(value) ?? (/^[0-9]+$/.test(value) ? 0xffff_ffff : undefined);
  }

  /** The addresses of all fields of a name that is a list: Path, Service-Route, P-Asserted-Identity, … Undefined when one is malformed or there are too many. */
  addresses(name: string): readonly NameAddr[] | undefined {
    const key = canonicalName(name);
    const isList = combiningOf(key) === 'list';
    let all: readonly NameAddr[] = [];
    for (const field of this.headers.fields) {
      if (field.name !== key) continue;
      // A single field may have been read as one address.
      const list = isList ? field.parsed(parseAddresses) : parseAddresses(field.value);
      if (list === undefined || all.length + list.length > MAX_LIST) return undefined;
      all = all.length === 0 ? list : [...all, ...list];
    }
    return all;
  }
}

export class SipRequest extends SipMessage {
  readonly kind = 'request';
  readonly method: string;
  /** The Request-URI as it is written. */
  readonly uri: string;
  // null: not looked at yet.
  #requestUri: Uri | undefined | null = null;

  constructor(method: string, uri: string, headers: Headers, body: Buffer, bytes?: Buffer) {
    super(headers, body, bytes);
    this.method = method;
    this.uri = uri;
  }

  /** A request of its own; Content-Length is added. */
  static make(method: string, uri: { toString(): string }, fields: FieldList, body?: Body): SipRequest {
    return new SipRequest(method, String(uri), headersOf([], fields, body), body?.bytes ?? NO_BODY);
  }

  get startLine(): string {
    return `${this.method} ${this.uri} SIP/2.0`;
  }

  /** Undefined for an unknown scheme and for a malformed URI; `schemeOf(uri)` tells which. */
  get requestUri(): Uri | undefined {
    if (this.#requestUri === null) this.#requestUri = parseUri(this.uri);
    return this.#requestUri;
  }

  get maxForwards(): number | undefined {
    return decimal(this.get('Max-Forwards') ?? '', 255);
  }

  /** Undefined when one is malformed. */
  get routes(): readonly NameAddr[] | undefined {
    return this.addresses('Route');
  }

  /** With another topmost Via. */
  withVia(via: Via): SipRequest {
    const at = this.headers.fields.findIndex(({ name }) => name === 'Via');
    const field = this.headers.fields[at];
    if (field === undefined || field.value.includes(',')) return this.edit().replaceFirst('Via', via).done();
    const fields = this.headers.fields.with(at, Field.of('Via', String(via), via));
    return new SipRequest(this.method, this.uri, new Headers(fields), this.body);
  }

  edit(): MessageEdit<SipRequest> {
    return new MessageEdit(
      this.uri,
      this.headers,
      this.body,
      ({ uri, fields, body }) => new SipRequest(this.method, uri, new Headers(fields), body),
    );
  }
}

export interface ResponseOptions {
  /** Another phrase than the status code's own. */
  readonly reason?: string;
  /** For the To of a response other than 100, when the request's To has none; without it, one that is the same for each copy of the request. */
  readonly tag?: string;
  /** Copy Record-Route, as a response that establishes a dialog does (RFC 3261 section 12.1.1). */
  readonly recordRoute?: boolean;
  readonly fields?: FieldList;
  readonly body?: Body | undefined;
}

export class SipResponse extends SipMessage {
  readonly kind = 'response';
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, headers: Headers, body: Buffer, bytes?: Buffer) {
    super(headers, body, bytes);
    this.status = status;
    this.reason = reason;
  }

  /** The response to a request (RFC 3261 section 8.2.6): Via, From, To, Call-ID and CSeq are the request's. */
  static to(request: SipRequest, status: number, options: ResponseOptions = {}): SipResponse {
    const { reason = reasonPhrase(status), fields = [], body } = options;
    const copied: Field[] = [];
    for (const field of request.headers.fields) {
      const { name } = field;
      if (name === 'To') copied.push(toField(request, field, status, options.tag));
      else if (isCopied(name) || (name === 'Record-Route' && options.recordRoute === true)) copied.push(field);
      // "the 100 (Trying) response … any Timestamp header field present in the request MUST be copied" (RFC 3261 section 8.2.6.1)
      else if (name === 'Timestamp' && status === 100) copied.push(field);
    }
    return new SipResponse(status, reason, headersOf(copied, fields, body), body?.bytes ?? NO_BODY);
  }

  /** A response from its parts, for tests and for responses that stand for no request. */
  static make(status: number, fields: FieldList, reason = reasonPhrase(status), body?: Body): SipResponse {
    return new SipResponse(status, reason, headersOf([], fields, body), body?.bytes ?? NO_BODY);
  }

  get startLine(): string {
    return `SIP/2.0 ${this.status} ${this.reason}`;
  }

  edit(): MessageEdit<SipResponse> {
    return new MessageEdit(
      '',
      this.headers,
      this.body,
      ({ fields, body }) => new SipResponse(this.status, this.reason, new Headers(fields), body),
    );
  }
}

const isCopied = (name: string): boolean => name === 'Via' || name === 'From' || name === 'Call-ID' || name === 'CSeq';

function headersOf(copied: readonly Field[], fields: FieldList, body?: Body): Headers {
  const all = [...copied];
  for (const [name, value] of fields) all.push(Field.of(name, String(value)));
  if (body !== undefined) all.push(Field.of('Content-Type', body.type));
  all.push(Field.of('Content-Length', String(body?.bytes.length ?? 0)));
  return new Headers(all);
}

// RFC 3261 section 8.2.6.2: "if the To header field in the request did not contain a tag … the UAS MUST add a tag"; section 8.2.7: a
// stateless one makes the same for each copy.
function toField(request: SipRequest, field: Field, status: number, tag: string | undefined): Field {
  const { to } = request;
  if (status === 100 || to === undefined || to.tag !== undefined) return field;
  return Field.of('To', `${field.value};tag=${tag ?? statelessTag(request)}`);
}
