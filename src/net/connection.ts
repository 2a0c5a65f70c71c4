import type { Buffer } from 'node:buffer';
import { createHash, type X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { TlsService } from './tls.ts';

/** Who is told what happens on a connection. */
export interface ConnectionHandler {
  onData(chunk: Buffer): void;
  /** The connection is gone. Told once, whoever closed it. */
  onClose(error?: Error): void;
  /** TLS is up: after `startTls`. */
  onSecure?(): void;
}

/** What a connection knows of the listener that accepted it. */
export interface ListenerInfo {
  readonly name: string;
  readonly kind: string;
  readonly tls: 'off' | 'optional' | 'required' | 'direct';
}

/** What the TLS layer of a connection can tell (RFC 5705 exporters, RFC 5929 channel bindings). */
export interface TlsInfo {
  /** `TLSv1.3` and the like. */
  readonly protocol: string;
  readonly cipher: string;
  readonly alpn: string | undefined;
  readonly serverName: string | undefined;
  readonly peerCertificate: X509Certificate | undefined;
  /** True when the peer's certificate was verified against the configured authorities. */
  readonly peerVerified: boolean;
  exportKeyingMaterial(length: number, label: string, context: Buffer): Buffer;
  /** RFC 5929 section 4.1: the hash of the server's certificate; undefined when its signature names no hash. */
  serverEndPoint(): Buffer | undefined;
}

/** Peers may be idle for long, but a kernel that keeps probing finds out who is gone (RFC 6120 section 4.6.1). */
const KEEPALIVE = 60_000;

interface Linked {
  connection?: Connection;
}

/**
 * One accepted socket, plain or TLS. Lean on purpose, since a server holds many: the listeners of the socket's events are shared
 * functions that find their connection on the socket.
 */
export class Connection {
  handler: ConnectionHandler = IDLE;
  readonly listener: ListenerInfo;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Both ends are loopback addresses, or it is a local socket. */
  readonly loopback: boolean;
  readonly #tls: TlsService | undefined;
  #socket: Socket;
  #closed = false;

  constructor(socket: Socket, listener: ListenerInfo, tls: TlsService | undefined, remote: { readonly address: string; readonly port: number; readonly loopback: boolean }) {
    this.#socket = socket;
    this.listener = listener;
    this.#tls = tls;
    this.remoteAddress = remote.address;
    this.remotePort = remote.port;
    this.loopback = remote.loopback;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEPALIVE);
    this.#listen(socket);
  }

  #listen(socket: Socket): void {
    (socket as Linked).connection = this;
    socket.on('data', onData);
    socket.on('close', onClose);
    socket.on('error', onError);
    socket.on('end', onEnd);
  }

  get secured(): boolean {
    return this.#socket instanceof TLSSocket;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get tls(): TlsInfo | undefined {
    return this.#socket instanceof TLSSocket ? tlsInfo(this.#socket, this.#tls) : undefined;
  }

  /** Bytes that the kernel has not taken yet. */
  get buffered(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Buffer): void {
    if (!this.#closed) this.#socket.write(bytes);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /**
   * Becomes the server side of TLS on the same socket (STARTTLS). Bytes that came before the call are the caller's to discard.
   * `handler.onSecure` is told when the handshake is done; a handshake that fails closes the connection.
   */
  startTls(): void {
    if (this.#tls === undefined) throw new Error('this listener has no TLS');
    const plain = this.#socket;
    for (const [event, listener] of SHARED) plain.off(event, listener);
    plain.on('error', ignore);
    const secure = new TLSSocket(plain, { ...this.#tls.options([]), isServer: true });
    this.#socket = secure;
    this.#listen(secure);
    secure.once('secure', onSecure);
  }

  /** Writes what is given, then closes; a peer that does not close its side is cut off. */
  end(): void {
    if (this.#closed) return;
    this.#socket.end();
    this.#socket.resume();
    lingering(this.#socket);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Gives the socket to an HTTP server, which reads and writes from now on; what is known of the peer stays here. */
  release(): Socket {
    for (const [event, listener] of SHARED) this.#socket.off(event, listener);
    return this.#socket;
  }

  /** Told by the socket's shared listeners. */
  ended(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.handler.onClose(error);
    this.handler = IDLE;
  }
}

const IDLE: ConnectionHandler = { onData: () => undefined, onClose: () => undefined };
const LINGER = 5000;

function lingering(socket: Socket): void {
  socket.setTimeout(LINGER, () => socket.destroy());
}

function ignore(): void {
  // A socket whose TLS layer reports the same error.
}

function onData(this: Socket, chunk: Buffer): void {
  const { connection } = this as Linked;
  connection?.handler.onData(chunk);
}

function onClose(this: Socket): void {
  (this as Linked).connection?.ended(this.errored ?? undefined);
}

function onError(this: Socket): void {
  // 'close' follows, and carries the error.
}

function onEnd(this: Socket): void {
  // The peer has no more to say: our side closes too, and what waits is still written.
  this.end();
}

function onSecure(this: TLSSocket): void {
  (this as Linked).connection?.handler.onSecure?.();
}

const SHARED = [
  ['data', onData],
  ['close', onClose],
  ['error', onError],
  ['end', onEnd],
] as const;

function tlsInfo(socket: TLSSocket, service: TlsService | undefined): TlsInfo {
  return {
    protocol: socket.getProtocol() ?? '',
    cipher: socket.getCipher().name,
    alpn: typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : undefined,
    serverName: serverNameOf(socket),
    peerCertificate: socket.getPeerX509Certificate(),
    peerVerified: socket.authorized,
    exportKeyingMaterial: (length, label, context) => socket.exportKeyingMaterial(length, label, context),
    serverEndPoint: () => {
      const certificate = service?.certificateFor(serverNameOf(socket) ?? '') ?? socket.getX509Certificate();
      return certificate === undefined ? undefined : endPointHash(certificate);
    },
  };
}

function serverNameOf(socket: TLSSocket): string | undefined {
  const { servername } = socket as TLSSocket & { readonly servername?: string | false };
  return typeof servername === 'string' ? servername : undefined;
}

/** RFC 5929 section 4.1: by the hash of the certificate's signature, with MD5 and SHA-1 raised to SHA-256. */
function endPointHash(certificate: X509Certificate): Buffer | undefined {
  const algorithm = (certificate.signatureAlgorithm ?? '').toLowerCase();
  const hash = ['sha512', 'sha384', 'sha256'].find((name) => algorithm.includes(name));
  if (hash !== undefined) return createHash(hash).update(certificate.raw).digest();
  return algorithm.includes('sha1') || algorithm.includes('md5') ? createHash('sha256').update(certificate.raw).digest() : undefined;
}
