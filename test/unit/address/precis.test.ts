import test from 'ava';
import fc from 'fast-check';
import {
  CONTEXTJ,
  CONTEXTO,
  DISALLOWED,
  FREE_PVAL,
  precisProperty,
  PVALID,
  UNASSIGNED,
} from '#src/address/codepoints.ts';
import type { DerivedProperty } from '#src/address/codepoints.ts';
import { enforceOpaqueString, enforceUsernameCaseMapped, prepLocal, prepResource } from '#src/address/precis.ts';
import { anyText, trickyText } from '#test/unit/address/texts.ts';

// RFC 8265 section 3.6: what the profile yields, undefined where the RFC lists a violation.
const USERPARTS: readonly (readonly [number, string, string | undefined])[] = [
  [1, 'juliet@example.com', 'juliet@example.com'],
  [2, 'fussball', 'fussball'],
  [3, 'fußball', 'fußball'],
  [4, 'π', 'π'],
  [5, 'Σ', 'σ'],
  [6, 'σ', 'σ'],
  [7, 'ς', 'ς'],
  [8, 'foo bar', undefined],
  [9, '', undefined],
  [10, 'henryⅣ', undefined],
  [11, '∞', undefined],
];
for (const [example, text, expected] of USERPARTS) {
  test(`RFC 8265 section 3.6, example ${example}`, (t) => t.is(enforceUsernameCaseMapped(text), expected));
}

// RFC 8265 section 4.3
const PASSWORDS: readonly (readonly [number, string, string | undefined])[] = [
  [12, 'correct horse battery staple', 'correct horse battery staple'],
  [13, 'Correct Horse Battery Staple', 'Correct Horse Battery Staple'],
  [14, 'πßå', 'πßå'],
  [15, 'Jack of ♦s', 'Jack of ♦s'],
  [16, 'foo\u1680bar', 'foo bar'],
  [17, '', undefined],
  [18, 'my cat is a \tby', undefined],
];
for (const [example, text, expected] of PASSWORDS) {
  test(`RFC 8265 section 4.3, example ${example}`, (t) => t.is(enforceOpaqueString(text), expected));
}

const CLASSES: readonly (readonly [string, number, DerivedProperty])[] = [
  ['ASCII7', 0x7e, PVALID],
  ['a letter', 0xe9, PVALID],
  ['an uppercase letter, which IDNA disallows', 0xc9, PVALID],
  ['Exceptions: sharp s', 0xdf, PVALID],
  ['Exceptions: tatweel', 0x640, DISALLOWED],
  ['Exceptions: middle dot', 0xb7, CONTEXTO],
  ['Exceptions: Arabic-Indic digit', 0x665, CONTEXTO],
  ['JoinControl', 0x200d, CONTEXTJ],
  ['OldHangulJamo', 0x1100, DISALLOWED],
  ['OldHangulJamo, extended', 0xd7fb, DISALLOWED],
  ['PrecisIgnorableProperties: soft hyphen', 0xad, DISALLOWED],
  ['PrecisIgnorableProperties: variation selector', 0xfe0f, DISALLOWED],
  ['PrecisIgnorableProperties: noncharacter', 0xfdd0, DISALLOWED],
  ['Controls', 0x9, DISALLOWED],
  ['Controls, C1', 0x85, DISALLOWED],
  ['HasCompat: roman numeral', 0x2163, FREE_PVAL],
  ['HasCompat: fullwidth letter', 0xff21, FREE_PVAL],
  ['HasCompat: halfwidth Hangul', 0xffa1, FREE_PVAL],
  ['OtherLetterDigits: titlecase', 0x1f88, FREE_PVAL],
  ['OtherLetterDigits: letter number', 0x3021, FREE_PVAL],
  ['OtherLetterDigits: enclosing mark', 0x488, FREE_PVAL],
  ['Spaces', 0x20, FREE_PVAL],
  ['Symbols', 0x265a, FREE_PVAL],
  ['Punctuation', 0x2014, FREE_PVAL],
  ['a format character', 0x600, DISALLOWED],
  ['a private use character', 0xe000, DISALLOWED],
  ['a line separator', 0x2028, DISALLOWED],
  ['a surrogate', 0xd800, DISALLOWED],
  ['an unassigned code point', 0x378, UNASSIGNED],
];
for (const [name, cp, property] of CLASSES)
  test(`RFC 8264 section 8: ${name}`, (t) => t.is(precisProperty(cp), property));

