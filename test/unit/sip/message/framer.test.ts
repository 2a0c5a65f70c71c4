import { Buffer } from 'node:buffer';
import test from 'ava';
import { type Framed, Framer } from '#protocols/sip/message/framer.ts';
import { MESSAGE_LIMITS } from '#protocols/sip/message/limits.ts';
import { altered, bytesOf, REQUEST } from '#test/unit/sip/message/fixture.ts';

const one = bytesOf([...REQUEST, 'Content-Length: 3'], 'abc');
const two = bytesOf(['SIP/2.0 200 OK', ...REQUEST.slice(1), 'l: 0']);
const told = (framed: Framed): string => {
  if (framed.kind === 'malformed') return `${framed.kind} ${framed.status}${framed.fatal ? ' fatal' : ''}`;
  return framed.kind === 'ping' || framed.kind === 'pong' ? framed.kind : `${framed.kind} ${framed.body.toString()}`;
};

/** What a framer tells of chunks of `size` bytes. */
function frames(bytes: Buffer, size: number): readonly string[] {
  const framer = new Framer();
  const out: string[] = [];
  for (let at = 0; at < bytes.length; at += size) out.push(...framer.push(bytes.subarray(at, at + size)).map(told));
  return out;
}

for (const size of [1, 2, 3, 7, 64, 100_000]) {
  test(`messages and keep-alives in chunks of ${size} bytes`, (t) => {
    const stream = Buffer.concat([
      one,
      Buffer.from('\r\n\r\n'),
      two,
      Buffer.from('\r\n'),
      one,
      two,
      Buffer.from('\r\n\r\n\r\n'),
    ]);
    t.deepEqual(frames(stream, size), [
      'request abc',
      'pong',
      'ping',
      'response ',
      'pong',
      'request abc',
      'response ',
      'pong',
      'ping',
      'pong',
    ]);
  });
}

test('messages that were handed out are not written over by what comes after', (t) => {
  const framer = new Framer();
  framer.push(one.subarray(0, 50));
  const [first] = framer.push(Buffer.concat([one.subarray(50), two.subarray(0, 100)]));
  framer.push(Buffer.alloc(5000, 'x'));
  t.true(first?.kind === 'request' && first.toBytes().equals(one));
});

/** Streams that cannot be read on, and what is told of them. */
const FATAL: readonly (readonly [about: string, bytes: Buffer, told: string])[] = [
  ['no Content-Length', bytesOf(REQUEST), 'malformed 400 fatal'],
  ['a malformed Content-Length', bytesOf([...REQUEST, 'l: x']), 'malformed 400 fatal'],
  ['two of them', bytesOf([...REQUEST, 'l: 1', 'l: 1']), 'malformed 400 fatal'],
  ['a body that is too long', bytesOf([...REQUEST, `l: ${MESSAGE_LIMITS.message}`]), 'malformed 513 fatal'],
  ['a head without end', Buffer.alloc(40_000, 'a'), 'malformed 513 fatal'],
  ['noise', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'malformed 400 fatal'],
  ['a malformed field', bytesOf([...REQUEST, 'l: 0', 'x']), 'malformed 400 fatal'],
];

for (const [about, bytes, expected] of FATAL) {
  test(`a stream ends with ${about}`, (t) => {
    const framer = new Framer();
    const out = [...framer.push(one), ...framer.push(Buffer.concat([bytes, one])), ...framer.push(one)];
    t.deepEqual(out.map(told), ['request abc', expected]);
    t.true(framer.ended);
    t.is(framer.buffered, 0);
  });
}

test('a message that is malformed but whole does not end the stream', (t) => {
  const bad = bytesOf(altered('CSeq: 1 INVITE', 'Content-Length: 2'), 'xy');
  t.deepEqual(frames(Buffer.concat([bad, one]), 10), ['malformed 400', 'request abc']);
});

test('no more is kept than a message may have', (t) => {
  const framer = new Framer();
  for (let at = 0; at < 1000; at++) {
    framer.push(Buffer.alloc(1000, 'a'));
    t.true(framer.buffered <= MESSAGE_LIMITS.head + 1004);
  }
});

test('a message of the largest size is read', (t) => {
  const head = bytesOf([...REQUEST, 'Content-Length: 00000']).length;
  const size = MESSAGE_LIMITS.message - head;
  t.is(frames(bytesOf([...REQUEST, `Content-Length: ${size}`], 'x'.repeat(size)), 1000).length, 1);
});
