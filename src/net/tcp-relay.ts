import { isIPv6, createServer, type Server, Socket } from 'node:net';
import { isLoopback, parseIp } from '#src/address/ip.ts';
import { Connection, type Keeper } from './connection.ts';

/** A port that takes connections, and from which connections are made (RFC 6062). */
export interface TcpRelaySocket {
  readonly localPort: number;
  /**
   * Connects from this very port. The connection is paused, so that nothing is lost before somebody listens: set its `handler`, then
   * `resume()`.
   * @param timeout milliseconds
   * @throws the system's error, or one of its own when it takes too long
   */
  connect(address: string, port: number, timeout: number): Promise<Connection>;
  /** Takes no more connections; those that are made stay. */
  close(): void;
}

const LISTENER = { name: 'relay', kind: 'relay', tls: 'off' } as const;

class Relaying implements TcpRelaySocket {
  readonly localPort: number;
  readonly #address: string;
  readonly #accepted: (connection: Connection) => void;
  #server: Server;
  #closed = false;
  /** Connections are made one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(server: Server, address: string, port: number, accepted: (connection: Connection) => void) {
    this.#server = server;
    this.#address = address;
    this.localPort = port;
    this.#accepted = accepted;
    this.#listenOn(server);
  }

  connect(address: string, port: number, timeout: number): Promise<Connection> {
    const { promise, reject, resolve } = Promise.withResolvers<Connection>();
    const attempt = async (): Promise<void> => {
      if (this.#closed) return reject(new Error('the relay is closed'));
      const socket = new Socket();
      const timer = setTimeout(() => socket.destroy(new Error('it took too long')), timeout);
      socket.once('error', reject).once('close', () => clearTimeout(timer));
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.off('error', reject);
        socket.pause();
        resolve(connectionOf(socket));
      });
      await this.#leave(socket, address, port);
    };
    this.#last = this.#last.then(attempt).catch(reject);
    return promise;
  }

  /**
   * Linux lets a socket have the address of another one as long as nobody listens there. So the port stops listening for the moment in
   * which the connection leaves it, which is a turn of the event loop.
   */
  async #leave(socket: Socket, address: string, port: number): Promise<void> {
    this.#server.close();
    const left = Promise.withResolvers<void>();
    socket.once('connectionAttempt', () => left.resolve());
    socket.once('close', () => left.resolve());
    socket.connect({ host: address, port, localAddress: this.#address, localPort: this.localPort });
    socket.setNoDelay(true);
    await left.promise;
    // The attempt is told of before the call to the system, which is made in the same turn.
    await Promise.resolve();
    if (this.#closed) return;
    this.#server = await listening(this.#address, this.localPort);
    this.#listenOn(this.#server);
    if (this.#closed) this.#server.close();
  }

  #listenOn(server: Server): void {
    server.on('connection', (socket) => {
      socket.pause();
      this.#accepted(connectionOf(socket));
    });
    server.on('error', () => undefined);
  }

  close(): void {
    this.#closed = true;
    this.#server.close();
  }
}

/**
 * Listens on a port of an address.
 * @throws the system's error
 */
export async function openTcpRelay(
  address: string,
  port: number,
  accepted: (connection: Connection) => void,
): Promise<TcpRelaySocket> {
  return new Relaying(await listening(address, port), address, port, accepted);
}

function listening(host: string, port: number): Promise<Server> {
  const { promise, reject, resolve } = Promise.withResolvers<Server>();
  const server = createServer({ noDelay: true, pauseOnConnect: true });
  server.once('error', reject);
  server.listen({ host, port, ipv6Only: isIPv6(host) }, () => {
    server.off('error', reject);
    resolve(server);
  });
  return promise;
}

function connectionOf(socket: Socket): Connection {
  const keeper: Keeper = {
    serial: socket.remotePort ?? 0,
    tls: undefined,
    authenticated: ignore,
    tlsFailed: ignore,
    failed,
  };
  const address = (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d)/, '');
  const ip = parseIp(address);
  const loopback = ip !== undefined && isLoopback(ip);
  return new Connection(socket, LISTENER, keeper, { address, port: socket.remotePort ?? 0, loopback });
}

function ignore(): void {
  // Nobody counts these.
}

/**
 * Joins two connections: what one side says the other hears, with back-pressure, and when one side is over so is the other.
 * @param over told once, with the bytes that went from the first to the second and back
 */
export function splice(first: Connection, second: Connection, over: (there: number, back: number) => void): void {
  const counts = { there: 0, back: 0 };
  let open = true;
  const end = (): void => {
    if (!open) return;
    open = false;
    first.end();
    second.end();
    over(counts.there, counts.back);
  };
  const pump = (from: Connection, to: Connection, way: 'there' | 'back'): void => {
    from.handler = {
      onData(chunk) {
        counts[way] += chunk.length;
        if (!to.write(chunk)) from.pause();
      },
      onDrain: () => to.resume(),
      onClose: end,
    };
  };
  pump(first, second, 'there');
  pump(second, first, 'back');
  if (first.closed || second.closed) return end();
  first.resume();
  second.resume();
}

/** There is no listener to tell. */
function failed(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error));
}
