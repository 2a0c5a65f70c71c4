import test from 'ava';
import fc from 'fast-check';
import { idnaProperty } from '#src/address/codepoints.ts';
import { domainToAscii, prepDomain } from '#src/address/idna.ts';
import { decodePunycode, encodePunycode } from '#src/address/punycode.ts';
import { rfc5892Ranges } from '#test/vectors/address/read.ts';
import { anyText, oneOf, trickyText } from '#test/unit/address/texts.ts';

const NAMES = ['', 'PVALID', '', 'CONTEXTJ', 'CONTEXTO', 'DISALLOWED', 'UNASSIGNED'];

test('RFC 5892 appendix B: the derived property of every code point that Unicode 5.2 assigned', (t) => {
  const differing: string[] = [];
  let assigned = 0;
  for (const [first, last, property] of rfc5892Ranges()) {
    if (property === 'UNASSIGNED') continue;
    for (let cp = first; cp <= last; cp++, assigned++) {
      const ours = NAMES[idnaProperty(cp)];
      if (ours !== property) differing.push(`${cp.toString(16)} ${property} ${ours}`);
    }
  }
  t.is(assigned, 246_943);
  // RFC 6452 section 3: the three whose category changed in Unicode 6.0, which is accepted as is.
  t.deepEqual(differing, ['cf1 DISALLOWED PVALID', 'cf2 DISALLOWED PVALID', '19da PVALID DISALLOWED']);
});

// RFC 3492 section 7.1
const PUNYCODE: readonly (readonly [string, string])[] = [
  ['ليهمابتكلموشعربي؟', 'egbpdaj6bu4bxfgehfvwxn'],
  ['他们为什么不说中文', 'ihqwcrb4cv8a8dqg056pqjye'],
  ['他們爲什麽不說中文', 'ihqwctvzc91f659drss3x8bo0yb'],
  ['Pročprostěnemluvíčesky', 'Proprostnemluvesky-uyb24dma41a'],
  ['למההםפשוטלאמדבריםעברית', '4dbcagdahymbxekheh6e0a7fei0b'],
  ['なぜみんな日本語を話してくれないのか', 'n8jok5ay5dzabd5bym9f0cm5685rrjetr6pdxa'],
  ['почемужеонинеговорятпорусски', 'b1abfaaepdrnnbgefbadotcwatmq2g4l'],
  ['PorquénopuedensimplementehablarenEspañol', 'PorqunopuedensimplementehablarenEspaol-fmd56a'],
  ['TạisaohọkhôngthểchỉnóitiếngViệt', 'TisaohkhngthchnitingVit-kjcr8268qyxafd2f1b9g'],
  ['3年B組金八先生', '3B-ww4c5e180e575a65lsy2b'],
  ['MajiでKoiする5秒前', 'MajiKoi5-783gue6qz075azm5e'],
  ['そのスピードで', 'd9juau41awczczp'],
  ['-> $1.00 <-', '-> $1.00 <--'],
];
for (const [text, encoded] of PUNYCODE) {
  test(`RFC 3492 section 7.1: ${text}`, (t) => {
    const points = Array.from(text, (char) => char.codePointAt(0) ?? 0);
    t.is(encodePunycode(points), encoded);
    t.deepEqual(decodePunycode(encoded), points);
  });
}

test('text that is no Punycode', (t) => {
  for (const text of ['zzzzzz', 'é-abc', 'ab c', '99999999', 'a'.repeat(64)])
    t.is(decodePunycode(text), undefined, text);
});

