import type { Buffer } from 'node:buffer';
import { createHash, createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { fingerprint } from './attributes/fingerprint.ts';
import { messageIntegritySha256 } from './attributes/message-integrity-sha256.ts';
import { messageIntegrity } from './attributes/message-integrity.ts';
import type { Message } from './message.ts';

/** A key object: the hash functions take it six times as fast as the bytes. */
export type IntegrityKey = KeyObject;

/** RFC 8489 section 14.7. */
const FINGERPRINT_XOR = 0x5354554e;

export function integrityKey(bytes: Buffer): IntegrityKey {
  return createSecretKey(bytes);
}

/** RFC 8489 section 9.2.2 and 18.5.1: the key of a long-term credential. The parts have been prepared by OpaqueString. */
export function longTermKey(algorithm: 'md5' | 'sha256', username: string, realm: string, password: string): Buffer {
  return createHash(algorithm).update(`${username}:${realm}:${password}`).digest();
}

/** Section 14.4. */
export function userhashOf(username: string, realm: string): Buffer {
  return createHash('sha256').update(`${username}:${realm}`).digest();
}

/**
 * The code over the first bytes of a message. The length in its header points to the end of the integrity attribute for the
 * computation, whatever follows.
 * @param from where the integrity attribute's header begins
 */
export function hmacOf(
  bytes: Buffer,
  from: number,
  length: number,
  algorithm: 'sha1' | 'sha256',
  key: IntegrityKey,
): Buffer {
  const told = bytes.readUInt16BE(2);
  bytes.writeUInt16BE(from + 4 + length - 20, 2);
  const code = createHmac(algorithm, key).update(bytes.subarray(0, from)).digest();
  bytes.writeUInt16BE(told, 2);
  return code.length === length ? code : code.subarray(0, length);
}

/** Is MESSAGE-INTEGRITY there and right? Constant time for a given message. */
export function verifyIntegrity(message: Message, key: IntegrityKey): boolean {
  const place = message.place(messageIntegrity);
  if (place === undefined || place.end - place.start !== 20) return false;
  const code = hmacOf(message.bytes, place.start - 4, 20, 'sha1', key);
  return timingSafeEqual(code, message.bytes.subarray(place.start, place.end));
}

/**
 * Is MESSAGE-INTEGRITY-SHA256 there and right?
 * @param least bytes that the code must have; a usage that allows truncation (RFC 8489 section 14.6) takes fewer than 32
 */
export function verifyIntegritySha256(message: Message, key: IntegrityKey, least = 32): boolean {
  const place = message.place(messageIntegritySha256);
  if (place === undefined) return false;
  const length = place.end - place.start;
  if (length < Math.max(16, least) || length > 32 || length % 4 !== 0) return false;
  const code = hmacOf(message.bytes, place.start - 4, length, 'sha256', key);
  return timingSafeEqual(code, message.bytes.subarray(place.start, place.end));
}

/** @param to where the attribute's header begins; the length in the message's header counts the attribute already */
export function crcOf(bytes: Buffer, to: number): number {
  return (crc32(bytes.subarray(0, to)) ^ FINGERPRINT_XOR) >>> 0;
}

/** `absent`, or whether FINGERPRINT is right. */
export function checkFingerprint(message: Message): 'absent' | 'right' | 'wrong' {
  const place = message.place(fingerprint);
  if (place === undefined) return 'absent';
  const value = message.get(fingerprint);
  return place.end === message.bytes.length && value === crcOf(message.bytes, place.start - 4) ? 'right' : 'wrong';
}
