import test from 'ava';
import fc from 'fast-check';
import { escapeDisallowed, escapeLocal, unescapeDisallowed, unescapeLocal } from '#src/address/escape.ts';
import { prepLocal } from '#src/address/precis.ts';
import { xep0106 } from '#test/vectors/address/read.ts';
import { anyText, localText, trickyText } from '#test/unit/address/texts.ts';

for (const { section, unescaped, escaped } of xep0106.examples) {
  test(`XEP-0106 section ${section}: ${unescaped}`, (t) => {
    t.is(escapeLocal(unescaped), escaped);
    t.is(unescapeLocal(escaped), unescaped);
  });
}

test('a space must not be the first or the last character', (t) => {
  t.is(escapeLocal(' foo'), undefined);
  t.is(escapeLocal('foo '), undefined);
  t.is(escapeLocal(' '), undefined);
  t.is(escapeLocal('f o'), 'f\\20o');
  // No escaped localpart begins or ends with \20, so there it is text.
  t.is(unescapeLocal('\\20foo\\20'), '\\20foo\\20');
  t.is(unescapeLocal('\\20f\\20o'), '\\20f o');
});

test('case is significant, and unlisted sequences stay', (t) => {
  t.is(unescapeLocal('a\\2Fb\\3Ac'), 'a\\2Fb\\3Ac');
  t.is(escapeLocal('a\\2Fb'), 'a\\2Fb');
  t.is(unescapeLocal('\\41\\00\\7f\\'), '\\41\\00\\7f\\');
});

const anything = fc.oneof(anyText, trickyText, localText);

test('property: unescaping undoes escaping', (t) => {
  fc.assert(
    fc.property(anything, (text) => {
      const escaped = escapeLocal(text);
      t.is(escaped === undefined, text.startsWith(' ') || text.endsWith(' '));
      if (escaped !== undefined) t.is(unescapeLocal(escaped), text);
    }),
    { numRuns: 2000 },
  );
});

test('property: an escaped text of printable ASCII is a localpart', (t) => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), (text) => {
      const escaped = escapeLocal(text);
      if (escaped !== undefined) t.is(prepLocal(escaped), escaped.toLowerCase());
    }),
  );
});

test('property: every localpart survives the way out and back', (t) => {
  fc.assert(
    fc.property(anything, (text) => {
      const local = prepLocal(text);
      if (local !== undefined) t.is(escapeDisallowed(unescapeDisallowed(local)), local);
    }),
    { numRuns: 2000 },
  );
});
