import { Buffer } from 'node:buffer';
import { randomFillSync } from 'node:crypto';
import { type TransportAddress, writeIp } from '#protocols/stun/address.ts';
import { MAGIC_COOKIE } from '#protocols/stun/attribute.ts';
import { data } from '#protocols/stun/attributes/data.ts';
import { xorPeerAddress } from '#protocols/stun/attributes/xor-peer-address.ts';
import { classes, messageType, methods } from '#protocols/stun/methods.ts';

/** RFC 8656 section 12. */
export const LEAST_CHANNEL = 0x4000;
/**
 * RFC 8656 ends the channel numbers at 0x4FFF, RFC 5766 at 0x7FFF, and clients of the latter, coturn's own among them, choose above
 * 0x4FFF. Both are served: a message that begins with one of these is no other protocol's on this port.
 */
export const MOST_CHANNEL = 0x7fff;
export const CHANNEL_HEADER = 4;
const HEADER = 20;
/** Bytes that fit into a Data indication, whose length is told in 16 bits, with an address of IPv6 and padding. */
export const MOST_INDICATED = 65_504;
/** The attribute headers of a Data indication, and the family and port of the peer's address. */
const PEER_HEAD = 8;

/**
 * A ChannelData message (RFC 8656 section 12.4): the one copy of a relayed datagram.
 * @param padded over a stream the message is filled to a multiple of 4 bytes, which its length does not count (section 12.5)
 */
export function channelData(channel: number, bytes: Buffer, padded: boolean): Buffer {
  const end = CHANNEL_HEADER + bytes.length;
  const message = Buffer.allocUnsafe(padded ? (end + 3) & ~3 : end);
  message[0] = channel >>> 8;
  message[1] = channel;
  message[2] = bytes.length >>> 8;
  message[3] = bytes.length;
  message.set(bytes, CHANNEL_HEADER);
  if (message.length > end) message.fill(0, end);
  return message;
}

/** A Data indication from a peer whose address is known in bytes (RFC 8656 section 11.3). */
export function dataIndication(peer: Buffer, port: number, bytes: Buffer): Buffer {
  const at = HEADER + PEER_HEAD + peer.length;
  const end = at + 4 + bytes.length;
  const message = Buffer.allocUnsafe((end + 3) & ~3);
  message.writeUInt16BE(DATA_INDICATION, 0);
  message.writeUInt16BE(message.length - HEADER, 2);
  message.writeUInt32BE(MAGIC_COOKIE, 4);
  randomBytesInto(message, 8, 12);
  message.writeUInt16BE(xorPeerAddress.type, HEADER);
  message.writeUInt16BE(4 + peer.length, HEADER + 2);
  message.writeUInt16BE(peer.length === 4 ? 0x01 : 0x02, HEADER + 4);
  message.writeUInt16BE(port ^ (MAGIC_COOKIE >>> 16), HEADER + 6);
  for (let index = 0; index < peer.length; index++) {
    message[HEADER + PEER_HEAD + index] = (peer[index] ?? 0) ^ (message[4 + index] ?? 0);
  }
  message.writeUInt16BE(data.type, at);
  message.writeUInt16BE(bytes.length, at + 2);
  message.set(bytes, at + 4);
  if (message.length > end) message.fill(0, end);
  return message;
}

const DATA_INDICATION = messageType(methods.data, classes.indication);

/** The bytes of an IP address. */
export function addressBytes(peer: Omit<TransportAddress, 'port'>): Buffer {
  const bytes = Buffer.alloc(peer.family === 4 ? 4 : 16);
  writeIp(bytes, 0, peer);
  return bytes;
}

/** Transaction IDs are random (RFC 8489 section 5); asking for a few bytes each time would cost more than the rest of the message. */
const pool = Buffer.alloc(12 * 512);
let used = pool.length;

function randomBytesInto(message: Buffer, at: number, length: number): void {
  if (used + length > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  pool.copy(message, at, used, used + length);
  used += length;
}
