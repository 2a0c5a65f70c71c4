import test from 'ava';
import { round } from '#test/fuzz/sip.ts';

test('messages made from seeds are taken, written and read again; streams are read the same however they are cut', (t) => {
  for (let seed = 1; seed <= 12; seed++) t.is(round(seed), 100);
});
