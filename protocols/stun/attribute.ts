import { Buffer, isUtf8 } from 'node:buffer';
import {
  FAMILY_V4,
  FAMILY_V6,
  textOfV4,
  textOfV6,
  type TransportAddress,
  wordToText,
  writeIp,
  groupsToText,
} from './address.ts';

/**
 * How the value of one attribute is written and read. `bytes` is always the whole message, so that what depends on the header (the
 * XOR of RFC 8489 section 14.2) finds it there.
 */
export interface Attribute<T> {
  readonly type: number;
  /** As the RFC writes it. */
  readonly name: string;
  /** Bytes of the value, without padding. */
  size(value: T): number;
  write(bytes: Buffer, at: number, value: T): void;
  /** Undefined when the value is malformed. */
  read(bytes: Buffer, start: number, end: number): T | undefined;
}

export const MAGIC_COOKIE = 0x2112a442;
/** RFC 8489 section 14: below it an attribute that is not understood fails the request. */
export const COMPREHENSION_OPTIONAL = 0x8000;

/** A 32-bit unsigned number. */
export function uint32(type: number, name: string): Attribute<number> {
  return {
    type,
    name,
    size: () => 4,
    write: (bytes, at, value) => void bytes.writeUInt32BE(value, at),
    read: (bytes, start, end) => (end - start === 4 ? bytes.readUInt32BE(start) : undefined),
  };
}

/** A number in the first byte or the first two bytes of four, the rest of which is reserved: zero when written, ignored when read. */
export function reserved(type: number, name: string, width: 1 | 2): Attribute<number> {
  return {
    type,
    name,
    size: () => 4,
    write: (bytes, at, value) => void bytes.writeUInt32BE((value << (32 - 8 * width)) >>> 0, at),
    read: (bytes, start, end) => (end - start === 4 ? bytes.readUIntBE(start, width) : undefined),
  };
}

/** An address family in the first of four bytes, as IP version. */
export function family(type: number, name: string): Attribute<4 | 6> {
  const number = reserved(type, name, 1);
  return {
    type,
    name,
    size: () => 4,
    write: (bytes, at, value) => number.write(bytes, at, value === 4 ? FAMILY_V4 : FAMILY_V6),
    read(bytes, start, end) {
      const value = number.read(bytes, start, end);
      if (value === FAMILY_V4) return 4;
      return value === FAMILY_V6 ? 6 : undefined;
    },
  };
}

/** UTF-8 text of at most so many bytes. */
export function text(type: number, name: string, most: number): Attribute<string> {
  return {
    type,
    name,
    size: (value) => Buffer.byteLength(value),
    write: (bytes, at, value) => void bytes.write(value, at),
    read(bytes, start, end) {
      if (end - start > most || !isUtf8(bytes.subarray(start, end))) return undefined;
      return bytes.toString('utf8', start, end);
    },
  };
}

/** Bytes as they are, a number of them between two bounds. What is read is a view of the message. */
export function opaque(type: number, name: string, least: number, most: number): Attribute<Buffer> {
  return {
    type,
    name,
    size: (value) => value.length,
    write: (bytes, at, value) => bytes.set(value, at),
    read(bytes, start, end) {
      const length = end - start;
      return length >= least && length <= most ? bytes.subarray(start, end) : undefined;
    },
  };
}

/** Nothing but its presence. */
export function flag(type: number, name: string): Attribute<true> {
  return {
    type,
    name,
    size: () => 0,
    write: () => undefined,
    read: (_bytes, start, end) => (start === end ? true : undefined),
  };
}

/** RFC 8489 section 14.1: a zero byte, the family, the port, the address. */
export function plainAddress(type: number, name: string): Attribute<TransportAddress> {
  return {
    type,
    name,
    size: addressSize,
    write(bytes, at, value) {
      bytes.writeUInt16BE(value.family === 4 ? FAMILY_V4 : FAMILY_V6, at);
      bytes.writeUInt16BE(value.port, at + 2);
      writeIp(bytes, at + 4, value);
    },
    read(bytes, start, end) {
      const found = familyAt(bytes, start, end);
      if (found === undefined) return undefined;
      const address = found === 4 ? textOfV4(bytes, start + 4) : textOfV6(bytes, start + 4);
      return { family: found, address, port: bytes.readUInt16BE(start + 2) };
    },
  };
}

/** RFC 8489 section 14.2: the same, with the port and the address XORed with the magic cookie and the transaction ID. */
export function xorAddress(type: number, name: string): Attribute<TransportAddress> {
  const plain = plainAddress(type, name);
  return {
    type,
    name,
    size: addressSize,
    write(bytes, at, value) {
      plain.write(bytes, at, value);
      bytes.writeUInt16BE(value.port ^ (MAGIC_COOKIE >>> 16), at + 2);
      for (let index = 0; index < (value.family === 4 ? 4 : 16); index++) {
        bytes.writeUInt8(bytes.readUInt8(at + 4 + index) ^ bytes.readUInt8(4 + index), at + 4 + index);
      }
    },
    read(bytes, start, end) {
      const found = familyAt(bytes, start, end);
      if (found === undefined) return undefined;
      const port = bytes.readUInt16BE(start + 2) ^ (MAGIC_COOKIE >>> 16);
      if (found === 4) {
        return { family: 4, address: wordToText((bytes.readUInt32BE(start + 4) ^ MAGIC_COOKIE) >>> 0), port };
      }
      const groups: number[] = [];
      for (let at = 4; at < 20; at += 2) groups.push(bytes.readUInt16BE(start + at) ^ bytes.readUInt16BE(at));
      return { family: 6, address: groupsToText(groups), port };
    },
  };
}

const addressSize = ({ family: version }: TransportAddress): number => (version === 4 ? 8 : 20);

function familyAt(bytes: Buffer, start: number, end: number): 4 | 6 | undefined {
  const length = end - start;
  if (length !== 8 && length !== 20) return undefined;
  const value = bytes.readUInt8(start + 1);
  if (value === FAMILY_V4 && length === 8) return 4;
  return value === FAMILY_V6 && length === 20 ? 6 : undefined;
}
