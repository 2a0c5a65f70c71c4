/** The messages on their way to a phone: in order, one at a time, kept until the phone has answered. */
import test from 'ava';
import { Outboxes, type Sent } from '#protocols/sip/outbox.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import { MemoryData, openMemoryStore } from '#src/store/memory.ts';
import { stanza } from '#test/helpers/xml.ts';

const KEY = ['localhost', 'juliet', 'sip-1'];
const message = (text: string): Stanza =>
  stanza(`<message to='juliet@localhost' from='romeo@localhost'><body>${text}</body></message>`);
const textOf = (one: Stanza): string => one.child('body')?.getText() ?? '';

/** A phone that answers when the test says so. */
class TestPhone {
  readonly sent: (readonly [seq: number, text: string])[] = [];
  readonly rejections: (readonly [string, number])[] = [];
  lost: readonly string[] | undefined;
  easings = 0;
  #told: ((sent: Sent) => void) | undefined;

  send(one: Stanza, seq: number, told: (sent: Sent) => void): void {
    this.sent.push([seq, textOf(one)]);
    this.#told = told;
  }

  answers(sent: Sent): void {
    this.#told?.(sent);
  }

  rejected(one: Stanza, status: number): void {
    this.rejections.push([textOf(one), status]);
  }

  unreachable(waiting: readonly Stanza[]): void {
    this.lost = waiting.map(textOf);
  }

  eased(): void {
    this.easings += 1;
  }
}

async function outbox(limit = 1000, data?: MemoryData) {
  const store = await openMemoryStore({}, data);
  const outboxes = new Outboxes(store);
  const phone = new TestPhone();
  /** What was added is on the disk, and whoever waited for that has gone on. */
  const settled = async (): Promise<void> => {
    await store.barrier();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { store, outboxes, phone, settled, box: outboxes.of(KEY, limit, phone) };
}

test('one at a time, in order, each gone when it is answered', async (t) => {
  const { box, phone, settled } = await outbox();
  for (const text of ['1', '2', '3']) t.true(box.add(message(text)));
  // Nothing leaves that a crash could take back.
  t.deepEqual(phone.sent, []);
  await settled();
  t.deepEqual(phone.sent, [[1, '1']]);
  phone.answers({ kind: 'taken' });
  phone.answers({ kind: 'taken' });
  t.deepEqual(phone.sent, [
    [1, '1'],
    [2, '2'],
    [3, '3'],
  ]);
  t.is(box.length, 1);
});

test('what a phone rejects is told, and the next goes', async (t) => {
  const { box, phone, settled } = await outbox();
  box.add(message('1'));
  box.add(message('2'));
  await settled();
  phone.answers({ kind: 'rejected', status: 415 });
  t.deepEqual(phone.rejections, [['1', 415]]);
  t.deepEqual(phone.sent.at(-1), [2, '2']);
});

test('a phone that is not there gives all of it back, and takes more later', async (t) => {
  const { box, phone, settled } = await outbox();
  box.add(message('1'));
  box.add(message('2'));
  await settled();
  phone.answers({ kind: 'unreachable' });
  t.deepEqual(phone.lost, ['1', '2']);
  t.is(box.length, 0);
  box.add(message('3'));
  await settled();
  t.deepEqual(phone.sent.at(-1), [3, '3']);
});

test('no more than may wait', async (t) => {
  const { box } = await outbox(2);
  t.deepEqual(
    ['1', '2', '3'].map((text) => box.add(message(text))),
    [true, true, false],
  );
});

test('crowded when much waits, and eased when half of that is gone', async (t) => {
  const { box, phone, settled } = await outbox();
  for (let n = 0; n < 64; n++) box.add(message(String(n)));
  t.true(box.crowded);
  await settled();
  for (let n = 0; n < 32; n++) phone.answers({ kind: 'taken' });
  t.true(box.crowded);
  t.is(phone.easings, 0);
  phone.answers({ kind: 'taken' });
  t.false(box.crowded);
  t.is(phone.easings, 1);
});

test('after a restart the first goes again under its number', async (t) => {
  const data = new MemoryData();
  const { box, outboxes, phone, settled, store } = await outbox(1000, data);
  box.add(message('1'));
  box.add(message('2'));
  await settled();
  phone.answers({ kind: 'taken' });
  outboxes.paused = true;
  await store.close();
  const again = await outbox(1000, data);
  again.box.pump();
  t.deepEqual(again.phone.sent, [[2, '2']]);
});

test('an outbox that is closed gives back what waits, and hears no late answer', async (t) => {
  const { box, phone } = await outbox();
  box.add(message('1'));
  t.deepEqual(box.close().map(textOf), ['1']);
  phone.answers({ kind: 'rejected', status: 400 });
  t.deepEqual(phone.rejections, []);
  t.false(box.add(message('2')));
});
