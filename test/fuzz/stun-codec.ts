/** STUN messages made at random: what is written is read again, and what is damaged is read without an exception. */
import { Buffer } from 'node:buffer';
import { isDeepStrictEqual } from 'node:util';
import type { Attribute } from '#protocols/stun/attribute.ts';
import { attributes } from '#protocols/stun/attributes/index.ts';
import { checkFingerprint, integrityKey, verifyIntegrity, verifyIntegritySha256 } from '#protocols/stun/integrity.ts';
import { Message } from '#protocols/stun/message.ts';
import { type Class, classes, methods } from '#protocols/stun/methods.ts';
import { Writer } from '#protocols/stun/writer.ts';
import type { Random } from '#test/fuzz/random.ts';

const KEY = integrityKey(Buffer.from('a key'));

export const randomBuffer = (random: Random, length: number): Buffer =>
  Buffer.from(Array.from({ length }, () => random.next(256)));

const words = (random: Random): string =>
  Array.from({ length: random.next(40) }, () => random.pick(['a', 'B', ':', '@', '.', ' ', 'é', '漢', '🙂'])).join('');

const v4 = (random: Random): string => Array.from({ length: 4 }, () => random.next(256)).join('.');
const v6 = (random: Random): string =>
  // Canonical text: no zeros, nothing is shortened.
  Array.from({ length: 8 }, () => (1 + random.next(0xffff)).toString(16)).join(':');

const address = (random: Random) => {
  const family = random.pick([4, 6] as const);
  return { family, address: family === 4 ? v4(random) : v6(random), port: random.next(65_536) };
};
const reason = (random: Random) => ({ code: 300 + random.next(400), phrase: words(random) });
const algorithm = (random: Random) => ({
  algorithm: random.next(65_536),
  parameters: randomBuffer(random, random.next(9)),
});
const list = <T>(random: Random, of: (random: Random) => T): T[] =>
  Array.from({ length: random.next(5) }, () => of(random));

/** A value of each attribute, by its name. */
const values: Readonly<Record<string, (random: Random) => unknown>> = {
  'MAPPED-ADDRESS': address,
  USERNAME: words,
  'ERROR-CODE': reason,
  'UNKNOWN-ATTRIBUTES': (random) => list(random, (each) => each.next(65_536)),
  REALM: words,
  NONCE: words,
  'XOR-MAPPED-ADDRESS': address,
  USERHASH: (random) => randomBuffer(random, 32),
  SOFTWARE: words,
  'ALTERNATE-SERVER': address,
  'ALTERNATE-DOMAIN': (random) => words(random).slice(0, 60),
  'PASSWORD-ALGORITHM': algorithm,
  'PASSWORD-ALGORITHMS': (random) => list(random, algorithm),
  'CHANNEL-NUMBER': (random) => random.next(65_536),
  LIFETIME: (random) => random.next(4_294_967_295),
  'XOR-PEER-ADDRESS': address,
  DATA: (random) => randomBuffer(random, random.next(600)),
  'XOR-RELAYED-ADDRESS': address,
  'REQUESTED-ADDRESS-FAMILY': (random) => random.pick([4, 6]),
  'ADDITIONAL-ADDRESS-FAMILY': (random) => random.pick([4, 6]),
  'EVEN-PORT': (random) => random.next(2) === 1,
  'REQUESTED-TRANSPORT': (random) => random.next(256),
  'DONT-FRAGMENT': () => true,
  'RESERVATION-TOKEN': (random) => randomBuffer(random, 8),
  'ADDRESS-ERROR-CODE': (random) => ({ ...reason(random), family: random.pick([4, 6]) }),
  ICMP: (random) => ({ type: random.next(128), code: random.next(512), errorData: random.next(4_294_967_295) }),
  'CONNECTION-ID': (random) => random.next(4_294_967_295),
};

interface Written {
  readonly bytes: Buffer;
  readonly method: number;
  readonly kind: Class;
  readonly told: readonly (readonly [Attribute<unknown>, unknown])[];
  readonly sealed: number;
}

/** A whole message of some attributes, each once. */
export function randomMessage(random: Random, method = random.pick(Object.values(methods))): Written {
  const kind = random.pick(Object.values(classes));
  const writer = new Writer(method, kind, randomBuffer(random, 12));
  const told: (readonly [Attribute<unknown>, unknown])[] = [];
  for (const attribute of attributes) {
    const make = values[attribute.name];
    if (make === undefined || random.next(4) > 0) continue;
    const value = make(random);
    told.push([attribute, value]);
    writer.add(attribute, value);
  }
  const sealed = random.next(8);
  if ((sealed & 1) > 0) writer.integrity(KEY);
  if ((sealed & 2) > 0) writer.integritySha256(KEY, random.pick([16, 20, 32]));
  if ((sealed & 4) > 0) writer.fingerprint();
  return { bytes: writer.bytes, method, kind, told, sealed };
}

/** @throws Error when a message is not read as it was written */
export function roundTrip(random: Random): void {
  const { bytes, kind, method, sealed, told } = randomMessage(random);
  const message = Message.decode(Buffer.from(bytes));
  if (message === undefined || message.malformed) throw new Error(`not read: ${bytes.toString('hex')}`);
  if (message.method !== method || message.class !== kind) throw new Error('another type was read');
  for (const [attribute, value] of told) {
    const read = message.get(attribute);
    if (!isDeepStrictEqual(plain(read), plain(value)))
      throw new Error(`${attribute.name}: ${JSON.stringify(value)} was read as ${JSON.stringify(read)}`);
  }
  if (verifyIntegrity(message, KEY) !== (sealed & 1) > 0) throw new Error('MESSAGE-INTEGRITY was judged wrongly');
  if (verifyIntegritySha256(message, KEY, 16) !== (sealed & 2) > 0) throw new Error('SHA256 was judged wrongly');
  if (checkFingerprint(message) !== ((sealed & 4) > 0 ? 'right' : 'absent')) throw new Error('FINGERPRINT');
  // Decode, encode, decode: nothing is lost.
  const again = new Writer(message.method, message.class, message.transactionId);
  for (const [attribute] of told) again.add(attribute, message.get(attribute));
  if (told.length > 0 && !again.bytes.subarray(4).equals(bytes.subarray(4, again.bytes.length)))
    throw new Error(`written otherwise: ${bytes.toString('hex')}`);
}

/** Views by their bytes, whatever buffer they lie in. */
const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value ?? null, (_, each: unknown) => (each instanceof Uint8Array ? [...each] : each)));

/** A message that has been hurt on its way. */
export function damaged(random: Random, whole: Buffer): Buffer {
  const bytes = Buffer.from(whole);
  for (let hits = random.next(4); hits >= 0; hits--) bytes.writeUInt8(random.next(256), random.next(bytes.length));
  if (random.next(4) === 0) return bytes.subarray(0, random.next(bytes.length + 1));
  // The length is made to fit again, so that what follows the header is looked at.
  if (random.next(2) === 0) bytes.writeUInt16BE((bytes.length - 20) & ~3 & 0xffff, 2);
  return bytes;
}

/** Reads everything there is. @throws what the codec throws, which it must not */
export function readAll(bytes: Buffer): void {
  const message = Message.decode(bytes);
  if (message === undefined) return;
  for (const attribute of attributes) {
    message.get(attribute);
    message.all(attribute);
    message.broken(attribute);
  }
  message.unknown(new Set());
  verifyIntegrity(message, KEY);
  verifyIntegritySha256(message, KEY, 16);
  checkFingerprint(message);
}
