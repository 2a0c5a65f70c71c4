/** The location service: what it tells of changes, what expires, what comes back. */
import test from 'ava';
import type { Binding } from '#protocols/sip/binding.ts';
import { Bindings } from '#protocols/sip/bindings.ts';
import { type Clock, Timers } from '#src/net/timers.ts';
import { MemoryData, openMemoryStore } from '#src/store/memory.ts';
import { jid } from '#test/helpers/xml.ts';

const JULIET = jid('juliet@localhost');

function binding(contact: string, seconds: number): Binding {
  const now = Date.now();
  return {
    contact,
    params: [],
    q: 1000,
    expires: now + seconds * 1000,
    callId: 'a',
    cseq: 1,
    path: [],
    userAgent: '',
    resource: `sip-${contact}`,
    gruu: '',
    since: now,
  };
}

/** A clock that a test turns. */
function clock(): Clock & { pass(milliseconds: number): void } {
  let elapsed = 0;
  let tick: () => void = () => undefined;
  return {
    wall: () => Date.now() + elapsed,
    elapsed: () => elapsed,
    every(_interval, fn) {
      tick = fn;
      return () => undefined;
    },
    pass(milliseconds) {
      elapsed += milliseconds;
      tick();
    },
  };
}

async function location(data?: MemoryData) {
  const store = await openMemoryStore({}, data);
  const time = clock();
  const timers = new Timers((error) => {
    throw error;
  }, time);
  const told: string[] = [];
  const names = (bindings: readonly Binding[]): string => bindings.map(({ contact }) => contact).join(',');
  const bindings = new Bindings(store, timers, (account, before, after) =>
    told.push(`${account.bare}: ${names(before)} -> ${names(after)}`),
  );
  return { bindings, store, time, told };
}

test('changes are told, and counted', async (t) => {
  const { bindings, told } = await location();
  bindings.put(JULIET, [binding('a', 60), binding('b', 60)]);
  t.is(bindings.size, 2);
  bindings.put(JULIET, [binding('b', 60)]);
  bindings.put(JULIET, []);
  t.deepEqual(told, ['juliet@localhost:  -> a,b', 'juliet@localhost: a,b -> b', 'juliet@localhost: b -> ']);
  t.is(bindings.size, 0);
  t.is(bindings.accounts, 0);
});

test('what has expired is not there, and goes when its time has come', async (t) => {
  const { bindings, time, told } = await location();
  bindings.put(JULIET, [binding('a', -1), binding('b', 60)]);
  t.deepEqual(
    bindings.of(JULIET.bare).map(({ contact }) => contact),
    ['b'],
  );
  time.pass(1000);
  t.is(told.at(-1), 'juliet@localhost: a,b -> b');
  t.is(bindings.counters.expired, 1);
});

test('what stands comes back after a restart, what expired meanwhile does not', async (t) => {
  const data = new MemoryData();
  const { bindings, store } = await location(data);
  bindings.put(JULIET, [binding('a', -1), binding('b', 60)]);
  bindings.put(jid('romeo@localhost'), [binding('c', -1)]);
  await store.close();
  const again = await location(data);
  await again.bindings.restore();
  t.deepEqual(
    [...again.bindings].map(([account, all]) => [account.bare, all.map(({ contact }) => contact)]),
    [['juliet@localhost', ['b']]],
  );
  t.is(again.bindings.size, 1);
});
