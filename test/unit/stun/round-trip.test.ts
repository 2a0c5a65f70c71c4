import { Buffer } from 'node:buffer';
import test from 'ava';
import { textOfV4, textOfV6 } from '#protocols/stun/address.ts';
import { answer } from '#protocols/stun/binding.ts';
import { errorCode } from '#protocols/stun/attributes/error-code.ts';
import { unknownAttributes } from '#protocols/stun/attributes/unknown-attributes.ts';
import { xorMappedAddress } from '#protocols/stun/attributes/xor-mapped-address.ts';
import { checkFingerprint } from '#protocols/stun/integrity.ts';
import { Message } from '#protocols/stun/message.ts';
import { classes, methods } from '#protocols/stun/methods.ts';
import { Writer } from '#protocols/stun/writer.ts';
import { Random } from '#test/fuzz/random.ts';
import { damaged, randomMessage, readAll, roundTrip } from '#test/fuzz/stun-codec.ts';

test('what is written is read again; what is damaged is read without an exception', (t) => {
  for (let seed = 0; seed < 2000; seed++) {
    const random = new Random(seed);
    roundTrip(random);
    readAll(damaged(random, randomMessage(random).bytes));
  }
  t.pass();
});

test('addresses have the text form of RFC 5952', (t) => {
  t.is(textOfV4(Buffer.from('c0000201', 'hex'), 0), '192.0.2.1');
  const cases = {
    '00000000000000000000000000000000': '::',
    '00000000000000000000000000000001': '::1',
    '20010db8000000000000000000000001': '2001:db8::1',
    '20010db8000000010001000100010001': '2001:db8:0:1:1:1:1:1',
    '20010000000000010000000000000001': '2001:0:0:1::1',
    '20010db8000000000001000000000001': '2001:db8::1:0:0:1',
    fe800000000000000000000000000000: 'fe80::',
    '00010002000300040005000600070008': '1:2:3:4:5:6:7:8',
    '00000000000000000000ffffc0000201': '::ffff:192.0.2.1',
  };
  for (const [hex, text] of Object.entries(cases)) t.is(textOfV6(Buffer.from(hex, 'hex'), 0), text);
});

const transaction = Buffer.from('000102030405060708090a0b', 'hex');
const ask = (): Writer => new Writer(methods.binding, classes.request, transaction);
const read = (bytes: Buffer | undefined): Message | undefined =>
  bytes === undefined ? undefined : Message.decode(bytes);

test('a Binding request is told where it came from', (t) => {
  for (const [address, family] of [['192.0.2.1', 4] as const, ['2001:db8::1', 6] as const]) {
    const found = read(answer(ask().bytes, address, 1234));
    t.is(found?.class, classes.success);
    t.deepEqual(found?.transactionId, transaction);
    t.deepEqual(found?.get(xorMappedAddress), { family, address, port: 1234 });
    t.is(found && checkFingerprint(found), 'absent');
  }
  const printed = read(answer(ask().fingerprint().bytes, '192.0.2.1', 1));
  t.is(printed && checkFingerprint(printed), 'right');
});

test('what is no Binding request gets no answer', (t) => {
  const right = ask().bytes;
  const wrongPrint = ask().fingerprint().bytes;
  wrongPrint.writeUInt8(wrongPrint.readUInt8(wrongPrint.length - 1) ^ 1, wrongPrint.length - 1);
  const silent = {
    'an indication': new Writer(methods.binding, classes.indication, transaction).bytes,
    'a response': new Writer(methods.binding, classes.success, transaction).bytes,
    'another method': new Writer(methods.allocate, classes.request, transaction).bytes,
    'too short': right.subarray(0, 19),
    'longer than it says': Buffer.concat([right, Buffer.alloc(4)]),
    'without the cookie': Buffer.concat([right.subarray(0, 4), Buffer.alloc(16)]),
    'a keep-alive of SIP': Buffer.from('\r\n\r\n'),
    'a wrong fingerprint': wrongPrint,
    nothing: Buffer.alloc(0),
  };
  for (const [what, bytes] of Object.entries(silent)) t.is(answer(bytes, '192.0.2.1', 1), undefined, what);
});

test('unknown attributes: 420 for those that must be understood; a broken message: 400', (t) => {
  const bytes = ask().raw(0x0024, Buffer.alloc(4)).raw(0x7f00, Buffer.alloc(1)).raw(0x8f00, Buffer.alloc(3)).bytes;
  const found = read(answer(bytes, '192.0.2.1', 1));
  t.is(found?.get(errorCode)?.code, 420);
  t.deepEqual(found?.get(unknownAttributes), [0x0024, 0x7f00]);
  const broken = Buffer.from(bytes);
  broken.writeUInt16BE(0xffff, 22);
  t.is(read(answer(broken, '192.0.2.1', 1))?.get(errorCode)?.code, 400);
});
