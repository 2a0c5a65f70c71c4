/** RFC 3261 sections 19.1.1, 19.1.4 and 25.1: the parts of a SIP or SIPS URI, read, written and compared. SipUri is made of them. */
import { parseIp } from '#src/address/ip.ts';
import { cut, percentDecode, UNRESERVED } from '#src/address/percent.ts';
import { addressOfHost, hostPort, parseHost, parseHostPort } from '#protocols/sip/message/host.ts';
import { MAX_PARAMS } from '#protocols/sip/message/limits.ts';

// unreserved = alphanum / mark
export const MARKED = `${UNRESERVED}!*'()`;

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

/** With escapes undone; as it is when that is not UTF-8. */
export const decoded = (text: string): string => percentDecode(text) ?? text;

/** "Characters other than those in the 'reserved' set are equivalent to their '%' HEX HEX encoding" (RFC 3261 section 19.1.4). */
export const normalised = (text: string): string =>
  text.replace(/%[0-9A-Fa-f]{2}/g, (escape) => {
    const char = String.fromCharCode(Number.parseInt(escape.slice(1), 16));
    return MARKED.includes(char) ? char : escape.toUpperCase();
  });

export interface UriParts {
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

function parseHeaders(text: string | undefined): UriParts['rawHeaders'] | undefined {
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

/** Undefined when `text` is no SIP or SIPS URI. */
export function parseParts(text: string): UriParts | undefined {
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

export function write({ scheme, rawUser, rawPassword, host, port, rawParams, rawHeaders }: UriParts): string {
  const password = rawPassword === undefined ? '' : `:${rawPassword}`;
  const user = rawUser === undefined ? '' : `${rawUser}${password}@`;
  const params = Array.from(rawParams, ([name, value]) => (value === undefined ? `;${name}` : `;${name}=${value}`));
  const headers = rawHeaders.map(([name, value]) => `${name}=${value}`).join('&');
  return `${scheme}:${user}${hostPort(host, port)}${params.join('')}${headers === '' ? '' : `?${headers}`}`;
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

function sameParams(a: UriParts['rawParams'], b: UriParts['rawParams']): boolean {
  if (NEVER_IGNORED.some((name) => a.has(name) !== b.has(name))) return false;
  for (const [name, value] of a) {
    if (!b.has(name)) continue;
    if (normalised(value ?? '').toLowerCase() !== normalised(b.get(name) ?? '').toLowerCase()) return false;
  }
  return true;
}

// "Any present header component MUST be present in both URIs and match"
function sameHeaders(a: UriParts['rawHeaders'], b: UriParts['rawHeaders']): boolean {
  const sorted = (headers: UriParts['rawHeaders']): string =>
    headers
      .map(([name, value]) => `${normalised(name).toLowerCase()}=${normalised(value)}`)
      .toSorted()
      .join('&');
  return a.length === b.length && sorted(a) === sorted(b);
}

/** RFC 3261 section 19.1.4. */
export const areEqual = (a: UriParts, b: UriParts): boolean =>
  a.scheme === b.scheme &&
  a.port === b.port &&
  sameHost(a.host, b.host) &&
  sameText(a.rawUser, b.rawUser) &&
  sameText(a.rawPassword, b.rawPassword) &&
  sameParams(a.rawParams, b.rawParams) &&
  sameHeaders(a.rawHeaders, b.rawHeaders);
