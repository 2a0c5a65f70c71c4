import { Buffer } from 'node:buffer';
import { createHmac } from 'node:crypto';
import test from 'ava';
import { nonce } from '#protocols/stun/attributes/nonce.ts';
import { realm } from '#protocols/stun/attributes/realm.ts';
import { software } from '#protocols/stun/attributes/software.ts';
import { userhash } from '#protocols/stun/attributes/userhash.ts';
import { username } from '#protocols/stun/attributes/username.ts';
import { xorMappedAddress } from '#protocols/stun/attributes/xor-mapped-address.ts';
import {
  checkFingerprint,
  integrityKey,
  longTermKey,
  userhashOf,
  verifyIntegrity,
  verifyIntegritySha256,
} from '#protocols/stun/integrity.ts';
import { Message } from '#protocols/stun/message.ts';
import { classes, methods } from '#protocols/stun/methods.ts';
import { Writer } from '#protocols/stun/writer.ts';
import { vectors } from '#test/vectors/stun/rfc5769.ts';

const bytesOf = (name: keyof typeof vectors): Buffer => Buffer.from(vectors[name].join('').replaceAll(' ', ''), 'hex');

function read(name: keyof typeof vectors): Message {
  const message = Message.decode(bytesOf(name));
  if (message === undefined) throw new Error(`${name} is no STUN message`);
  return message;
}

const shortTerm = integrityKey(Buffer.from('VOkJxbRl1RmTxUk/WvJxBt'));
const MATRIX = 'マトリックス';
const transaction = Buffer.from('b7e7a701bc34d686fa87dfae', 'hex');

test('2.1: a request', (t) => {
  const message = read('request');
  t.is(message.method, methods.binding);
  t.is(message.class, classes.request);
  t.deepEqual(message.transactionId, transaction);
  t.is(message.get(software), 'STUN test client');
  t.is(message.get(username), 'evtj:h6vY');
  t.true(verifyIntegrity(message, shortTerm));
  t.is(checkFingerprint(message), 'right');
});

test('2.2: a response with an IPv4 address', (t) => {
  const message = read('responseV4');
  t.is(message.class, classes.success);
  t.is(message.get(software), 'test vector');
  t.deepEqual(message.get(xorMappedAddress), { family: 4, address: '192.0.2.1', port: 32853 });
  t.true(verifyIntegrity(message, shortTerm));
  t.is(checkFingerprint(message), 'right');
});

test('2.3: a response with an IPv6 address', (t) => {
  const message = read('responseV6');
  const address = '2001:db8:1234:5678:11:2233:4455:6677';
  t.deepEqual(message.get(xorMappedAddress), { family: 6, address, port: 32853 });
  t.true(verifyIntegrity(message, shortTerm));
  t.is(checkFingerprint(message), 'right');
});

test('2.4: a request with long-term credentials', (t) => {
  const message = read('longTermRequest');
  t.is(message.get(username), MATRIX);
  t.is(message.get(nonce), 'f//499k954d6OL34oL9FSTvy64sA');
  t.is(message.get(realm), 'example.org');
  t.true(verifyIntegrity(message, integrityKey(longTermKey('md5', MATRIX, 'example.org', 'TheMatrIX'))));
  t.false(verifyIntegrity(message, integrityKey(longTermKey('md5', MATRIX, 'example.org', 'TheMatrix'))));
  t.is(checkFingerprint(message), 'absent');
});

test('RFC 8489 appendix B.1: USERHASH and MESSAGE-INTEGRITY-SHA256', (t) => {
  const printed = bytesOf('userhashRequest');
  const key = longTermKey('sha256', MATRIX, 'example.org', 'TheMatrIX');
  // The printed length counts the header too, which makes it no message; the code was computed with that length.
  t.is(Message.decode(printed), undefined);
  t.is(printed.readUInt16BE(2), printed.length);
  t.deepEqual(createHmac('sha256', key).update(printed.subarray(0, -36)).digest(), printed.subarray(-32));
  const corrected = new Writer(methods.binding, classes.request, printed.subarray(8, 20))
    .add(userhash, userhashOf(MATRIX, 'example.org'))
    .add(nonce, 'obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA')
    .add(realm, 'example.org')
    .integritySha256(integrityKey(key)).bytes;
  t.deepEqual(corrected.subarray(4, -32), printed.subarray(4, -32));
  const message = Message.decode(corrected);
  t.true(message !== undefined && verifyIntegritySha256(message, integrityKey(key)));
});

test('MESSAGE-INTEGRITY-SHA256 may be truncated where the usage says so, to 16 bytes at least', (t) => {
  for (const length of [12, 16, 20, 28, 32]) {
    const message = Message.decode(
      new Writer(methods.binding, classes.request, transaction).integritySha256(shortTerm, length).bytes,
    );
    t.is(message !== undefined && verifyIntegritySha256(message, shortTerm, 16), length >= 16, `${length}`);
    t.is(message !== undefined && verifyIntegritySha256(message, shortTerm), length === 32, `${length}`);
  }
});

test('the responses are written as the RFC has them, but for the padding', (t) => {
  const v4 = new Writer(methods.binding, classes.success, transaction)
    .add(software, 'test vector')
    .add(xorMappedAddress, { family: 4, address: '192.0.2.1', port: 32853 });
  const wanted = bytesOf('responseV4');
  t.deepEqual(v4.bytes.subarray(4, 35), wanted.subarray(4, 35));
  t.deepEqual(v4.bytes.subarray(36), wanted.subarray(36, 48));
});

test('the request with long-term credentials is written byte for byte', (t) => {
  const wanted = bytesOf('longTermRequest');
  const written = new Writer(methods.binding, classes.request, wanted.subarray(8, 20))
    .add(username, MATRIX)
    .add(nonce, 'f//499k954d6OL34oL9FSTvy64sA')
    .add(realm, 'example.org')
    .integrity(integrityKey(longTermKey('md5', MATRIX, 'example.org', 'TheMatrIX')));
  t.deepEqual(written.bytes, wanted);
});
