import test from 'ava';
import fc from 'fast-check';
import {
  type Position,
  RESERVE,
  START,
  afterAppend,
  afterRemove,
  afterTrim,
  fromRecord,
  isLiving,
  lastLiving,
  livingFrom,
  toRecord,
} from '#src/store/position.ts';

const appended = (count: number): Position => {
  let position = START;
  for (let i = 0; i < count; i++) position = afterAppend(position);
  return position;
};

const living = (position: Position): number[] => {
  const found: number[] = [];
  for (let seq = livingFrom(position, 1); seq < position.next; seq = livingFrom(position, seq + 1)) found.push(seq);
  return found;
};

test('what lives after any removals and trims is known without looking', (t) => {
  const step = fc.record({ trim: fc.boolean(), at: fc.integer({ min: 1, max: 30 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      let position = appended(30);
      let expected = Array.from({ length: 30 }, (_, i) => i + 1);
      for (const { trim, at } of steps) {
        const kept = expected.filter((seq) => (trim ? seq > at : seq !== at));
        if (kept.length === expected.length) continue;
        position = trim ? afterTrim(position, at, expected.length - kept.length) : afterRemove(position, at);
        expected = kept;
        t.deepEqual(living(position), expected);
        t.is(position.live, expected.length);
        t.is(lastLiving(position), expected.at(-1));
        t.true(position.holes.length / 2 <= position.live);
        const stored = toRecord(position);
        if (stored !== undefined && position.live > 0) t.deepEqual(fromRecord(stored.record), position);
        for (let seq = 0; seq <= 31; seq++) t.is(isLiving(position, seq), expected.includes(seq));
      }
    }),
  );
});

test('an empty queue reserves numbers, so that filling and emptying it stores nothing', (t) => {
  const first = toRecord(afterTrim(appended(1), 1, 1));
  t.is(first === undefined ? undefined : fromRecord(first.record).next, 2 + RESERVE);
  let position = first?.position ?? START;
  for (let i = 0; i < RESERVE; i++) {
    position = afterTrim(afterAppend(position), position.next, 1);
    t.is(toRecord(position), undefined);
  }
  position = afterTrim(afterAppend(position), position.next, 1);
  t.not(toRecord(position), undefined);
});

test('a record that is none is refused', (t) => {
  for (const record of ['', 'x', '{}', '[1]', '[1,2,3]', '[1,"2"]', '[1,2.5]']) {
    t.throws(() => fromRecord(Buffer.from(record)), undefined, record);
  }
});
