import test from 'ava';
import fc from 'fast-check';
import {
  compareAgain,
  compareCuts,
  compareTaken,
  compareValid,
  fromClients,
  fromServers,
  valid,
} from '#test/fuzz/mqtt.ts';

const allCuts = (length: number): number[][] => [
  ...Array.from({ length: Math.max(0, length - 1) }, (_, index) => [index + 1]),
  Array.from({ length }, (_, index) => index),
];

test('of valid packets mqtt-packet reads what we write, and we what it writes', (t) => {
  fc.assert(
    fc.property(valid, (list) => {
      for (const each of list) t.is(compareValid(...each), undefined);
    }),
    { numRuns: 1000 },
  );
});

test('of damaged connections mqtt-packet reads what we take', (t) => {
  fc.assert(
    fc.property(fromClients, (wire) => {
      t.is(compareTaken(wire), undefined);
    }),
    { numRuns: 2000 },
  );
});

test('what is taken of damaged connections can be written and read again', (t) => {
  fc.assert(
    fc.property(fromClients, fromServers, (wire, [version, answer]) => {
      t.is(compareAgain(wire, 'client'), undefined);
      t.is(compareAgain(answer, version), undefined);
    }),
    { numRuns: 1000 },
  );
});

test('every way of cutting a damaged connection tells the same', (t) => {
  const short = fromClients.filter((wire) => wire.length < 400);
  fc.assert(
    fc.property(short, (wire) => {
      t.is(compareCuts(wire, 'client', allCuts(wire.length)), undefined);
    }),
    { numRuns: 300 },
  );
});

test('chunks of a connection tell the same as one piece', (t) => {
  const cuts = fc.array(fc.nat(), { maxLength: 12 });
  fc.assert(
    fc.property(fromClients, fromServers, cuts, (wire, [version, answer], offsets) => {
      t.is(compareCuts(wire, 'client', [offsets]), undefined);
      t.is(compareCuts(answer, version, [offsets]), undefined);
    }),
    { numRuns: 1000 },
  );
});
