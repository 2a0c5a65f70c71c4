/** The version of the layout of the data, and how older data is brought to it. */
import type { Change, Driver, Entry } from './driver.ts';
import { StoreCorrupt, StoreTooNew } from './errors.ts';
import { type Key, decodeKey, encodeKey, endOf } from './keys.ts';

/** Where the version stands; no table has this name. */
export const SCHEMA_KEY = encodeKey('', '!schema');

/** What a migration works with: raw bytes, by the names of tables; the parts of a journal are named by `entriesOf` and `positionsOf`. */
export interface MigrationAccess {
  entries(name: string): AsyncIterable<readonly [key: readonly string[], value: Uint8Array]>;
  /** Atomic and durable. `value` null deletes. */
  write(
    changes: readonly { readonly name: string; readonly key: Key; readonly value: Uint8Array | null }[],
  ): Promise<void>;
}

/** A step from version `to - 1` to `to`. A process that dies half way runs it again, so it must accept its own half-done work. */
export interface Migration {
  readonly to: number;
  readonly title: string;
  run(access: MigrationAccess): Promise<void>;
}

/** In order, without gaps, from 2 on: version 1 is the first. */
export const MIGRATIONS: readonly Migration[] = [];

export const latest = (migrations: readonly Migration[]): number => {
  for (const [i, migration] of migrations.entries()) {
    if (migration.to !== i + 2)
      throw new Error(`migration "${migration.title}" leads to ${migration.to}, expected ${i + 2}`);
  }
  return migrations.length + 1;
};

export const schemaRecord = (version: number): Change => ({ key: SCHEMA_KEY, value: Buffer.from(String(version)) });

async function* pages(driver: Driver, from: string, to: string): AsyncGenerator<Entry, void, undefined> {
  const cursor = driver.cursor({ from, to });
  try {
    for (let page = await cursor.next(1000); page.length > 0; page = await cursor.next(1000)) yield* page;
  } finally {
    await cursor.close();
  }
}

/** The version of what the driver holds; undefined when it holds nothing. */
export const readSchema = async (driver: Driver): Promise<number | undefined> => {
  const stored = driver.get(SCHEMA_KEY);
  if (stored === undefined) {
    const cursor = driver.cursor({});
    const page = await cursor.next(1);
    await cursor.close();
    if (page.length === 0) return undefined;
    throw new StoreCorrupt(`${driver.location} holds data but no schema version`);
  }
  const version = Number(Buffer.from(stored).toString('latin1'));
  if (!Number.isSafeInteger(version) || version < 1)
    throw new StoreCorrupt(`${driver.location} has an unreadable schema version`);
  return version;
};

export const assertKnown = (what: string, found: number, migrations: readonly Migration[]): void => {
  const known = latest(migrations);
  if (found > known) throw new StoreTooNew(what, found, known);
};

/** Brings what the driver holds from version `from` to the latest, a step at a time. */
export const migrate = async (
  driver: Driver,
  from: number,
  migrations: readonly Migration[],
  tell: (text: string) => void,
): Promise<void> => {
  const access: MigrationAccess = {
    async *entries(name) {
      const prefix = encodeKey('', name);
      for await (const [key, value] of pages(driver, prefix, endOf(prefix)))
        yield [decodeKey(key, prefix.length), value];
    },
    write: (changes) =>
      driver.write(changes.map(({ name, key, value }) => ({ key: encodeKey(encodeKey('', name), key), value }))),
  };
  for (const migration of migrations) {
    if (migration.to <= from) continue;
    tell(`schema ${migration.to}: ${migration.title}`);
    await migration.run(access);
    await driver.write([schemaRecord(migration.to)]);
  }
};
