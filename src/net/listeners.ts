import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { Buffer } from 'node:buffer';
import { createServer, type Server, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { isLoopback, originOf, parseIp } from '#src/address/ip.ts';
import { Connection, type ListenerInfo } from './connection.ts';
import { type ProxiedAddress, readProxyHeader } from './proxy-protocol.ts';
import type { Alpn, TlsService } from './tls.ts';

/** One listening socket, as the settings describe it. */
export interface ListenerConfig extends ListenerInfo {
  /** IP address to bind, with `port`; `::` takes IPv4 too. */
  readonly address: string;
  readonly port: number | undefined;
  /** Path of a unix socket, instead of address and port. */
  readonly path: string | undefined;
  /** Permission bits of the unix socket. */
  readonly mode: number;
  readonly proxyProtocol: boolean;
  readonly backlog: number;
}

/** Takes the connections of one kind of listener. */
export interface Acceptor {
  /** The application protocols of its TLS connections (RFC 7301); a client that names none is taken as well. */
  readonly alpn: Alpn;
  accept(connection: Connection): void;
}

export interface ConnectionLimits {
  /** Open connections over all listeners. */
  readonly total: number;
  /** Of one origin: an IPv4 address or an IPv6 /64. */
  readonly perIp: number;
}

export interface ListenersOptions {
  readonly tls: TlsService | undefined;
  readonly limits: ConnectionLimits;
  /** Asked before anything is read; true closes the connection. Gets the peer's IP address and the listener. */
  readonly refuses: (ip: string, listener: ListenerInfo) => boolean;
  readonly fault: (error: Error, listener: ListenerInfo) => void;
}

/** Where a listener really listens. */
export interface BoundListener extends ListenerConfig {
  readonly boundPort: number | undefined;
}

interface Open {
  readonly config: ListenerConfig;
  readonly server: Server;
}

interface Remote {
  readonly address: string;
  readonly port: number;
  readonly loopback: boolean;
}

const HANDSHAKE = 30_000;
const PROXY_WAIT = 5000;

/** All listening sockets of the server, and what every connection must pass before a front end sees it. */
export class Listeners {
  readonly #options: ListenersOptions;
  #limits: ConnectionLimits;
  readonly #acceptors = new Map<string, Acceptor>();
  readonly #open = new Map<string, Open>();
  readonly #sockets = new Set<Socket>();
  readonly #origins = new Map<string, number>();
  /** Plain numbers since the start. */
  readonly counters = { accepted: 0, refused: 0, overLimit: 0, proxyErrors: 0, tlsErrors: 0 };

  constructor(options: ListenersOptions) {
    this.#options = options;
    this.#limits = options.limits;
  }

  /** Says who takes the connections of a kind. Throws when somebody does already. */
  serve(kind: string, acceptor: Acceptor): void {
    if (this.#acceptors.has(kind)) throw new Error(`two front ends take ${kind} connections`);
    this.#acceptors.set(kind, acceptor);
  }

  get connections(): number {
    return this.#sockets.size;
  }

  get bound(): readonly BoundListener[] {
    return [...this.#open.values()].map(({ config, server }) => {
      const address = server.address();
      return { ...config, boundPort: typeof address === 'object' ? address?.port : undefined };
    });
  }

  /**
   * Opens what is new, closes what is gone, keeps what is the same; connections stay.
   * @throws Error when one cannot be opened (the address is in use, no permission); the others stand
   */
  async apply(configs: readonly ListenerConfig[]): Promise<void> {
    const wanted = new Map(configs.map((config) => [keyOf(config), config]));
    for (const [key, { server }] of this.#open) {
      if (wanted.has(key)) continue;
      this.#open.delete(key);
      await closed(server);
    }
    for (const [key, config] of wanted) if (!this.#open.has(key)) this.#open.set(key, { config, server: await this.#listen(config) });
  }

  /** Takes no new connections. */
  async stop(): Promise<void> {
    const servers = [...this.#open.values()].map(({ server }) => server);
    this.#open.clear();
    await Promise.all(servers.map((server) => closed(server)));
  }

  /** New limits; what is open stays. */
  limit(limits: ConnectionLimits): void {
    this.#limits = limits;
  }

  /** Waits until all connections are gone; after `grace` milliseconds they are cut off. */
  async drained(grace: number): Promise<void> {
    if (this.#sockets.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, grace);
    for (const socket of this.#sockets) {
      socket.once('close', () => {
        if (this.#sockets.size === 0) resolve();
      });
    }
    await promise;
    clearTimeout(timer);
    for (const socket of this.#sockets) socket.destroy();
  }

  async #listen(config: ListenerConfig): Promise<Server> {
    const acceptor = this.#acceptors.get(config.kind);
    if (acceptor === undefined) throw new Error(`nobody takes ${config.kind} connections`);
    const server = createServer({ noDelay: true, pauseOnConnect: config.proxyProtocol }, (socket) => this.#connected(socket, config, acceptor));
    const { address, backlog, mode, path, port } = config;
    if (path !== undefined) {
      removeStale(path);
      await listening(server, { path, backlog });
      chmodSync(path, mode);
    } else {
      await listening(server, { host: address, port: port ?? 0, backlog }).catch(async (error: NodeJS.ErrnoException) => {
        // A machine without IPv6.
        if (address !== '::' || (error.code !== 'EAFNOSUPPORT' && error.code !== 'EADDRNOTAVAIL')) throw error;
        await listening(server, { host: '0.0.0.0', port: port ?? 0, backlog });
      });
    }
    server.on('error', (error) => this.#options.fault(error, config));
    return server;
  }

  #connected(socket: Socket, config: ListenerConfig, acceptor: Acceptor): void {
    this.counters.accepted += 1;
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    if (this.#sockets.size > this.#limits.total) return this.#refuse(socket, 'overLimit');
    if (!config.proxyProtocol) return this.#admit(socket, config, acceptor, undefined);
    readProxied(socket, (address, reason) => {
      if (reason === undefined) return this.#admit(socket, config, acceptor, address);
      this.#refuse(socket, 'proxyErrors');
    });
  }

  #refuse(socket: Socket, counter: 'refused' | 'overLimit' | 'proxyErrors'): void {
    this.counters[counter] += 1;
    socket.on('error', ignore);
    socket.destroy();
  }

  /** The peer's true address is known: the limits and the ban list come before the first byte is looked at. */
  #admit(socket: Socket, config: ListenerConfig, acceptor: Acceptor, proxied: ProxiedAddress | undefined): void {
    const remote = remoteOf(socket, proxied);
    if (remote.address !== '') {
      if (this.#options.refuses(remote.address, config)) return this.#refuse(socket, 'refused');
      if (!this.#count(socket, remote.address)) return this.#refuse(socket, 'overLimit');
    }
    if (config.tls !== 'direct') return acceptor.accept(new Connection(socket, config, this.#options.tls, remote));
    this.#secure(socket, config, acceptor, remote);
  }

  #count(socket: Socket, ip: string): boolean {
    const address = parseIp(ip);
    const origin = address === undefined ? ip : originOf(address);
    const open = (this.#origins.get(origin) ?? 0) + 1;
    if (open > this.#limits.perIp) return false;
    this.#origins.set(origin, open);
    socket.once('close', () => {
      const left = (this.#origins.get(origin) ?? 1) - 1;
      if (left > 0) this.#origins.set(origin, left);
      else this.#origins.delete(origin);
    });
    return true;
  }

  #secure(socket: Socket, config: ListenerConfig, acceptor: Acceptor, remote: Remote): void {
    const { tls } = this.#options;
    if (tls === undefined) return this.#refuse(socket, 'refused');
    socket.on('error', ignore);
    const secure = new TLSSocket(socket, { ...tls.options(acceptor.alpn), isServer: true });
    const failed = (): void => {
      this.counters.tlsErrors += 1;
      secure.destroy();
    };
    secure.on('error', failed);
    secure.setTimeout(HANDSHAKE, failed);
    secure.once('secure', () => {
      secure.off('error', failed);
      secure.setTimeout(0);
      secure.removeAllListeners('timeout');
      acceptor.accept(new Connection(secure, config, tls, remote));
    });
  }
}

function ignore(): void {
  // The socket is being closed; 'close' tells.
}

function keyOf({ kind, address, path, port, tls, proxyProtocol }: ListenerConfig): string {
  return [kind, path ?? `${address} ${port ?? 0}`, tls, proxyProtocol].join(' ');
}

function remoteOf(socket: Socket, proxied: ProxiedAddress | undefined): Remote {
  if (proxied !== undefined) return { address: proxied.ip, port: proxied.port, loopback: false };
  const { localAddress, remoteAddress, remotePort } = socket;
  // A local socket has no addresses: whoever may open the file is on this machine.
  if (remoteAddress === undefined) return { address: '', port: 0, loopback: localAddress === undefined };
  const mapped = remoteAddress.startsWith('::ffff:') ? remoteAddress.slice(7) : remoteAddress;
  return { address: mapped, port: remotePort ?? 0, loopback: isLocal(remoteAddress) && isLocal(localAddress ?? '') };
}

function isLocal(text: string): boolean {
  const address = parseIp(text);
  return address !== undefined && isLoopback(address);
}

/** Reads the PROXY header from a paused socket, and puts back what follows it. */
function readProxied(socket: Socket, done: (address: ProxiedAddress | undefined, reason: string | undefined) => void): void {
  let seen: Buffer | undefined;
  const finish = (address: ProxiedAddress | undefined, reason: string | undefined): void => {
    socket.off('data', read);
    socket.off('error', failed);
    socket.setTimeout(0);
    socket.removeAllListeners('timeout');
    done(address, reason);
  };
  const failed = (): void => finish(undefined, 'the connection broke');
  const read = (chunk: Buffer): void => {
    seen = seen === undefined ? chunk : Buffer.concat([seen, chunk]);
    const header = readProxyHeader(seen);
    if (header.kind === 'more') return;
    socket.pause();
    if (header.kind === 'invalid') return finish(undefined, header.reason);
    const rest = seen.subarray(header.length);
    if (rest.length > 0) socket.unshift(rest);
    finish(header.address, undefined);
    socket.resume();
  };
  socket.on('error', failed);
  socket.setTimeout(PROXY_WAIT, failed);
  socket.on('data', read);
  socket.resume();
}

function listening(server: Server, options: { readonly host?: string; readonly port?: number; readonly path?: string; readonly backlog: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

/** A socket file that a killed process left behind. */
function removeStale(path: string): void {
  try {
    if (lstatSync(path).isSocket()) unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
