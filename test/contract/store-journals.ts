/** The contract of journals. */
import { number, text } from '#src/store/codec.ts';
import type { Journal } from '#src/store/store.ts';
import { type InEachState, type It, type Place, type Settle, listOf, read } from './store-kit.ts';

const withJournal = async (
  place: Place,
  settle: Settle,
  write: (journal: Journal<string>) => void,
  check: (journal: Journal<string>) => Promise<void> | void,
): Promise<void> => {
  const first = await place.open();
  const written = first.journal('j', text);
  write(written);
  const store = await settle(first, place);
  await check(store === first ? written : store.journal('j', text));
  await store.close();
};

export const journals = (it: It, inEachState: InEachState): void => {
  inEachState('a journal keeps the order of its entries', async (t, { place }, settle) => {
    const write = (journal: Journal<string>): void => {
      t.deepEqual(
        ['a', 'b', 'c', 'd'].map((value) => journal.append('q', value)),
        [1, 2, 3, 4],
      );
      t.is(journal.append('other', 'x'), 1);
    };
    await withJournal(place, settle, write, (journal) => {
      t.is(read(journal, 'q'), '1a 2b 3c 4d');
      t.is(read(journal, 'q', 3), '3c 4d');
      t.is(read(journal, 'q', 2, 2), '2b 3c');
      t.is(read(journal, 'q', 5), '');
      t.is(read(journal, 'nobody'), '');
      t.is(journal.length('q'), 4);
      t.deepEqual(journal.bounds('q'), { first: 1, last: 4 });
      t.is(journal.bounds('nobody'), undefined);
    });
  });

  inEachState('a trim removes what was acknowledged, and numbers go on', async (t, { place }, settle) => {
    const write = (journal: Journal<string>): void => {
      for (const value of ['a', 'b', 'c']) journal.append('q', value);
      journal.trim('q', 2);
      journal.trim('q', 1);
    };
    await withJournal(place, settle, write, (journal) => {
      t.is(read(journal, 'q'), '3c');
      t.is(journal.append('q', 'd'), 4);
      journal.trim('q', 99);
      t.is(journal.length('q'), 0);
      t.is(read(journal, 'q'), '');
    });
  });

  inEachState('numbers never come again after the queue ran empty', async (t, { place }, settle) => {
    const store = await place.open();
    let journal = store.journal('j', text);
    let last = 0;
    for (let round = 0; round < 100; round++) {
      const seq = journal.append('q', 'x');
      t.true(seq > last);
      last = seq;
      journal.trim('q', seq);
    }
    const settled = await settle(store, place);
    if (settled !== store) journal = settled.journal('j', text);
    t.is(journal.length('q'), 0);
    t.true(journal.append('q', 'y') > last);
    await settled.close();
  });

  inEachState('entries are removed wherever they stand', async (t, { place }, settle) => {
    const write = (journal: Journal<string>): void => {
      for (const value of 'abcdefgh') journal.append('q', value);
      for (const seq of [3, 5, 4, 8, 1, 1, 99, 0]) journal.remove('q', seq);
    };
    await withJournal(place, settle, write, (journal) => {
      t.is(read(journal, 'q'), '2b 6f 7g');
      t.is(read(journal, 'q', 3, 1), '6f');
      t.is(journal.length('q'), 3);
      t.deepEqual(journal.bounds('q'), { first: 2, last: 7 });
      t.is(journal.append('q', 'i'), 9);
      journal.trim('q', 6);
      t.is(read(journal, 'q'), '7g 9i');
      for (const seq of [9, 7]) journal.remove('q', seq);
      t.is(journal.length('q'), 0);
      t.is(journal.append('q', 'j'), 10);
    });
  });

  inEachState('a dropped key is as if it had never been', async (t, { place }, settle) => {
    const write = (journal: Journal<string>): void => {
      for (const value of 'abc') journal.append('q', value);
      journal.append('kept', 'x');
      journal.drop('q');
    };
    await withJournal(place, settle, write, async (journal) => {
      t.is(read(journal, 'q'), '');
      t.deepEqual(await listOf(journal.keys([])), [['kept']]);
      t.is(journal.append('q', 'again'), 1);
      t.is(read(journal, 'q'), '1again');
      journal.drop('q');
      journal.drop('nobody');
      t.is(read(journal, 'q'), '');
    });
  });

  inEachState('the keys that have entries are listed', async (t, { place }, settle) => {
    const write = (journal: Journal<string>): void => {
      for (const key of [['b', '2'], ['a', '1'], ['b', '1'], ['c']]) journal.append(key, 'x');
      journal.trim(['b', '1'], 1);
    };
    await withJournal(place, settle, write, async (journal) => {
      t.deepEqual(await listOf(journal.keys([])), [['a', '1'], ['b', '2'], ['c']]);
      t.deepEqual(await listOf(journal.keys('b')), [['b', '2']]);
    });
  });

  it('positions survive being forgotten by the cache', async (t, { place }) => {
    const store = await place.open();
    const journal = store.journal('j', number);
    const keys = Array.from({ length: 12_000 }, (_, i) => String(i));
    for (const key of keys) journal.append(key, 1);
    await store.barrier();
    for (const key of keys) journal.append(key, 2);
    await store.barrier();
    t.true(
      keys.every(
        (key) =>
          journal.length(key) === 2 &&
          journal
            .read(key)
            .map(({ value }) => value)
            .join() === '1,2',
      ),
    );
    await store.close();
  });
};