const LOCALS: readonly (readonly [string, string, string | undefined])[] = [
  ['width mapping', 'Ｊｕｌｉｅｔ', 'juliet'],
  ['halfwidth katakana with its voicing mark', 'ｶﾞ', 'ガ'],
  ['halfwidth Hangul has a compatibility mapping of its own', '\uffa1', undefined],
  ['a character that width mapping turns into a disallowed one', 'a＠b', undefined],
  ['normalisation', 'e\u0301', 'é'],
  ['Jamo that compose a modern syllable', '\u1112\u1161\u11ab', '한'],
  ['Jamo that compose nothing', '\u1112', undefined],
  ['a sign that folds to a letter', '\u212a', 'k'],
  ['Hebrew', 'שלום', 'שלום'],
  ['Hebrew with a digit at its end', 'שלום1', 'שלום1'],
  ['Hebrew with a digit at its start', '1שלום', undefined],
  ['Hebrew beside Latin', 'שלוםa', undefined],
  ['Latin beside Hebrew', 'aש', undefined],
  ['Hebrew that ends in a neutral', 'שלום!', undefined],
  ['Hebrew that ends in a mark', 'שלו\u05b7', 'שלו\u05b7'],
  ['Arabic', 'محمد٣', 'محمد٣'],
  ['European and Arabic digits in one', 'محمد٣3', undefined],
  ['Arabic-Indic digits alone', '٣', undefined],
  ['left to right, ending in a mark', 'a\u0323', 'ạ'],
  ['geresh after Hebrew', 'צ׳', 'צ׳'],
  ['geresh after Latin', 'a׳', undefined],
  ['keraia before Greek', '\u0375α', '\u0375α'],
  ['keraia at the end', 'α\u0375', undefined],
  ['katakana middle dot beside Han', '漢・', '漢・'],
  ['katakana middle dot beside Latin', 'a・', undefined],
  ['joiner after a virama', 'क्\u200dष', 'क्\u200dष'],
  ['joiner first', '\u200dक', undefined],
  ['non-joiner between letters that join', 'به\u200cتر', 'به\u200cتر'],
  ['non-joiner with marks between', 'به\u064e\u200c\u064eتر', 'به\u064e\u200c\u064eتر'],
  ['non-joiner after a letter that does not join on', 'را\u200cه', undefined],
  ['non-joiner at the end', 'به\u200c', undefined],
  ['a symbol', 'a☃', undefined],
];
for (const [name, text, expected] of LOCALS) {
  test(`localpart: ${name}`, (t) => {
    t.is(prepLocal(text), expected);
    if (expected !== undefined) t.is(prepLocal(expected), expected);
  });
}

const RESOURCES: readonly (readonly [string, string, string | undefined])[] = [
  ['non-ASCII spaces become spaces', 'a\u00a0b\u3000c', 'a b c'],
  ['a leading non-ASCII space', '\u3000a', undefined],
  ['a trailing space', 'a ', 'a '],
  ['case and width are kept', 'ＡaÉ', 'ＡaÉ'],
  ['symbols, numerals and emoji', '♚Ⅳ😀', '♚Ⅳ😀'],
  ['mixed directions', 'aשb', 'aשb'],
  ['normalisation', 'e\u0301', 'é'],
  ['a variation selector', '❤\ufe0f', undefined],
  ['a line feed', 'a\nb', undefined],
  ['a private use character', '\ue000', undefined],
];
for (const [name, text, expected] of RESOURCES)
  test(`resourcepart: ${name}`, (t) => t.is(prepResource(text), expected));

test('property: the profiles never throw and are idempotent', (t) => {
  fc.assert(
    fc.property(fc.oneof(anyText, trickyText, fc.string({ unit: 'binary' })), (text) => {
      for (const prep of [prepLocal, prepResource, enforceUsernameCaseMapped, enforceOpaqueString]) {
        const once = prep(text);
        if (once !== undefined) t.is(prep(once), once);
      }
      t.pass();
    }),
    { numRuns: 3000 },
  );
});
