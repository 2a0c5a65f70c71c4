/** RFC 3261 section 25.1: host and hostport, of URIs and of Via. */
import { GenerationCache, ownText } from '#src/address/cache.ts';
import { parseIp } from '#src/address/ip.ts';
import { decimal } from '#protocols/sip/message/grammar.ts';

export interface HostPort {
  /** In lower case and without a final dot; an IPv6 reference keeps its brackets. */
  readonly host: string;
  readonly port: number | undefined;
}

const MAX_HOST = 255;
const HOST = /^[a-z0-9.-]+$/;

// domainlabel = alphanum / alphanum *( alphanum / "-" ) alphanum
const hasBadLabel = (name: string): boolean =>
  /^[.-]/.test(name) || name.includes('..') || name.includes('.-') || name.includes('-.') || name.endsWith('-');

/** host = hostname / IPv4address / IPv6reference; its canonical form, undefined when it is none. */
export function parseHost(text: string): string | undefined {
  if (text.length > MAX_HOST || text === '') return undefined;
  const host = text.toLowerCase();
  if (host.startsWith('[')) {
    // RFC 3261's own grammar allows a third colon before an IPv4 part, which is taken for two (RFC 5118 section 4.10).
    const address = host.slice(1, -1).replace(':::', '::');
    const isAddress = address.includes(':') && !address.includes('%') && parseIp(address) !== undefined;
    return host.endsWith(']') && isAddress ? `[${address}]` : undefined;
  }
  if (!HOST.test(host)) return undefined;
  const name = host.length > 1 && host.endsWith('.') ? host.slice(0, -1) : host;
  if (hasBadLabel(name)) return undefined;
  // toplabel = ALPHA / ALPHA *( alphanum / "-" ) alphanum: what ends in a number is an IPv4 address or nothing.
  const top = name.charCodeAt(name.lastIndexOf('.') + 1);
  return top < 0x30 || top > 0x39 || parseIp(name)?.family === 4 ? name : undefined;
}

/** What senders say of themselves in every message. No text in it is longer than a host and its port. */
const parsed = new GenerationCache<HostPort>(10_000);

/** hostport = host [ ":" port ]. Memoised. */
export function parseHostPort(text: string): HostPort | undefined {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const place = readHostPort(text);
  if (place !== undefined) parsed.set(ownText(text), place);
  return place;
}

function readHostPort(text: string): HostPort | undefined {
  const bracket = text.indexOf(']');
  const colon = text.indexOf(':', Math.max(bracket, 0));
  const host = parseHost(colon < 0 ? text : text.slice(0, colon));
  if (host === undefined) return undefined;
  if (colon < 0) return { host, port: undefined };
  const port = decimal(text.slice(colon + 1), 65_535);
  return port === undefined || port === 0 ? undefined : { host, port };
}

export const hostPort = (host: string, port: number | undefined): string =>
  port === undefined ? host : `${host}:${port}`;

/** An IP address as a host: an IPv6 address gets its brackets. */
export const hostOfAddress = (address: string): string => (address.includes(':') ? `[${address}]` : address);

/** The IP address that a host is, without brackets; undefined for a name. */
export function addressOfHost(host: string): string | undefined {
  if (host.startsWith('[')) return host.slice(1, -1);
  return /^[0-9.]+$/.test(host) ? host : undefined;
}