const MAPPED: readonly (readonly [string, string])[] = [
  ['Example.COM', 'example.com'],
  ['example.com.', 'example.com'],
  ['localhost', 'localhost'],
  ['192.0.2.1', '192.0.2.1'],
  ['A-b.c.example', 'a-b.c.example'],
  ['faß.de', 'faß.de'],
  ['FAẞ.de', 'faß.de'],
  ['βόλος.com', 'βόλος.com'],
  ['xn--nxasmm1c.com', 'βόλος.com'],
  ['XN--NXASMM1C.com', 'βόλος.com'],
  ['xn--fa-hia.de', 'faß.de'],
  ['ｅｘａｍｐｌｅ．ｃｏｍ', 'example.com'],
  ['例え。テスト', '例え.テスト'],
  ['bu\u0308cher.example', 'bücher.example'],
  ['l·l.example', 'l·l.example'],
  ['नीम.example', 'नीम.example'],
  ['क्\u200dष.example', 'क्\u200dष.example'],
  ['نامه\u200cای.com', 'نامه\u200cای.com'],
  ['xn--mgba3gch31f060k.com', 'نامه\u200cای.com'],
  ['אבג.example', 'אבג.example'],
  ['[::1]', '[::1]'],
  ['[2001:0DB8:0:0:0:0:0:1]', '[2001:db8::1]'],
  ['[fe80::1%25en0]', '[fe80::1%25en0]'],
];
for (const [text, canonical] of MAPPED) {
  test(`${text} is ${canonical}`, (t) => {
    t.is(prepDomain(text), canonical);
    t.is(prepDomain(canonical), canonical);
    t.is(prepDomain(domainToAscii(canonical)), canonical);
  });
}

const REFUSED: readonly (readonly [string, string])[] = [
  ['', 'nothing'],
  ['.', 'only a dot'],
  ['a..b', 'an empty label'],
  ['a.。', 'an empty label after mapping'],
  ['bücher.example。.', 'a mapped trailing dot before the stripped one'],
  ['a_b.example', 'an underscore'],
  ['a b.example', 'a space'],
  ['-a.example', 'a leading hyphen'],
  ['a-.example', 'a trailing hyphen'],
  ['-ü.example', 'a leading hyphen in a U-label'],
  ['ü-.example', 'a trailing hyphen in a U-label'],
  ['ab--c.example', 'a reserved LDH label'],
  ['üb--c.example', 'hyphens in the third and fourth place of a U-label'],
  ['\u0301a.example', 'a leading combining mark'],
  ['xn--.example', 'an empty A-label'],
  ['xn--a.example', 'an A-label that does not decode'],
  ['xn--abc-.example', 'an A-label of ASCII'],
  ['xn--bcher-KVA-.example', 'an A-label with a stray hyphen'],
  ['xn--fiQs8S0.example', 'an A-label that encodes otherwise'],
  ['xn--n3h.example', 'an A-label of a symbol'],
  ['☃.example', 'a symbol'],
  ['ⅳ.example', 'a compatibility character'],
  ['a\u00adb.example', 'a soft hyphen'],
  ['\ufe0f.example', 'a variation selector'],
  ['a·b.example', 'a middle dot outside Catalan'],
  ['・.example', 'a katakana middle dot without kana'],
  ['a\u200db.example', 'a joiner without a virama'],
  ['a\u200cb.example', 'a non-joiner without its context'],
  ['٠۰.example', 'two sets of Arabic digits'],
  ['אa.example', 'a right-to-left label with a letter of the other direction'],
  ['0א.example', 'a right-to-left label that begins with a digit'],
  ['1a.אבג', 'a label that begins with a digit beside a right-to-left one'],
  ['\u{2fffe}.example', 'a noncharacter'],
  ['\u0378.example', 'an unassigned code point'],
  ['\ud800.example', 'a lone surrogate'],
  [`${'ü'.repeat(63)}.example`, 'a U-label whose A-label is too long'],
  [Array(40).fill('bücher').join('.'), 'a name whose A-form is too long'],
  ['[::1', 'an open literal'],
  ['[::1]x', 'text after a literal'],
  ['[1.2.3.4]', 'an IPv4 literal in brackets'],
  ['[1::2::3]', 'a literal with two gaps'],
  ['[v1.x]', 'a literal of the future'],
  ['[fe80::1%en0]', 'a zone without its escape'],
];
for (const [text, why] of REFUSED) test(`refused: ${why}`, (t) => t.is(prepDomain(text), undefined));

test('property: no text makes it throw; what it yields is stable and fits the DNS', (t) => {
  const text = fc.oneof(anyText, trickyText, fc.string({ unit: oneOf('xn-abk.09éüß。א') }));
  fc.assert(
    fc.property(text, (domain) => {
      const canonical = prepDomain(domain);
      if (canonical === undefined) return;
      t.is(prepDomain(canonical), canonical);
      const ascii = domainToAscii(canonical);
      t.is(prepDomain(ascii), canonical);
      if (!ascii.startsWith('[')) t.true(ascii.length <= 253 && ascii.split('.').every((label) => label.length <= 63));
    }),
    { numRuns: 3000 },
  );
});
