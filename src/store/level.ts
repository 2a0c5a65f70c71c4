/**
 * The default driver: LevelDB in one directory, movable, held by one process. Keys are UTF-8 text, measured as fast as bytes and shared with the
 * maps of waiting writes.
 */
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ClassicLevel } from 'classic-level';
import { syncDirectory } from './backup.ts';
import { openStore, type StoreOptions } from './core.ts';
import type { Change, Cursor, Driver, Range } from './driver.ts';
import { StoreClosed, StoreCorrupt, StoreFault, StoreLocked } from './errors.ts';
import type { Store, Supports } from './store.ts';

export interface LevelOptions extends StoreOptions {
  /** Directory of the database; made when absent. During a restore, `.new` and `.old` stand beside it. */
  readonly location: string;
  /** `sync` (default) survives power loss; `os` survives the death of the process and saves a disk flush for each group. */
  readonly durability?: 'sync' | 'os';
  /** Memory for blocks read, in bytes. Default 32 MiB. */
  readonly cacheSize?: number;
  /** Memory for writes before they are sorted into a file, in bytes; up to two are held. Default 8 MiB. */
  readonly writeBufferSize?: number;
  /** Snappy. Default true. */
  readonly compression?: boolean;
}

type Database = ClassicLevel<string, Uint8Array>;

/** Entries fetched at once hold at most this much memory. */
const PAGE_BYTES = 256 << 10;

const openDatabase = async (location: string, options: LevelOptions): Promise<Database> => {
  const database: Database = new ClassicLevel(location, {
    keyEncoding: 'utf8',
    valueEncoding: 'buffer',
    cacheSize: options.cacheSize ?? 32 << 20,
    writeBufferSize: options.writeBufferSize ?? 8 << 20,
    compression: options.compression ?? true,
  });
  await database.open();
  return database;
};

const causeOf = (error: unknown): { readonly code: string; readonly text: string } => {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return { code: '', text: String(cause) };
  return { code: 'code' in cause && typeof cause.code === 'string' ? cause.code : '', text: cause.message };
};

const openError = (location: string, error: unknown): Error => {
  const { code, text } = causeOf(error);
  if (code === 'LEVEL_LOCKED') return new StoreLocked(location, error);
  if (code === 'LEVEL_CORRUPTION' || /corrupt|does not exist|missing files/i.test(text))
    return corrupt(location, text, error);
  return new StoreFault(`cannot open ${location}: ${text}`, error);
};

const corrupt = (location: string, text: string, cause?: unknown): StoreCorrupt =>
  new StoreCorrupt(
    `${location} is damaged (${text}); restore a backup, or repair it, which may lose the damaged part`,
    cause,
  );

/** Looks at a directory without CURRENT, and milliseconds between them: another process may be making the database at this moment. */
const LOOKS = 40;
const LOOK_PAUSE = 50;

/** LevelDB would begin anew, and delete what it finds, in a directory that has lost its CURRENT file. */
const assertWhole = async (location: string): Promise<void> => {
  for (let look = 0; look < LOOKS; look++) {
    const files = await readdir(location).catch((): string[] => []);
    if (files.includes('CURRENT') || !files.some((file) => /^\d+\.(?:log|ldb|sst)$|^MANIFEST-/.test(file))) return;
    await delay(LOOK_PAUSE);
  }
  throw corrupt(location, 'CURRENT is missing');
};

const exists = async (directory: string): Promise<boolean> =>
  readdir(directory).then(
    () => true,
    () => false,
  );

/** What stands beside the database during a restore: the content to come, then the former one. */
const besides = (location: string): { readonly fresh: string; readonly former: string } => ({
  fresh: `${location}.new`,
  former: `${location}.old`,
});

class LevelDriver implements Driver {
  readonly supports: Supports;
  readonly location: string;
  readonly #options: LevelOptions;
  readonly #sync: boolean;
  #database: Database;

