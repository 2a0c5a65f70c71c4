import test from 'ava';
import fc from 'fast-check';
import { GenerationCache } from '#src/address/cache.ts';
import { Jid } from '#src/address/jid.ts';
import { rfc7622 } from '#test/vectors/address/read.ts';
import { anyText, domainText, localText, resourceText, trickyText } from '#test/unit/address/texts.ts';

const full = (text: string): string | undefined => Jid.parse(text)?.full;

for (const { example, jid, local, domain, resource } of rfc7622.legal) {
  test(`RFC 7622 table 1, example ${example}: ${jid}`, (t) => {
    const parsed = Jid.parse(jid);
    t.is(parsed?.local, local);
    t.is(parsed?.domain, domain);
    t.is(parsed?.resource, resource);
  });
}

for (const { example, text, why } of rfc7622.illegal) {
  test(`RFC 7622 table 2, example ${example}: ${why}`, (t) => t.is(Jid.parse(text), undefined));
}

test('RFC 7622 section 3.5: which examples denote the same address', (t) => {
  t.is(full('Σ@example.com/foo'), full('σ@example.com/foo'));
  t.not(full('ς@example.com/foo'), full('σ@example.com/foo'));
  t.not(full('fussball@example.com'), full('fußball@example.com'));
  t.is(full('ΟΔΥΣΣΕΥΣ@example.com'), 'οδυσσευσ@example.com');
});

test('an address is split at its first slash, then at its first at-sign', (t) => {
  const jid = Jid.parse('room@muc.example/user@host/phone');
  t.is(jid?.local, 'room');
  t.is(jid?.domain, 'muc.example');
  t.is(jid?.resource, 'user@host/phone');
});

const SAME: readonly (readonly [string, string])[] = [
  ['Juliet@Example.COM', 'juliet@example.com'],
  ['juliet@example.com.', 'juliet@example.com'],
  ['juliet@example.com./balcony', 'juliet@example.com/balcony'],
  ['EXAMPLE.com', 'example.com'],
  ['ＪＵＬＩＥＴ@ｅｘａｍｐｌｅ。ｃｏｍ', 'juliet@example.com'],
  ['juliet@xn--bcher-kva.example', 'juliet@bücher.example'],
  ['juliet@BÜCHER.example', 'juliet@bücher.example'],
  ['zoe\u0308@example.com', 'zoë@example.com'],
  ['juliet@example.com/zoe\u0308\u00a0phone', 'juliet@example.com/zoë phone'],
  ['juliet@[2001:DB8:0:0::1]/x', 'juliet@[2001:db8::1]/x'],
];
for (const [text, canonical] of SAME) {
  test(`${text} is ${canonical}`, (t) => {
    t.is(full(text), canonical);
    t.true(Jid.parse(text)?.equals(Jid.parse(canonical) as Jid));
  });
}

test('a resourcepart is case-sensitive and keeps its width', (t) => {
  t.not(full('juliet@example.com/Balcony'), full('juliet@example.com/balcony'));
  t.is(Jid.parse('juliet@example.com/Ａ')?.resource, 'Ａ');
});

const MALFORMED = [
  '', '@', '/', '@/', '.', '..', ' ', '@example.com', 'juliet@', 'juliet@/balcony', 'example.com/', 'juliet@example.com/',
  'a@b@example.com', '@@example.com', 'juliet@example.com@', 'juliet @example.com', 'juliet@example.com /x', ' juliet@example.com',
  'jul\0iet@example.com', 'juliet@example.com/a\tb', 'juliet@example.com/a\x7f', 'juliet@exa mple.com', 'juliet@exa_mple.com',
  'juliet@.example.com', 'juliet@example..com', 'juliet@example.com..', 'juliet@-example.com', 'juliet@example-.com', 'juliet@ab--cd.com',
  'juliet@xn--.com', 'juliet@xn--a.com', 'juliet@xn--zzzzzzzz', 'juliet@exa\u200dmple.com', 'juliet＠example.com@example.com',
  'a／b@example.com', 'juliet@example.com/\ud800', '\udc00@example.com', 'juliet@\ud800.com', 'juliet@[::1', 'juliet@::1', 'juliet@[::g]',
  'juliet@example.com/\u2028', 'juliet@example.com/\ufeff', 'juliet@example.com/\u3000x', 'juli:et@example.com', "d'artagnan@example.com",
  'a&b@example.com', '<juliet>@example.com', 'juliet@example.com:5222',
]; // prettier-ignore
for (const [i, text] of MALFORMED.entries()) {
  test(`${i}: ${JSON.stringify(text)} is malformed`, (t) => t.is(Jid.parse(text), undefined));
}

test('localpart and resourcepart hold at most 1023 bytes of UTF-8', (t) => {
  const a = 'a'.repeat(1023);
  const u = `${'ü'.repeat(511)}a`;
  for (const part of [a, u]) {
    t.truthy(Jid.parse(`${part}@example.com/${part}`));
    t.is(Jid.parse(`${part}b@example.com`), undefined);
    t.is(Jid.parse(`x@example.com/${part}b`), undefined);
  }
  // The bound holds after normalisation: 2 code points of 2 bytes become one of 2 bytes.
  t.truthy(Jid.parse(`${'u\u0308'.repeat(511)}@example.com`));
  t.truthy(Jid.parse(`${'\u03b9\u0308\u0301'.repeat(511)}@example.com`));
});

