/**
 * Addresses as URIs: `sip:` and `sips:` (RFC 7247 sections 6.2 to 6.5, also `im:` and `pres:` inwards) and `xmpp:` (RFC 5122, with
 * the query of XEP-0147). Numbers of `tel:` are in tel.ts.
 */
import { GenerationCache, ownText } from '#src/address/cache.ts';
import { escapeDisallowed, unescapeDisallowed } from '#src/address/escape.ts';
import { domainToAscii } from '#src/address/idna.ts';
import { Jid } from '#src/address/jid.ts';
import { cut, percentDecode, percentEncoder, UNRESERVED } from '#src/address/percent.ts';

// Longer texts are parsed each time, so that a hostile peer cannot fill the memo with megabytes.
const MAX_CACHED_LENGTH = 256;
const fromSipUri = new GenerationCache<Jid>(10_000);

/** Longest URI that is looked at, in characters: three parts of 1023 bytes, all percent-encoded, and some parameters. */
const MAX_URI = 16_384;

// RFC 3261 section 25.1: "user" is unreserved / escaped / user-unreserved.
const SIP_UNRESERVED = `${UNRESERVED}!*'()`;
const encodeSipUser = percentEncoder(`${SIP_UNRESERVED}&=+$,;?/`);
const encodeSipParameter = percentEncoder(`${SIP_UNRESERVED}[]/:&+$`);

/** host [":" port], RFC 3261 section 25.1; the port is checked and dropped. */
function hostOf(hostport: string): string | undefined {
  const parsed = /^(\[[^\]]*\]|[^:[\]]*)(?::(\d{1,5}))?$/.exec(hostport);
  return parsed?.[1] === undefined || Number(parsed[2] ?? 0) > 65_535 ? undefined : parsed[1];
}

/** The value of the URI parameter `name` (RFC 3261 section 19.1.1); '' when it has none. */
function parameter(parameters: readonly string[], name: string): string | undefined {
  for (const each of parameters) {
    const [key, value] = cut(each, '=');
    if (key.toLowerCase() === name) return value ?? '';
  }
  return undefined;
}

/**
 * The address that a `sip:`, `sips:`, `im:` or `pres:` URI maps to (RFC 7247 section 6.4), undefined when it is not one or maps to none.
 * The password, port, headers and parameters other than `gr` are ignored; a `gr` without a value (a temporary GRUU, whose
 * user part means something to its registrar only) yields a bare address.
 */
export function jidFromSipUri(uri: string): Jid | undefined {
  const known = fromSipUri.get(uri);
  if (known !== undefined) return known;
  const jid = readSipUri(uri);
  if (jid !== undefined && uri.length <= MAX_CACHED_LENGTH) fromSipUri.set(ownText(uri), jid);
  return jid;
}

function readSipUri(uri: string): Jid | undefined {
  const [scheme, rest = ''] = cut(uri, ':');
  if (uri.length > MAX_URI || !/^(?:sips?|im|pres)$/i.test(scheme)) return undefined;
  // Step 2: "Split at the first '@' character into local part and hostname"
  const at = rest.indexOf('@');
  if (at === 0) return undefined;
  const [hostport = '', ...parameters] = cut(rest.slice(at + 1), '?')[0].split(';');
  const host = hostOf(hostport);
  // Steps 3 and 4, after the password (userinfo = user [":" password]) is cut off.
  const user = percentDecode(cut(rest.slice(0, Math.max(at, 0)), ':')[0]);
  // Step 5 for & ' /, and section 6.2 for the rest: "each reserved character MUST be encoded … as specified in [XEP-0106]".
  const local = user === undefined ? undefined : escapeDisallowed(user);
  // Step 8
  const resource = percentDecode(parameter(parameters, 'gr') ?? '');
  if (host === undefined || local === undefined || resource === undefined || (at > 0 && local === '')) return undefined;
  return Jid.make(local, host, resource);
}

/**
 * The `sip:` or `sips:` URI of an address (RFC 7247 section 6.5): the localpart unescaped (XEP-0106) and percent-encoded, the domain as
 * A-labels, the resourcepart as `gr`. `jidFromSipUri` turns it back into an equal address.
 */
