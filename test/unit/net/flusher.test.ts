import test from 'ava';
import { Flusher, type Sink } from '#src/net/flusher.ts';
import { dial, harness, plain, untilClosed } from './kit.ts';

class RecordingSink implements Sink {
  readonly name: string;
  readonly log: string[];
  buffered = 0;

  constructor(log: string[], name = '') {
    this.log = log;
    this.name = name;
  }

  write(bytes: Buffer): void {
    this.log.push(`${this.name}${bytes.toString()}`);
  }
}

const turnEnds = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const noOverflow = (): never => {
  throw new Error('overflow');
};

test('what is pushed in a turn is one write at its end, in order', async (t) => {
  const log: string[] = [];
  const outbox = new Flusher().outbox(new RecordingSink(log), 1000, noOverflow);
  outbox.push('one ');
  outbox.push('two ');
  outbox.push(Buffer.from('three '));
  outbox.push('vier à ');
  outbox.push(Buffer.from('fünf '));
  outbox.push('六');
  await Promise.resolve();
  t.deepEqual(log, []);
  await turnEnds();
  t.deepEqual(log, ['one two three vier à fünf 六']);
  await turnEnds();
  t.is(log.length, 1);
});

for (const parts of [
  ['text'],
  ['a', 'b'],
  [Buffer.from('bytes')],
  [Buffer.from('a'), Buffer.from('b')],
  ['a', Buffer.from('b'), 'c'],
  [Buffer.from('a'), 'é', Buffer.from('€'), '\u{1f600}'],
  ['x'.repeat(10_000), Buffer.alloc(10_000, 'y'), 'é'.repeat(10_000)],
  ['', Buffer.alloc(0), 'z'],
]) {
  test(`parts stay what they were: ${parts.map((part) => `${typeof part} ${part.length}`).join(', ')}`, async (t) => {
    const log: string[] = [];
    const outbox = new Flusher().outbox(new RecordingSink(log), 1_000_000, noOverflow);
    for (const part of parts) outbox.push(part);
    await turnEnds();
    t.deepEqual(log, [parts.map(String).join('')]);
  });
}

test('outboxes are written in the order in which they took something', async (t) => {
  const log: string[] = [];
  const flusher = new Flusher();
  const [a, b, c] = ['a', 'b', 'c'].map((name) => flusher.outbox(new RecordingSink(log, name), 1000, noOverflow));
  b?.push('1');
  a?.push('2');
  b?.push('3');
  c?.push('4');
  await turnEnds();
  t.deepEqual(log, ['b13', 'a2', 'c4']);
});

test('flush writes at once, and what comes after it in the same turn is written at its end', async (t) => {
  const log: string[] = [];
  const outbox = new Flusher().outbox(new RecordingSink(log), 1000, noOverflow);
  outbox.push('now');
  outbox.flush();
  t.deepEqual(log, ['now']);
  outbox.flush();
  outbox.push('later');
  t.is(outbox.size, 5);
  await turnEnds();
  t.deepEqual(log, ['now', 'later']);
  t.is(outbox.size, 0);
});

test('what a write causes is written in the next turn', async (t) => {
  const log: string[] = [];
  const flusher = new Flusher();
  const answer = flusher.outbox(new RecordingSink(log, 'answer '), 1000, noOverflow);
  const sink: Sink = {
    buffered: 0,
    write(bytes) {
      log.push(bytes.toString());
      answer.push(bytes);
    },
  };
  flusher.outbox(sink, 1000, noOverflow).push('question');
  await turnEnds();
  t.deepEqual(log, ['question']);
  await turnEnds();
  t.deepEqual(log, ['question', 'answer question']);
});

test('beyond the limit the owner is told once, what waited is dropped and nothing more is taken', async (t) => {
  const log: string[] = [];
  let told = 0;
  const outbox = new Flusher().outbox(new RecordingSink(log), 10, () => (told += 1));
  outbox.push('12345');
  outbox.push(Buffer.from('67890'));
  t.is(told, 0);
  outbox.push('!');
  outbox.push('more');
  t.is(told, 1);
  await turnEnds();
  t.deepEqual(log, []);
});

test('bytes that the kernel has not taken count', (t) => {
  const sink = new RecordingSink([]);
  let told = 0;
  const outbox = new Flusher().outbox(sink, 10, () => (told += 1));
  sink.buffered = 8;
  outbox.push('12');
  t.is(told, 0);
  outbox.push('3');
  t.is(told, 1);
});

test('a peer that does not read overflows its outbox, and nobody else', async (t) => {
  const { next, port } = await harness(t, [plain]);
  const flusher = new Flusher();
  const slow = await dial(t, port());
  slow.pause();
  const peer = await next();
  let told = 0;
  const outbox = flusher.outbox(peer.connection, 1 << 20, () => {
    told += 1;
    peer.connection.destroy();
  });
  const other = await dial(t, port());
  const reader = (await next()).connection;
  const fine = flusher.outbox(reader, 1 << 20, noOverflow);
  const chunk = Buffer.alloc(1 << 16, 'x');
  for (let count = 0; count < 1000 && told === 0; count++) {
    outbox.push(chunk);
    await turnEnds();
  }
  t.is(told, 1);
  t.truthy(peer.connection.closed || (await peer.closed.promise, true));
  fine.push('still here');
  fine.flush();
  reader.end();
  t.is(await untilClosed(other), 'still here');
});

test('an outbox of a closed connection takes and writes nothing, and throws nothing', async (t) => {
  const { next, port } = await harness(t, [plain]);
  const socket = await dial(t, port());
  const peer = await next();
  const outbox = new Flusher().outbox(peer.connection, 1000, noOverflow);
  socket.destroy();
  await peer.closed.promise;
  outbox.push('too late');
  await turnEnds();
  t.is(peer.connection.buffered, 0);
});

test('bytes of a buffer that is being read are noticed, others are not', (t) => {
  const flusher = new Flusher();
  const outbox = flusher.outbox(new RecordingSink([]), 1000, noOverflow);
  const read = Buffer.allocUnsafeSlow(100);
  const lending = { buffers: [read.buffer], taken: false };
  outbox.push(read.subarray(1, 2));
  flusher.lending = lending;
  outbox.push('text');
  outbox.push(Buffer.allocUnsafeSlow(10));
  t.false(lending.taken);
  outbox.push(read.subarray(3, 7));
  t.true(lending.taken);
});
