import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { isMainThread } from 'node:worker_threads';
import type { ArrivalListener } from './arrival.ts';
import { localPath } from './local-path.ts';

/** One listening socket, as the settings describe it. */
export interface ListenerConfig extends ArrivalListener {
  /** IP address to bind, with `port`; `::` takes IPv4 too. */
  readonly address: string;
  readonly port: number | undefined;
  /** TCP when absent. */
  readonly transport?: 'tcp' | 'udp';
  /** Path of a unix socket, instead of address and port. */
  readonly path: string | undefined;
  /** Permission bits of the unix socket. */
  readonly mode: number;
  /** Connections the system may hold before they are accepted. */
  readonly backlog: number;
  /** Several processes or workers share the port, and the system spreads connections over them. */
  readonly reusePort?: boolean;
}

/** Peers may be idle for long, but a kernel that keeps probing finds out who is gone (RFC 6120 section 4.6.1). */
const KEEPALIVE = 60_000;

/** Two configurations with the same key are one open socket. A port that the system chooses is told apart by the listener's name. */
export function keyOf(config: ListenerConfig): string {
  const { address, backlog, kind, name, path, port = 0, reusePort = false, transport = 'tcp' } = config;
  return JSON.stringify([transport, kind, path ?? [address, port === 0 ? name : port, reusePort], backlog]);
}

/** As operators write it: `[::]:5222`, `127.0.0.1:5222`, a path. */
export function placeOf({ address, path, port }: ListenerConfig): string {
  return path ?? `${address.includes(':') ? `[${address}]` : address}:${port ?? 0}`;
}

/** Would the open one keep the wanted one from opening? A wildcard address takes the port on every address. */
export function sharePlace(open: ListenerConfig, wanted: ListenerConfig): boolean {
  if (open.path !== undefined || wanted.path !== undefined) return open.path === wanted.path;
  return open.port === wanted.port && (open.transport ?? 'tcp') === (wanted.transport ?? 'tcp');
}

/**
 * Opens the socket; connections come as soon as it is open.
 * @throws the system's error
 */
export async function listen(config: ListenerConfig, connected: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEPALIVE }, connected);
  const { address, backlog, mode, path, port = 0, reusePort = false } = config;
  if (path !== undefined) {
    const place = localPath(path);
    server.once('close', () => place[Symbol.dispose]());
    await removeStale(path, place.path);
    // The bind is synchronous: nobody finds the socket with more permissions than it is to have.
    const mask = isMainThread ? process.umask(0o777 & ~mode) : undefined;
    const opened = listening(server, { path: place.path, backlog });
    if (mask !== undefined) process.umask(mask);
    await opened;
    chmodSync(path, mode);
    return server;
  }
  try {
    await listening(server, { host: address, port, backlog, reusePort });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // A machine without IPv6.
    if (address !== '::' || (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL')) throw error;
    await listening(server, { host: '0.0.0.0', port, backlog, reusePort });
  }
  return server;
}

export function boundPort(server: Server): number | undefined {
  const address = server.address();
  return typeof address === 'object' ? address?.port : undefined;
}

interface Place {
  readonly host?: string;
  readonly port?: number;
  readonly path?: string;
  readonly backlog: number;
  readonly reusePort?: boolean;
}

function listening(server: Server, place: Place): Promise<void> {
  const { promise, reject, resolve } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(place, () => {
    server.off('error', reject);
    resolve();
  });
  return promise;
}

/** Removes the socket file that a killed process left behind; one that somebody answers on stays, and is in the way. */
async function removeStale(path: string, place: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isSocket() !== true) return;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const probe = connect({ path: place });
  probe.once('connect', () => resolve(true));
  probe.once('error', () => resolve(false));
  const alive = await promise;
  probe.destroy();
  if (!alive) unlinkSync(path);
}
