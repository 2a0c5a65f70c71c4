/** RFC 3261 section 19.1: SIP and SIPS URIs; `tel:` URIs (RFC 3966) beside them, as the two kinds that a request can be sent to. */
import { GenerationCache, ownText } from '#src/address/cache.ts';
import { percentEncoder } from '#src/address/percent.ts';
import { parseTel, type TelephoneNumber, telUri } from '#src/address/tel.ts';
import { addressOfHost, parseHost } from '#protocols/sip/message/host.ts';
import {
  areEqual,
  decoded,
  MARKED,
  normalised,
  parseParts,
  type UriParts,
  write,
} from '#protocols/sip/message/uri-parts.ts';

const encodeUser = percentEncoder(`${MARKED}&=+$,;?/`);
const encodeParam = percentEncoder(`${MARKED}[]/:&+$`);

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

// Longer texts are parsed each time, so that a hostile peer cannot fill the memo with megabytes.
const MAX_CACHED_LENGTH = 256;

/** An immutable SIP or SIPS URI. What was parsed is written back as it was. */
export class SipUri {
  // A phone says the same three or four of them in every request.
  static readonly #parsed = new GenerationCache<SipUri>(10_000);

  readonly kind = 'sip';
  readonly scheme: 'sip' | 'sips';
  /** Unescaped; '' when there is none. */
  readonly user: string;
  readonly host: string;
  readonly port: number | undefined;
  readonly #parts: UriParts;
  readonly #text: string;

  private constructor(parts: UriParts, text: string) {
    this.#parts = parts;
    this.#text = text;
    this.scheme = parts.scheme;
    this.user = parts.rawUser === undefined ? '' : decoded(parts.rawUser);
    this.host = parts.host;
    this.port = parts.port;
  }

  /** Undefined when `text` is no SIP or SIPS URI of RFC 3261 section 25.1. Memoised. */
  static parse(text: string): SipUri | undefined {
    const known = SipUri.#parsed.get(text);
    if (known !== undefined) return known;
    if (text.length > MAX_CACHED_LENGTH) {
      const parts = parseParts(text);
      return parts && new SipUri(parts, text);
    }
    const own = ownText(text);
    const parts = parseParts(own);
    if (parts === undefined) return undefined;
    const uri = new SipUri(parts, own);
    SipUri.#parsed.set(own, uri);
    return uri;
  }

  /** A URI from its fields; throws a TypeError for a host that is none. */
  static make(fields: SipUriFields & { readonly host: string }): SipUri {
    const none: UriParts = {
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

  static #from(parts: UriParts, fields: SipUriFields): SipUri {
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
    const made: UriParts = { scheme, rawUser, rawPassword, host, port, rawParams, rawHeaders: parts.rawHeaders };
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
