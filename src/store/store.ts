/**
 * The contract of storage: tables and journals over one ordered set of keys, written in groups.
 *
 * Life of a write: `put` (or `append`, `delete` …) joins the *open group* and is seen by every read at once. At the end of the turn of the event
 * loop the group is cut and committed in one atomic, durable batch; while it is *in flight* the next group collects. A group is cut only
 * between turns, so everything written in one synchronous run shares one group and stands or falls together. Whoever acknowledges a write to a
 * peer waits for `durable(ticket)` or `barrier()` first.
 */
import type { Codec } from './codec.ts';
import type { StoreFault } from './errors.ts';
import type { Key } from './keys.ts';

/** Names a group of writes; groups are numbered from 1 in the order in which they are committed. */
export type Ticket = number;

/** The ticket of what needs no waiting. */
export const DURABLE: Ticket = 0;

export interface ScanOptions {
  /** Only keys strictly after this one, in the direction of the scan. */
  readonly after?: Key;
  readonly limit?: number;
  readonly reverse?: boolean;
}

/** Values by key. Keys are lists of parts, ordered part by part, each part by its UTF-8 bytes. */
export interface Table<V> {
  readonly name: string;
  /** Sees the writes of the open group and of the one in flight. Throws StoreCorrupt when the codec refuses what is stored. */
  get(key: Key): V | undefined;
  has(key: Key): boolean;
  /** Throws StoreFull when the bytes waiting to be written have reached `limit`. */
  put(key: Key, value: V): Ticket;
  /** Deleting what is not there writes nothing. */
  delete(key: Key): Ticket;
  /** Every key whose first parts are `prefix` (the key `prefix` itself too; `[]` is the whole table), as it is when the first entry is asked for. */
  scan(prefix: Key, options?: ScanOptions): AsyncIterable<readonly [key: readonly string[], value: V]>;
  /** How many entries `scan` would give, counting at most `limit` of them. */
  count(prefix: Key, limit?: number): Promise<number>;
}

export interface JournalEntry<V> {
  readonly seq: number;
  readonly value: V;
}

/** First-in first-out queues by key. Sequence numbers begin at 1 and only grow, across trims and restarts, until the key is dropped. */
export interface Journal<V> {
  readonly name: string;
  append(key: Key, value: V): number;
  /** Ascending from `from` (default: the oldest). */
  read(key: Key, from?: number, limit?: number): readonly JournalEntry<V>[];
  /** Removes every entry with a number of at most `through`. */
  trim(key: Key, through: number): void;
  /** Removes one entry wherever it stands; one that is not there is passed over. Meant for queues: each gap left between living entries costs memory. */
  remove(key: Key, seq: number): void;
  /** Removes the entries and forgets the numbering: for keys that will not come back. */
  drop(key: Key): void;
  length(key: Key): number;
  /** The number of the oldest and of the latest living entry; undefined when there is none. */
  bounds(key: Key): { readonly first: number; readonly last: number } | undefined;
  /** Keys below `prefix` that have entries, in order. */
  keys(prefix: Key): AsyncIterable<readonly string[]>;
}

/** Writes that are made when the open group is cut, however often they were asked for: see `Store.deferred`. */
export interface Deferred {
  /** Has `fn` run before the open group is cut, once. @returns the ticket of that group */
  ask(): Ticket;
}

/** Plain counters for observation, all since the store was opened. */
export interface StoreStats {
  readonly groups: number;
  readonly operations: number;
  readonly bytes: number;
  /** Writes that were withdrawn before they reached the disk. */
  readonly cancelled: number;
  readonly lastCommitMs: number;
  readonly maxCommitMs: number;
  readonly pendingOperations: number;
  readonly pendingBytes: number;
  /** How often `pressure` began. */
  readonly pressured: number;
  readonly failedCommits: number;
}

export interface BackupResult {
  readonly entries: number;
  /** Size of the file, in bytes. */
  readonly bytes: number;
}

/** What a driver promises; callers and the contract suite read it instead of asking which driver it is. */
export interface Supports {
  /** The data outlives the process. */
  readonly persistent: boolean;
  /** What a durable group survives: `sync` power loss, `os` the death of the process, `none` nothing. */
  readonly durability: 'sync' | 'os' | 'none';
}

export interface Store {
  readonly supports: Supports;
  /** Version of the layout of the data. */
  readonly schema: number;
  /** A name serves once, for a table or a journal: a second use throws. */
  table<V>(name: string, codec: Codec<V>): Table<V>;
  journal<V>(name: string, codec: Codec<V>): Journal<V>;
  /** Runs `fn`, which must be synchronous: all its writes share one group, or none is made when it throws (the error is passed on). */
  batch(fn: () => void): Ticket;
  /**
   * For what changes many times in a group and is worth one write: `fn` runs when the group in which it was asked for is cut, and its writes
   * belong to that group. It must not throw, nor ask again.
   */
  deferred(fn: () => void): Deferred;
  /** Ticket of the open group. */
  readonly open: Ticket;
  /**
   * undefined when the group is durable. Rejects with StoreFault when an attempt to write it failed: the writes are kept and tried again, so the
   * caller may ask again, but must not acknowledge.
   */
  durable(ticket: Ticket): Promise<void> | undefined;
  /** `durable` for everything written so far. */
  barrier(): Promise<void> | undefined;
  /** The bytes waiting to be written have passed `highWater`: read less from peers until it is false again. */
  readonly pressure: boolean;
  /** Set while the last attempt to write has failed. */
  readonly fault: StoreFault | undefined;
  readonly stats: StoreStats;
  /** Writes a consistent snapshot into one file while the store serves; the file appears whole or not at all. */
  backup(file: string): Promise<BackupResult>;
  /**
   * Replaces the content by that of a backup once the whole of it has been verified; reads and writes throw meanwhile. Throws BackupInvalid or
   * StoreTooNew with the content untouched. Should the change itself fail half way, the store is closed: it is whole again when it is opened.
   */
  restore(file: string): Promise<BackupResult>;
  /** Commits what is open, then closes. From the call on every other method throws StoreClosed. Rejects with StoreFault when the last writes could not be made. */
  close(): Promise<void>;
}
