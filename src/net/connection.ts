import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { readInto, type ReadBuffers } from './read-buffers.ts';
import { peerFault, type TlsInfo, tlsInfo } from './tls-info.ts';
import type { TlsService } from './tls.ts';

export type { TlsInfo } from './tls-info.ts';

/** Who is told what happens on a connection. */
export interface ConnectionHandler {
  onData(chunk: Buffer): void;
  /** The connection is gone. Told once, whoever closed it. */
  onClose(error?: Error): void;
  /** TLS is up: after `startTls`. */
  onSecure?(): void;
  /** The kernel has taken all that was written. */
  onDrain?(): void;
  /** The peer has no more to say; `onClose` follows when it has taken what waits for it. */
  onPeerEnd?(): void;
  /** Milliseconds that the peer has to take what was written once a side has ended; 5000 when absent. */
  readonly linger?: number;
}

/** What a connection knows of the listener that accepted it. */
export interface ListenerInfo {
  readonly name: string;
  readonly kind: string;
  readonly tls: 'off' | 'optional' | 'required' | 'direct';
}

/** The far end, as the socket or a trusted load balancer tells. */
export interface Remote {
  /** Empty for a unix socket. */
  readonly address: string;
  readonly port: number;
  /** Both ends are loopback addresses, or it is a unix socket. */
  readonly loopback: boolean;
}

/** What a connection owes to the listener that keeps count of it. */
export interface Keeper {
  /** Tells the connections of this process apart. */
  readonly serial: number;
  readonly tls: TlsService | undefined;
  /** The peer has logged in: it is no stranger any more to the limits of its origin. */
  authenticated(): void;
  /** A handshake failed. */
  tlsFailed(error: Error | undefined): void;
  /** The handler let an exception through: a bug, which costs its connection and not the server. */
  failed(error: unknown): void;
}

interface Linked {
  connection?: Connection;
}

const IDLE: ConnectionHandler = { onData: () => undefined, onClose: () => undefined };
/** Milliseconds that a peer has to take what was written and close its side, once ours has ended. */
const LINGER = 5000;

/**
 * One accepted socket, plain or TLS. Lean on purpose, since a server holds many: the listeners of the socket's events are shared
 * functions that find their connection on the socket, and what is rarely asked for is made when it is.
 */
export class Connection {
  handler: ConnectionHandler = IDLE;
  readonly listener: ListenerInfo;
  /** An IP address, v4 ones without the prefix of RFC 4291 section 2.5.5.2; empty for a unix socket. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Both ends are loopback addresses, or it is a local socket. */
  readonly loopback: boolean;
  readonly #keeper: Keeper;
  #socket: Socket;
  /** `securing` from `startTls` to the end of the handshake; `ending` once our side has said all. */
  #state: 'open' | 'securing' | 'ending' | 'closed' = 'open';
  #linger: NodeJS.Timeout | undefined = undefined;

  constructor(socket: Socket, listener: ListenerInfo, keeper: Keeper, remote: Remote) {
    this.#socket = socket;
    this.listener = listener;
    this.#keeper = keeper;
    this.remoteAddress = remote.address;
    this.remotePort = remote.port;
    this.loopback = remote.loopback;
    this.#listen(socket);
  }

