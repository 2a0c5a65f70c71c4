import { Buffer } from 'node:buffer';
import { Socket, type SocketConstructorOpts } from 'node:net';
import { TLSSocket } from 'node:tls';

/** Bytes of a buffer where nobody says more: what Node reads at once. */
const SIZE = 65_536;
/** Bytes of buffers that wait for use. */
const FREE = 16 << 20;

/** Buffers that sockets are read into and that are used again: bytes that only pass through cost the garbage collector nothing. */
export class ReadBuffers {
  readonly #free: ArrayBufferLike[] = [];
  readonly #own = new WeakSet<ArrayBufferLike>();
  readonly #size: number;

  /** @param size bytes that are read at once */
  constructor(size = SIZE) {
    this.#size = size;
  }

  /** A buffer with anything in it. */
  take(): Buffer {
    const free = this.#free.pop();
    if (free !== undefined) return Buffer.from(free);
    const made = Buffer.allocUnsafeSlow(this.#size);
    this.#own.add(made.buffer);
    return made;
  }

  /** Takes back the buffer that these bytes are in; nobody may look at them any more. Bytes that are in no buffer of these are let alone. */
  give({ buffer }: Pick<Buffer, 'buffer'>): void {
    if (this.#free.length * this.#size < FREE && this.#own.has(buffer)) this.#free.push(buffer);
  }
}

/** What is needed of the handle of a socket. */
interface Handle {
  useUserBuffer(buffer: Buffer): void;
}
/** The member of a socket that is its handle. */
const HANDLE = '_handle';
interface Handled {
  [HANDLE]: Handle | null;
}

function isHandle(value: unknown): value is Handle {
  return typeof value === 'object' && value !== null && 'useUserBuffer' in value;
}

/**
 * Another socket on the same connection, which is read into buffers that belong to `received` until it gives them back. Node has that
 * (`onread`) for sockets that a program makes, not for accepted ones: their handle, which is no documented thing, moves to a new socket.
 * When one of the two is closed, so is the other: who counts the old one sees it close.
 * @returns undefined where that is not possible, and all stays as it was: TLS, bytes that wait, another Node
 */
export function readInto(buffers: ReadBuffers, old: Socket, received: (chunk: Buffer) => void): Socket | undefined {
  const handled = old as unknown as Handled;
  const handle = handled[HANDLE];
  if (old instanceof TLSSocket || !isHandle(handle)) return undefined;
  if (old.destroyed || old.readableEnded || old.readableLength > 0 || old.writableLength > 0) return undefined;
  const onread = {
    buffer: () => buffers.take(),
    callback(length: number, buffer: Uint8Array): boolean {
      received((buffer as Buffer).subarray(0, length));
      return !fresh.isPaused();
    },
  };
  old.pause();
  handled[HANDLE] = null;
  // Its types know another kind of handle only.
  const options: SocketConstructorOpts = { onread, readable: true, writable: true };
  const fresh = new Socket(Object.assign(options, { handle }));
  fresh.once('close', () => old.destroy());
  old.once('close', () => fresh.destroy());
  return fresh;
}