  constructor(options: LevelOptions, database: Database) {
    this.location = options.location;
    this.#options = options;
    this.#sync = options.durability !== 'os';
    this.supports = { persistent: true, durability: this.#sync ? 'sync' : 'os' };
    this.#database = database;
  }

  get(key: string): Uint8Array | undefined {
    if (this.#database.status !== 'open')
      throw new StoreFault(`${this.location} is being opened again after a failed write`);
    try {
      return this.#database.getSync(key);
    } catch (error) {
      throw this.#readError(error);
    }
  }

  async write(changes: readonly Change[]): Promise<void> {
    await writeTo(this.#database, changes, this.#sync);
  }

  /**
   * After a failed flush LevelDB refuses all writes until it is opened again, and after a failed append its log would be read back only up to there.
   * Reads go on from the old handle until the disk takes a file again.
   */
  async recover(): Promise<void> {
    await probe(this.location);
    await this.#database.close();
    this.#database = await openDatabase(this.location, this.#options);
  }

  cursor(range: Range): Cursor {
    const { from, to, reverse = false } = range;
    const iterator = this.#database.iterator({
      ...(from === undefined ? {} : { gte: from }),
      ...(to === undefined ? {} : { lt: to }),
      reverse,
      highWaterMarkBytes: PAGE_BYTES,
    });
    return {
      next: async (size) => {
        try {
          return await iterator.nextv(size);
        } catch (error) {
          throw this.#readError(error);
        }
      },
      close: () => iterator.close(),
    };
  }

  async replace(blocks: AsyncIterable<readonly Change[]>): Promise<void> {
    const { fresh: location, former } = besides(this.location);
    await rm(location, { recursive: true, force: true });
    const fresh = await openDatabase(location, this.#options);
    try {
      for await (const block of blocks) await writeTo(fresh, block, true);
      await fresh.close();
    } catch (error) {
      await fresh.close();
      await rm(location, { recursive: true, force: true });
      throw error;
    }
    await this.#database.close();
    await rename(this.location, former);
    await rename(location, this.location);
    await syncDirectory(path.dirname(this.location));
    this.#database = await openDatabase(this.location, this.#options);
    await rm(former, { recursive: true, force: true });
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  #readError(error: unknown): unknown {
    const { code, text } = causeOf(error);
    if (code === 'LEVEL_ITERATOR_NOT_OPEN') return new StoreClosed('closed');
    return code === 'LEVEL_CORRUPTION' ? corrupt(this.location, text, error) : error;
  }
}

/** Throws when the disk of `directory` does not take a file of 1 MiB; LevelDB passes over the name. */
const probe = async (directory: string): Promise<void> => {
  const file = path.join(directory, 'probe');
  try {
    await writeFile(file, Buffer.alloc(1 << 20), { flush: true });
  } finally {
    await rm(file, { force: true });
  }
};

/** A chained batch costs less per operation than an array of operations. */
const writeTo = async (database: Database, changes: readonly Change[], sync: boolean): Promise<void> => {
  const batch = database.batch();
  for (const { key, value } of changes) {
    if (value === null) batch.del(key);
    else batch.put(key, value);
  }
  await batch.write({ sync });
};

const openDriver = async (options: LevelOptions): Promise<Driver> => {
  const { location } = options;
  const { fresh, former } = besides(location);
  try {
    await mkdir(path.dirname(location), { recursive: true });
    // A restore died between its two renames: the new content is whole.
    if (!(await exists(location)) && (await exists(former))) await rename(fresh, location);
    await assertWhole(location);
    const database = await openDatabase(location, options);
    // Only now is it certain that no other process is at work here.
    await rm(fresh, { recursive: true, force: true });
    await rm(former, { recursive: true, force: true });
    return new LevelDriver(options, database);
  } catch (error) {
    throw error instanceof StoreCorrupt ? error : openError(location, error);
  }
};

/** Throws StoreLocked, StoreTooNew, StoreCorrupt, or StoreFault when the directory cannot be used. */
export const openLevelStore = async (options: LevelOptions): Promise<Store> =>
  openStore(await openDriver(options), { backups: path.dirname(options.location), ...options });

/** Makes a damaged database openable again; what cannot be read is lost. The store must be closed. */
export const repairLevelStore = async (location: string): Promise<void> => {
  try {
    await ClassicLevel.repair(location);
  } catch (error) {
    throw openError(location, error);
  }
};