  #listen(socket: Socket): void {
    (socket as Linked).connection = this;
    for (const [event, listener] of SHARED) socket.on(event, listener);
  }

  /** For logs; unique in this process. */
  get id(): string {
    return `${this.listener.name}-${this.#keeper.serial.toString(36)}`;
  }

  get localAddress(): string {
    return this.#socket.localAddress ?? '';
  }

  get localPort(): number {
    return this.#socket.localPort ?? 0;
  }

  get secured(): boolean {
    return this.#socket instanceof TLSSocket && this.#state !== 'securing';
  }

  get closed(): boolean {
    return this.#state === 'closed';
  }

  get tls(): TlsInfo | undefined {
    return this.#socket instanceof TLSSocket ? tlsInfo(this.#socket) : undefined;
  }

  /** Is there a certificate to become secure with? */
  get canStartTls(): boolean {
    return this.#state === 'open' && !this.secured && this.#keeper.tls?.ready === true;
  }

  /** Bytes that the kernel has not taken yet. */
  get buffered(): number {
    return this.#socket.writableLength;
  }

  /** Since the connection was accepted; those of the TLS layer on a secured one. */
  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  get bytesWritten(): number {
    return this.#socket.bytesWritten;
  }

  /**
   * Writes at once; after `end` and on a closed connection nothing.
   * @param taken is told when the kernel has them, or never will: the bytes may change again
   * @returns false when the kernel is behind
   */
  write(bytes: Buffer | string, taken?: () => void): boolean {
    return (this.#state === 'open' || this.#state === 'securing') && this.#socket.write(bytes, taken);
  }

  /**
   * From now on what comes is read into these buffers, where that is possible; whoever gets them gives them back. For bytes that only
   * pass through.
   * @returns whether it is possible now
   */
  readInto(buffers: ReadBuffers): boolean {
    if (this.#state !== 'open') return false;
    const old = this.#socket;
    const fresh = readInto(buffers, old, (chunk) => this.received(chunk));
    if (fresh === undefined) return false;
    for (const [event, listener] of SHARED) old.off(event, listener);
    old.on('error', onError);
    this.#socket = fresh;
    this.#listen(fresh);
    fresh.resume();
    return true;
  }

  /** Tells of an exception in what the handler did with what it was given: for layers above that take over the events. */
  failed(error: unknown): void {
    this.#keeper.failed(error);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** The peer has logged in. */
  authenticated(): void {
    this.#keeper.authenticated();
  }

  /**
   * Becomes the server side of TLS on the same socket (STARTTLS). Bytes that came before the call are the caller's to discard.
   * `handler.onSecure` is told when the handshake is done; a handshake that fails closes the connection.
   * @param host whose certificate is used when the peer asks for no name
   */
  startTls(host = ''): void {
    const { tls } = this.#keeper;
    if (tls === undefined || !this.canStartTls) throw new Error('there is no TLS to start here');
    const plain = this.#socket;
    for (const [event, listener] of SHARED) plain.off(event, listener);
    plain.on('error', onError);
    const secure = new TLSSocket(plain, { ...tls.options([], host), isServer: true });
    this.#socket = secure;
    this.#state = 'securing';
    this.#listen(secure);
    secure.once('secure', onSecure);
  }

  /** Writes what is given, then closes; a peer that does not close its side is cut off, and what it still says is not heard. */
  end(bytes?: Buffer | string): void {
    if (this.#state === 'closed' || this.#state === 'ending') return;
    if (bytes !== undefined) this.#socket.write(bytes);
    this.#state = 'ending';
    this.#socket.end();
    this.#socket.resume();
    this.#linger ??= setTimeout(cutOff, this.handler.linger ?? LINGER, this.#socket);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Gives the socket to an HTTP server, which reads and writes from now on; what is known of the peer stays here. */
  release(): Socket {
    for (const [event, listener] of SHARED) this.#socket.off(event, listener);
    return this.#socket;
  }

  /** @internal */
  received(chunk: Buffer): void {
    if (this.#state === 'ending') return;
    try {
      this.handler.onData(chunk);
    } catch (error) {
      this.failed(error);
      this.destroy();
    }
  }

  /** @internal The peer has no more to say: what waits is still written, for a while. */
  peerEnded(): void {
    this.#linger ??= setTimeout(cutOff, this.handler.linger ?? LINGER, this.#socket);
    this.handler.onPeerEnd?.();
  }

  /** @internal */
  handshaken(): void {
    const fault = this.#keeper.tls?.requiresPeer === true ? peerFault(this.#socket as TLSSocket) : undefined;
    if (fault !== undefined) {
      this.#socket.destroy(new Error(fault));
      return;
    }
    if (this.#state === 'securing') this.#state = 'open';
    this.handler.onSecure?.();
  }

  /** @internal */
  ended(error: Error | undefined): void {
    if (this.#state === 'closed') return;
    if (this.#state === 'securing') this.#keeper.tlsFailed(error);
    this.#state = 'closed';
    clearTimeout(this.#linger);
    this.handler.onClose(error);
    this.handler = IDLE;
  }
}

function cutOff(socket: Socket): void {
  socket.destroy();
}

function onData(this: Socket, chunk: Buffer): void {
  (this as Linked).connection?.received(chunk);
}

function onDrain(this: Socket): void {
  (this as Linked).connection?.handler.onDrain?.();
}

function onClose(this: Socket): void {
  (this as Linked).connection?.ended(this.errored ?? undefined);
}

function onError(): void {
  // 'close' follows, and carries the error.
}

function onEnd(this: Socket): void {
  (this as Linked).connection?.peerEnded();
}

function onSecure(this: TLSSocket): void {
  (this as Linked).connection?.handshaken();
}

const SHARED = [
  ['data', onData],
  ['drain', onDrain],
  ['close', onClose],
  ['error', onError],
  ['end', onEnd],
] as const;
