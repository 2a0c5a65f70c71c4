import type { Buffer } from 'node:buffer';
import { SocketAddress } from 'node:net';
import { parseIp } from '#src/address/ip.ts';

/** Who connected to the load balancer. */
export interface ProxiedAddress {
  readonly ip: string;
  readonly port: number;
}

/**
 * `more`: the header is incomplete. Otherwise the peer speaks behind `length` bytes: `proxied` from an address that is told, `unknown`
 * from one that the balancer does not know, and with `local` it is the balancer itself (a health check), whose socket's address holds.
 */
export type ProxyHeader =
  | { readonly kind: 'more' }
  | { readonly kind: 'proxied'; readonly length: number; readonly address: ProxiedAddress }
  | { readonly kind: 'unknown' | 'local'; readonly length: number }
  | { readonly kind: 'invalid'; readonly reason: string };

const SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
/** Version 1: at most 107 bytes with the line end. */
const LONGEST_V1 = 107;
/** Version 2: 16 bytes, then addresses and extensions (a client certificate's names among them); more than this no balancer sends. */
const LONGEST_V2 = 16 + 4096;
const MORE: ProxyHeader = { kind: 'more' };

const COMMANDS = ['local', 'proxy'] as const;
const FAMILIES = ['unspecified', 'ipv4', 'ipv6', 'unix'] as const;
const STREAM = 1;

/** Reads the header of the PROXY protocol, version 1 (text) or 2 (binary), as haproxy's proxy-protocol.txt has it. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  const known = Math.min(bytes.length, SIGNATURE.length);
  let matches = 0;
  while (matches < known && bytes[matches] === SIGNATURE[matches]) matches += 1;
  if (matches === known) return known < SIGNATURE.length ? MORE : readBinary(bytes);
  return readText(bytes);
}

function invalid(reason: string): ProxyHeader {
  return { kind: 'invalid', reason };
}

/** Section 2.1. */
function readText(bytes: Buffer): ProxyHeader {
  const start = bytes.toString('latin1', 0, Math.min(6, bytes.length));
  if (!'PROXY '.startsWith(start)) return invalid('no PROXY header');
  const end = bytes.subarray(0, LONGEST_V1).indexOf('\r\n');
  if (end < 0) return bytes.length >= LONGEST_V1 ? invalid('the header has no end') : MORE;
  const length = end + 2;
  const [, family, source = '', destination = '', port = '', destinationPort = '', ...rest] = bytes
    .toString('latin1', 0, end)
    .split(' ');
  // "the receiver must ignore anything presented before the CRLF is found"
  if (family === 'UNKNOWN') return { kind: 'unknown', length };
  const version = family === 'TCP4' ? 'ipv4' : family === 'TCP6' ? 'ipv6' : undefined;
  if (version === undefined || rest.length > 0) return invalid('an unknown protocol');
  if (familyOf(source) !== version || familyOf(destination) !== version) return invalid('a bad address');
  const number = portOf(port);
  if (number === undefined || portOf(destinationPort) === undefined) return invalid('a bad port');
  return { kind: 'proxied', length, address: addressOf(source, version, number) };
}

function familyOf(text: string): 'ipv4' | 'ipv6' | undefined {
  if (text.includes('%') || parseIp(text) === undefined) return undefined;
  return text.includes(':') ? 'ipv6' : 'ipv4';
}

/** "a decimal integer in the range [0..65535] inclusive. Heading zeroes are not permitted" */
function portOf(text: string): number | undefined {
  if (text === '' || text.length > 5) return undefined;
  const port = Number(text);
  return Number.isInteger(port) && port >= 0 && port <= 65535 && String(port) === text ? port : undefined;
}

/** Section 2.2. */
function readBinary(bytes: Buffer): ProxyHeader {
  if (bytes.length < 16) return MORE;
  const version = bytes.readUInt8(12) >> 4;
  const command = COMMANDS[bytes.readUInt8(12) & 15];
  const family = FAMILIES[bytes.readUInt8(13) >> 4];
  const transport = bytes.readUInt8(13) & 15;
  const size = bytes.readUInt16BE(14);
  const length = 16 + size;
  if (version !== 2) return invalid('an unknown version');
  if (command === undefined) return invalid('an unknown command');
  if (length > LONGEST_V2) return invalid('the header is too long');
  if (bytes.length < length) return MORE;
  // "the receiver must accept this connection as valid and must use the real connection endpoints and discard the protocol block"
  if (command === 'local') return { kind: 'local', length };
  if (family === 'unspecified' || (family === 'unix' && transport === STREAM)) return { kind: 'unknown', length };
  if (family === undefined || transport !== STREAM) return invalid('not a stream connection');
  const width = family === 'ipv4' ? 4 : 16;
  if (size < width * 2 + 4) return invalid('a bad address');
  const address = bytes.subarray(16, 16 + width);
  const text = family === 'ipv4' ? [...address].join('.') : groups(address);
  return {
    kind: 'proxied',
    length,
    address: addressOf(text, family as 'ipv4' | 'ipv6', bytes.readUInt16BE(16 + width * 2)),
  };
}

function groups(bytes: Buffer): string {
  return Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16)).join(':');
}

/** In the spelling of RFC 5952, that logs and bans know. */
function addressOf(text: string, family: 'ipv4' | 'ipv6', port: number): ProxiedAddress {
  const { address } = new SocketAddress({ address: text, family });
  return { ip: address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address, port };
}
