import test from 'ava';
import fc from 'fast-check';
import { compareKeys, decodeKey, encodeKey, encodeSeq, endOf } from '#src/store/keys.ts';

const part = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.string({ unit: fc.constantFrom('\0', '\x01', '\x02', 'a', '\ud7ff', '\ue000', '😀'), maxLength: 5 }),
);
const key = fc.array(part, { maxLength: 4 });

const utf8Order = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

test('a key comes back as its parts', (t) => {
  fc.assert(
    fc.property(key, part, (parts, name) => {
      const prefix = encodeKey('', name);
      t.deepEqual(decodeKey(encodeKey(prefix, parts), prefix.length), parts);
    }),
  );
});

test('a text is the key of one part', (t) => {
  fc.assert(fc.property(part, (name) => t.is(encodeKey('p\0', name), encodeKey('p\0', [name]))));
});

test('keys are ordered as their UTF-8 bytes, which is part by part', (t) => {
  fc.assert(
    fc.property(key, key, (a, b) => {
      const [left, right] = [encodeKey('', a), encodeKey('', b)];
      t.is(Math.sign(compareKeys(left, right)), Math.sign(utf8Order(left, right)));
      const at = a.findIndex((name, i) => name !== b[i]);
      const differ = at >= 0 && at < b.length;
      const byParts = differ ? utf8Order(a[at] ?? '', b[at] ?? '') : a.length - b.length;
      t.is(Math.sign(compareKeys(left, right)), Math.sign(byParts));
    }),
  );
});

test('a prefix ends before the next key that lacks it', (t) => {
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 2 }), key, (prefix, other) => {
      const from = encodeKey('', prefix);
      const text = encodeKey('', other);
      const inside = compareKeys(text, from) >= 0 && compareKeys(text, endOf(from)) < 0;
      t.is(
        inside,
        prefix.every((name, i) => other[i] === name),
      );
    }),
  );
});

test('half a surrogate pair is refused', (t) => {
  t.throws(() => encodeKey('', 'a\ud83d'), { instanceOf: TypeError });
  t.throws(() => encodeKey('', ['ok', '\ude00']), { instanceOf: TypeError });
});

test('sequence numbers sort as text', (t) => {
  const seq = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
  fc.assert(fc.property(seq, seq, (a, b) => t.is(encodeSeq(a) < encodeSeq(b), a < b)));
  t.true(encodeSeq(35) < encodeSeq(36));
});
