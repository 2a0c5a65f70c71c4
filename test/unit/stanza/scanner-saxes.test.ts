import { Buffer } from 'node:buffer';
import test from 'ava';
import fc from 'fast-check';
import {
  allCuts,
  compare,
  compareCuts,
  damaged,
  documents,
  inStream,
  judge,
  streams,
  type Tree,
} from '#test/fuzz/xml.ts';
import { STREAM_CASES } from '#test/vectors/xml/stream-cases.ts';

const RUNS = { numRuns: 1500 };

test('documents get the verdict and the tree that saxes gives, and survive being written', (t) => {
  fc.assert(
    fc.property(documents, (text) => compare(Buffer.from(text)) === undefined),
    RUNS,
  );
  t.pass();
});

test('damaged documents get the verdict and the tree that saxes gives', (t) => {
  fc.assert(
    fc.property(damaged, (bytes) => compare(bytes) === undefined),
    { numRuns: 4000 },
  );
  t.pass();
});

test('every way of cutting a damaged document tells the same', (t) => {
  fc.assert(
    fc.property(damaged, (bytes) => compareCuts(bytes, 'framed', allCuts(bytes.length)) === undefined),
    { numRuns: 300 },
  );
  t.pass();
});

test('a stream in chunks tells the same as in one piece', (t) => {
  const cuts = fc.array(fc.nat(), { maxLength: 12 });
  fc.assert(
    fc.property(streams, cuts, (bytes, offsets) => compareCuts(bytes, 'stream', [offsets]) === undefined),
    RUNS,
  );
  t.pass();
});

test('an element that uses the namespaces of its stream header has the tree that it has in the whole stream', (t) => {
  const header = `<s xmlns='jabber:client' xmlns:p='u:p' xmlns:q='u:&amp;"q"'>`;
  const elements = documents.filter((text) => text.startsWith('<') && !text.startsWith('<?'));
  fc.assert(
    fc.property(elements, (text) => {
      const whole = judge(Buffer.from(`${header}${text}</s>`))?.[3][0];
      const frame = inStream(header, text);
      return JSON.stringify(undeclared(frame)) === JSON.stringify(undeclared(whole));
    }),
    RUNS,
  );
  t.pass();
});

/** The frame's root has the declarations that it needs as attributes of its own: they are no part of the comparison. */
const undeclared = (node: Tree | string | undefined): unknown =>
  typeof node === 'object' ? [node[0], node[1], node[2].filter(([name]) => !name.startsWith('xmlns')), node[3]] : node;

test('saxes agrees on every case that stands for itself', (t) => {
  for (const { name, input, whole, fault, limits } of STREAM_CASES) {
    if (whole === true || limits !== undefined || fault === 'bad-format') continue;
    const text = Buffer.concat([
      Buffer.from(`<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`),
      Buffer.from(input),
      Buffer.from(String(input).includes('</stream') ? '' : '</stream:stream>'),
    ]);
    t.is(judge(text) === undefined, fault !== undefined, name);
  }
});
