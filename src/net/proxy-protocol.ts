import type { Buffer } from 'node:buffer';
import { parseIp } from '#src/address/ip.ts';

/** What a load balancer says of the connection that it passes on. */
export interface ProxiedAddress {
  readonly ip: string;
  readonly port: number;
}

/**
 * `more`: the header is incomplete. `proxied`: behind `length` bytes the peer speaks; without an address the balancer speaks for
 * itself (LOCAL, UNKNOWN) and the socket's own address holds.
 */
export type ProxyHeader =
  | { readonly kind: 'more' }
  | { readonly kind: 'proxied'; readonly length: number; readonly address: ProxiedAddress | undefined }
  | { readonly kind: 'invalid'; readonly reason: string };

const SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
/** Version 1: at most 107 bytes with the line end. */
const LONGEST_V1 = 107;
/** Version 2: 16 bytes, then addresses and extensions; more than this no balancer sends. */
const LONGEST_V2 = 16 + 2048;
const MORE: ProxyHeader = { kind: 'more' };

/** Reads the header of the PROXY protocol, version 1 (text) or 2 (binary), as haproxy's specification has it. */
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

function readText(bytes: Buffer): ProxyHeader {
  const start = bytes.toString('latin1', 0, Math.min(6, bytes.length));
  if (!'PROXY '.startsWith(start)) return invalid('no PROXY header');
  const end = bytes.subarray(0, LONGEST_V1).indexOf('\r\n');
  if (end < 0) return bytes.length >= LONGEST_V1 ? invalid('the header has no end') : MORE;
  const length = end + 2;
  const [, family, source, destination, port, destinationPort, ...rest] = bytes.toString('latin1', 0, end).split(' ');
  if (family === 'UNKNOWN') return { kind: 'proxied', length, address: undefined };
  const version = family === 'TCP4' ? 4 : family === 'TCP6' ? 6 : 0;
  if (version === 0 || rest.length > 0) return invalid('an unknown protocol');
  if (familyOf(source) !== version || familyOf(destination) !== version) return invalid('a bad address');
  const number = portOf(port);
  if (number === undefined || portOf(destinationPort) === undefined) return invalid('a bad port');
  return { kind: 'proxied', length, address: { ip: source ?? '', port: number } };
}

function familyOf(text: string | undefined): 0 | 4 | 6 {
  const address = text === undefined ? undefined : parseIp(text);
  if (text === undefined || address === undefined || text.includes('%')) return 0;
  return text.includes(':') ? 6 : 4;
}

function portOf(text: string | undefined): number | undefined {
  if (text === undefined || text === '' || text.length > 5) return undefined;
  const port = Number(text);
  return Number.isInteger(port) && port >= 0 && port <= 65535 && String(port) === text ? port : undefined;
}

function readBinary(bytes: Buffer): ProxyHeader {
  if (bytes.length < 16) return MORE;
  const versionAndCommand = bytes.readUInt8(12);
  const family = bytes.readUInt8(13) >> 4;
  const transport = bytes.readUInt8(13) & 15;
  const size = bytes.readUInt16BE(14);
  const length = 16 + size;
  if (versionAndCommand >> 4 !== 2) return invalid('an unknown version');
  if (length > LONGEST_V2) return invalid('the header is too long');
  const command = versionAndCommand & 15;
  if (command > 1) return invalid('an unknown command');
  if (bytes.length < length) return MORE;
  if (command === 0 || family === 0) return { kind: 'proxied', length, address: undefined };
  if (transport !== 1) return invalid('not a stream connection');
  if (family === 1 && size >= 12) {
    return { kind: 'proxied', length, address: { ip: [...bytes.subarray(16, 20)].join('.'), port: bytes.readUInt16BE(24) } };
  }
  if (family === 2 && size >= 36) {
    return { kind: 'proxied', length, address: { ip: ipv6(bytes.subarray(16, 32)), port: bytes.readUInt16BE(48) } };
  }
  return family === 3 ? { kind: 'proxied', length, address: undefined } : invalid('a bad address');
}

function ipv6(bytes: Buffer): string {
  return Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16)).join(':');
}
