/** RFC 3261 sections 20.7, 20.27, 20.28, 20.44 and RFC 7616: challenges and credentials. */
import { charSet, isAll, isSpace, isToken, quote, Scanner } from '#protocols/sip/message/grammar.ts';
import { MAX_PARAMS } from '#protocols/sip/message/limits.ts';

const ALPHANUM = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const DQUOTE = 0x22;

/** A challenge or credentials: one value of WWW-Authenticate, Proxy-Authenticate, Authorization or Proxy-Authorization. */
export interface Auth {
  /** In lower case: `digest`. */
  readonly scheme: string;
  /** Names in lower case, values unquoted. */
  readonly params: ReadonlyMap<string, string>;
}

/** Of tokens, and of the ext-value that "username*" has (RFC 5987 section 3.2.1). */
const UNQUOTED_VALUE = charSet(`${ALPHANUM}-.!%*_+\`'~#$&^|`);

/** auth-scheme LWS auth-param *(COMMA auth-param); undefined when it is malformed or a parameter is given twice. */
export function parseAuth(value: string): Auth | undefined {
  const scanner = new Scanner(value);
  scanner.space();
  const scheme = scanner.token().toLowerCase();
  const params = new Map<string, string>();
  if (scheme === '' || !isSpace(scanner.next)) return undefined;
  do {
    scanner.space();
    const name = scanner.token().toLowerCase();
    if (name === '' || !scanner.separator('=') || params.has(name) || params.size >= MAX_PARAMS) return undefined;
    const text = scanner.next === DQUOTE ? quoted(scanner) : scanner.run(UNQUOTED_VALUE) || undefined;
    if (text === undefined) return undefined;
    params.set(name, text);
  } while (scanner.separator(','));
  return scanner.done ? { scheme, params } : undefined;
}

/** quoted-string: hardly ever is anything escaped in it. */
function quoted(scanner: Scanner): string | undefined {
  const from = scanner.at + 1;
  const end = scanner.text.indexOf('"', from);
  if (end < 0) return undefined;
  const text = scanner.text.slice(from, end);
  if (text.includes('\\')) return scanner.quoted();
  scanner.at = end + 1;
  return text;
}

/** What a client answers a digest challenge with (RFC 7616 section 3.4). */
export interface DigestCredentials {
  /** In lower-case hexadecimal digits when it is a hash. */
  readonly username: string;
  /** Is the name hashed (section 3.4.4)? */
  readonly userhash: boolean;
  readonly realm: string;
  readonly nonce: string;
  readonly uri: string;
  /** In lower case hexadecimal. */
  readonly response: string;
  /** As it is written; `MD5` when it is absent. */
  readonly algorithm: string;
  readonly opaque: string | undefined;
  readonly qop: string | undefined;
  readonly cnonce: string | undefined;
  /** The eight digits of `nc`, as they go into the hash. */
  readonly nc: string | undefined;
}

const LHEX = charSet('0123456789abcdef');
/** Hexadecimal digits of whole bytes: 128 bits at least, 512 at most. */
const isHash = (text: string): boolean =>
  text.length >= 32 && text.length <= 128 && text.length % 2 === 0 && isAll(LHEX, text);

/** Undefined when the scheme is not digest, or a parameter that it needs is absent or malformed. */
export function digestOf({ scheme, params }: Auth): DigestCredentials | undefined {
  if (scheme !== 'digest') return undefined;
  const [realm, nonce, uri] = [params.get('realm'), params.get('nonce'), params.get('uri')];
  const response = params.get('response')?.toLowerCase();
  if (realm === undefined || nonce === undefined || uri === undefined) return undefined;
  if (response === undefined || !isHash(response)) return undefined;
  const userhash = params.get('userhash')?.toLowerCase() === 'true';
  const username = usernameOf(params, userhash);
  if (username === undefined) return undefined;
  const [qop, cnonce, nc] = [params.get('qop'), params.get('cnonce'), params.get('nc')?.toLowerCase()];
  // "This parameter MUST be used if the server sent a qop" and with it cnonce and nc (RFC 7616 section 3.4).
  if (qop !== undefined && (cnonce === undefined || nc === undefined)) return undefined;
  if (nc !== undefined && (nc.length !== 8 || !isAll(LHEX, nc))) return undefined;
  const algorithm = params.get('algorithm') ?? 'MD5';
  return { username, userhash, realm, nonce, uri, response, algorithm, opaque: params.get('opaque'), qop, cnonce, nc };
}

/** "Sending both username and username* in the same header option MUST be treated as an error"; the latter is for names that are not hashed. */
function usernameOf(params: Auth['params'], userhash: boolean): string | undefined {
  const [plain, extended] = [params.get('username'), params.get('username*')];
  if (extended !== undefined) return plain === undefined && !userhash ? extValue(extended) : undefined;
  if (!userhash || plain === undefined) return plain;
  const hash = plain.toLowerCase();
  return isHash(hash) ? hash : undefined;
}

const ATTR_CHAR = charSet(`${ALPHANUM}!#$&+-.^_\`|~%`);

/** RFC 5987 section 3.2: charset "'" [ language ] "'" *( pct-encoded / attr-char ), in UTF-8, which RFC 7616 allows alone. */
function extValue(text: string): string | undefined {
  const [charset = '', , value, ...rest] = text.split("'", 4);
  if (charset.toUpperCase() !== 'UTF-8' || value === undefined || rest.length > 0) return undefined;
  if (!isAll(ATTR_CHAR, value)) return undefined;
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
}

// "the values of realm, nonce, opaque … must be quoted", those of algorithm, stale, nc and the qop of credentials must not (RFC 7616
// section 3.3 and 3.4).
const UNQUOTED: ReadonlySet<string> = new Set(['algorithm', 'stale', 'nc']);

/** A digest challenge, credentials or Authentication-Info without its scheme: `name=value` pairs, quoted as RFC 7616 has each. */
export function authParams(pairs: readonly (readonly [name: string, value: string])[], isCredentials = false): string {
  const isBare = (name: string, value: string): boolean =>
    (UNQUOTED.has(name) || (isCredentials && name === 'qop')) && isToken(value);
  return pairs.map(([name, value]) => `${name}=${isBare(name, value) ? value : quote(value)}`).join(', ');
}

/** `nc` as a number; undefined when it is none. */
export const nonceCount = (nc: string): number | undefined =>
  /^[0-9a-f]{8}$/i.test(nc) ? Number.parseInt(nc, 16) : undefined;
