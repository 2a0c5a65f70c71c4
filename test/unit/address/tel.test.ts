import test from 'ava';
import fc from 'fast-check';
import { parseTel, telUri } from '#src/address/tel.ts';
import { uris } from '#test/vectors/address/read.ts';
import { anyText, trickyText } from '#test/unit/address/texts.ts';

const canonical = (uri: string): string | undefined => {
  const parsed = parseTel(uri);
  return parsed && telUri(parsed);
};

for (const { uri, canonical: expected } of uris.tel) {
  test(`${uri} is ${expected}`, (t) => {
    t.is(canonical(uri), expected);
    t.is(canonical(expected), expected);
  });
}

test('a global number is told from a local one', (t) => {
  t.like(parseTel('tel:+1-201-555-0123'), { number: '+12015550123', isGlobal: true });
  t.like(parseTel('tel:7042;phone-context=example.com'), { number: '7042', isGlobal: false });
});

const REFUSED: readonly (readonly [string, string])[] = [
  ['tel:', 'no digits'],
  ['tel:+', 'no digits after the plus'],
  ['tel:7042', 'a local number without its context'],
  ['tel:+12a', 'a letter in a global number'],
  ['tel:12 34;phone-context=x.example', 'a space'],
  ['tel:1-800-CALLME;phone-context=x.example', 'letters of a keypad'],
  ['tel:+1;ext=1;ext=2', 'a parameter given twice'],
  ['tel:+1;ext=1;isub=2', 'both ext and isub'],
  ['tel:+1;ext=', 'an empty extension'],
  ['tel:+1;ext=x', 'letters in an extension'],
  ['tel:1;phone-context=', 'an empty context'],
  ['tel:1;phone-context=+', 'a context without digits'],
  ['tel:1;phone-context=-x.example', 'a context that is no domain name'],
  ['tel:+1;m-future=1', 'an unknown mandatory parameter'],
  ['tel:+1;a_b=1', 'a character no parameter name has'],
  ['tel:+1;a="', 'a character no value has'],
  ['tel:+1;a=%zz', 'a broken escape'],
  ['tel:+1;', 'an empty parameter'],
  ['sip:+1', 'another scheme'],
  [`tel:+${'1'.repeat(2000)}`, 'a monster'],
];
for (const [uri, why] of REFUSED) {
  test(`refused: ${why}`, (t) => t.is(parseTel(uri), undefined));
}

test('property: the canonical form is stable, and no text makes it throw', (t) => {
  const piece = fc.constantFrom(
    ...Array.from('+-.()0129abf*#%;= '),
    ';ext=',
    ';isub=',
    ';phone-context=',
    '%23',
    '%41',
    'x.example',
  );
  const text = fc.oneof(anyText, trickyText, fc.string({ unit: piece }));
  fc.assert(
    fc.property(text, (rest) => {
      const once = canonical(`tel:${rest}`);
      if (once !== undefined) t.is(canonical(once), once);
      t.pass();
    }),
    { numRuns: 3000 },
  );
});
