import { Buffer } from 'node:buffer';
import { closeSync, openSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Bytes that a socket's path may have (`sun_path` of unix(7), without its final NUL); a longer one would be cut off in silence. */
const ROOM = process.platform === 'linux' ? 107 : 103;

/** The path of a local socket as the system takes it. */
export interface LocalPath extends Disposable {
  readonly path: string;
}

/**
 * A path that is too long goes by way of its open directory, which Linux shows under a short name; the directory is held open until
 * this is disposed of.
 * @throws Error when that does not help: on other systems, or with a file name that is too long by itself
 */
export function localPath(path: string): LocalPath {
  const length = Buffer.byteLength(path);
  if (length <= ROOM) return { path, [Symbol.dispose]: () => undefined };
  if (process.platform !== 'linux') throw tooLong(path, length);
  const directory = openSync(dirname(path), 'r');
  const short = join('/proc/self/fd', String(directory), basename(path));
  if (Buffer.byteLength(short) <= ROOM) return { path: short, [Symbol.dispose]: () => closeSync(directory) };
  closeSync(directory);
  throw tooLong(path, length);
}

function tooLong(path: string, length: number): Error {
  return new Error(`the path of a local socket has at most ${ROOM} bytes, ${path} has ${length}`);
}
