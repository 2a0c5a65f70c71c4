import type { Buffer } from 'node:buffer';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';

/** Who is told what comes on a bound socket. */
export interface DatagramHandler {
  /** @param bytes the handler's own; @param address an IP address, v4 ones without the prefix of RFC 4291 section 2.5.5.2 */
  onDatagram(bytes: Buffer, address: string, port: number): void;
  /** The socket is closed. Told once. */
  onClose?(): void;
}

/** Plain numbers since the socket was opened. */
export interface DatagramCounters {
  received: number;
  receivedBytes: number;
  sent: number;
  sentBytes: number;
  /** Not sent: the queue was full, or the system refused. */
  dropped: number;
}

/** A bound UDP socket. */
export interface Datagrams {
  readonly localAddress: string;
  readonly localPort: number;
  readonly family: 4 | 6;
  readonly counters: DatagramCounters;
  /**
   * Sends to an IP address; no name is ever looked up. Never throws: false when the datagram was dropped, because what the kernel
   * has not taken yet exceeds the bound, or because the socket is closed.
   */
  send(bytes: Buffer, port: number, address: string): boolean;
  close(): void;
}

export interface UdpOptions {
  /** IP address to bind; `::` takes IPv4 too. */
  readonly address: string;
  /** 0: the system chooses. */
  readonly port: number;
  /** Bytes of the kernel's buffers; the system may give less. */
  readonly receiveBuffer?: number;
  readonly sendBuffer?: number;
  /** Bytes that may wait to be sent, 1 MiB by default. */
  readonly queue?: number;
  /** Several sockets share the port, and the system spreads the senders over them. */
  readonly reusePort?: boolean;
}

const QUEUE = 1_048_576;
const MAPPED = '::ffff:';

/** `dgram` would ask the resolver for every datagram, even for an IP address, and send it in a later turn. */
function addressItself(
  address: string,
  _options: unknown,
  found: (error: null, address: string, family: number) => void,
): void {
  // Asked for every datagram: what it gets is an address.
  found(null, address, address.includes(':') ? 6 : 4);
}

class UdpSocket implements Datagrams {
  readonly localAddress: string;
  readonly localPort: number;
  readonly family: 4 | 6;
  readonly counters: DatagramCounters = { received: 0, receivedBytes: 0, sent: 0, sentBytes: 0, dropped: 0 };
  readonly #socket: Socket;
  readonly #queue: number;
  readonly #handler: DatagramHandler;
  #open = true;

  constructor(socket: Socket, queue: number, handlerOf: (socket: Datagrams) => DatagramHandler) {
    const { address, family, port } = socket.address();
    this.localAddress = address;
    this.localPort = port;
    this.family = family === 'IPv6' ? 6 : 4;
    this.#socket = socket;
    this.#queue = queue;
    this.#handler = handlerOf(this);
    socket.on('message', (bytes: Buffer, from: RemoteInfo) => this.#received(bytes, from));
    // A refusal that came back by ICMP, or by the system for an address it cannot reach: the datagram is lost, as UDP has it.
    socket.on('error', () => void (this.counters.dropped += 1));
    socket.once('close', () => {
      this.#open = false;
      this.#handler.onClose?.();
    });
  }

  send(bytes: Buffer, port: number, address: string): boolean {
    const { counters } = this;
    if (!this.#open || port === 0 || this.#socket.getSendQueueSize() + bytes.length > this.#queue) {
      counters.dropped += 1;
      return false;
    }
    const target = this.family === 6 && !address.includes(':') ? MAPPED + address : address;
    try {
      this.#socket.send(bytes, port, target);
    } catch {
      // Another family than the socket's.
      counters.dropped += 1;
      return false;
    }
    counters.sent += 1;
    counters.sentBytes += bytes.length;
    return true;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#socket.close();
  }

  #received(bytes: Buffer, { address, port }: RemoteInfo): void {
    if (!this.#open) return;
    this.counters.received += 1;
    this.counters.receivedBytes += bytes.length;
    this.#handler.onDatagram(bytes, address.startsWith(MAPPED) ? address.slice(MAPPED.length) : address, port);
  }
}

type HandlerOf = (socket: Datagrams) => DatagramHandler;

function unbound({ address, receiveBuffer, reusePort = false, sendBuffer }: UdpOptions): Socket {
  return createSocket({
    type: isIPv6(address) ? 'udp6' : 'udp4',
    lookup: addressItself,
    reusePort,
    ...(receiveBuffer === undefined ? {} : { recvBufferSize: receiveBuffer }),
    ...(sendBuffer === undefined ? {} : { sendBufferSize: sendBuffer }),
  });
}

/**
 * Binds a UDP socket.
 * @throws the system's error
 */
export async function openUdp(options: UdpOptions, handlerOf: HandlerOf): Promise<Datagrams> {
  const { address, port, queue = QUEUE } = options;
  const socket = unbound(options);
  const bound = once(socket, 'listening');
  socket.bind({ address, port });
  try {
    await bound;
  } catch (error) {
    socket.close();
    throw error;
  }
  return new UdpSocket(socket, queue, handlerOf);
}

/** The same at once, for who cannot wait: `dgram` has nothing to wait for either, since no name is looked up. Undefined when it cannot be bound. */
export function openUdpNow(options: UdpOptions, handlerOf: HandlerOf): Datagrams | undefined {
  const { address, port, queue = QUEUE } = options;
  const socket = unbound(options);
  let bound = false;
  const listening = (): void => void (bound = true);
  const refused = (): void => undefined;
  socket.once('listening', listening).once('error', refused);
  // Exclusive: a worker of a cluster would ask its parent, and wait.
  socket.bind({ address, port, exclusive: true });
  socket.off('listening', listening).off('error', refused);
  if (bound) return new UdpSocket(socket, queue, handlerOf);
  socket.close();
  return undefined;
}
