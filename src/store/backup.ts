/**
 * The backup file, in big-endian numbers:
 *
 *     file   = "TRVMSTOR" format:u16 schema:u32 created:u64(ms since 1970) crc:u32 block* end
 *     block  = "B" length:u32 crc:u32 payload            payload = (keyLength:u32 key valueLength:u32 value)*
 *     end    = "E" length:u32(=8) crc:u32 entries:u64    nothing follows
 *
 * Each CRC-32 covers what stands before it in its part (kind and length too) and the payload.
 */
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import type { Change, Cursor, Entry } from './driver.ts';
import { BackupInvalid, StoreTooNew } from './errors.ts';
import { schemaRecord, SCHEMA_KEY } from './migrate.ts';
import type { BackupResult } from './store.ts';

const MAGIC = Buffer.from('TRVMSTOR', 'latin1');
const FORMAT = 1;
const HEADER = 26;
const FRAME = 9;
const BLOCK = 'B'.charCodeAt(0);
const END = 'E'.charCodeAt(0);
/** A block is written when it has reached this size … */
const BLOCK_BYTES = 256 << 10;
/** … and one with a single large value may be this long. */
const MAX_BLOCK = 256 << 20;

const headerOf = (schema: number): Buffer => {
  const header = Buffer.alloc(HEADER);
  MAGIC.copy(header);
  header.writeUInt16BE(FORMAT, 8);
  header.writeUInt32BE(schema, 10);
  header.writeBigUInt64BE(BigInt(Date.now()), 14);
  header.writeUInt32BE(crc32(header.subarray(0, 22)), 22);
  return header;
};

const frame = (kind: number, payload: Buffer): Buffer => {
  const head = Buffer.alloc(FRAME);
  head.writeUInt8(kind, 0);
  head.writeUInt32BE(payload.length, 1);
  head.writeUInt32BE(crc32(payload, crc32(head.subarray(0, 5))), 5);
  return Buffer.concat([head, payload]);
};

const lengthOf = (bytes: Uint8Array): Buffer => {
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(bytes.length);
  return length;
};

const packEntry = ([key, value]: Entry): Buffer => {
  const keyBytes = Buffer.from(key);
  return Buffer.concat([lengthOf(keyBytes), keyBytes, lengthOf(value), value]);
};

/** Flushes a directory, so that a rename in it survives power loss; where directories cannot be opened there is nothing to do. */
export const syncDirectory = async (directory: string): Promise<void> => {
  const handle = await open(directory, 'r').catch(() => undefined);
  if (handle === undefined) return;
  try {
    await handle.sync().catch(() => undefined);
  } finally {
    await handle.close();
  }
};

const writeEntries = async (handle: FileHandle, schema: number, cursor: Cursor): Promise<BackupResult> => {
  let bytes = 0;
  let entries = 0;
  let waiting: Buffer[] = [];
  let size = 0;
  const write = async (buffer: Buffer): Promise<void> => {
    bytes += buffer.length;
    await handle.writeFile(buffer);
  };
  const flush = async (): Promise<void> => {
    if (size > 0) await write(frame(BLOCK, Buffer.concat(waiting)));
    waiting = [];
    size = 0;
  };
  await write(headerOf(schema));
  for (let page = await cursor.next(256); page.length > 0; page = await cursor.next(256)) {
    for (const entry of page) {
      if (entry[0] === SCHEMA_KEY) continue;
      const packed = packEntry(entry);
      waiting.push(packed);
      size += packed.length;
      entries++;
      if (size >= BLOCK_BYTES) await flush();
    }
  }
  await flush();
  const total = Buffer.alloc(8);
  total.writeBigUInt64BE(BigInt(entries));
  await write(frame(END, total));
  return { entries, bytes };
};

