import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { chmodSync, closeSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const keyBytes = 32;
const ivBytes = 12;
const tagBytes = 16;
const format = 1;

/**
 * The node's own secret: encrypts what is password-equivalent in the store (AES-256-GCM) and derives the secrets that must
 * stay the same over a restart. It lives in the data directory, beside the store and not in it, so that a copy of the
 * store alone gives no usable password.
 */
export class NodeKey {
  /** Not the bytes: to ask of bytes whether they are a key costs more than the cipher. */
  readonly #key: KeyObject;

  /** @param key exactly 32 bytes. */
  constructor(key: Uint8Array) {
    if (key.length !== keyBytes) throw new Error(`a node key has ${keyBytes} bytes, this one has ${key.length}`);
    this.#key = createSecretKey(key);
  }

  /** Reads `node.key` in the data directory; makes it, mode 0600, when there is none. Throws when the file is damaged. */
  static load(directory: string): NodeKey {
    const path = join(directory, 'node.key');
    const made = create(path);
    if (made !== undefined) return new NodeKey(made);
    const key = readFileSync(path);
    if (key.length !== keyBytes)
      throw new Error(`${path}: ${key.length} bytes instead of ${keyBytes}: restore it from a backup`);
    if (process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
    return new NodeKey(key);
  }

  static random(): NodeKey {
    return new NodeKey(randomBytes(keyBytes));
  }

  /** Encrypts; `context` says whose value it is and is authenticated, so a value moved to another record does not open. */
  seal(plain: Uint8Array, context: string): Buffer {
    const iv = randomBytes(ivBytes);
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv, { authTagLength: tagBytes });
    cipher.setAAD(Buffer.from(context, 'utf8'));
    const body = Buffer.concat([cipher.update(plain), cipher.final()]);
    return Buffer.concat([Buffer.of(format), iv, cipher.getAuthTag(), body]);
  }

  /** Undefined when the value was sealed by another key, for another context, or was changed. */
  open(sealed: Uint8Array, context: string): Buffer | undefined {
    const head = 1 + ivBytes + tagBytes;
    if (sealed.length < head || sealed[0] !== format) return undefined;
    const decipher = createDecipheriv('aes-256-gcm', this.#key, sealed.subarray(1, 1 + ivBytes), {
      authTagLength: tagBytes,
    });
    decipher.setAAD(Buffer.from(context, 'utf8'));
    decipher.setAuthTag(sealed.subarray(1 + ivBytes, head));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(head)), decipher.final()]);
    } catch {
      return undefined;
    }
  }

  /** A 32-byte secret for one purpose, the same after every restart. */
  derive(purpose: string): Buffer {
    return createHmac('sha256', this.#key).update('derive\0').update(purpose).digest();
  }
}

/** Undefined when the file is there already: `wx` lets exactly one starter make it. */
function create(path: string): Buffer | undefined {
  let file: number;
  try {
    file = openSync(path, 'wx', 0o600);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return undefined;
    throw error;
  }
  try {
    const key = randomBytes(keyBytes);
    writeSync(file, key);
    fsyncSync(file);
    return key;
  } finally {
    closeSync(file);
  }
}
