import test from 'ava';
import { bytes, json, number, text } from '#src/store/codec.ts';

test('json keeps plain data', (t) => {
  const codec = json<{ name: string; tags: string[] }>();
  const value = { name: 'Roméo 😀', tags: ['a', '\0'] };
  t.deepEqual(codec.decode(codec.encode(value)), value);
});

test('json is bounded in both directions', (t) => {
  const small = json<string>({ maxBytes: 10 });
  t.is(small.decode(small.encode('12345678')), '12345678');
  t.throws(() => small.encode('123456789'), { instanceOf: RangeError });
  t.throws(() => small.encode('ééééé'), { instanceOf: RangeError });
  t.throws(() => small.decode(Buffer.from('"123456789"')), { instanceOf: RangeError });
});

test('json refuses what has no JSON form and what is not JSON', (t) => {
  const codec = json<unknown>();
  t.throws(() => codec.encode(undefined), { instanceOf: TypeError });
  t.throws(() => codec.decode(Buffer.from('{"a":')), { instanceOf: SyntaxError });
});

test('json hands what it read to the check', (t) => {
  const codec = json({
    check: (value) => {
      if (typeof value !== 'number') throw new TypeError('a number was expected');
      return value;
    },
  });
  t.is(codec.decode(codec.encode(7)), 7);
  t.throws(() => codec.decode(Buffer.from('"7"')), { message: 'a number was expected' });
});

test('text is UTF-8 and must come back as it was', (t) => {
  for (const value of ['', 'a\0b', 'é😀']) t.is(text.decode(text.encode(value)), value);
  t.throws(() => text.encode('\ud800'), { instanceOf: TypeError });
});

test('bytes are given back as a buffer', (t) => {
  const value = Buffer.from([0, 255, 128]);
  t.deepEqual(bytes.decode(bytes.encode(value)), value);
  t.deepEqual(bytes.decode(new Uint8Array([9, 8, 7]).subarray(1)), Buffer.from([8, 7]));
});

test('numbers are finite', (t) => {
  for (const value of [0, -1.5, 1e300, Number.MAX_SAFE_INTEGER]) t.is(number.decode(number.encode(value)), value);
  t.throws(() => number.encode(Number.NaN), { instanceOf: RangeError });
  for (const stored of ['', 'x', 'Infinity'])
    t.throws(() => number.decode(Buffer.from(stored)), { instanceOf: TypeError });
});
