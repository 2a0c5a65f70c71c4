/** The store itself, over any driver. */
import path from 'node:path';
import { readBackup, writeBackup } from './backup.ts';
import type { Codec } from './codec.ts';
import type { Driver } from './driver.ts';
import type { StoreFault } from './errors.ts';
import { type GroupOptions, Groups } from './groups.ts';
import { GroupedJournal } from './journal.ts';
import { MIGRATIONS, type Migration, assertKnown, latest, migrate, readSchema, schemaRecord } from './migrate.ts';
import type { BackupResult, Deferred, Journal, Store, StoreStats, Supports, Table, Ticket } from './store.ts';
import { GroupedTable } from './table.ts';

export interface StoreOptions extends GroupOptions {
  /** Directory for the backup made before a migration. Without it, none is made. */
  readonly backups?: string;
  /** Told what a migration does. */
  readonly onNotice?: (text: string) => void;
  /** Default: those of this program. */
  readonly migrations?: readonly Migration[];
}

const NAME = /^[a-z][a-z0-9-]*$/;

class GroupedStore implements Store {
  readonly schema: number;
  readonly supports: Supports;
  readonly #driver: Driver;
  readonly #groups: Groups;
  readonly #options: StoreOptions;
  readonly #names = new Set<string>();
  readonly #journals: GroupedJournal<never>[] = [];
  /** Files being written. */
  readonly #backups = new Set<string>();
  #closed: Promise<void> | undefined;

  constructor(driver: Driver, options: StoreOptions) {
    this.schema = latest(options.migrations ?? MIGRATIONS);
    this.supports = driver.supports;
    this.#driver = driver;
    this.#options = options;
    this.#groups = new Groups(driver, options);
  }

  get open(): Ticket {
    return this.#groups.open;
  }

  get pressure(): boolean {
    return this.#groups.pressure;
  }

  get fault(): StoreFault | undefined {
    return this.#groups.fault;
  }

  get stats(): StoreStats {
    return this.#groups.stats;
  }

  table<V>(name: string, codec: Codec<V>): Table<V> {
    this.#take(name);
    return new GroupedTable(name, codec, this.#groups);
  }

  journal<V>(name: string, codec: Codec<V>): Journal<V> {
    this.#take(name);
    const journal = new GroupedJournal(name, codec, this.#groups);
    this.#journals.push(journal as unknown as GroupedJournal<never>);
    return journal;
  }

  batch(fn: () => void): Ticket {
    return this.#groups.batch(fn);
  }

  deferred(fn: () => void): Deferred {
    const groups = this.#groups;
    let asked = false;
    groups.beforeCut(() => {
      if (!asked) return;
      asked = false;
      fn();
    }, true);
    return {
      ask() {
        const ticket = groups.join();
        asked = true;
        return ticket;
      },
    };
  }

  durable(ticket: Ticket): Promise<void> | undefined {
    return this.#groups.durable(ticket);
  }

  barrier(): Promise<void> | undefined {
    return this.#groups.durable(this.#groups.open);
  }

  async backup(file: string): Promise<BackupResult> {
    this.#groups.assertOpen();
    const target = path.resolve(file);
    if (this.#backups.has(target)) throw new Error(`a backup into ${file} is already being made`);
    this.#backups.add(target);
    try {
      await this.barrier();
      this.#groups.assertOpen();
      return await writeBackup(target, this.schema, this.#driver.cursor({}));
    } finally {
      this.#backups.delete(target);
    }
  }

  async restore(file: string): Promise<BackupResult> {
    const groups = this.#groups;
    groups.assertOpen();
    if (groups.fault !== undefined) throw groups.fault;
    groups.state = 'being restored';
    try {
      await groups.drain();
      const result = await restoreDriver(this.#driver, file, this.#options);
      for (const journal of this.#journals) journal.reset();
      groups.state = 'open';
      return result;
    } catch (error) {
      const intact = await readSchema(this.#driver).then(
        (schema) => schema === this.schema,
        () => false,
      );
      groups.state = intact ? 'open' : 'closed';
      if (!intact) await this.#driver.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    if (this.#closed === undefined && this.#groups.state === 'closed') return;
    if (this.#closed === undefined) this.#groups.assertOpen();
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const groups = this.#groups;
    groups.state = 'closing';
    try {
      await groups.drain();
    } finally {
      groups.state = 'closed';
      await this.#driver.close();
    }
  }

  #take(name: string): void {
    this.#groups.assertOpen();
    if (!NAME.test(name)) throw new Error(`"${name}" cannot name a table or journal`);
    if (this.#names.has(name)) throw new Error(`the name ${name} is already taken`);
    this.#names.add(name);
  }
}

const restoreDriver = async (driver: Driver, file: string, options: StoreOptions): Promise<BackupResult> => {
  const migrations = options.migrations ?? MIGRATIONS;
  const backup = await readBackup(file);
  try {
    assertKnown(file, backup.schema, migrations);
    await driver.replace(backup.blocks);
    await migrate(driver, backup.schema, migrations, options.onNotice ?? (() => undefined));
    return backup.result();
  } finally {
    await backup.close();
  }
};

/** Brings the data of an opened driver up to date, and opens the store over it. The driver is closed when this throws StoreTooNew or StoreCorrupt. */
export const openStore = async (driver: Driver, options: StoreOptions): Promise<Store> => {
  const migrations = options.migrations ?? MIGRATIONS;
  const tell = options.onNotice ?? (() => undefined);
  try {
    const found = await readSchema(driver);
    if (found === undefined) await driver.write([schemaRecord(latest(migrations))]);
    else {
      assertKnown(driver.location, found, migrations);
      if (found < latest(migrations)) {
        if (options.backups !== undefined) {
          const file = path.join(options.backups, `before-schema-${latest(migrations)}.backup`);
          await writeBackup(file, found, driver.cursor({}));
          tell(`the data of schema ${found} is kept in ${file}`);
        }
        await migrate(driver, found, migrations, tell);
      }
    }
    return new GroupedStore(driver, options);
  } catch (error) {
    await driver.close();
    throw error;
  }
};