export function sipUriFromJid(jid: Jid, scheme: 'sip' | 'sips' = 'sip'): string {
  const user = jid.local === '' ? '' : `${encodeSipUser(unescapeDisallowed(jid.local))}@`;
  const gruu = jid.isBare ? '' : `;gr=${encodeSipParameter(jid.resource)}`;
  return `${scheme}:${user}${domainToAscii(jid.domain)}${gruu}`;
}

/** What an `xmpp:` URI or IRI says. */
export interface XmppUri {
  readonly jid: Jid;
  /** The account to act as: the authority of `xmpp://account@host/…` (RFC 5122 section 2.3). */
  readonly account?: Jid;
  /** The query type, '' when there is no query: `message`, `join`, `subscribe` … (XEP-0147). */
  readonly action: string;
  /** The key-value pairs of the query; of equal keys the first counts. */
  readonly parameters: ReadonlyMap<string, string>;
}

// RFC 5122 section 2.2, nodeallow and resallow, without the characters that RFC 3986 has encoded.
const encodeNode = percentEncoder(`${UNRESERVED}!$()*+,;=`);
const encodeResource = percentEncoder(`${UNRESERVED}!$&'()*+,:;=`);
const encodeHost = percentEncoder(`${UNRESERVED}[]:`);
const encodeQuery = percentEncoder(UNRESERVED);

// pathxmpp of RFC 5122 section 2.2, split before it is decoded.
function jidFromPath(path: string): Jid | undefined {
  const [bare, resource] = cut(path, '/');
  const at = bare.indexOf('@');
  const parts = [bare.slice(0, Math.max(at, 0)), bare.slice(at + 1), resource ?? ''].map(percentDecode);
  const [local, domain, device] = parts;
  if (local === undefined || domain === undefined || device === undefined) return undefined;
  if ((at >= 0 && local === '') || (resource !== undefined && device === '')) return undefined;
  return Jid.make(local, domain, device);
}

function queryOf(text: string): Pick<XmppUri, 'action' | 'parameters'> | undefined {
  const parameters = new Map<string, string>();
  const [type = '', ...pairs] = text.split(';');
  const action = percentDecode(type);
  for (const pair of pairs) {
    const [key, value] = cut(pair, '=').map((each) => percentDecode(each ?? ''));
    if (key === undefined || value === undefined) return undefined;
    if (!parameters.has(key)) parameters.set(key, value);
  }
  return action === undefined ? undefined : { action, parameters };
}

/** Reads an `xmpp:` URI or IRI (RFC 5122 section 2.2), undefined when it is none or its address is malformed. */
export function parseXmppUri(uri: string): XmppUri | undefined {
  if (uri.length > MAX_URI || !/^xmpp:/i.test(uri)) return undefined;
  const [address, queryText = ''] = cut(cut(uri.slice('xmpp:'.length), '#')[0], '?');
  const query = queryOf(queryText);
  if (query === undefined) return undefined;
  if (!address.startsWith('//')) {
    const jid = jidFromPath(address);
    return jid && { jid, ...query };
  }
  // authpath = "//" authxmpp [ "/" pathxmpp ]
  const [authority, path = ''] = cut(address.slice(2), '/');
  const account = jidFromPath(authority);
  const jid = path === '' ? account : jidFromPath(path);
  return account === undefined || jid === undefined ? undefined : { jid, account, ...query };
}

/** The `xmpp:` URI of an address, with a query when `action` is given. `parseXmppUri` turns it back into the same. */
export function xmppUriFromJid(jid: Jid, action = '', parameters: Iterable<readonly [string, string]> = []): string {
  const node = jid.local === '' ? '' : `${encodeNode(jid.local)}@`;
  const resource = jid.isBare ? '' : `/${encodeResource(jid.resource)}`;
  const pairs = Array.from(parameters, ([key, value]) => `;${encodeQuery(key)}=${encodeQuery(value)}`).join('');
  const query = action === '' && pairs === '' ? '' : `?${encodeQuery(action)}${pairs}`;
  return `xmpp:${node}${encodeHost(jid.domain)}${resource}${query}`;
}
