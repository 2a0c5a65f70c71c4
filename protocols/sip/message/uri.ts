/** RFC 3261 section 19.1: SIP and SIPS URIs; `tel:` URIs (RFC 3966) beside them, as the two kinds that a request can be sent to. */
import { parseIp } from '#src/address/ip.ts';
import { cut, percentDecode, percentEncoder, UNRESERVED } from '#src/address/percent.ts';
import { parseTel, type TelephoneNumber, telUri } from '#src/address/tel.ts';
import { addressOfHost, hostPort, parseHost, parseHostPort } from '#protocols/sip/message/host.ts';
import { MAX_PARAMS } from '#protocols/sip/message/limits.ts';

// unreserved = alphanum / mark
const MARKED = `${UNRESERVED}!*'()`;
const encodeUser = percentEncoder(`${MARKED}&=+$,;?/`);
const encodeParam = percentEncoder(`${MARKED}[]/:&+$`);

// Each alternative begins with another character, so these never step back.
const USER = /^(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/]|%[0-9A-Fa-f]{2})+$/;
const PASSWORD = /^(?:[A-Za-z0-9\-_.!~*'()&=+$,]|%[0-9A-Fa-f]{2})*$/;
const PARAM = /^(?:[A-Za-z0-9\-_.!~*'()[\]/:&+$]|%[0-9A-Fa-f]{2})+$/;
const HNV = /^(?:[A-Za-z0-9\-_.!~*'()[\]/?:+$]|%[0-9A-Fa-f]{2})*$/;
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*$/;

/** The scheme of a URI in lower case; undefined when it has none, or nothing else. */
export function schemeOf(uri: string): string | undefined {
  const [scheme, rest] = cut(uri, ':');
  return rest !== undefined && rest !== '' && SCHEME.test(scheme) ? scheme.toLowerCase() : undefined;
}

const decoded = (text: string): string => percentDecode(text) ?? text;

/** "Characters other than those in the 'reserved' set are equivalent to their '%' HEX HEX encoding" (RFC 3261 section 19.1.4). */
const normalised = (text: string): string =>
  text.replace(/%[0-9A-Fa-f]{2}/g, (escape) => {
    const char = String.fromCharCode(Number.parseInt(escape.slice(1), 16));
    return MARKED.includes(char) ? char : escape.toUpperCase();
  });

interface Parts {
  readonly scheme: 'sip' | 'sips';
  /** As it is written, escapes and all; undefined when the URI has no userinfo. */
  readonly rawUser: string | undefined;
  readonly rawPassword: string | undefined;
  readonly host: string;
  readonly port: number | undefined;
  /** Names in lower case, unescaped where that is the same; values as they are written, undefined for a parameter without one. */
  readonly rawParams: ReadonlyMap<string, string | undefined>;
  readonly rawHeaders: readonly (readonly [name: string, value: string])[];
}

function parseParams(fields: readonly string[]): ReadonlyMap<string, string | undefined> | undefined {
  const params = new Map<string, string | undefined>();
  if (fields.length > MAX_PARAMS) return undefined;
  for (const field of fields) {
    const [rawName, value] = cut(field, '=');
    const name = normalised(rawName).toLowerCase();
    // "any given parameter-name MUST NOT appear more than once" (RFC 3261 section 19.1.1)
    if (!PARAM.test(rawName) || (value !== undefined && !PARAM.test(value)) || params.has(name)) return undefined;
    params.set(name, value);
  }
  const maddr = params.get('maddr');
  return maddr !== undefined && parseHost(maddr) === undefined ? undefined : params;
}

function parseHeaders(text: string | undefined): Parts['rawHeaders'] | undefined {
  if (text === undefined) return [];
  const fields = text.split('&');
  if (fields.length > MAX_PARAMS) return undefined;
  const headers: (readonly [string, string])[] = [];
  for (const field of fields) {
    const [name, value] = cut(field, '=');
    if (name === '' || value === undefined || !HNV.test(name) || !HNV.test(value)) return undefined;
    headers.push([name, value]);
  }
  return headers;
}

function parseParts(text: string): Parts | undefined {
  const scheme = schemeOf(text);
  if (scheme !== 'sip' && scheme !== 'sips') return undefined;
  const rest = text.slice(scheme.length + 1);
  // Neither parameters nor headers may hold an '@' that is not escaped, a user part may hold ';' and '?'.
  const at = rest.indexOf('@');
  const [rawUser, rawPassword] = at < 0 ? [undefined, undefined] : cut(rest.slice(0, at), ':');
  if (rawUser !== undefined && !USER.test(rawUser)) return undefined;
  if (rawPassword !== undefined && !PASSWORD.test(rawPassword)) return undefined;
  const [address, headerText] = cut(rest.slice(at + 1), '?');
  const [hostText = '', ...fields] = address.split(';');
  const host = parseHostPort(hostText);
  const rawParams = parseParams(fields);
  const rawHeaders = parseHeaders(headerText);
  if (host === undefined || rawParams === undefined || rawHeaders === undefined) return undefined;
  return { scheme, rawUser, rawPassword, host: host.host, port: host.port, rawParams, rawHeaders };
}

function write({ scheme, rawUser, rawPassword, host, port, rawParams, rawHeaders }: Parts): string {
  const password = rawPassword === undefined ? '' : `:${rawPassword}`;
  const user = rawUser === undefined ? '' : `${rawUser}${password}@`;
  const params = Array.from(rawParams, ([name, value]) => (value === undefined ? `;${name}` : `;${name}=${value}`));
  const headers = rawHeaders.map(([name, value]) => `${name}=${value}`).join('&');
  return `${scheme}:${user}${hostPort(host, port)}${params.join('')}${headers === '' ? '' : `?${headers}`}`;
}

/** What `SipUri.make` and `with` take; values are not escaped yet. */
export interface SipUriFields {
  readonly scheme?: 'sip' | 'sips';
  /** '' for none. */
  readonly user?: string;
  /** A host name, IPv4 address or bracketed IPv6 reference. */
  readonly host?: string;
  readonly port?: number | undefined;
  /** Parameters that are added or replaced; '' for one without a value, undefined for one to take away. */
  readonly params?: Readonly<Record<string, string | undefined>>;
}

/** An immutable SIP or SIPS URI. What was parsed is written back as it was. */
export class SipUri {
  readonly kind = 'sip';
  readonly scheme: 'sip' | 'sips';
  /** Unescaped; '' when there is none. */
  readonly user: string;
  readonly host: string;
  readonly port: number | undefined;
  readonly #parts: Parts;
  readonly #text: string;

  private constructor(parts: Parts, text: string) {
    this.#parts = parts;
    this.#text = text;
    this.scheme = parts.scheme;
    this.user = parts.rawUser === undefined ? '' : decoded(parts.rawUser);
    this.host = parts.host;
    this.port = parts.port;
  }

  /** Undefined when `text` is no SIP or SIPS URI of RFC 3261 section 25.1. */
  static parse(text: string): SipUri | undefined {
    const parts = parseParts(text);
    return parts && new SipUri(parts, text);
  }

  /** A URI from its fields; throws a TypeError for a host that is none. */
  static make(fields: SipUriFields & { readonly host: string }): SipUri {
    const none: Parts = {
      scheme: 'sip',
      rawUser: undefined,
      rawPassword: undefined,
      host: '',
      port: undefined,
      rawParams: new Map(),
      rawHeaders: [],
    };
    return SipUri.#from(none, fields);
  }

  static #from(parts: Parts, fields: SipUriFields): SipUri {
    const { scheme = parts.scheme, user, params = {} } = fields;
    const host = fields.host === undefined ? parts.host : parseHost(fields.host);
    if (host === undefined) throw new TypeError(`no host: ${fields.host}`);
    const rawParams = new Map(parts.rawParams);
    for (const [name, value] of Object.entries(params)) {
      if (value === undefined) rawParams.delete(name.toLowerCase());
      else rawParams.set(name.toLowerCase(), value === '' ? undefined : encodeParam(value));
    }
    const port = 'port' in fields ? fields.port : parts.port;
    let { rawUser, rawPassword } = parts;
    if (user !== undefined) [rawUser, rawPassword] = [user === '' ? undefined : encodeUser(user), undefined];
    const made: Parts = { scheme, rawUser, rawPassword, host, port, rawParams, rawHeaders: parts.rawHeaders };
    return new SipUri(made, write(made));
  }

  /** `sips:` */
  get secure(): boolean {
    return this.scheme === 'sips';
  }

  get password(): string | undefined {
    const { rawPassword } = this.#parts;
    return rawPassword === undefined ? undefined : decoded(rawPassword);
  }

  /** The IP address that the host is, without brackets; undefined for a name. */
  get address(): string | undefined {
    return addressOfHost(this.host);
  }

  /** The value of a parameter, unescaped; '' for one without a value; undefined when it is absent. `name` in lower case. */
  param(name: string): string | undefined {
    const { rawParams } = this.#parts;
    return rawParams.has(name) ? decoded(rawParams.get(name) ?? '') : undefined;
  }

  get params(): ReadonlyMap<string, string> {
    return new Map(Array.from(this.#parts.rawParams, ([name, value]) => [name, decoded(value ?? '')]));
  }

  /** The transport parameter in lower case. */
  get transport(): string | undefined {
    return this.param('transport')?.toLowerCase();
  }

  /** Loose routing (RFC 3261 section 16.12). */
  get lr(): boolean {
    return this.#parts.rawParams.has('lr');
  }

  /** Header fields of the URI, unescaped: `?subject=project%20x`. */
  get headers(): readonly (readonly [name: string, value: string])[] {
    return this.#parts.rawHeaders.map(([name, value]) => [decoded(name), decoded(value)]);
  }

  with(fields: SipUriFields): SipUri {
    return SipUri.#from(this.#parts, fields);
  }

  /** Without headers, which a Request-URI, Contact binding or Route does not have (RFC 3261 table 1), and without `method`. */
  withoutHeaders(): SipUri {
    if (this.#parts.rawHeaders.length === 0 && !this.#parts.rawParams.has('method')) return this;
    const rawParams = new Map(this.#parts.rawParams);
    rawParams.delete('method');
    const parts = { ...this.#parts, rawParams, rawHeaders: [] };
    return new SipUri(parts, write(parts));
  }

  /** The canonical address of record: all parameters and headers removed, escapes undone where equal (RFC 3261 section 10.3, step 5). */
  get aor(): string {
    const { rawUser } = this.#parts;
    return write({
      ...this.#parts,
      rawUser: rawUser && normalised(rawUser),
      rawPassword: undefined,
      rawParams: new Map(),
      rawHeaders: [],
    });
  }

  /** RFC 3261 section 19.1.4. Not transitive. */
  equals(other: SipUri): boolean {
    return this === other || areEqual(this.#parts, other.#parts);
  }

  toString(): string {
    return this.#text;
  }
}

const sameText = (a: string | undefined, b: string | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && normalised(a) === normalised(b));

function sameHost(a: string, b: string): boolean {
  if (a === b) return true;
  const [first, second] = [addressOfHost(a), addressOfHost(b)].map((each) => each && parseIp(each));
  if (!first || !second || a.startsWith('[') !== b.startsWith('[')) return false;
  return first.words.length === second.words.length && first.words.every((word, at) => word === second.words[at]);
}

/** "never matches, even if it contains the default value", and transport as its list of components with a default says. */
const NEVER_IGNORED = ['user', 'ttl', 'method', 'maddr', 'transport'];

function sameParams(a: Parts['rawParams'], b: Parts['rawParams']): boolean {
  if (NEVER_IGNORED.some((name) => a.has(name) !== b.has(name))) return false;
  for (const [name, value] of a) {
    if (!b.has(name)) continue;
    if (normalised(value ?? '').toLowerCase() !== normalised(b.get(name) ?? '').toLowerCase()) return false;
  }
  return true;
}

// "Any present header component MUST be present in both URIs and match"
function sameHeaders(a: Parts['rawHeaders'], b: Parts['rawHeaders']): boolean {
  const sorted = (headers: Parts['rawHeaders']): string =>
    headers
      .map(([name, value]) => `${normalised(name).toLowerCase()}=${normalised(value)}`)
      .toSorted()
      .join('&');
  return a.length === b.length && sorted(a) === sorted(b);
}

const areEqual = (a: Parts, b: Parts): boolean =>
  a.scheme === b.scheme &&
  a.port === b.port &&
  sameHost(a.host, b.host) &&
  sameText(a.rawUser, b.rawUser) &&
  sameText(a.rawPassword, b.rawPassword) &&
  sameParams(a.rawParams, b.rawParams) &&
  sameHeaders(a.rawHeaders, b.rawHeaders);

/** A `tel:` URI; two are equal exactly when their canonical texts are (RFC 3966 section 4). */
export class TelUri {
  readonly kind = 'tel';
  readonly telephone: TelephoneNumber;
  readonly #text: string;

  private constructor(telephone: TelephoneNumber, text: string) {
    this.telephone = telephone;
    this.#text = text;
  }

  static parse(text: string): TelUri | undefined {
    const telephone = parseTel(text);
    return telephone && new TelUri(telephone, text);
  }

  /** `+` and digits for a global number, without visual separators. */
  get number(): string {
    return this.telephone.number;
  }

  get canonical(): string {
    return telUri(this.telephone);
  }

  equals(other: TelUri): boolean {
    return this.canonical === other.canonical;
  }

  toString(): string {
    return this.#text;
  }
}

export type Uri = SipUri | TelUri;

/** A URI of a scheme that is served: `sip:`, `sips:`, `tel:`. Undefined for another scheme and for a malformed one. */
export const parseUri = (text: string): Uri | undefined => SipUri.parse(text) ?? TelUri.parse(text);
