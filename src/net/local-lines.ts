import { Buffer } from 'node:buffer';
import { connect, type Socket } from 'node:net';
import { localPath } from './local-path.ts';

const NEWLINE = 0x0a;

/** The client's side of a local socket that speaks in lines of UTF-8. */
export class LocalLines implements Disposable {
  readonly #socket: Socket;
  readonly #limit: number;
  #chunks: Buffer[] = [];
  #size = 0;
  #lines: string[] = [];
  #ended = false;
  #wake: () => void = () => undefined;

  /** @param limit bytes of one line @throws the system's error when nobody listens there */
  static async connect(path: string, limit: number): Promise<LocalLines> {
    using place = localPath(path);
    const { promise, reject, resolve } = Promise.withResolvers<void>();
    const socket = connect({ path: place.path });
    socket.once('connect', resolve);
    socket.once('error', reject);
    await promise;
    socket.off('error', reject);
    return new LocalLines(socket, limit);
  }

  private constructor(socket: Socket, limit: number) {
    this.#socket = socket;
    this.#limit = limit;
    socket.on('data', (chunk: Buffer) => this.#received(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  write(text: string): void {
    this.#socket.write(text);
  }

  /** The next line; undefined when the other side has closed, or when `wait` milliseconds have passed (without end when absent). */
  async next(wait?: number): Promise<string | undefined> {
    let late = false;
    const timer = wait === undefined ? undefined : setTimeout(() => ((late = true), this.#wake()), wait);
    while (this.#lines.length === 0 && !this.#ended && !late) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
    clearTimeout(timer);
    return this.#lines.shift();
  }

  /** Waits until the other side has closed; what it still says is not kept. */
  async closed(): Promise<void> {
    while (!this.#ended) {
      this.#lines = [];
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #received(chunk: Buffer): void {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      this.#chunks.push(chunk.subarray(from, end));
      this.#lines.push(Buffer.concat(this.#chunks).toString());
      this.#chunks = [];
      this.#size = 0;
      from = end + 1;
    }
    this.#chunks.push(chunk.subarray(from));
    this.#size += chunk.length - from;
    if (this.#size > this.#limit) this.#socket.destroy();
    this.#wake();
  }
}