/** Writes all that `cursor` gives, and closes it. The file is readable by its owner only: it holds the verifiers of passwords. */
export const writeBackup = async (file: string, schema: number, cursor: Cursor): Promise<BackupResult> => {
  const partial = `${file}.partial`;
  try {
    await rm(partial, { force: true });
    const handle = await open(partial, 'wx', 0o600);
    let result: BackupResult;
    try {
      result = await writeEntries(handle, schema, cursor);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(partial, file);
    await syncDirectory(path.dirname(file));
    return result;
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  } finally {
    await cursor.close();
  }
};

const unpack = (file: string, payload: Buffer): Change[] => {
  const changes: Change[] = [];
  let at = 0;
  const take = (): Buffer => {
    const start = at + 4;
    const end = start <= payload.length ? start + payload.readUInt32BE(at) : Number.POSITIVE_INFINITY;
    if (end > payload.length) throw new BackupInvalid(file, 'a block does not divide into entries');
    at = end;
    return payload.subarray(start, end);
  };
  while (at < payload.length) changes.push({ key: take().toString('utf8'), value: take() });
  return changes;
};

/** An opened backup. */
export interface BackupReader {
  readonly schema: number;
  /** The content, the record of the schema version included; throws BackupInvalid where the file is not sound, at its end at the latest. */
  readonly blocks: AsyncIterable<readonly Change[]>;
  /** Once all blocks have been read. */
  result(): BackupResult;
  close(): Promise<void>;
}

class Reader implements BackupReader {
  schema = 0;
  readonly #file: string;
  readonly #handle: FileHandle;
  #at = 0;
  #entries = 0;

  constructor(file: string, handle: FileHandle) {
    this.#file = file;
    this.#handle = handle;
  }

  async readHeader(): Promise<void> {
    const header = await this.#take(HEADER);
    if (!header.subarray(0, 8).equals(MAGIC)) throw new BackupInvalid(this.#file, 'this is not a backup');
    if (crc32(header.subarray(0, 22)) !== header.readUInt32BE(22))
      throw new BackupInvalid(this.#file, 'the header is damaged');
    const format = header.readUInt16BE(8);
    if (format > FORMAT) throw new StoreTooNew(`${this.#file} (format ${format})`, header.readUInt32BE(10), FORMAT);
    this.schema = header.readUInt32BE(10);
  }

  get blocks(): AsyncIterable<readonly Change[]> {
    return this.#blocks();
  }

  result(): BackupResult {
    return { entries: this.#entries, bytes: this.#at };
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  async *#blocks(): AsyncGenerator<readonly Change[], void, undefined> {
    yield [schemaRecord(this.schema)];
    for (;;) {
      const start = this.#at;
      const head = await this.#take(FRAME);
      const kind = head.readUInt8(0);
      const length = head.readUInt32BE(1);
      const known = kind === BLOCK ? length <= MAX_BLOCK : kind === END && length === 8;
      if (!known) throw new BackupInvalid(this.#file, `no block begins at byte ${start}`);
      const payload = await this.#take(length);
      if (crc32(payload, crc32(head.subarray(0, 5))) !== head.readUInt32BE(5)) {
        throw new BackupInvalid(this.#file, `the block at byte ${start} is damaged`);
      }
      if (kind === END) return this.#finish(payload);
      const changes = unpack(this.#file, payload);
      this.#entries += changes.length;
      yield changes;
    }
  }

  async #finish(payload: Buffer): Promise<void> {
    if (payload.readBigUInt64BE() !== BigInt(this.#entries)) throw new BackupInvalid(this.#file, 'entries are missing');
    const { size } = await this.#handle.stat();
    if (size !== this.#at) throw new BackupInvalid(this.#file, 'something follows the end');
  }

  /** A length that the file cannot hold is refused before memory is taken for it. */
  async #take(length: number): Promise<Buffer> {
    const { size } = await this.#handle.stat();
    if (this.#at + length > size) throw new BackupInvalid(this.#file, `the file ends early, at byte ${size}`);
    const buffer = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await this.#handle.read(buffer, filled, length - filled, this.#at + filled);
      if (bytesRead === 0) throw new BackupInvalid(this.#file, `the file ends early, at byte ${this.#at + filled}`);
      filled += bytesRead;
    }
    this.#at += length;
    return buffer;
  }
}

/** Opens a backup and reads its header. Throws BackupInvalid, or the file system's error when it cannot be opened. */
export const readBackup = async (file: string): Promise<BackupReader> => {
  const handle = await open(file, 'r');
  const reader = new Reader(file, handle);
  try {
    await reader.readHeader();
    return reader;
  } catch (error) {
    await handle.close();
    throw error;
  }
};
