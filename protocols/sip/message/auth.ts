/** RFC 3261 sections 20.7, 20.27, 20.28, 20.44 and RFC 7616: challenges and credentials. */
import { isToken, quote, Scanner } from '#protocols/sip/message/grammar.ts';
import { MAX_PARAMS } from '#protocols/sip/message/limits.ts';

/** A challenge or credentials: one value of WWW-Authenticate, Proxy-Authenticate, Authorization or Proxy-Authorization. */
export interface Auth {
  /** In lower case: `digest`. */
  readonly scheme: string;
  /** Names in lower case, values unquoted. */
  readonly params: ReadonlyMap<string, string>;
}

/** auth-scheme LWS auth-param *(COMMA auth-param); undefined when it is malformed or a parameter is given twice. */
export function parseAuth(value: string): Auth | undefined {
  const scanner = new Scanner(value);
  scanner.space();
  const scheme = scanner.token().toLowerCase();
  const params = new Map<string, string>();
  if (scheme === '' || (!scanner.sees(' ') && !scanner.sees('\t'))) return undefined;
  do {
    scanner.space();
    const name = scanner.token().toLowerCase();
    if (name === '' || !scanner.separator('=') || params.has(name) || params.size >= MAX_PARAMS) return undefined;
    const text = scanner.sees('"') ? scanner.quoted() : scanner.token() || undefined;
    if (text === undefined) return undefined;
    params.set(name, text);
  } while (scanner.separator(','));
  return scanner.done ? { scheme, params } : undefined;
}

/** What a client answers a digest challenge with (RFC 7616 section 3.4). */
export interface DigestCredentials {
  readonly username: string;
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

const LHEX = /^(?:[0-9a-f]{2}){16,64}$/;

/** Undefined when the scheme is not digest, or a parameter that it needs is absent or malformed. */
export function digestOf({ scheme, params }: Auth): DigestCredentials | undefined {
  const [username, realm, nonce, uri] = ['username', 'realm', 'nonce', 'uri'].map((name) => params.get(name));
  const response = params.get('response')?.toLowerCase();
  const [qop, cnonce, nc] = [params.get('qop'), params.get('cnonce'), params.get('nc')?.toLowerCase()];
  if (scheme !== 'digest' || username === undefined || realm === undefined) return undefined;
  if (nonce === undefined || uri === undefined || response === undefined || !LHEX.test(response)) return undefined;
  // "This parameter MUST be used if the server sent a qop" and with it cnonce and nc (RFC 7616 section 3.4).
  if (qop !== undefined && (cnonce === undefined || nc === undefined)) return undefined;
  if (nc !== undefined && !/^[0-9a-f]{8}$/.test(nc)) return undefined;
  const algorithm = params.get('algorithm') ?? 'MD5';
  return { username, realm, nonce, uri, response, algorithm, opaque: params.get('opaque'), qop, cnonce, nc };
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
