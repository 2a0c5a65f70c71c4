/** What a storage driver provides; everything above it (groups, tables, journals, backup) is the same for all drivers. */
import type { Supports } from './store.ts';

/** A put, or a deletion when `value` is null. */
export interface Change {
  readonly key: string;
  readonly value: Uint8Array | null;
}

export type Entry = readonly [key: string, value: Uint8Array];

/** Keys in [from, to), by UTF-8 bytes; no bound when absent. */
export interface Range {
  readonly from?: string;
  readonly to?: string;
  readonly reverse?: boolean;
}

/** Reads a snapshot taken when it was made. */
export interface Cursor {
  /** At most `size` further entries; none means the end. */
  next(size: number): Promise<readonly Entry[]>;
  close(): Promise<void>;
}

export interface Driver {
  readonly supports: Supports;
  /** Where the data is, for texts to the operator. */
  readonly location: string;
  get(key: string): Uint8Array | undefined;
  /** All or nothing; durable as `supports` says once resolved. Called one at a time, no key twice in one call. */
  write(changes: readonly Change[]): Promise<void>;
  /** Called before a failed write is tried again. */
  recover(): Promise<void>;
  cursor(range: Range): Cursor;
  /** Replaces the whole content. Nothing has changed when `blocks` throws or the process dies half way. */
  replace(blocks: AsyncIterable<readonly Change[]>): Promise<void>;
  close(): Promise<void>;
}
