/** What the parts of the contract of storage share. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import type { StoreOptions } from '#src/store/core.ts';
import type { Journal, ScanOptions, Store, Table } from '#src/store/store.ts';

/** One place for data, which `open` opens again after a close. */
export interface Place {
  open(options?: StoreOptions): Promise<Store>;
}

export interface StoreDriverUnderTest {
  readonly name: string;
  /** `directory` is empty and removed after the test. */
  place(directory: string): Place;
}

export interface Context {
  readonly place: Place;
  readonly directory: string;
}

/** Brings data into a state: returns the store to go on with. */
export type Settle = (store: Store, place: Place) => Promise<Store>;

export const STATES: readonly (readonly [string, Settle])[] = [
  ['while it waits', async (store) => store],
  [
    'once it is committed',
    async (store) => {
      await store.barrier();
      return store;
    },
  ],
  [
    'after a close and an open',
    async (store, place) => {
      await store.close();
      return place.open();
    },
  ],
];

export const AWKWARD = [
  '',
  '\0',
  '\0\0',
  '\0\x01',
  '\x01',
  '\x01\0',
  '\x01\x01',
  '\x01\x02',
  '\x02',
  ' ',
  '!',
  '#',
  '/',
  'a',
  'a\0',
  'a\0b',
  'a\x01',
  'ab',
  'b',
  'é',
  '\ud7ff',
  '\ue000',
  '\uffff',
  '😀',
  '\u{10ffff}',
];

export type It = (title: string, fn: (t: ExecutionContext, context: Context) => Promise<void>) => void;
export type InEachState = (
  title: string,
  fn: (t: ExecutionContext, context: Context, settle: Settle) => Promise<void>,
) => void;

/** All of it. */
export const listOf = async <T>(entries: AsyncIterable<T>): Promise<T[]> => {
  const list: T[] = [];
  for await (const entry of entries) list.push(entry);
  return list;
};

export const collect = <V>(
  table: Table<V>,
  prefix: readonly string[],
  options?: ScanOptions,
): Promise<(readonly [readonly string[], V])[]> => listOf(table.scan(prefix, options));

export const read = (journal: Journal<string>, key: string, from?: number, limit?: number): string =>
  journal
    .read(key, from, limit)
    .map(({ seq, value }) => `${seq}${value}`)
    .join(' ');

/** Order of keys: part by part, each by its UTF-8 bytes, a key before those that continue it. */
export const byParts = (a: readonly string[], b: readonly string[]): number => {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = Buffer.compare(Buffer.from(a[i] ?? ''), Buffer.from(b[i] ?? ''));
    if (order !== 0) return order;
  }
  return a.length - b.length;
};

export const withPlace = async (
  driver: StoreDriverUnderTest,
  fn: (context: Context) => Promise<void>,
): Promise<void> => {
  const directory = await mkdtemp(path.join(tmpdir(), 'trivium-store-'));
  try {
    await fn({ place: driver.place(directory), directory });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};