test('at most 30 marks in a row, so that normalising stays linear (UAX #15 section 13)', (t) => {
  t.truthy(Jid.parse(`a${'\u0323'.repeat(30)}@example.com/a${'\u0323'.repeat(30)}`));
  t.is(Jid.parse(`a${'\u0323'.repeat(31)}@example.com`), undefined);
  t.is(Jid.parse(`x@a${'\u0301\uff9e'.repeat(16)}.example`), undefined);
  t.is(Jid.parse(`x@example.com/a${'\u0301\u0323'.repeat(16)}`), undefined);
});

test('a domainpart obeys the limits of the DNS', (t) => {
  const label = 'a'.repeat(63);
  const longest = `${label}.${label}.${label}.${'a'.repeat(61)}`;
  t.is(longest.length, 253);
  t.truthy(Jid.parse(longest));
  t.truthy(Jid.parse(`${longest}.`));
  t.is(Jid.parse(`${longest}a`), undefined);
  t.is(Jid.parse(`${label}a.com`), undefined);
  t.is(Jid.parse('a.'.repeat(600)), undefined);
});

test('make applies the profiles, and absent parts are empty strings', (t) => {
  t.is(Jid.make('Juliet', 'Example.COM', 'Balcony')?.full, 'juliet@example.com/Balcony');
  t.is(Jid.make('Juliet', 'Example.COM')?.full, 'juliet@example.com');
  t.is(Jid.make('', 'example.com', 'x')?.full, 'example.com/x');
  t.is(Jid.make('', ''), undefined);
  t.is(Jid.make('a@b', 'example.com'), undefined);
  t.is(Jid.make('a', 'b@example.com'), undefined);
  t.is(Jid.make('a', 'example.com/b'), undefined);
  t.is(Jid.make('a', 'example.com', ' b'), undefined);
});

test('asBare, asDomain and withResource', (t) => {
  const jid = Jid.parse('juliet@example.com/balcony') as Jid;
  t.false(jid.isBare);
  t.is(jid.bare, 'juliet@example.com');
  t.is(jid.asBare().full, 'juliet@example.com');
  t.true(jid.asBare().isBare);
  t.is(jid.asBare().asBare().resource, '');
  t.is(jid.asDomain().full, 'example.com');
  t.is(jid.withResource('zoe\u0308')?.full, 'juliet@example.com/zoë');
  t.is(jid.withResource(''), undefined);
  t.is(jid.withResource('\0'), undefined);
  t.is(jid.toString(), 'juliet@example.com/balcony');
});

test('an address cannot be changed', (t) => {
  const jid = Jid.parse('juliet@example.com') as Jid;
  t.throws(() => Object.assign(jid, { local: 'romeo' }), { instanceOf: TypeError });
  t.is(jid.local, 'juliet');
});

test('parsing twice yields the same object, and every spelling the same address', (t) => {
  t.is(Jid.parse('twice@example.com/x'), Jid.parse('twice@example.com/x'));
  t.true(Jid.parse('TWICE@example.com/x')?.equals(Jid.parse('twice@example.com/x') as Jid));
  t.is(Jid.parse('twice@@'), undefined);
  t.is(Jid.parse('twice@@'), undefined);
});

test('the memo holds no more than its capacity and keeps what is in use', (t) => {
  const cache = new GenerationCache<number>(10);
  cache.set('used', 1);
  for (let i = 0; i < 1000; i++) {
    cache.set(`k${i}`, i);
    t.true(cache.size <= 10);
    t.is(cache.get('used'), 1);
  }
  t.is(cache.get('k0'), undefined);
});

const anything = fc.oneof(
  anyText,
  trickyText,
  fc.string(),
  fc.tuple(localText, domainText, resourceText).map(([l, d, r]) => `${l}@${d}/${r}`),
);

test('property: parsing never throws, and what it yields is its own canonical form', (t) => {
  fc.assert(
    fc.property(anything, (text) => {
      const jid = Jid.parse(text);
      if (jid === undefined) return;
      const again = Jid.parse(jid.full);
      t.deepEqual(again, jid);
      t.deepEqual(Jid.make(jid.local, jid.domain, jid.resource), jid);
      t.is(jid.bare, jid.local === '' ? jid.domain : `${jid.local}@${jid.domain}`);
      t.is(jid.full, jid.resource === '' ? jid.bare : `${jid.bare}/${jid.resource}`);
      for (const part of [jid.local, jid.domain, jid.resource]) {
        t.true(Buffer.byteLength(part) <= 1023);
        t.true(part.isWellFormed());
        t.is(part.normalize('NFC'), part);
      }
    }),
    { numRuns: 3000 },
  );
});

test('property: the path for ASCII and the full path agree', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary-ascii', maxLength: 12 }), (text) => {
      // A wide letter takes the whole text off the fast path and is mapped to the plain letter.
      t.is(full(`ｚ${text}@example.com`), full(`z${text}@example.com`));
      t.is(full(`x@ｚ${text}.example`), full(`x@z${text}.example`));
      t.is(
        Jid.parse(`x@example.com/ü${text}`)?.resource.slice(1),
        Jid.parse(`x@example.com/u${text}`)?.resource.slice(1),
      );
    }),
    { numRuns: 3000 },
  );
});
