import test from 'ava';
import { bodyOf, Findings, Stream } from '#test/kill9/ledger.ts';

function streamOf(sent: number): Stream {
  const stream = new Stream('s0', 'juliet@localhost/phone', 'romeo@localhost', 'romeo', 'exactly-once');
  stream.sent = sent;
  return stream;
}

test('messages that arrive once and in order are as they should be', (t) => {
  const stream = streamOf(3);
  t.deepEqual(
    [1, 2, 3].map((n) => stream.take(n)),
    [undefined, undefined, undefined],
  );
  t.is(stream.outstanding, 0);
  t.is(stream.received, 3);
});

test('a message that is jumped over is lost', (t) => {
  const stream = streamOf(5);
  t.is(stream.take(1), undefined);
  t.is(stream.take(4), 'gap');
  t.is(stream.gaps, 2);
  t.is(stream.outstanding, 3);
  t.deepEqual(stream.missing(10), [2, 3, 5]);
});

test('a message that comes late is out of order, and not lost any more', (t) => {
  const stream = streamOf(3);
  stream.take(1);
  stream.take(3);
  t.is(stream.take(2), 'out of order');
  t.is(stream.outstanding, 0);
  t.is(stream.disordered, 1);
});

test('a message that comes twice is a duplicate, late or not', (t) => {
  const stream = streamOf(3);
  for (const n of [1, 3, 2]) stream.take(n);
  t.is(stream.take(2), 'duplicate');
  t.is(stream.take(3), 'duplicate');
  t.is(stream.duplicates, 2);
  t.is(stream.received, 3);
});

test('a message that nobody sent is told apart', (t) => {
  const stream = streamOf(1);
  t.is(stream.take(2), 'never sent');
  t.is(stream.take(0), 'never sent');
  t.is(stream.take(Number.NaN), 'never sent');
});

test('bodies carry what XML escapes', (t) => {
  t.is(bodyOf('s0', 1).escaped, 's0-1 &lt;b&gt; &amp; so on');
  t.is(bodyOf('s0', 1).text, 's0-1 <b> & so on');
});

test('every finding is logged', (t) => {
  const lines: string[] = [];
  const findings = new Findings((line) => lines.push(line));
  findings.add('lost');
  t.is(findings.count, 1);
  t.deepEqual(lines, ['VIOLATION lost']);
});
